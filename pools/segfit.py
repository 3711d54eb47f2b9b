"""SegFit, the segregated fit pool: bins of free chunks by size, and boundary
tags by which neighbours become one at once.

Vital statistics
    Alignment: 16. Least block: 24 bytes of 32. Overhead: a header of 8 bytes
    per block, and 0 to 15 of rounding; 16 bytes per region. Blocks above
    `direct_above` bytes are regions of their own, in whole grains. Worst case:
    that of best fit, on which Robson (1977) has a bound near M n for M bytes
    live and n the ratio of the sizes. Alloc: O(1), and O(chunks in a bin) from
    1024 bytes; free: O(1). Not for several threads.
    Told of a wrong free or resize: a size that takes another chunk, a second
    free, and an address before which there is no header of a chunk in use that
    the next one knows of. Not told: a size that takes the same chunk, a block
    that has been freed and is in use again, and an address before which a
    client has written what looks like such a header.

There is no designated victim, and the memory at the end of a region is a chunk
like others: whatever fits best is taken. The story of an allocation is
`alloc_block`, that of a free `free_block`.
Source: design/classes.md#.sol.segfit; D. Lea, "A memory allocator" (dlmalloc),
1996 to 2000; boundary tags: D. E. Knuth, "The Art of Computer Programming",
volume 1, section 2.5.
"""

from pools import fields as p
from pools.bins import Bins
from pools.pool import MOST
from pools.regions import RegionPool
from vm import mmu
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError, fraction, integer


