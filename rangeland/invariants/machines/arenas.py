"""Machines over whole arenas: their life, and their log.

Source: design/machines.md#.sol.arenas
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from rangeland.invariants import strategies as some
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.client import MOST_POOLS, REGIONAL, drawn_fit
from rangeland.invariants.fits import MVFF_DEFAULTS
from rangeland.invariants.machines.base import TrialMachine
from rangeland.invariants.telemetry import TelemetryTrial

which = st.integers(0, 1 << 20)
MOST_OTHERS = 2
has_pools = precondition(lambda self: self.trial.pools)
has_blocks = precondition(lambda self: len(self.trial.blocks) > 0)
may_have_more = precondition(lambda self: len(self.trial.pools) < MOST_POOLS)


class ArenaMachine(TrialMachine):
    """An arena with several pools: limits, growth, spare memory, refusals,
    other arenas beside it, handles that are made anew."""

    trial_class = ArenaTrial

    @classmethod
    def make_trial(cls):
        """A fresh trial of an arena."""
        return cls.trial_class()

    @initialize(keywords=some.arena_keywords(), checked=st.booleans())
    def begin(self, keywords, checked):
        """The arena, and a pool."""
        names = ("size", "grain_size", "zoned", "spare")
        self.do("begin", *(keywords[name] for name in names), checked)
        self._mvff({})

    def _mvff(self, keywords):
        self.do("mvff", self.new(), *some.arguments(MVFF_DEFAULTS, keywords))

    @may_have_more
    @rule(keywords=some.mvff_keywords())
    def mvff(self, keywords):
        """An MVFF pool."""
        self._mvff(keywords)

    @may_have_more
    @rule(keywords=some.mfs_keywords())
    def mfs(self, keywords):
        """An MFS pool."""
        extend_by = keywords.get("extend_by", 65536)
        self.do("mfs", self.new(), keywords["unit_size"], extend_by)

    @may_have_more
    @rule(rng=st.randoms())
    def fit(self, rng):
        """A pool of another fit: best, worst, next, LIFO."""
        self.do("fit", self.new(), *drawn_fit(rng))

    @may_have_more
    @rule(kind=st.sampled_from(REGIONAL), rng=st.randoms())
    def regional(self, kind, rng):
        """A pool over regions: Buddy, SegFit, Slab."""
        name, trial = kind
        self.do(name, self.new(), *trial.drawn(rng))

    @has_pools
    @rule(pick=which)
    def destroy(self, pick):
        """A pool goes, with all its blocks."""
        self.do("destroy", self.picked(self.trial.pools, pick))

    @has_pools
    @rule(pick=which, size=some.sizes(most=200_000), count=st.integers(1, 12))
    def alloc(self, pick, size, count):
        """Blocks of one size, in one pool."""
        number = self.picked(self.trial.pools, pick)
        for _ in range(count):
            self.do("alloc", self.new(), number, self.trial.pools[number].unit or size)

    @has_blocks
    @rule(pick=which, count=st.integers(1, 12))
    def free(self, pick, count):
        """Live blocks."""
        for _ in range(min(count, len(self.trial.blocks))):
            self.do("free", self.picked(self.trial.blocks.live, pick))

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

    @rule(kind=some.fault_kinds(), nth=st.integers(1, 6), count=some.fault_counts())
    def refuse(self, kind, nth, count):
        """The machine below refuses some attempts."""
        self.do("refuse", kind, nth, count)

    @rule()
    def relent(self):
        """It refuses nothing any more."""
        self.do("relent")

    @precondition(lambda self: len(self.trial.others) < MOST_OTHERS)
    @rule(size=st.sampled_from((1, 1 << 19)))
    def second(self, size):
        """One more arena in the same space."""
        self.do("second", self.new(), size)

    @precondition(lambda self: self.trial.others)
    @rule(pick=which)
    def close(self, pick):
        """One of the other arenas goes."""
        self.do("close", self.picked(self.trial.others, pick))

    def aims(self):
        """How many chunks, and how much of what is committed is free."""
        arena = self.trial.arena
        if arena is not None:
            yield "chunks", len(arena.chunks)
            free = sum(pool.free_size for pool in arena.pools)
            yield "fragmentation", free / arena.committed


class TelemetryMachine(ArenaMachine):
    """The same, and its events, told once more, have to give its accounts."""

    trial_class = TelemetryTrial
