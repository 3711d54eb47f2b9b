"""Trial: one run of a subject under judges.

A step is a plain tuple (name, *arguments) that means the same in any fresh
trial, so a run is the list of its steps. What a step makes is named by a
number that the step brings along; a step that refers to what is not there is
skipped, so that any part of a run is a run.
Source: design/invariants.md#.sol.trial
"""

import sys
import traceback

from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.watch import watched

# The package of the kit.
KIT = __name__.rpartition(".")[0]


class Trial:
    """What every trial does; a class of trials defines all of this.

    A method `do_x` does and judges the step ("x", ...), and returns False if
    it skipped it.
    """

    # How dear a step is, against one of an allocator in Python alone.
    cost = 1
    # The requests that were made, and those that were granted.
    asked = granted = 0

    def choose(self, rng):
        """The next step at random, given what is there; `rng` is a
        random.Random. The first call draws what the whole run is like."""
        raise NotImplementedError

    def do(self, step):
        """Do and judge one step. Returns False if it was skipped.

        Raises: Broken; CannotTry.
        """
        return getattr(self, "do_" + step[0])(*step[1:]) is not False

    def check(self):
        """Judge everything there is. Raises: Broken."""

    def end(self):
        """End everything, and judge what is left. Raises: Broken."""

    def abandon(self):
        """Let go of everything, judging nothing."""

    def scope(self):
        """What this run judges: {name of an invariant: None, or why it does
        not judge it}."""
        return {}

    def unfolded(self, step):
        """Plainer steps that may do instead of `step`: a list, or none."""
        return []

    def program(self, steps):
        """The text of a Python program that does `steps` and then fails as
        the trial did. Asked of a fresh trial, which is used up by it."""
        raise NotImplementedError


def judged(function, *arguments):
    """What `function(*arguments)` gives; what it raises without being
    foreseen is a finding, unless it comes of the kit itself.

    Raises: Broken; CannotTry.
    """
    try:
        return function(*arguments)
    except (Broken, CannotTry):
        raise
    except (Exception, SystemExit) as error:
        if _is_ours(error):
            at = traceback.extract_tb(error.__traceback__)[-1]
            told = f"{described(error)} ({at.name}, line {at.lineno} of {at.filename})"
            raise CannotTry(f"the kit itself failed: {told}") from error
        raise Broken("raises", described(error)) from error


def _is_ours(error):
    """True if nothing but the kit, and what Python brings along, was at work
    when `error` was raised."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    modules = (str(frame.f_globals.get("__name__")) for frame in frames)
    return all(
        module.startswith(KIT) or module.partition(".")[0] in sys.stdlib_module_names
        for module in modules
    )


def tried(function, *arguments, patience=None):
    """As `judged`, and it has to end within so many seconds."""
    with watched(patience):
        return judged(function, *arguments)


def described(error):
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def own_check(thing, name):
    """Judge by the `check` of `thing`, if it has one, which raises or returns
    False if something is wrong; a program calls the thing `name`.

    Raises: Broken.
    """
    check = getattr(thing, "check", None)
    if not callable(check):
        return
    try:
        passed = check()
    except (Exception, SystemExit) as error:
        told = f"{name}.check(): {described(error)}"
        raise Broken("own-check", told, f"{name}.check()") from error
    if passed is False:
        told = f"{name}.check() returned False"
        raise Broken("own-check", told, f"assert {name}.check() is not False")


def play(trial, steps, every=1, patience=None):
    """Do `steps` in a fresh trial, with a check after each `every`, and end
    it. Returns the Broken, or None, and how many steps it took to get there.
    Each step has so many seconds.

    Raises: CannotTry.
    """
    done = 0
    try:
        for done, step in enumerate(steps, 1):
            tried(trial.do, step, patience=patience)
            if done % every == 0:
                tried(trial.check, patience=patience)
        tried(trial.check, patience=patience)
        tried(trial.end, patience=patience)
    except Broken as broken:
        trial.abandon()
        return broken, done
    except BaseException:
        trial.abandon()
        raise
    return None, done
