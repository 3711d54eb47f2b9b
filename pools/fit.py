"""Fit: what the pools share that keep their free memory as address ranges and
differ in which range they take: MVFF, BestFit, WorstFit, NextFit.

The story of an allocation is `alloc_block`, from top to bottom, with the
`find` of the class. Source: design/fits.md#.sol.fit, design/pools.md#.sol.mvff
"""

from bisect import bisect_right

from land import fields as lf
from land.cbs import CBSFast
from land.failover import Failover
from land.freelist import Freelist
from pools import fields as p
from pools.mfs import MFS
from pools.pool import MOST, Pool, handle, pool_align
from vm import mmu, raw
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError, fraction, integer


def fit_options(arena, extend_by, align, spare, arena_high):
    """What every fit pool is made with, checked: the keywords of `init_fit`.

    Raises: ParamError.
    """
    return {
        "extend_by": integer("extend_by", extend_by, least=1, most=MOST),
        "align": pool_align(align, 8, getattr(arena, "grain_size", 8)),
        "spare": fraction("spare", spare),
        "arena_high": bool(arena_high),
    }


class Fit(Pool):
    """The handle of a pool of address ranges.

    `total_land` holds all memory that the pool has of the arena, `free_land`
    what of it is free; the nodes of both come from `blocks`, an MFS pool in
    the descriptor. When that has no memory for a node, the free land falls
    back on a list in the free memory itself, so that a free never fails.

    A class has its SIG, a `find` and a `describe`; if its free land is of
    another kind than CBSFast, `primary_land` and NODE_SIZE too.
    """

    SIG = 0
    NODE_SIZE = lf.FAST_NODE_SIZE
    descriptor_size = p.FIT_SIZE

    def __init__(
        self,
        arena,
        extend_by=65536,
        align=8,
        spare=0.75,
        arena_high=False,
        audit=False,
        label="",
    ):
        """Make a pool in `arena` that asks it for `extend_by` bytes or more.

        `spare` is the fraction of the pool's memory that may be free before
        some goes back; `arena_high` says from which end of the arena memory
        comes. Blocks are aligned to `align`, a power of two from 8 to the
        grain.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        options = fit_options(arena, extend_by, align, spare, arena_high)
        self._create(arena, audit, label, **options)

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        self.init_fit(arena_address, **options)
        self.told_init()

    def bind(self, space, address, grains):
        """Make this the handle of the pool at `address`."""
        Pool.bind(self, space, address, grains)
        self.sig = self.SIG
        self.blocks = handle(MFS, space, address + p.FIT_BLOCKS_AT, grains)

    def primary_land(self):
        """The class of the land of what is free."""
        return CBSFast

    def attach(self):
        """Make the handles of the lands, which are in the descriptor."""
        Pool.attach(self)
        space, address = self.space, self.address
        self.total_land = CBSFast(space, address + p.FIT_TOTAL_AT, self.blocks)
        primary = self.primary_land()(space, address + p.FIT_PRIMARY_AT, self.blocks)
        secondary = Freelist(space, address + p.FIT_SECONDARY_AT)
        self.free_land = Failover(space, address + p.FIT_FREE_AT, primary, secondary)

    def init_fit(self, arena_address, extend_by, align, spare, arena_high):
        """Write the descriptor of a pool without memory. Takes no memory."""
        self.init_pool(arena_address, align)
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        w[n + p.FIT_EXTEND_BY] = max(extend_by, self.grains.grain)
        self.space.floats[n + p.FIT_SPARE] = spare
        w[n + p.ARENA_HIGH] = arena_high
        self.blocks.init(arena_address, self.NODE_SIZE, p.NODE_EXTEND_BY, True)
        self._init_lands(align)

    def _init_lands(self, align):
        space, address = self.space, self.address
        at = address + p.FIT_TOTAL_AT
        self.total_land = CBSFast.init(space, at, self.blocks, align, address)
        at = address + p.FIT_PRIMARY_AT
        primary = self.primary_land().init(space, at, self.blocks, align, address)
        at = address + p.FIT_SECONDARY_AT
        secondary = Freelist.init(space, at, align, address)
        at = address + p.FIT_FREE_AT
        self.free_land = Failover.init(space, at, primary, secondary, address)

    def alloc_block(self, size):
        """The address of a block of `size` bytes, or a negative code.

        Looks in the free land; if nothing fits, extends the pool and looks
        again, for the new memory may have coalesced with old.
        """
        align = self.free_land.align
        size = size + align - 1 & -align
        address = self.find(size)
        if address == 0:
            res = self._extend(size)
            if res != r.OK:
                return -res
            address = self.find(size)
        return address if address else -r.RESOURCE

    def find(self, size):
        """Take `size` bytes of the free land, by the policy of the class.

        Returns the address of the block, or 0."""
        return 0

    def _extend(self, size):
        """Get memory for a block of `size` bytes from the arena."""
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        grain = self.grains.grain
        if not grain <= w[n + p.FIT_EXTEND_BY] <= p.MOST_BYTES:
            return self._bad(p.FIT_EXTEND_BY, "a grain or more")
        self._expect_flag(p.ARENA_HIGH)
        least = size + grain - 1 & -grain
        wanted = max(w[n + p.FIT_EXTEND_BY] + grain - 1 & -grain, least)
        base = self.grains.alloc_grains(wanted, w[n + p.ARENA_HIGH], self.address)
        if base < 0 and wanted != least:
            wanted = least
            base = self.grains.alloc_grains(wanted, w[n + p.ARENA_HIGH], self.address)
        if base < 0:
            return -base
        res = self.total_land.insert_range(base, base + wanted)
        if res != r.OK:
            self.grains.free_grains(base, wanted, self.address)
            return res
        return self.free_land.insert_range(base, base + wanted)

    def free_block(self, address, size):
        """Free a block of `size` bytes, then give back what is too much.

        Returns OK, or FAIL if some of it was free; then nothing changed.
        """
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        align = self.free_land.align
        if not 0 <= self.space.floats[n + p.FIT_SPARE] <= 1:
            return self._bad(p.FIT_SPARE, "a double from 0 to 1")
        if not 0 <= w[n + p.TOTAL_BYTES] <= self.space.mapped:
            return self._bad(p.TOTAL_BYTES, "no more bytes than are mapped")
        res = self.free_land.insert_range(address, address + (size + align - 1 & -align))
        if res == r.OK:
            limit = raw.whole(self.space.floats[n + p.FIT_SPARE] * w[n + p.TOTAL_BYTES])
            free = w[n + p.PRIMARY_BYTES] + w[n + p.SECONDARY_BYTES]
            if free >= limit:
                if free > w[n + p.TOTAL_BYTES]:
                    return self._bad(p.TOTAL_BYTES, "no fewer bytes than are free")
                self._reduce(free, limit // 2)
        return res

    def _reduce(self, free, target):
        """Give memory back to the arena, of which `free` bytes are too much:
        the tops of the largest free ranges, until `target` bytes are left.

        Source: design/pools.md#.sol.mvff.reduce
        """
        grain = self.grains.grain
        while free > target and self.free_land.largest_range(grain, lf.KEEP):
            base = self.free_land.found_base + grain - 1 & -grain
            top = self.free_land.found_limit & -grain
            if base >= top:
                break
            base = max(base, top - (free - target + grain - 1 & -grain))
            if self._give_back(base, top) != r.OK:
                break
            free -= top - base
        return r.OK

    def _give_back(self, base, limit):
        res = self.free_land.delete_range(base, limit)
        if res != r.OK:
            return res
        res = self.total_land.delete_range(base, limit)
        if res != r.OK:
            self.free_land.insert_range(base, limit)
            return res
        return self.grains.free_grains(base, limit - base, self.address)

    def alloc_aligned(self, size, align):
        """As `Pool.alloc_aligned`: of a block that is `align` bytes too large,
        what lies before and after the aligned part is freed again."""
        least = self.alignment()
        if align <= least:
            return self.alloc_block(size)
        size = size + least - 1 & -least
        base = self.alloc_block(size + align - least)
        if base < 0:
            return base
        address = base + align - 1 & -align
        limit = base + size + align - least
        if address > base:
            self.free_land.insert_range(base, address)
        if address + size < limit:
            self.free_land.insert_range(address + size, limit)
        return address

    def resize_block(self, address, old, new):
        """As `Pool.resize_block`: a block gives its end back, or takes the
        beginning of the free range after it. Cost: O(log n)."""
        align = self.alignment()
        old = old + align - 1 & -align
        new = new + align - 1 & -align
        if new < old:
            return self.free_block(address + new, old - new)
        if new == old:
            return r.OK
        return self.free_land.delete_range(address + old, address + new)

    def is_partly_free(self, address, size):
        """As `Pool.is_partly_free`. Cost: O(log n), and O(m) for m ranges in
        the secondary land."""
        limit = address + self.block_size(size)
        if self._holds_some(self.free_land.primary, address, limit):
            return 1
        return self._holds_some(self.free_land.secondary, address, limit)

    def _holds_some(self, land, base, limit):
        return 1 if land.next_after(base) and land.found_base < limit else 0

    # Words that may be damaged

    def _bad(self, field, expected):
        return self.space.damage("fit pool", self.address, field, expected)

    def _expect_flag(self, field):
        if self._word(field) >> 1:
            return self._bad(field, "0 or 1")
        return r.OK

    # Accounts

    def block_size(self, size):
        """`size` rounded up to the alignment."""
        align = self.alignment()
        return size + align - 1 & -align

    def whole_free(self):
        """The bytes of whole grains in the free ranges."""
        return self.free_land.whole(self.grains.grain)

    def total(self):
        """The bytes that the pool has of the arena for its blocks."""
        return self._word(p.TOTAL_BYTES)

    def free_bytes(self):
        """The bytes of `total` that are in no block."""
        return self._word(p.PRIMARY_BYTES) + self._word(p.SECONDARY_BYTES)

    def largest(self):
        """The bytes of the largest free range. Changes nothing: ranges of the
        two lands that touch are two ranges, as long as they have not been
        made one for want of a node."""
        return max(
            self._largest_of(self.free_land.primary), self._largest_of(self.free_land.secondary)
        )

    def _largest_of(self, land):
        if land.largest_range(self._word(p.POOL_ALIGN), lf.KEEP):
            return land.found_limit - land.found_base
        return 0

    def expect_block(self, address, size):
        """Raise ProtocolError unless [address, address + size), rounded up,
        is aligned and lies in the pool's memory."""
        align = self.alignment()
        limit = address + (size + align - 1 & -align)
        if address % align:
            raise ProtocolError(f"block {address:#x} of {self!r} is not aligned to {align}")
        total = self.total_land
        if not (total.next_after(address) and total.found_base <= address and limit <= total.found_limit):
            raise ProtocolError(f"[{address:#x}, {limit:#x}) is not in the memory of {self!r}")
        return r.OK

    def free_ranges(self):
        """As `Pool.free_ranges`: ascending in the one land, then in the other."""
        return iter(self.free_land)

    # End

    def finish(self):
        """Give all memory back to the arena and invalidate the descriptor."""
        for base, limit in list(self.total_land.ranges()):
            self.grains.free_grains(base, limit - base, self.address)
            self.total_land.delete_range(base, limit)
        for land in (
            self.free_land,
            self.free_land.secondary,
            self.free_land.primary,
            self.total_land,
        ):
            land.finish()
        self.blocks.finish()
        self.finish_pool()

    @walks
    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mvff.check)."""
        self._expect_alive()
        assert self.alignment() == self.free_land.align, "blocks are aligned as the lands are"
        grain, extend_by = self.grains.grain, self._word(p.FIT_EXTEND_BY)
        assert grain <= extend_by <= MOST, "a pool extends itself by a grain or more"
        assert 0 <= self.space.floats[self._first() + p.FIT_SPARE] <= 1, "spare is a fraction"
        assert self._word(p.ARENA_HIGH) in (0, 1), "memory comes from the low or the high end"
        self.blocks.check()
        self.total_land.check()
        self.free_land.check()
        spans = list(iter(self.total_land))
        lows = [base for base, _ in spans]
        for base, limit in self.free_land:
            i = bisect_right(lows, base) - 1
            assert i >= 0 and limit <= spans[i][1], "the free land lies in the total land"
        nodes = (self.blocks.total_size - self.blocks.free_size) // self.blocks.unit_size
        ranges = len(self.total_land) + len(self.free_land.primary)
        assert nodes == ranges, "every node holds a range"

    def _first(self):
        """The number of the first word of the descriptor."""
        return mmu.at(self.space, self.address, p.FIT_SIZE)

    def told(self, policy):
        """What the pool holds, as text; `policy` says which range it takes."""
        self._expect_alive()
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        high = "high" if w[n + p.ARENA_HIGH] else "low"
        return (
            f"{self.class_name.removesuffix('Pool')} pool {self.serial} at {self.address:#x}\n"
            f"  extend by {w[n + p.FIT_EXTEND_BY]} bytes, align {self.align}, "
            f"spare {self.space.floats[n + p.FIT_SPARE]}\n"
            f"  {policy}, {high} end of the arena\n"
            f"  total {self.total()}, free {self.free_bytes()} bytes "
            f"in {len(self.free_land)} ranges, largest {self.largest()}\n"
        )
