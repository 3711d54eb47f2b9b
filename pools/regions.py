"""Regions: memory that a pool got together, with a descriptor in control memory
that the page table names; and what pools over regions share.

A region is busy, or idle: all of it is free. Idle ones go back to the arena as
soon as more than the fraction `spare` of the pool's memory is free.
Every word that is followed, or counted with, is verified first: what cannot be
raises DamageError (design/classes.md#.sol.damage).
Source: design/classes.md#.sol.regions
"""

from pools import fields as p
from pools.pool import Pool
from vm import mmu, raw
from vm import results as r
from vm.results import ProtocolError


class RegionPool(Pool):
    """A pool whose memory is regions; `get_region` and `reduce` tell the story.

    A class of such pools defines `unhook`, and makes a region idle and busy.
    `least` is the order of the alignment, kept here as it never changes.
    """

    def init_regions(self, arena_address, align, least_order, options):
        """Write what the descriptors of pools over regions have in common, and
        zeros in all that is the class's own."""
        self.init_pool(arena_address, align)
        n = mmu.at(self.space, self.address, self.descriptor_size)
        w = self.space.words
        for field in range(p.REGION_SPARE, self.descriptor_size // 8):
            w[n + field] = 0
        self.space.floats[n + p.REGION_SPARE] = options["spare"]
        w[n + p.REGION_HIGH] = options["arena_high"]
        w[n + p.REGION_BY] = options["extend_by"]
        w[n + p.LEAST_ORDER] = least_order
        self.least = least_order

    def unhook(self, region):
        """Forget that the memory of an idle region is free. Returns OK."""
        return r.UNIMPL

    def get_region(self, size, align, bytes):
        """A new busy region of `size` bytes of grains at a multiple of `align`,
        whose descriptor has `bytes` bytes; or a negative code, and then
        nothing has changed. What the descriptor has beyond REGION_SIZE is 0."""
        self._expect_lists()
        base = self._aligned_grains(size, align)
        if base < 0:
            return base
        region = self.grains.alloc_control(bytes)
        if region < 0:
            self.grains.free_grains(base, size, self.address)
            return region
        w = self.space.words
        m = mmu.at(self.space, region, bytes)
        for i in range(bytes >> 3):
            w[m + i] = 0
        w[m] = p.REGION_SIG
        w[m + p.REGION_POOL] = self.address
        w[m + p.REGION_BASE] = base
        w[m + p.REGION_LIMIT] = base + size
        w[m + p.REGION_BYTES] = bytes
        self._push(p.FIRST_BUSY, region)
        self.grains.set_segment(base, size, region)
        self._count(p.REGION_TOTAL, size)
        return region

    def _aligned_grains(self, size, align):
        """`size` bytes of grains at a multiple of `align`, or a negative code.
        Where the arena's choice is not aligned, more is got and trimmed."""
        high = self.space.words[mmu.at(self.space, self.address, p.REGIONS_HEAD) + p.REGION_HIGH]
        if high & -2:
            return self.space.damage("pool", self.address, p.REGION_HIGH, "0 or 1")
        base = self.grains.alloc_grains(size, high, self.address)
        if base < 0 or base & (align - 1) == 0:
            return base
        self.grains.free_grains(base, size, self.address)
        more = align - self.grains.grain
        base = self.grains.alloc_grains(size + more, high, self.address)
        if base < 0:
            return base
        aligned = base + align - 1 & -align
        if aligned > base:
            self.grains.free_grains(base, aligned - base, self.address)
        if aligned - base < more:
            self.grains.free_grains(aligned + size, more - (aligned - base), self.address)
        return aligned

    def put_back(self, region):
        """Give `region` to the arena: first the descriptor, then the grains.
        Always OK."""
        w = self.space.words
        m = self._verify(region)
        base = w[m + p.REGION_BASE]
        size = w[m + p.REGION_LIMIT] - base
        self._pull(region)
        w[m] = 0
        self._count(p.REGION_TOTAL, -size)
        self.grains.free_control(region, w[m + p.REGION_BYTES])
        return self.grains.free_grains(base, size, self.address)

    def _push(self, head, region):
        """Make `region` the first of the list at the word `head`. Returns OK."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD) + head
        m = mmu.at(self.space, region, p.REGION_SIZE)
        following = w[n]
        if following:
            w[self._linked(following, self.address, head, 0) + p.PREVIOUS_REGION] = region
        w[m + p.NEXT_REGION] = following
        w[m + p.PREVIOUS_REGION] = 0
        w[m + p.IS_IDLE] = head == p.FIRST_IDLE
        w[n] = region
        return r.OK

    def _pull(self, region):
        """Take `region` out of its list. Returns OK."""
        w = self.space.words
        m = self._named(region)
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        following = w[m + p.NEXT_REGION]
        previous = w[m + p.PREVIOUS_REGION]
        head = p.FIRST_IDLE if w[m + p.IS_IDLE] else p.FIRST_BUSY
        q = n + head - p.NEXT_REGION
        if previous:
            q = self._at(previous, region, p.PREVIOUS_REGION)
        if w[m + p.IS_IDLE] & -2 or w[q + p.NEXT_REGION] != region:
            return self.space.damage("region", region, p.PREVIOUS_REGION, "the one before it")
        if following:
            f = self._linked(following, region, p.NEXT_REGION, region)
            w[f + p.PREVIOUS_REGION] = previous
        w[q + p.NEXT_REGION] = following
        return r.OK

    def make_idle(self, region):
        """All of the busy `region` is free now. Returns OK."""
        self._pull(region)
        return self._push(p.FIRST_IDLE, region)

    def make_busy(self, region):
        """Some of the idle `region` is in a block now. Returns OK."""
        self._pull(region)
        return self._push(p.FIRST_BUSY, region)

    def reduce(self):
        """Give idle regions back, the one that came last first, while more
        than the fraction `spare` of the memory is free. Always OK."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        w = self.space.words
        while w[n + p.FIRST_IDLE]:
            # Not a number, too, is not in the bounds.
            if not 0 <= self.space.floats[n + p.REGION_SPARE] <= 1:
                return self.space.damage("pool", self.address, p.REGION_SPARE, "from 0 to 1")
            self._count(p.REGION_TOTAL, 0)
            if w[n + p.REGION_FREE] <= raw.whole(
                self.space.floats[n + p.REGION_SPARE] * w[n + p.REGION_TOTAL]
            ):
                return r.OK
            region = w[n + p.FIRST_IDLE]
            self._linked(region, self.address, p.FIRST_IDLE, 0)
            self._verify(region)
            self.unhook(region)
            self.put_back(region)
        return r.OK

    def region_of(self, address):
        """The region that holds `address`, or 0 if it is not the pool's."""
        return self.grains.segment_of(address, self.address)

    # What can be told of the words of descriptors

    def _peek(self, region):
        """The number of the first word of a region's descriptor, or 0 if `region`
        is the address of none."""
        w = self.space.words
        if region & 7 or region < self.space.base or region >= self.space.limit:
            return 0
        m = mmu.at(self.space, region, p.REGION_SIZE)
        return 0 if w[m] ^ p.REGION_SIG | w[m + p.REGION_POOL] ^ self.address else m

    def _at(self, region, address, field):
        """As `_peek`, of what the word `field` at `address` names. Raises: DamageError
        if that is no region."""
        m = self._peek(region)
        if m == 0:
            return self.space.damage("link", address, field, "a region of the pool, or 0")
        return m

    def _named(self, region):
        """As `_peek`, of what the page table names. Raises: DamageError if that is
        no region."""
        m = self._peek(region)
        if m == 0:
            return self.space.damage(
                "region of the page table", region, 0, "that of a region of the pool"
            )
        return m

    def _linked(self, region, address, field, previous):
        """As `_at`, of a region that names `previous` as the one before it."""
        m = self._at(region, address, field)
        if self.space.words[m + p.PREVIOUS_REGION] != previous:
            return self.space.damage(
                "region", region, p.PREVIOUS_REGION, "the one before it in its list"
            )
        return m

    def _expect_lists(self):
        """Returns OK if the lists of regions begin with regions. Raises: DamageError."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        for head in range(p.FIRST_BUSY, p.FIRST_IDLE + 1):
            region = self.space.words[n + head]
            if region:
                self._linked(region, self.address, head, 0)
        return r.OK

    def _least_order(self):
        """The order of the pool's alignment, as its descriptor has it. Raises:
        DamageError."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        least = self.space.words[n + p.LEAST_ORDER]
        one = 1
        if least & -64 or one << (least & 63) != self.space.words[n + p.POOL_ALIGN]:
            return self.space.damage(
                "pool", self.address, p.LEAST_ORDER, "the order of its alignment"
            )
        return least

    def _count(self, field, more):
        """Add `more` bytes to an account of the pool. Returns OK.

        Raises: DamageError if it is or became no number of bytes.
        """
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        held = self.space.words[n + field]
        if (held | held + more) >> 60:
            return self.space.damage("pool", self.address, field, "an account of bytes")
        self.space.words[n + field] = held + more
        return r.OK

    def _own_bytes(self, m):
        """The bytes that the descriptor at the word `m` has, by what it is of."""
        return p.REGION_SIZE

    def _verify_own(self, region, m):
        """Returns OK if what the class has in the descriptor can be. Raises:
        DamageError."""
        return r.OK

    def _verify(self, region):
        """The number of the first word of a region's descriptor.

        Raises: DamageError if a word of it, but for the links, cannot be.
        Cost: that of asking four pages whose they are.
        """
        w = self.space.words
        m = self._named(region)
        base = w[m + p.REGION_BASE]
        limit = w[m + p.REGION_LIMIT]
        grain = self.grains.grain
        if base < self.space.base or base & (grain - 1) or self.region_of(base) != region:
            return self.space.damage("region", region, p.REGION_BASE, "grains that name it")
        if limit <= base or limit > self.space.limit or limit & (grain - 1):
            return self.space.damage("region", region, p.REGION_LIMIT, "grains above its base")
        if self.region_of(limit - 1) != region or self.region_of(limit) == region:
            return self.space.damage("region", region, p.REGION_LIMIT, "the end of its grains")
        if self.region_of(base - 1) == region:
            return self.space.damage("region", region, p.REGION_BASE, "the first of its grains")
        if w[m + p.IS_IDLE] & -2:
            return self.space.damage("region", region, p.IS_IDLE, "0 or 1")
        if w[m + p.SOLE_BLOCK] != 0 and w[m + p.SOLE_BLOCK] != limit - base:
            return self.space.damage("region", region, p.SOLE_BLOCK, "0, or all of it")
        self._verify_own(region, m)
        if w[m + p.REGION_BYTES] != self._own_bytes(m):
            return self.space.damage("region", region, p.REGION_BYTES, "its own size in bytes")
        return m

    def _verify_pool(self):
        """Returns OK if what the descriptors of all such pools have can be.
        Raises: DamageError."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        w = self.space.words
        if not 0 <= self.space.floats[n + p.REGION_SPARE] <= 1:
            return self.space.damage("pool", self.address, p.REGION_SPARE, "from 0 to 1")
        if w[n + p.REGION_HIGH] & -2:
            return self.space.damage("pool", self.address, p.REGION_HIGH, "0 or 1")
        self._extend_by()
        for field in range(p.REGION_TOTAL, p.REGION_SLACK + 1):
            self._count(field, 0)
        if w[n + p.REGION_FREE] + w[n + p.REGION_SLACK] > w[n + p.REGION_TOTAL]:
            return self.space.damage("pool", self.address, p.REGION_FREE, "a part of its total")
        if self._least_order() != self.least:
            return self.space.damage("pool", self.address, p.LEAST_ORDER, "what it was made")
        return self._expect_lists()

    def _extend_by(self):
        """The bytes that the pool asks for at once. Raises: DamageError."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        size = self.space.words[n + p.REGION_BY]
        if size - 1 >> 60:
            return self.space.damage("pool", self.address, p.REGION_BY, "from 1 to 2^60 bytes")
        return size

    def attach(self):
        """As `Pool.attach`, of a pool whose descriptor can be one."""
        Pool.attach(self)
        self.least = self._least_order()
        self._verify_pool()

    # Accounts

    def total(self):
        """The bytes of the pool's regions."""
        return self._word(p.REGION_TOTAL)

    def free_bytes(self):
        """The bytes of `total` that a block could have."""
        return self._word(p.REGION_FREE)

    def slack(self):
        """The bytes of `total` that are in no block and free for none."""
        return self._word(p.REGION_SLACK)

    # For people, and for checks

    def _region_words(self, region):
        """The words of the descriptor of a region, verified."""
        self._verify(region)
        bytes = self.space.words_at(region, p.REGION_SIZE)[p.REGION_BYTES]
        return self.space.words_at(region, bytes)

    def regions(self, idle=None):
        """The addresses of the regions, or of those that are idle, or not.

        Raises: DamageError if a word of a descriptor or a link cannot be.
        """
        found = []
        for head in (p.FIRST_BUSY, p.FIRST_IDLE):
            if idle in (None, head == p.FIRST_IDLE):
                found += self._listed(head)
        return found

    def _listed(self, head):
        """The regions of the list that begins at the word `head`. Each names the
        one before it, so none comes twice."""
        found, at, field, previous = [], self.address, head, 0
        while region := self.space.word(at + 8 * field):
            self._linked(region, at, field, previous)
            w = self._region_words(region)
            if w[p.IS_IDLE] != (head == p.FIRST_IDLE):
                self.space.damage("region", region, p.IS_IDLE, "the list that it is in")
            found.append(region)
            at, field, previous = region, p.NEXT_REGION, region
        return found

    def spans(self):
        """The memory of the regions: a list of (base, limit), ascending."""
        words = [self._region_words(region) for region in self.regions()]
        return sorted((w[p.REGION_BASE], w[p.REGION_LIMIT]) for w in words)

    def _expect_in_region(self, address, size):
        """The region that holds [address, address + size).

        Raises: ProtocolError; DamageError if what the page table names is none.
        """
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        w = self.space.words
        if address & (w[n + p.POOL_ALIGN] - 1):
            return self._refuse(address, size, 1)
        region = self.region_of(address)
        if region == 0:
            return self._refuse(address, size, 0)
        m = self._named(region)
        if address < w[m + p.REGION_BASE] or size > w[m + p.REGION_LIMIT] - address:
            return self._refuse(address, size, 0)
        return region

    def _refuse(self, address, size, misaligned):
        """Raises: ProtocolError, for bytes that are in no region of the pool."""
        if misaligned:
            align = self._word(p.POOL_ALIGN)
            raise ProtocolError(f"block {address:#x} of {self!r} is not aligned to {align}")
        raise ProtocolError(f"[{address:#x}, {address + size:#x}) is in no region of {self!r}")

    def check_regions(self):
        """Verify the regions (design/classes.md#.req.check). Raises: DamageError."""
        self._expect_alive()
        self._verify_pool()
        if self.arena is not None and self._word(p.ARENA) != self.arena.address:
            self.space.damage("pool", self.address, p.ARENA, "the address of its arena")
        total = sum(limit - base for base, limit in self.spans())
        if total != self.total():
            self.space.damage("pool", self.address, p.REGION_TOTAL, f"{total}, of its regions")

    def _expect_free(self, free):
        """Verify that the account of free memory is `free` bytes."""
        if free != self.free_bytes():
            self.space.damage("pool", self.address, p.REGION_FREE, f"{free}, which are free")

    def _expect_idle(self, region, is_idle):
        """Verify that a region says that it is idle, or not, as it is."""
        if self._region_words(region)[p.IS_IDLE] != is_idle:
            told = "1, for all is free" if is_idle else "0, for not all is free"
            self.space.damage("region", region, p.IS_IDLE, told)

    def finish(self):
        """Give all memory back to the arena and invalidate the descriptor."""
        self._verify_pool()
        for region in self.regions():
            self.put_back(region)
        self.finish_pool()

    def described(self, what):
        """What the pool holds, as text, with the line `what` of its class."""
        self._verify_pool()
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        return (
            f"{self.class_name.removesuffix('Pool')} pool {self.serial} at {self.address:#x}\n"
            f"  extend by {self._extend_by()} bytes, align {self.align}, "
            f"spare {self.space.floats[n + p.REGION_SPARE]}, "
            f"{'high' if self._word(p.REGION_HIGH) else 'low'} end of the arena\n"
            f"{what}"
            f"  total {self.total()}, free {self.free_bytes()}, slack {self.slack()} bytes "
            f"in {len(self.regions())} regions, {len(self.regions(idle=True))} of them idle, "
            f"largest {self.largest()}\n"
        )
