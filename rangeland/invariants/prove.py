"""Prove: try the invariants of whatever a callable makes.

Source: design/invariants.md#.if.prove
"""

from functools import partial

from arena.arena import Arena
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.engine import examine
from rangeland.invariants.factory import Factory, name_of
from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.land import LandTrial
from rangeland.invariants.policies import trial_for
from rangeland.invariants.profiles import profile
from rangeland.invariants.watch import watched
from vm.results import ParamError, ParamTypeError, integer


def prove(
    subject,
    seed=0,
    examples=None,
    steps=None,
    *,
    sizes=None,
    every=16,
    progress=None,
    seconds=None,
):
    """Try the invariants of what `subject` makes. Returns a Result.

    `subject` is a callable of no argument, or of one: an Arena, fresh in
    every example. What it makes has `alloc` and `free`, or `insert` and
    `delete`. `examples` runs of up to `steps` steps are tried; without
    them, as many as the profile of the environment says. `sizes` is (least,
    most) bytes of a block. The same seed tries the same.
    Raises: CannotTry, with the reason; ParamError.
    """
    chosen = profile()
    examples = chosen.examples if examples is None else integer("examples", examples, least=1)
    steps = chosen.steps if steps is None else integer("steps", steps, least=1)
    make_trial = trial_of(subject, None if sizes is None else size_range(sizes))
    result = examine(make_trial, integer("seed", seed), examples, steps, every, progress, seconds)
    if result.ok and result.scope.asked and not result.scope.granted:
        raise CannotTry(
            f"{name_of(subject)} granted nothing: each of {result.scope.asked:,} requests was "
            f"refused; `sizes` or its max_size tell which it may grant"
        )
    return result


def size_range(sizes):
    """`sizes` as (least, most) bytes. Raises: ParamError."""
    expected = "expected (least, most), two ints of bytes, 1 <= least <= most"
    if not isinstance(sizes, (tuple, list)) or len(sizes) != 2:
        raise ParamTypeError(f"sizes is {sizes!r}: {expected}")
    if any(isinstance(size, bool) or not isinstance(size, int) for size in sizes):
        raise ParamTypeError(f"sizes is {sizes!r}: {expected}")
    if not 1 <= sizes[0] <= sizes[1]:
        raise ParamError(f"sizes is {sizes!r}: {expected}")
    return tuple(sizes)


def trial_of(subject, sizes=None):
    """What makes the trials of `subject`: a callable of no argument.

    Raises: CannotTry.
    """
    if isinstance(subject, type) and issubclass(subject, Arena):
        return ArenaTrial
    factory = Factory(subject)
    try:
        with watched():
            made = factory.subject(factory.arena() if factory.in_arena else None)
    except Broken as hang:
        raise CannotTry(f"{name_of(subject)} made nothing: {hang.message}") from hang
    if _has(made, "insert", "delete"):
        return partial(LandTrial, factory)
    if _has(made, "alloc", "free"):
        return partial(trial_for(subject, made), factory, sizes)
    raise CannotTry(
        f"{name_of(subject)} made {made!r}: expected something with alloc and free, "
        f"or with insert and delete"
    )


def _has(made, *names):
    return all(callable(getattr(made, name, None)) for name in names)
