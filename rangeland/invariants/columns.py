"""Columns: the random numbers that the stress driver resolves to blocks.

They come of a seed, a distribution of sizes, a lifetime and the most blocks
that live at a time; nothing else decides what is done, least of all the pool.
Source: design/stress.md#.sol.columns
"""

from dataclasses import dataclass, replace

import numpy as np

from rangeland.invariants import fields as d
from vm.results import ParamError, integer

# Operations that are drawn together.
SLICE = 1 << 16
# The largest size of a block that is drawn.
LARGEST = 1 << 17
# Of all operations while blocks come and go: what part are allocations.
STEADY = 0.55


def _small(rng, count):
    return rng.integers(1, 65, count)


def _lognormal(rng, count):
    # The mean is about 120, as in the benchmarks.
    return rng.lognormal(np.log(120) - 0.5, 1.0, count)


def _cliffs(rng, count):
    """Sizes at and beside powers of two from 8 to 64 KiB, the large ones rare."""
    powers = np.minimum(2 + rng.geometric(0.3, count), 16)
    return (1 << powers) + rng.integers(-1, 2, count) * rng.integers(0, 9, count)


def _pages(rng, count):
    return rng.integers(1, 9, count) * 4096 - rng.integers(0, 2, count) * rng.integers(0, 9, count)


def _mixed(rng, count):
    choice = rng.random(count)
    sizes = np.where(choice < 0.5, _lognormal(rng, count), _small(rng, count))
    sizes = np.where(choice > 0.8, _cliffs(rng, count), sizes)
    return np.where(choice > 0.995, _pages(rng, count), sizes)


SIZES = {
    "small": _small,
    "lognormal": _lognormal,
    "cliffs": _cliffs,
    "pages": _pages,
    "mixed": _mixed,
}


def _steady(when, most):
    return np.full(len(when), STEADY)


def _waves(when, most):
    """Grow, stay, shrink, for as long as it takes to fill `most` places."""
    return np.array([0.9, STEADY, 0.1])[when // (2 * most) % 3]


def _epochs(when, most):
    """Grow, then free everything."""
    return np.array([0.95, 0.95, 0.0])[when // most % 3]


# How blocks die: what part of the operations allocate, and what a free takes.
LIFETIMES = {
    "random": (_steady, (d.ANY,)),
    "lifo": (_waves, (d.NEWEST,)),
    "fifo": (_steady, (d.OLDEST,)),
    "waves": (_waves, (d.ANY,)),
    "epochs": (_epochs, (d.OLDEST, d.NEWEST)),
    "mixed": (_waves, (d.ANY, d.ANY, d.NEWEST, d.OLDEST)),
}


class Operations:
    """Columns of operations, drawn in slices: what all kinds of them can do."""

    def events(self, done):
        """How many events the first `done` operations are, as they were asked for."""
        return done

    def walk(self, limit):
        """The first `limit` operations as steps of a trial, one by one, as of `steps`."""
        live, made = [], 0
        for number in range((limit + SLICE - 1) // SLICE):
            kinds, sizes, pick, _ = self.drawn(number)
            for i in range(min(len(kinds), limit - SLICE * number)):
                if not live or (kinds[i] == d.ALLOC and len(live) < self.most):
                    live.append((made, int(sizes[i])))
                    yield ("alloc", *live[-1])
                    made += 1
                else:
                    yield "free", _resolved(live, kinds[i], int(pick[i]))

    def steps(self, first, limit):
        """The operations [first, limit) as steps of a trial, after steps that
        allocate, oldest first, what lives before them: a list.

        Block n is the one that the nth allocation of all makes.
        Cost: O(limit).
        """
        live, steps, made = [], [], 0
        for number in range((limit + SLICE - 1) // SLICE):
            kinds, sizes, pick, _ = self.drawn(number)
            for i in range(min(len(kinds), limit - SLICE * number)):
                if SLICE * number + i == first:
                    steps = [("alloc", name, size) for name, size in live]
                kind = kinds[i]
                if not live or (kind == d.ALLOC and len(live) < self.most):
                    live.append((made, int(sizes[i])))
                    steps.append(("alloc", made, live[-1][1]))
                    made += 1
                else:
                    steps.append(("free", _resolved(live, kind, int(pick[i]))))
        return steps


@dataclass(frozen=True)
class Columns(Operations):
    """A sequence of operations without end, the same in every run.

    `sizes` is a name of SIZES, or the one size of all blocks; `lifetime` a
    name of LIFETIMES. Units: bytes. Raises: ParamError.
    """

    seed: int = 0
    sizes: str | int = "mixed"
    lifetime: str = "mixed"
    most: int = 1000

    def __post_init__(self):
        integer("seed", self.seed, least=0)
        integer("most", self.most, least=1, most=1 << 24)
        if isinstance(self.sizes, str):
            _known("sizes", self.sizes, SIZES)
        else:
            integer("sizes", self.sizes, least=1, most=LARGEST)
        _known("lifetime", self.lifetime, LIFETIMES)

    def drawn(self, number):
        """The operations [SLICE * number, SLICE * (number + 1)): columns of
        int8, and of int64: kind, size, pick, stamp."""
        rng = np.random.Generator(np.random.PCG64([self.seed, number]))
        when = np.arange(SLICE * number, SLICE * (number + 1))
        part, frees = LIFETIMES[self.lifetime]
        kinds = np.array(frees, np.int8)[rng.integers(0, len(frees), SLICE)]
        kinds[rng.random(SLICE) < part(when, self.most)] = d.ALLOC
        sizes = np.full(SLICE, self.sizes) if isinstance(self.sizes, int) else None
        if sizes is None:
            sizes = SIZES[self.sizes](rng, SLICE)
        sizes = np.clip(sizes, 1, LARGEST).astype(np.int64)
        pick = rng.integers(0, 1 << 62, SLICE)
        stamp = rng.integers(-(1 << 63), (1 << 63) - 1, SLICE)
        return kinds, sizes, pick, stamp

    def of_size(self, size):
        """The same, of blocks of one size."""
        return replace(self, sizes=size)

    def call(self, subject, operations):
        """Lines of Python that do so many of them with `subject`."""
        return [
            "from rangeland.invariants.stress import stress",
            "",
            f"result = stress({subject}, {operations}, {self.seed}, sizes={self.sizes!r}, "
            f"lifetime={self.lifetime!r}, most={self.most})",
        ]


def draining(count):
    """The columns of `count` frees, oldest first."""
    return np.full(count, d.OLDEST, np.int8), *(np.zeros(count, np.int64) for _ in range(3))


def _resolved(live, kind, pick):
    """The name of the block that a free takes off `live`, as the driver does."""
    if kind == d.OLDEST:
        return live.pop(0)[0]
    if kind != d.NEWEST:
        slot = pick % len(live)
        live[slot], live[-1] = live[-1], live[slot]
    return live.pop()[0]


def _known(name, value, table):
    if value not in table:
        raise ParamError(f"{name} is {value!r}: expected one of {', '.join(table)}")
