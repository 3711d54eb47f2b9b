"""Allocators of somebody's own, in Python, where a pool is expected.

Source: design/contenders.md#.sol.own
"""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from arena.arena import Arena
from pools.point import PointedPool
from pools.pool import Pool
from rangeland.cli.subjects import load_subject
from rangeland.invariants.calls import Calls
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import CannotTry
from rangeland.traces.contenders.names import NAMES, parse_contender
from rangeland.traces.contenders.own import Made, Own
from rangeland.traces.specs import POINTED, PoolSpec


def contender_of(text):
    """The contender that `text` names: as `parse_contender`, and file.py:factory or
    module:factory, as `rangeland prove` takes them.

    Raises: CannotTry, ParamError; OSError.
    """
    return own_of(text) if is_own(text) else parse_contender(text)


def is_own(text):
    """True if `text` names a factory in Python, and is no pool spec."""
    place, _, name = text.rpartition(":")
    if place.endswith(".py") or text.endswith(".py"):
        return True
    known = place in NAMES or place in POINTED or "/" in place
    return bool(place) and not known and name.isidentifier()


def own_of(text):
    """The contender that the factory called `text` makes: a pool of Rangeland as one of
    its own specs, in the same loop. Raises: CannotTry; OSError."""
    factory = Factory(load_subject(text))
    made = _subject(factory)
    if isinstance(made, PointedPool):
        raise CannotTry(
            f"{text} made {made!r}, which has blocks at allocation points only: expected `alloc`"
        )
    # A class derived from one of ours has calls of its own, which that loop does not make.
    if isinstance(made, Pool) and type(made).__module__.startswith("pools."):
        return OwnPool(text, "", factory=factory)
    return Own(text, partial(_made, factory))


@dataclass(frozen=True)
class OwnPool(PoolSpec):
    """A pool of Rangeland that `factory` makes."""

    factory: Factory = None

    def make(self, trace):
        """What makes the pool when it is called with an arena."""
        return self.factory.subject

    def __call__(self, trace):
        """The pool, in an arena of its own."""
        return nullcontext(_subject(self.factory))


def _subject(factory):
    return factory.subject(Arena() if factory.in_arena else None)


def _made(factory):
    arena = Arena() if factory.in_arena else None
    made = factory.subject(arena)
    calls = Calls(made)
    arena = arena or (made.arena if isinstance(made, Pool) else None)
    held = None if arena is None else lambda: arena.committed
    return Made(calls.alloc, calls.free, calls.realloc, calls.aligned, held)
