"""A machine over the making of arenas, which may be refused at any point.

Source: design/machines.md#.sol.arenas
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from rangeland.invariants import strategies as some
from rangeland.invariants.bootstrap import MOST_ARENAS, BootstrapTrial
from rangeland.invariants.machines.base import TrialMachine

which = st.integers(0, 1 << 20)


class BootstrapMachine(TrialMachine):
    """Arenas come into being, or not, and go, in one small space: the
    machine refuses, limits are near, and others hold addresses."""

    trial_class = BootstrapTrial

    @classmethod
    def make_trial(cls):
        """A fresh trial of a space without arenas."""
        return cls.trial_class()

    @initialize(checked=st.booleans())
    def begin(self, checked):
        """The space."""
        self.do("begin", checked)

    @precondition(lambda self: len(self.trial.arenas) < MOST_ARENAS)
    @rule(
        size=some.sizes(1, 1 << 22) | st.just(1 << 27),
        grain_size=st.sampled_from((*some.GRAINS, 1 << 20)),
        zoned=st.booleans(),
        limit=st.none() | st.integers(0, 60) | st.just(1 << 20),
    )
    def create(self, size, grain_size, zoned, limit):
        """An arena, with a commit limit of so many grains."""
        self.do("create", self.new(), size, grain_size, zoned, limit)

    @precondition(lambda self: self.trial.arenas)
    @rule(pick=which)
    def destroy(self, pick):
        """An arena goes."""
        self.do("destroy", self.picked(self.trial.arenas, pick))

    @rule(pages=st.sampled_from((1, 2, 16, 4096, 16384)))
    def reserve(self, pages):
        """Addresses that somebody else sets aside."""
        self.do("reserve", self.new(), pages)

    @precondition(lambda self: self.trial.held)
    @rule(pick=which)
    def release(self, pick):
        """Such addresses go back."""
        self.do("release", self.picked(self.trial.held, pick))

    @rule(kind=some.fault_kinds(), nth=st.integers(1, 14), count=some.fault_counts())
    def refuse(self, kind, nth, count):
        """The machine refuses some attempts."""
        self.do("refuse", kind, nth, count)

    @rule()
    def relent(self):
        """The machine refuses nothing any more."""
        self.do("relent")

    def aims(self):
        """How many arenas."""
        yield "arenas", len(self.trial.arenas)
