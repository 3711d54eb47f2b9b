"""The engine: seeded runs of trials until something breaks, or nothing does.

Deterministic: the same seed gives the same steps, in every process and at
both speeds. Source: design/invariants.md#.sol.engine
"""

import random
import re
import time

from rangeland.invariants.finding import DIFFERS, Broken, CannotTry, Finding, Result
from rangeland.invariants.scope import Scope
from rangeland.invariants.shrink import SHORT as SHORTEST
from rangeland.invariants.shrink import shrink
from rangeland.invariants.trial import play, tried

# Of so many examples one is as long as it may be; the others are shorter.
LONG_ONES = 8
SHORT = 12
# A finding is repeated so often before it is said to be reproducible; one
# that does not end once, for so many seconds.
REPEATS = 5
BRIEF = 1.0


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
            scope.seen[broken.invariant] = None
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
    same = _repeats(make_trial, steps, broken, every)
    try:
        program = make_trial().program(steps)
    except CannotTry as error:
        program = f"# {error}\n"
    if not same:
        program = f"# {DIFFERS}\n{program}"
    return Finding(broken.invariant, broken.message, steps, program, seed, example, done, same)


def _repeats(make_trial, steps, found, every):
    """True if `steps` break the same in fresh trials, each time."""
    # Checked at their end, as the fewest steps are, or now and then.
    often = len(steps) + 1 if len(steps) <= SHORTEST else every
    times, patience = (1, BRIEF) if found.invariant == "hang" else (REPEATS, None)
    for _ in range(times):
        try:
            broken, _ = play(make_trial(), steps, often, patience)
        except CannotTry:
            return False
        if broken is None or _told(broken) != _told(found):
            return False
    return True


def _told(broken):
    """What is said of it, but for addresses, which may be those of the machine."""
    if broken.invariant == "hang":
        return broken.invariant
    return re.sub("0x[0-9a-f]+", "", str(broken))
