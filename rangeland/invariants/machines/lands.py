"""Machines over lands: one, and several that have to agree.

Source: design/machines.md#.sol.lands
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from rangeland.invariants import strategies as some
from rangeland.invariants.agreement import LANDS, AgreementTrial
from rangeland.invariants.land import LandTrial
from rangeland.invariants.land_judge import SPAN
from rangeland.invariants.machines.base import TrialMachine

CELL = 64
CELLS = 64
WORD = 8
which = st.integers(0, 1 << 20)
# Mostly on a raster, so that edges meet; but a land has to take any word.
units = st.sampled_from((CELL, CELL, WORD))
few = some.ranges(CELL * CELLS, CELL) | some.ranges(CELL * CELLS, WORD)
has_ranges = precondition(lambda self: list(self.trial.model))


class RangeMachine(TrialMachine):
    """What may be done with any set of ranges."""

    @rule(range=few)
    def insert(self, range):
        """Anything in few places: it may overlap."""
        self.do("insert", *range)

    @rule(range=some.ranges(SPAN, CELL))
    def insert_anywhere(self, range):
        """Anything anywhere."""
        self.do("insert", *range)

    @rule(range=few)
    def delete(self, range):
        """Anything: it may not be there."""
        self.do("delete", *range)

    def _range(self, pick):
        """A range of the land, from the beginning of memory."""
        base, limit = self.picked(self.trial.model, pick)
        return base - self.trial.base, limit - self.trial.base

    @has_ranges
    @rule(pick=which, left=st.integers(0, 3), right=st.integers(0, 3), unit=units)
    def delete_inside(self, pick, left, right, unit):
        """A range, one end of it, or its middle."""
        lo, hi = self._range(pick)
        lo, hi = lo + left * unit, hi - right * unit
        if lo < hi:
            self.do("delete", lo, hi)

    @has_ranges
    @rule(pick=which, count=st.integers(1, 3), above=st.booleans(), unit=units)
    def insert_beside(self, pick, count, above, unit):
        """What touches a range."""
        lo, hi = self._range(pick)
        lo, hi = (hi, hi + count * unit) if above else (lo - count * unit, lo)
        if 0 <= lo and hi <= SPAN:
            self.do("insert", lo, hi)

    @rule(
        which=st.sampled_from(("first", "last", "largest")),
        count=st.integers(1, 12),
        unit=units,
        mode=st.sampled_from(("none", "low", "high", "entire")),
    )
    def find(self, which, count, unit, mode):
        """What is large enough."""
        self.do("find", which, count * unit, mode)

    @has_ranges
    @rule(
        pick=which,
        which=st.sampled_from(("first", "last", "largest")),
        mode=st.sampled_from(("low", "high")),
    )
    def find_exactly(self, pick, which, mode):
        """What is just as large as one of the ranges."""
        lo, hi = self._range(pick)
        self.do("find", which, hi - lo, mode)

    @rule(
        count=st.integers(1, 200),
        unit=units,
        zones=some.zone_sets(),
        high=st.booleans(),
    )
    def zones(self, count, unit, zones, high):
        """What lies in some zones."""
        self.do("zones", count * unit, zones, high)

    @rule(modulus=st.integers(1, 5), enters=st.booleans())
    def visit(self, modulus, enters):
        """Every range, some of which go."""
        self.do("visit", modulus, enters)


class LandMachine(RangeMachine):
    """Any land: `make` makes something with `insert` and `delete`."""

    trial_class = LandTrial

    @initialize(align=st.sampled_from((8, 8, 64)))
    def begin(self, align):
        """Make the land."""
        self.do("begin", align)

    @rule(nth=st.integers(1, 3), count=st.sampled_from((1, 2, 40)))
    def refuse(self, nth, count):
        """Nodes are refused."""
        self.do("refuse", nth, count)

    @rule()
    def relent(self):
        """Nodes for all again."""
        self.do("relent")

    def aims(self):
        """How many ranges, and how far down the last walk in a tree went."""
        if self.trial.land is not None:
            yield "ranges", len(list(self.trial.model))
            tree = getattr(self.trial.land, "tree", None)
            if tree is not None:
                yield "levels", tree.depth


class LandAgreement(RangeMachine):
    """Several lands driven alike, which `makes` make, each of an arena: they
    have to agree with the first, step by step, in checked memory."""

    makes = LANDS
    every = 1

    @classmethod
    def make_trial(cls):
        """A fresh trial of all the lands."""
        return AgreementTrial(cls.makes, checked=True)

    @initialize(range=few)
    def begin(self, range):
        """Make the lands, with something in them."""
        self.do("insert", *range)

    def aims(self):
        """How many ranges."""
        if self.trial.lands:
            yield "ranges", len(self.trial.model)
