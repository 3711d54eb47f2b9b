"""Machines over any allocator, over pools in an arena, and over their
allocation points. Source: design/machines.md#.sol.allocators
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from pools.mvff import MVFF
from rangeland.invariants import strategies as some
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import CannotTry
from rangeland.invariants.machines.base import TrialMachine
from rangeland.invariants.points import PointTrial
from rangeland.invariants.temporal import MVT_DEFAULTS, MVTTrial
from rangeland.invariants.fits import MVFF_DEFAULTS, MVFFTrial

which = st.integers(0, 1 << 20)
# The options of an arena that a pool is in: grain size, checked, zoned.
arenas = st.tuples(st.sampled_from((4096, 4096, 16384)), st.booleans(), st.booleans())
# Blocks that a run may have before it has to free some.
MOST = 300


def offers(name):
    """A precondition: the allocator has the operation `name`."""
    return precondition(lambda self: getattr(self.trial.calls, name) is not None)


lives = precondition(lambda self: len(self.trial.blocks) > 0)
has_room = precondition(lambda self: len(self.trial.blocks) < MOST)


class AllocatorMachine(TrialMachine):
    """Any allocator: `make` makes something with `alloc` and `free`."""

    trial_class = AllocatorTrial

    def live(self, pick):
        """The number of a live block: -1 is the newest, 0 the oldest."""
        return self.picked(self.trial.blocks.live, pick)

    def fit(self, size):
        """`size`, or the nearest that the allocator takes."""
        least, most = self.trial.limits
        return max(least, min(size, most))

    @initialize()
    def begin(self):
        """The allocator, with its defaults."""
        self.do("begin")

    @has_room
    @rule(size=some.sizes())
    def alloc(self, size):
        """A block."""
        self.do("alloc", self.new(), self.fit(size))

    @has_room
    @rule(size=some.sizes(), count=st.integers(2, 8))
    def alloc_several(self, size, count):
        """Blocks of one size."""
        for _ in range(count):
            self.do("alloc", self.new(), self.fit(size))

    @precondition(lambda self: self.trial.arena is None and len(self.trial.blocks) < 40)
    @rule(words=st.integers(1, 8), count=st.sampled_from((70, 140)), every=st.integers(1, 3))
    def alloc_many(self, words, count, every):
        """More blocks than a table has entries; every nth goes again. In an
        arena this would take too long."""
        numbers = [self.new() for _ in range(count)]
        for number in numbers:
            self.do("alloc", number, self.fit(8 * words))
        for number in numbers[::every]:
            self.do("free", number)

    @offers("calloc")
    @rule(count=st.integers(1, 8), size=some.sizes(most=1 << 12))
    def calloc(self, count, size):
        """A block of zeros."""
        self.do("calloc", self.new(), count, size)

    @offers("aligned")
    @rule(align=some.alignments(1), size=some.sizes())
    def aligned(self, align, size):
        """A block with an alignment of its own."""
        self.do("aligned", self.new(), align, self.fit(size))

    @lives
    @rule(pick=which)
    def free(self, pick):
        """Any live block."""
        self.do("free", self.live(pick))

    @lives
    @rule(newest=st.booleans())
    def free_end(self, newest):
        """The newest block, or the oldest."""
        self.do("free", self.live(-newest))

    @lives
    @rule(backwards=st.booleans())
    def free_all(self, backwards):
        """An epoch ends."""
        numbers = list(self.trial.blocks.live)
        for number in reversed(numbers) if backwards else numbers:
            self.do("free", number)

    @lives
    @rule(n=st.integers(2, 4))
    def free_but_every_nth(self, n):
        """Holes between blocks that stay."""
        for i, block in enumerate(list(self.trial.blocks.ascending())):
            if i % n:
                self.do("free", block.number)

    @lives
    @rule(pick=which, more=st.sampled_from((0, 0, -8, -1, 1, 8)))
    def free_and_ask_again(self, pick, more):
        """A hole that is just, or nearly, what is asked for next."""
        number = self.live(pick)
        size = self.trial.blocks[number].size
        self.do("free", number)
        self.do("alloc", self.new(), self.fit(size + more))

    @precondition(lambda self: len(self.trial.blocks) > 1)
    @rule(pick=which, upwards=st.booleans())
    def free_neighbours(self, pick, upwards):
        """Two neighbours go, and as much as both had is asked for."""
        blocks = self.trial.blocks.ascending()
        at = pick % (len(blocks) - 1)
        two = list(blocks[at : at + 2])
        for block in two if upwards else reversed(two):
            self.do("free", block.number)
        self.do("alloc", self.new(), self.fit(two[0].size + two[1].size))

    @offers("realloc")
    @lives
    @rule(pick=which, size=some.sizes())
    def realloc(self, pick, size):
        """A live block gets another size."""
        self.do("realloc", self.live(pick), self.fit(size))

    @precondition(lambda self: not len(self.trial.blocks))
    @rule(size=some.sizes())
    def cycle(self, size):
        """The same, again and again."""
        self.do("cycle", self.fit(size), 40)

    @precondition(lambda self: self.trial.whole())
    @rule(full=st.booleans(), sizes=st.lists(some.sizes(), min_size=2, max_size=4))
    def reunite(self, full, sizes):
        """Blocks that are freed in every order, in fresh allocators."""
        most = self.trial.whole() // len(sizes)
        self.do("reunite", int(full), *(self.fit(min(size, most)) for size in sizes))

    def aims(self):
        """Fragmentation: what is free, of all there is; and what lives."""
        pool = self.trial.pool
        if pool is not None:
            free, total = (getattr(pool, name, None) for name in ("free_size", "total_size"))
            if type(free) is int and type(total) is int and total > 0:
                yield "fragmentation", free / total
            yield "blocks", len(self.trial.blocks)


class PoolMachine(AllocatorMachine):
    """A pool in an arena of its own: `make` makes one of an Arena. Limits
    come and go, and the machine below refuses now and then."""

    @classmethod
    def make_trial(cls):
        """A fresh trial of the pool. Raises: CannotTry."""
        trial = super().make_trial()
        if not trial.factory.in_arena:
            raise CannotTry(
                f"what {cls.__name__} tries is made of nothing: expected a callable of an "
                f"Arena; for others there is AllocatorMachine"
            )
        return trial

    @initialize(arena=arenas)
    def begin(self, arena):
        """The pool with its defaults, in some arena."""
        self.do("begin", *arena)

    @rule(grains=st.none() | st.integers(-8, 16))
    def limit(self, grains):
        """A commit limit so many grains above what is committed, or none."""
        self.do("limit", grains)

    @rule(kind=some.fault_kinds(), nth=st.integers(1, 4), count=some.fault_counts())
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
        if self.trial.arena is not None:
            yield "chunks", len(self.trial.arena.chunks)


class PoolAgreement(PoolMachine):
    """MVFF of any keywords against a naive first fit: blocks lie where that
    says, as long as nodes and memory are not refused."""

    make = MVFF
    trial_class = MVFFTrial

    @initialize(arena=arenas, keywords=some.mvff_keywords())
    def begin(self, arena, keywords):
        """The pool, with keywords."""
        self.do("begin", *arena, *some.arguments(MVFF_DEFAULTS, keywords))


class PointMachine(PoolMachine):
    """A pool with allocation points: `make` makes one of an Arena. MVT gets
    keywords that are drawn, others have their defaults."""

    trial_class = PointTrial

    @initialize(arena=arenas, keywords=some.mvt_keywords())
    def begin(self, arena, keywords):
        """The pool, and its points."""
        is_mvt = isinstance(self.trial, MVTTrial)
        self.do("begin", *arena, *(some.arguments(MVT_DEFAULTS, keywords) if is_mvt else ()))

    @has_room
    @rule(size=some.sizes())
    def reserve(self, size):
        """Something is reserved, and not yet a block."""
        self.do("reserve", self.new(), self.fit(size))

    @precondition(lambda self: self.trial.reserved)
    @rule(pick=which)
    def commit(self, pick):
        """What is reserved becomes a block."""
        self.do("commit", self.picked(sorted(self.trial.reserved), pick))

    @rule(index=st.integers(0, 3))
    def renew(self, index):
        """A point goes, with what is reserved there, and another comes."""
        self.do("renew", index)
