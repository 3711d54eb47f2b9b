"""TrialMachine: what drives a trial by the rules of Hypothesis.

Each rule draws the arguments of one step and does it in the trial, which
judges; so Hypothesis chooses and shrinks, and what is judged, and how, is as
in every other run. Source: design/machines.md#.sol.rules
"""

import inspect
import sys
from time import perf_counter

from hypothesis import HealthCheck, note, settings, target
from hypothesis.control import current_build_context, currently_in_test_context
from hypothesis.stateful import RuleBasedStateMachine

from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.profiles import MACHINES, profile
from rangeland.invariants.prove import trial_of
from rangeland.invariants.shrink import shrink
from rangeland.invariants.trial import tried

# How many steps are done to make the program of a finding shorter.
BUDGET = 20_000
# Steps, and seconds, in which Hypothesis makes a finding smaller.
SHRINKING, SECONDS = 20_000, 25.0


class Shrinking:
    """What Hypothesis spends on a finding of one machine, from the first failure
    to the run that is told."""

    def __init__(self):
        self.since = None
        self.steps = 0

    def did(self, cost):
        """A step was done, so dear."""
        if self.since is not None:
            self.steps += cost

    def failed(self):
        """A run failed that is not told: once it was enough, it is the last."""
        if is_told():
            self.since = None
            return
        if self.since is None:
            self.since, self.steps = perf_counter(), 0
        if engine := _engine():
            ends = self.since + SECONDS if self.steps <= SHRINKING else perf_counter()
            engine.finish_shrinking_deadline = min(engine.finish_shrinking_deadline, ends)


def _engine():
    """The engine of Hypothesis that makes a failure smaller, or None: its five
    minutes are no setting."""
    frame = sys._getframe()
    while frame is not None:
        engine = frame.f_locals.get("self")
        if getattr(engine, "finish_shrinking_deadline", None) is not None:
            return engine
        frame = frame.f_back
    return None


class TrialMachine(RuleBasedStateMachine):
    """A machine over the trial that `make_trial` gives.

    A subclass for users has `make`, what makes the subject: a class or a
    function, of nothing or of an arena. Its TestCase has as many examples
    and steps as the profile says, until its `settings` are set.
    """

    make = None
    # What a trial has to be for the rules of this machine.
    trial_class = None
    # Steps between two checks of everything.
    every = 8

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        chosen = profile(profiles=MACHINES)
        cls.shrinking = Shrinking()
        cls.TestCase.settings = settings(
            max_examples=chosen.examples,
            stateful_step_count=chosen.steps,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )

    def __init__(self):
        super().__init__()
        self.trial = self.make_trial()
        self.steps = []
        self.number = 0

    @classmethod
    def maker(cls):
        """What makes the subject, as it stands in the class: not bound."""
        made = inspect.getattr_static(cls, "make")
        return made.__func__ if isinstance(made, (staticmethod, classmethod)) else made

    @classmethod
    def make_trial(cls):
        """A fresh trial of what `make` makes.

        Raises: CannotTry if there is none, or not for this machine.
        """
        make = cls.maker()
        # What trials it needs is found out once, by making a subject.
        known, make_trial = cls.__dict__.get("_known", (None, None))
        if known is None or known is not make:
            if make is None:
                raise CannotTry(
                    f"{cls.__name__} has no make: expected `make = ...`, a callable that makes "
                    f"what is tried, of nothing or of an arena"
                )
            make_trial = trial_of(make)
            cls._known = make, make_trial
        trial = make_trial()
        if not isinstance(trial, cls.trial_class):
            raise CannotTry(
                f"{cls.__name__} is a machine over {cls.trial_class.__name__}, but what "
                f"its `make` makes is tried by {type(trial).__name__}"
            )
        return trial

    def new(self):
        """A number that no step has used."""
        self.number += 1
        return self.number

    def picked(self, known, pick):
        """One of the numbers `known`, in their order: `pick` is any number."""
        known = list(known)
        return known[pick % len(known)]

    def do(self, *step):
        """Do one step in the trial. Returns False if it was skipped."""
        self.steps.append(step)
        self.shrinking.did(self.trial.cost)
        with _Telling(self):
            done = tried(self.trial.do, step)
            if len(self.steps) % self.every == 0:
                tried(self.trial.check)
        return done

    def aims(self):
        """(name, number) of what Hypothesis shall try to make large."""
        return ()

    def teardown(self):
        """Judge everything, and end it."""
        if self.trial is None:
            return
        if currently_in_test_context():
            for name, value in self.aims():
                target(float(value), label=name)
        with _Telling(self):
            tried(self.trial.check)
            tried(self.trial.end)
        self.trial = None

    def told(self, broken):
        """The text of a program that breaks what was `broken`, shortened."""
        steps = shrink(self.make_trial, self.steps, broken.invariant, BUDGET, self.every)[0]
        return self.make_trial().program(steps)


class _Telling:
    """The body may find something; then the machine's trial is over, and the
    program that fails goes to what Hypothesis prints, if this is printed."""

    def __init__(self, machine):
        self.machine = machine

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is None:
            return
        trial, self.machine.trial = self.machine.trial, None
        trial.abandon()
        if not currently_in_test_context() or not isinstance(error, Broken):
            return
        self.machine.shrinking.failed()
        if is_told():
            note(f"The same without Hypothesis:\n\n{self.machine.told(error)}")


def is_told():
    """True in the run that Hypothesis prints: the last, of the smallest failure."""
    return currently_in_test_context() and current_build_context().is_final