class SegFit(RegionPool):
    """The handle of a SegFit pool.

    SegFit(arena, extend_by=65536, direct_above=262144, spare=0.75,
    arena_high=False, audit=False, label='')
    """

    class_name = "SegFitPool"
    descriptor_size = p.SEGFIT_SIZE

    def __init__(
        self,
        arena,
        extend_by=65536,
        direct_above=262144,
        spare=0.75,
        arena_high=False,
        audit=False,
        label="",
    ):
        """Make a pool in `arena` that asks it for `extend_by` bytes or more.

        A block of more than `direct_above` bytes gets grains of its own.
        `spare` is the fraction of the pool's memory that may be free before
        whole regions go back; `arena_high` says from which end of the arena they
        come.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        self._create(
            arena,
            audit,
            label,
            extend_by=integer("extend_by", extend_by, least=1, most=MOST),
            direct_above=integer("direct_above", direct_above, least=0, most=MOST),
            spare=fraction("spare", spare),
            arena_high=bool(arena_high),
        )

    def bind(self, space, address, grains):
        """Make this the handle of the SegFit pool at `address`."""
        RegionPool.bind(self, space, address, grains)
        self.sig = p.SEGFIT_SIG
        self.bins = Bins(space, address)

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        self.init_regions(arena_address, p.CHUNK_QUANTUM, 4, options)
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        self.space.words[n + p.DIRECT_ABOVE] = options["direct_above"]
        self.told_init()

    def _need(self, size):
        """The bytes of a chunk for a block of `size` bytes."""
        return max(size + p.CHUNK_HEADER + p.CHUNK_QUANTUM - 1 & -p.CHUNK_QUANTUM, p.LEAST_CHUNK)

    def _in_grains(self, size):
        grain = self.grains.grain
        return size + grain - 1 & -grain

    # Allocation

    def alloc_block(self, size):
        """The address of a block of `size` bytes, or a negative code.

        Takes the low end of a smallest chunk that holds it; the rest goes back
        to a bin, but is too small for one below 32 bytes. If there is none, the
        pool gets a region.
        """
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        if size > self.space.words[n + p.DIRECT_ABOVE]:
            return self._alloc_direct(size, self.grains.grain)
        need = self._need(size)
        chunk = self._find(need)
        if chunk < 0:
            return chunk
        whole = self._detach(chunk)
        return self._cut(chunk, whole, need)

    def _find(self, need):
        """A free chunk of at least `need` bytes, or a negative code."""
        chunk = self.bins.find(need)
        if chunk:
            return chunk
        return self._extend(need)

    def _detach(self, chunk):
        """Take a free chunk out of its bin, to use some of it. Returns its size."""
        w = self.space.words
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        size = self.bins.take(chunk, self.address, p.BINS)
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        free = w[n + p.REGION_FREE]
        if (free | free - size) >> 60:
            return self.space.damage("pool", self.address, p.REGION_FREE, "what is free")
        w[n + p.REGION_FREE] = free - size
        if w[c] & p.TAG_FIRST and w[mmu.at(self.space, chunk + size, 8)] & p.TAG_END:
            self.make_busy(self._region_of_all(chunk, size))
        return size

    def _region_of_all(self, chunk, size):
        """The region of which a chunk is all. Raises: DamageError if there is none."""
        region = self.region_of(chunk)
        m = self._named(region)
        w = self.space.words
        base = w[m + p.REGION_BASE]
        if chunk != base + p.CHUNK_HEADER or w[m + p.REGION_LIMIT] - base != size + p.REGION_EDGES:
            return self.space.damage("chunk", chunk, 0, "not all of its region")
        return region

    def _cut(self, chunk, whole, need):
        """Use `need` bytes of a chunk of `whole` bytes, which is in no bin.
        Returns the address of the block."""
        w = self.space.words
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        tags = w[c] & (p.TAG_BEFORE | p.TAG_FIRST) | p.TAG_USED
        if whole - need >= p.LEAST_CHUNK:
            w[c] = need | tags
            w[c + (need >> 3)] = p.TAG_BEFORE
            self._release(chunk + need, whole - need)
        else:
            w[c] = whole | tags
            w[c + (whole >> 3)] |= p.TAG_BEFORE
            if whole > need:
                self._count(p.REGION_SLACK, whole - need)
        return chunk + p.CHUNK_HEADER

    def _release(self, chunk, size):
        """Make [chunk, chunk + size), whose tags BEFORE and FIRST are written,
        and that has no free neighbour, a free chunk. Returns OK."""
        w = self.space.words
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        w[c] = size | w[c] & (p.TAG_BEFORE | p.TAG_FIRST)
        w[c + (size >> 3)] &= ~p.TAG_BEFORE
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        if w[n + p.REGION_FREE] >> 60:
            return self.space.damage("pool", self.address, p.REGION_FREE, "what is free")
        w[n + p.REGION_FREE] += size
        return self.bins.put(chunk, size)

    def _extend(self, need):
        """Get a region with a chunk of `need` bytes. Returns the chunk, which is
        all of the region, or a negative code."""
        w = self.space.words
        grain = self.grains.grain
        least = self._in_grains(need + p.REGION_EDGES)
        size = max(self._in_grains(self._extend_by()), least)
        region = self.get_region(size, grain, p.REGION_SIZE)
        if region < 0 and size > least:
            size = least
            region = self.get_region(size, grain, p.REGION_SIZE)
        if region < 0:
            return region
        base = w[mmu.at(self.space, region, p.REGION_SIZE) + p.REGION_BASE]
        b = mmu.at(self.space, base, size)
        w[b] = 0
        w[b + 1] = p.TAG_BEFORE | p.TAG_FIRST
        w[b + (size >> 3) - 1] = p.TAG_USED | p.TAG_END
        self._count(p.REGION_SLACK, p.REGION_EDGES)
        self._release(base + p.CHUNK_HEADER, size - p.REGION_EDGES)
        self.make_idle(region)
        return base + p.CHUNK_HEADER

    def _alloc_direct(self, size, align):
        """A region for one block, or a negative code."""
        self._expect_direct()
        taken = self._in_grains(size)
        region = self.get_region(taken, align, p.REGION_SIZE)
        if region < 0:
            return region
        m = mmu.at(self.space, region, p.REGION_SIZE)
        w = self.space.words
        w[m + p.SOLE_BLOCK] = taken
        return w[m + p.REGION_BASE]

    def _expect_direct(self):
        """Returns OK if DIRECT_ABOVE can be. Raises: DamageError."""
        if self._word(p.DIRECT_ABOVE) < 0 or self._word(p.DIRECT_ABOVE) - 1 >> 60 > 0:
            return self.space.damage("pool", self.address, p.DIRECT_ABOVE, "from 0 to 2^60")
        return r.OK

    def alloc_aligned(self, size, align):
        """As `Pool.alloc_aligned`: of a larger chunk, what lies before the
        aligned block is a free chunk again."""
        if align <= p.CHUNK_QUANTUM:
            return self.alloc_block(size)
        if size > self._word(p.DIRECT_ABOVE):
            return self._alloc_direct(size, max(align, self.grains.grain))
        need = self._need(size)
        chunk = self._find(need + align + p.CHUNK_QUANTUM)
        if chunk < 0:
            return chunk
        whole = self._detach(chunk)
        address = chunk + p.CHUNK_HEADER + align - 1 & -align
        lead = address - p.CHUNK_HEADER - chunk
        if lead == 0:
            return self._cut(chunk, whole, need)
        if lead < p.LEAST_CHUNK:
            lead += align
        w = self.space.words
        w[mmu.at(self.space, chunk + lead, 8)] = 0
        self._release(chunk, lead)
        return self._cut(chunk + lead, whole - lead, need)

    # Free

    def free_block(self, address, size):
        """Free a block of `size` bytes, and make it one with its free
        neighbours; then give back what is too much.

        Returns OK, or FAIL if no such block lives; then nothing changed.
        """
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        if size > self.space.words[n + p.DIRECT_ABOVE]:
            region = self._sole(address, size)
            if region == 0:
                return r.FAIL
            self.put_back(region)
            return self.reduce()
        whole = self._used(address, size)
        if whole == 0:
            return r.FAIL
        rest = whole - self._need(size)
        if rest:
            self._count(p.REGION_SLACK, -rest)
        self._unite(address - p.CHUNK_HEADER, whole)
        return self.reduce() if self.space.words[n + p.FIRST_IDLE] else r.OK

    def _sole(self, address, size):
        """The region that the block of `size` bytes at `address` has for itself,
        or 0."""
        region = self.region_of(address)
        if region == 0:
            return 0
        m = self._named(region)
        w = self.space.words
        if w[m + p.REGION_BASE] != address or w[m + p.SOLE_BLOCK] != self._in_grains(size):
            return 0
        return region

    def _used(self, address, size):
        """The bytes of the chunk in use of the block of `size` bytes at `address`,
        or 0 if its header and the next one tell of none."""
        w = self.space.words
        chunk = address - p.CHUNK_HEADER
        need = self._need(size)
        head = w[mmu.at(self.space, chunk, p.LEAST_CHUNK)]
        rest = (head & ~p.TAG_BITS) - need
        if not head & p.TAG_USED or rest < 0 or rest >= p.LEAST_CHUNK:
            return 0
        if not w[mmu.at(self.space, chunk + need + rest, 8)] & p.TAG_BEFORE:
            return 0
        return need + rest

    def _unite(self, chunk, size):
        """Make a chunk that is in no bin one with its free neighbours, and
        free. Returns OK."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        c = mmu.at(self.space, chunk, 8)
        limit = chunk + size
        if not w[c] & p.TAG_BEFORE:
            before = w[mmu.at(self.space, chunk - 8, 8)]
            if before < p.LEAST_CHUNK or before > chunk - self.space.base:
                return self.space.damage("chunk", chunk, -1, "the size of that before it")
            if w[mmu.at(self.space, chunk - before, 8)] & ~p.TAG_BITS != before:
                return self.space.damage("chunk", chunk, -1, "the size of that before it")
            self.bins.take(chunk - before, chunk, -1)
            # A second free finds no header of a chunk in use here.
            w[c] = 0
            chunk -= before
            w[n + p.REGION_FREE] -= before
        tags = w[mmu.at(self.space, limit, 8)]
        if not tags & p.TAG_USED:
            after = self.bins.take(limit, chunk, size >> 3)
            w[n + p.REGION_FREE] -= after
            limit += after
            tags = w[mmu.at(self.space, limit, 8)]
        self._release(chunk, limit - chunk)
        if tags & p.TAG_END and w[mmu.at(self.space, chunk, 8)] & p.TAG_FIRST:
            return self.make_idle(self._region_of_all(chunk, limit - chunk))
        return r.OK

    def resize_block(self, address, old, new):
        """As `Pool.resize_block`: a block gives its end back, or takes the
        beginning of the free chunk after it."""
        w = self.space.words
        direct = self._word(p.DIRECT_ABOVE)
        if old > direct or new > direct:
            same = old > direct and new > direct and self._in_grains(old) == self._in_grains(new)
            return r.OK if same and self._sole(address, old) else r.FAIL
        chunk = address - p.CHUNK_HEADER
        whole = self._used(address, old)
        if whole == 0:
            return r.FAIL
        need = self._need(new)
        rest = whole - self._need(old)
        if need <= whole:
            self._count(p.REGION_SLACK, -rest)
            self._trim(chunk, whole, need)
            return self.reduce()
        tags = w[mmu.at(self.space, chunk + whole, 8)]
        if tags & p.TAG_USED:
            return r.FAIL
        if whole + self.bins.free_chunk(chunk + whole, chunk, whole >> 3) < need:
            return r.FAIL
        self._count(p.REGION_SLACK, -rest)
        after = self._detach(chunk + whole)
        self._cut(chunk, whole + after, need)
        return r.OK

    def _trim(self, chunk, whole, need):
        """Leave a used chunk of `whole` bytes `need` of them. Returns OK."""
        w = self.space.words
        c = mmu.at(self.space, chunk, whole)
        if whole - need < p.LEAST_CHUNK:
            return self._count(p.REGION_SLACK, whole - need)
        w[c] = need | w[c] & p.TAG_BITS
        w[c + (need >> 3)] = p.TAG_BEFORE
        return self._unite(chunk + need, whole - need)

    def unhook(self, region):
        """Take the one chunk of an idle region from its bin. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, region, p.REGION_SIZE)
        chunk = w[m + p.REGION_BASE] + p.CHUNK_HEADER
        size = w[m + p.REGION_LIMIT] - w[m + p.REGION_BASE] - p.REGION_EDGES
        if self.bins.free_chunk(chunk, region, p.REGION_BASE) != size:
            return self.space.damage("chunk", chunk, 0, "all of an idle region")
        self.bins.take(chunk, region, p.REGION_BASE)
        self._count(p.REGION_FREE, -size)
        return self._count(p.REGION_SLACK, -p.REGION_EDGES)

    # Accounts

    def block_size(self, size):
        """`size` and a header, rounded up to 16, 32 at least; above
        `direct_above`, `size` in whole grains."""
        if size > self._word(p.DIRECT_ABOVE):
            return self._in_grains(size)
        return self._need(size)

    def largest(self):
        """The bytes of the largest block that a free chunk holds."""
        return min(max(self.bins.largest() - p.CHUNK_HEADER, 0), self._word(p.DIRECT_ABOVE))

    def whole_free(self):
        """The bytes of whole grains in the free chunks."""
        return self.bins.whole(self.grains.grain)

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no block of `size`
        bytes lies at `address`."""
        m = self._named(self._expect_in_region(address, size))
        w = self.space.words
        if size > self._word(p.DIRECT_ABOVE) or w[m + p.SOLE_BLOCK]:
            known = size > self._word(p.DIRECT_ABOVE) and self._sole(address, size) != 0
        else:
            whole = self._used(address, size) if address != w[m + p.REGION_BASE] else 0
            known = whole != 0 and whole <= w[m + p.REGION_LIMIT] - address
        if not known:
            self._refuse_block(address, size, m)
        return r.OK

    def _refuse_block(self, address, size, m):
        """Raises: ProtocolError, for a block that does not live so."""
        base, sole = self.space.words[m + p.REGION_BASE], self.space.words[m + p.SOLE_BLOCK]
        if sole or size > self._word(p.DIRECT_ABOVE):
            raise ProtocolError(
                f"no block of {size} bytes of {self!r} lies at {address:#x}: its region has "
                f"one of {sole} at {base:#x}"
            )
        head = self.space.word(address - p.CHUNK_HEADER)
        found, need = head & ~p.TAG_BITS, self._need(size)
        limit = self.space.words[m + p.REGION_LIMIT]
        is_used = address != base and head & p.TAG_USED and address + found <= limit
        if is_used and self.space.word(address - p.CHUNK_HEADER + found) & p.TAG_BEFORE:
            raise ProtocolError(
                f"block {address:#x} of {self!r} is freed with size {size}, which takes {need} "
                f"bytes: expected one for {found}"
            )
        raise ProtocolError(
            f"block [{address:#x}, {address + size:#x}) of {self!r} is already free, or none"
        )

    @property
    def direct_above(self):
        """The bytes above which a block gets grains of its own."""
        self._expect_alive()
        return self._word(p.DIRECT_ABOVE)

    # End

    def free_ranges(self):
        """As `Pool.free_ranges`: each free chunk, ascending."""
        return ((at, at + size) for at, size, tags in self.chunks() if not tags & p.TAG_USED)

    def chunks(self):
        """The chunks of all regions: a list of (address, size, tags), ascending."""
        found = []
        for base, limit in self.spans():
            if self._region_words(self.region_of(base))[p.SOLE_BLOCK]:
                continue
            chunk = base + p.CHUNK_HEADER
            while chunk < limit - p.CHUNK_HEADER:
                head = self.space.word(chunk)
                size = head & ~p.TAG_BITS
                if size < p.LEAST_CHUNK or size > limit - p.CHUNK_HEADER - chunk:
                    self.space.damage("chunk", chunk, 0, "a size that ends in its region")
                found.append((chunk, size, head & p.TAG_BITS))
                chunk += size
            found.append((chunk, 0, self.space.word(chunk)))
        return found

    def _verify_pool(self):
        """As `RegionPool._verify_pool`."""
        self._expect_direct()
        return RegionPool._verify_pool(self)

    @walks
    def check(self):
        """Verify the pool (design/classes.md#.req.check). Raises: DamageError."""
        self.check_regions()
        chunks = self.chunks()
        free = {chunk: size for chunk, size, tags in chunks if not tags & p.TAG_USED}
        listed = [chunk for chunks in self.bins.listed() for chunk in chunks]
        for chunk in set(listed) ^ set(free):
            self.space.damage("chunk", chunk, 0, "a free chunk, by its tags and in a bin")
        self._expect_free(sum(free.values()))
        before = p.TAG_USED | p.TAG_END
        for chunk, size, tags in chunks:
            # By what the header before it says, and where it lies.
            expected = p.TAG_BEFORE if before & p.TAG_USED else 0
            expected |= p.TAG_FIRST if before & p.TAG_END else 0
            expected |= p.TAG_END | p.TAG_USED if size == 0 else tags & p.TAG_USED
            if tags != expected:
                self.space.damage("chunk", chunk, 0, f"the tags {expected}")
            if not (tags | before) & p.TAG_USED:
                self.space.damage("chunk", chunk, 0, "in use, after a free chunk")
            before = tags
        for region in self.regions():
            w = self._region_words(region)
            size = w[p.REGION_LIMIT] - w[p.REGION_BASE] - p.REGION_EDGES
            idle = free.get(w[p.REGION_BASE] + p.CHUNK_HEADER) == size and not w[p.SOLE_BLOCK]
            self._expect_idle(region, idle)

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        listed = self.bins.listed()
        used = sum(1 for bin in listed if bin)
        return self.described(
            f"  {sum(map(len, listed))} free chunks in {used} bins, "
            f"blocks above {self._word(p.DIRECT_ABOVE)} bytes are regions\n"
        )
