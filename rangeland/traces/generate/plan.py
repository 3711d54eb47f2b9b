"""What is asked of a pattern, and what a pattern is (design/generate.md#.def.pattern)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from numpy.random import PCG64, Generator

from rangeland.traces.generate.distributions import Distribution

# Allocations made at a time: what is known of blocks to come is bounded by this.
BATCH = 1 << 16


@dataclass(frozen=True)
class Plan:
    """How a pattern is to be made; what a pattern does not take is None.

    `events` is how many rows; `live` how many blocks live at a time, on average
    or at most, as the pattern says; `memory` and `largest` are in bytes; `phases`
    how often something recurs.
    """

    events: int
    seed: int = 0
    sizes: Distribution | None = None
    lifetimes: Distribution | None = None
    live: int | None = None
    memory: int | None = None
    largest: int | None = None
    phases: int | None = None

    def chance(self):
        """The generator of random numbers that the seed says."""
        return Generator(PCG64(self.seed))


@dataclass(frozen=True)
class Pattern:
    """A way in which programs allocate: `make(plan)` yields its rows.

    Rows come as (op, key, size) arrays, at most some hundred thousand at a time; a key
    is a number of no live block. `about` says what happens, `source` where that
    is from; `defaults` has the options that it takes, by their names in Plan.
    `round(plan)` tells how many events it takes until what it is for has happened, if
    that is known.
    """

    name: str
    about: str
    source: str
    make: Callable
    defaults: dict = field(default_factory=dict)
    round: Callable | None = None
