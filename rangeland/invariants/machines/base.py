"""TrialMachine: what drives a trial by the rules of Hypothesis.

Each rule draws the arguments of one step and does it in the trial, which
judges; so Hypothesis chooses and shrinks, and what is judged, and how, is as
in every other run. Source: design/machines.md#.sol.rules
"""

import inspect

from hypothesis import note, target
from hypothesis.control import currently_in_test_context
from hypothesis.stateful import RuleBasedStateMachine

from rangeland.invariants.finding import Broken
from rangeland.invariants.trial import judged

# Steps between two checks of everything.
EVERY = 8


class TrialMachine(RuleBasedStateMachine):
    """A machine over the trial that `make_trial` gives.

    A subclass for users has `make`, what makes the subject: a class or a
    function, of nothing or of an arena.
    """

    make = None

    def __init__(self):
        super().__init__()
        self.trial = self.make_trial()
        self.steps = []

    @classmethod
    def maker(cls):
        """What makes the subject, as it stands in the class: not bound."""
        made = inspect.getattr_static(cls, "make")
        return made.__func__ if isinstance(made, (staticmethod, classmethod)) else made

    def make_trial(self):
        """A fresh trial."""
        raise NotImplementedError

    def do(self, *step):
        """Do one step in the trial. Returns False if it was skipped."""
        self.steps.append(step)
        try:
            done = judged(self.trial.do, step)
            if len(self.steps) % EVERY == 0:
                judged(self.trial.check)
        except Broken:
            self._tell()
            raise
        return done

    def _tell(self):
        """Add the program that fails to what Hypothesis prints."""
        program = self.make_trial().program(self.steps)
        note(f"The same without Hypothesis:\n\n{program}")
        self.trial.abandon()
        self.trial = None

    def aims(self):
        """(name, number) of what Hypothesis shall try to make large."""
        return ()

    def teardown(self):
        """Judge everything, and end it."""
        trial, self.trial = self.trial, None
        if trial is None:
            return
        if currently_in_test_context():
            for name, value in self.aims_of(trial):
                target(float(value), label=name)
        try:
            judged(trial.check)
            judged(trial.end)
        except Broken:
            self.trial = trial
            self._tell()
            raise

    def aims_of(self, trial):
        """The aims, while `trial` is still there."""
        self.trial = trial
        try:
            return list(self.aims())
        finally:
            self.trial = None
