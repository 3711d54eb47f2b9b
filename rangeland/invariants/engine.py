"""The engine: seeded runs of trials until something breaks, or nothing does.

Deterministic: the same seed gives the same steps, in every process and at
both speeds. Source: design/invariants.md#.sol.engine
"""

import random
import time

from rangeland.invariants.finding import Broken, CannotTry, Finding, Result
from rangeland.invariants.scope import Scope
from rangeland.invariants.shrink import shrink
from rangeland.invariants.trial import play, tried

# Of so many examples one is as long as it may be; the others are shorter.
LONG_ONES = 8
SHORT = 12


def examine(make_trial, seed, examples, steps, every=16, progress=None, seconds=None, first=0):
    """Try `examples` runs of up to `steps` steps each. Returns the Result.

    `make_trial()` gives a fresh trial; it is checked after each `every`
    steps. `progress(examples done)` is called after each. With `seconds`,
    no example begins later than that. The examples are those from number
    `first` on, so that what is tried can be tried in parts.
    Raises: CannotTry.
    """
    began = time.perf_counter()
    done = tried = 0
    finding, scope = None, Scope()
    for example in range(first, first + examples):
        if seconds is not None and time.perf_counter() - began > seconds:
            break
        rng = random.Random(f"{seed}/{example}")
        taken = []
        tried += 1
        trial = make_trial()
        broken = _run(trial, rng, _length(rng, example, steps), every, taken)
        done += len(taken)
        scope.add(trial)
        if broken:
            finding = _finding(make_trial, broken, taken, every, seed, example, done)
            break
        if progress is not None:
            progress(tried)
    took = time.perf_counter() - began
    return Result(finding is None, finding, done, tried, took, seed, scope=scope)


def replay(make_trial, steps, every=1):
    """Do `steps` in a fresh trial. Returns the Broken, or None.

    Raises: CannotTry.
    """
    return play(make_trial(), steps, every)[0]


def _length(rng, example, steps):
    """How many steps an example has: mostly few, for what breaks in few steps
    is found soonest by many short runs."""
    if example % LONG_ONES == LONG_ONES - 1:
        return steps
    return min(steps, 4 + int(rng.expovariate(1 / (SHORT << example % 4))))


def _run(trial, rng, length, every, taken):
    """Run a fresh `trial`; its steps go to `taken`, but those that it skips.
    Returns Broken or None."""
    try:
        for count in range(1, length + 1):
            taken.append(trial.choose(rng))
            if not tried(trial.do, taken[-1]):
                taken.pop()
            if count % every == 0:
                tried(trial.check)
        tried(trial.check)
        tried(trial.end)
    except Broken as broken:
        trial.abandon()
        return broken
    except BaseException:
        trial.abandon()
        raise
    return None


def _finding(make_trial, broken, taken, every, seed, example, done):
    steps, last = shrink(make_trial, taken, broken.invariant, every=every)
    broken = last or broken
    try:
        program = make_trial().program(steps)
    except CannotTry as error:
        program = f"# {error}\n"
    return Finding(broken.invariant, broken.message, steps, program, seed, example, done)
