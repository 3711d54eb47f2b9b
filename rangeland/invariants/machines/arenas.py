"""Machines over whole arenas: their life, their making, their log.

Source: design/machines.md#.sol.arenas
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from rangeland.invariants import strategies as some
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.machines.base import TrialMachine

which = st.integers(0, 1 << 20)
KINDS = st.sampled_from(("reservation", "mapping", "node"))
COUNTS = st.sampled_from((1, 1, 3, 40))


class ArenaMachine(TrialMachine):
    """An arena with several pools: limits, growth, spare memory, refusals,
    other arenas beside it, handles that are made anew."""

    trial_class = ArenaTrial

    def __init__(self):
        super().__init__()
        self.number = 0

    def make_trial(self):
        """A fresh trial of an arena."""
        return self.trial_class()

    def _new(self):
        self.number += 1
        return self.number

    def _has_pools(self):
        return self.trial is not None and bool(self.trial.pools)

    def _has_blocks(self):
        return self.trial is not None and len(self.trial.blocks) > 0

    def _pool(self, pick):
        numbers = list(self.trial.pools)
        return numbers[pick % len(numbers)]

    def _block(self, pick):
        blocks = list(self.trial.blocks)
        return blocks[pick % len(blocks)].number

    @initialize(keywords=some.arena_keywords(), checked=st.booleans())
    def begin(self, keywords, checked):
        """Make the arena, and a pool."""
        self.do("begin", *keywords.values(), checked)
        self.do("mvff", self._new(), 4096, 8, 0.75, False, False, True)

    @rule(
        extend_by=st.sampled_from((1, 4096, 65536)),
        align=some.alignments(8, 4096),
        spare=some.fractions(),
        flags=st.tuples(*[st.booleans()] * 3),
    )
    def mvff(self, extend_by, align, spare, flags):
        """An MVFF pool."""
        if len(self.trial.pools) < 6:
            self.do("mvff", self._new(), extend_by, align, spare, *flags)

    @rule(keywords=some.mfs_keywords())
    def mfs(self, keywords):
        """An MFS pool."""
        if len(self.trial.pools) < 6:
            extend_by = keywords.get("extend_by", 65536)
            self.do("mfs", self._new(), keywords["unit_size"], extend_by)

    @precondition(_has_pools)
    @rule(pick=which)
    def destroy(self, pick):
        """A pool goes, with all its blocks."""
        self.do("destroy", self._pool(pick))

    @precondition(_has_pools)
    @rule(pick=which, size=some.sizes(most=200_000), count=st.integers(1, 12))
    def alloc(self, pick, size, count):
        """Blocks of one size, in one pool."""
        number = self._pool(pick)
        for _ in range(count):
            self.do("alloc", self._new(), number, self.trial.pools[number].unit or size)

    @precondition(_has_blocks)
    @rule(pick=which, count=st.integers(1, 12))
    def free(self, pick, count):
        """Live blocks."""
        for _ in range(min(count, len(self.trial.blocks))):
            self.do("free", self._block(pick))

    @rule(grains=st.none() | st.integers(-24, 40))
    def limit(self, grains):
        """A commit limit near what is committed, or none."""
        self.do("limit", grains)

    @rule(fraction=some.fractions())
    def spare(self, fraction):
        """How much may be spare."""
        self.do("spare", fraction)

    @rule()
    def collect(self):
        """Empty chunks go."""
        self.do("collect")

    @rule(pages=st.integers(0, 511), part=st.integers(1, 4))
    def grow(self, pages, part):
        """By how much the arena grows."""
        by = 1 + pages * some.PAGE
        self.do("grow", by, by // part)

    @rule()
    def attach(self):
        """All handles anew, from the bytes."""
        self.do("attach")

    @rule(kind=KINDS, nth=st.integers(1, 6), count=COUNTS)
    def refuse(self, kind, nth, count):
        """The machine below refuses some attempts."""
        self.do("refuse", kind, nth, count)

    @rule()
    def relent(self):
        """It refuses nothing any more."""
        self.do("relent")

    @rule(size=st.sampled_from((1, 1 << 19)))
    def second(self, size):
        """One more arena in the same space."""
        if len(self.trial.others) < 2:
            self.do("second", self._new(), size)

    @precondition(lambda self: self.trial is not None and bool(self.trial.others))
    @rule(pick=which)
    def close(self, pick):
        """One of the other arenas goes."""
        numbers = list(self.trial.others)
        self.do("close", numbers[pick % len(numbers)])

    def aims(self):
        """How many chunks, and how much of what is committed is free."""
        arena = self.trial.arena if self.trial else None
        if arena is not None:
            yield "chunks", len(arena.chunks)
            free = sum(pool.free_size for pool in arena.pools)
            yield "fragmentation", free / arena.committed
