"""Machines over any allocator, and over pools in an arena.

Source: design/machines.md#.sol.allocators
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from rangeland.invariants import strategies as some
from rangeland.invariants.machines.base import TrialMachine
from rangeland.invariants.prove import trial_of

which = st.integers(0, 1 << 20)


class AllocatorMachine(TrialMachine):
    """Any allocator: `make` makes something with `alloc` and `free`."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def make_trial(self):
        """A fresh trial of what `make` makes."""
        return trial_of(self.maker())()

    def _new(self):
        self.number += 1
        return self.number

    def _live(self, pick):
        """The number of a live block."""
        blocks = list(self.trial.blocks)
        return blocks[pick % len(blocks)].number

    def _clamped(self, size):
        least, most = self.trial.limits
        return max(least, min(size, most))

    @initialize()
    def begin(self):
        """Make the allocator with its defaults."""
        self.do("begin")

    @rule(size=some.sizes())
    def alloc(self, size):
        """A block."""
        self.do("alloc", self._new(), self._clamped(size))

    @rule(size=some.sizes(), count=st.integers(2, 8))
    def alloc_several(self, size, count):
        """Blocks of one size."""
        for _ in range(count):
            self.do("alloc", self._new(), self._clamped(size))

    @precondition(lambda self: self._has("calloc"))
    @rule(count=st.integers(1, 8), size=some.sizes(most=1 << 12))
    def calloc(self, count, size):
        """A block of zeros."""
        self.do("calloc", self._new(), count, size)

    @precondition(lambda self: self._has("aligned"))
    @rule(align=some.alignments(1), size=some.sizes())
    def aligned(self, align, size):
        """A block with an alignment of its own."""
        self.do("aligned", self._new(), align, size)

    def _has(self, name):
        return self.trial is not None and getattr(self.trial.calls, name, None) is not None

    def _lives(self):
        return self.trial is not None and len(self.trial.blocks) > 0

    @precondition(_lives)
    @rule(pick=which)
    def free(self, pick):
        """Any live block."""
        self.do("free", self._live(pick))

    @precondition(_lives)
    @rule(last=st.booleans())
    def free_end(self, last):
        """The newest block, or the oldest."""
        self.do("free", self._live(-1 if last else 0))

    @precondition(_lives)
    @rule()
    def free_all(self):
        """An epoch ends."""
        for block in list(self.trial.blocks):
            self.do("free", block.number)

    @precondition(_lives)
    @rule(n=st.integers(2, 4))
    def free_but_every_nth(self, n):
        """Holes between blocks that stay."""
        for i, block in enumerate(list(self.trial.blocks.ascending())):
            if i % n:
                self.do("free", block.number)

    @precondition(_lives)
    @rule(pick=which, more=st.sampled_from((0, 0, -8, -1, 1, 8)))
    def free_and_ask_again(self, pick, more):
        """A hole that is just, or nearly, what is asked for next."""
        number = self._live(pick)
        size = self.trial.blocks[number].size
        self.do("free", number)
        self.do("alloc", self._new(), self._clamped(size + more))

    @precondition(lambda self: self._lives() and self._has("realloc"))
    @rule(pick=which, size=some.sizes())
    def realloc(self, pick, size):
        """A live block gets another size."""
        self.do("realloc", self._live(pick), self._clamped(size))

    def aims(self):
        """Fragmentation: what is free, of what lives."""
        pool = self.trial.pool if self.trial else None
        free, total = (getattr(pool, name, None) for name in ("free_size", "total_size"))
        if type(free) is int and type(total) is int and total > 0:
            yield "fragmentation", free / total
        blocks = self.trial.blocks.ascending() if self.trial and pool is not None else []
        yield "blocks", len(blocks)


class PoolMachine(AllocatorMachine):
    """A pool in an arena of its own: `make` makes one of an Arena. Limits
    come and go, and the machine below refuses now and then."""

    @rule(grains=st.none() | st.integers(-8, 16))
    def limit(self, grains):
        """A commit limit so many grains above what is committed, or none."""
        self.do("limit", grains)

    @rule(
        kind=st.sampled_from(("node", "mapping", "reservation")),
        nth=st.integers(1, 4),
        count=st.sampled_from((1, 1, 3, 40)),
    )
    def refuse(self, kind, nth, count):
        """The machine refuses some attempts."""
        self.do("refuse", kind, nth, count)

    @rule()
    def relent(self):
        """The machine refuses nothing any more."""
        self.do("relent")

    @rule()
    def collect(self):
        """Empty chunks go."""
        self.do("collect")

    def aims(self):
        """As for any allocator, and the chunks of the arena."""
        yield from super().aims()
        if self.trial and self.trial.arena is not None:
            yield "chunks", len(self.trial.arena.chunks)
