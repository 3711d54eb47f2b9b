"""MVFF, the manual variable first fit pool: blocks of any size, at the first
(or last) free range that holds them.

Vital statistics
    Alignment: `align`, 8 to the grain. Least block: `align` bytes. Overhead:
    none per block; one node of 40 bytes per free range. Worst case: that of
    first fit, about M log2 n for M bytes live and n the ratio of the largest
    to the least size (Robson 1977). Alloc and free: O(log n) for n free
    ranges. Not for several threads.
Misuse
    Told: a free or resize of what is free in part, not the pool's or not
    aligned. Not told: a size that is too small, for the rest is then lost, nor
    one that is too large where the blocks that follow are in use.

The story of an allocation is `Fit.alloc_block`, with `find` below.
Source: design/pools.md#.sol.mvff, MPS poolmvff.c
"""

from land import fields as lf
from pools import fields as p
from pools.fit import Fit, fit_options
from vm import events as ev
from vm import mmu
from vm.lock import walks
from vm.results import integer


class MVFF(Fit):
    """The handle of an MVFF pool.

    MVFF(arena, extend_by=65536, mean_size=32, align=8, spare=0.75,
    arena_high=False, slot_high=False, first_fit=True, audit=False, label='')
    """

    class_name = "MVFFPool"
    SIG = p.MVFF_SIG

    def __init__(
        self,
        arena,
        extend_by=65536,
        mean_size=32,
        align=8,
        spare=0.75,
        arena_high=False,
        slot_high=False,
        first_fit=True,
        audit=False,
        label="",
    ):
        """Make a pool in `arena` that asks it for `extend_by` bytes or more.

        `spare` is the fraction of the pool's memory that may be free before
        some goes back; `first_fit` takes the first free range that fits,
        else the last; `slot_high` the high end of it; `arena_high` says from
        which end of the arena memory comes. Blocks are aligned to `align`, a
        power of two from 8 to the grain. `mean_size` is but a hint.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        options = fit_options(arena, extend_by, align, spare, arena_high)
        mean_size = integer("mean_size", mean_size, least=1, most=options["extend_by"])
        self._create(
            arena,
            audit,
            label,
            mean_size=mean_size,
            slot_high=bool(slot_high),
            first_fit=bool(first_fit),
            **options,
        )

    def init(self, arena_address, mean_size, slot_high, first_fit, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        self.init_fit(arena_address, **options)
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        w[n + p.MEAN_SIZE] = mean_size
        w[n + p.SLOT_HIGH] = slot_high
        w[n + p.FIRST_FIT] = first_fit
        self.space.telemetry.tell(
            ev.POOL_INIT_MVFF,
            self.address,
            options["extend_by"],
            mean_size,
            options["align"],
            slot_high,
            options["arena_high"],
            first_fit,
        )
        self.told_init()

    def find(self, size):
        """Take `size` bytes at one end of the first range that holds them, or
        of the last one. Returns as `Fit.find`."""
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        if (w[n + p.SLOT_HIGH] | w[n + p.FIRST_FIT]) >> 1:
            self._expect_flag(p.SLOT_HIGH)
            self._expect_flag(p.FIRST_FIT)
        mode = lf.HIGH if w[n + p.SLOT_HIGH] else lf.LOW
        if w[n + p.FIRST_FIT]:
            found = self.free_land.first_range(size, mode)
        else:
            found = self.free_land.last_range(size, mode)
        return self.free_land.found_base if found else 0

    @walks
    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mvff.check)."""
        Fit.check(self)
        for field in (p.SLOT_HIGH, p.FIRST_FIT):
            assert self._word(field) in (0, 1), "which range and which end are flags"
        mean, extend_by = self._word(p.MEAN_SIZE), self._word(p.FIT_EXTEND_BY)
        assert 1 <= mean <= extend_by, "the mean size is at most an extension"

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        fit = "first" if self._word(p.FIRST_FIT) else "last"
        end = "high" if self._word(p.SLOT_HIGH) else "low"
        return self.told(f"{fit} fit, {end} end of the range")
