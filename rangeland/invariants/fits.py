"""Trials of pools that take one range of many: which one, their models say.

Source: design/invariants.md#.sol.models
"""

from pools.bestfit import BestFit
from pools.lifofit import LIFOFit
from pools.mvff import MVFF
from pools.nextfit import NextFit
from pools.worstfit import WorstFit
from rangeland.invariants.finding import Broken
from rangeland.invariants.modelled import ModelTrial
from rangeland.invariants.models.fit import (
    BestFitModel,
    MVFFModel,
    NextFitModel,
    WorstFitModel,
)
from rangeland.invariants.models.lifo import LIFOFitModel
from rangeland.invariants.ranges import joined

EXTENDS = (1, 4096, 16384, 65536, 65536)
# The keywords of fit pools that trials draw, in the order of steps.
FIT_DEFAULTS = {"extend_by": 65536, "align": 8, "spare": 0.75, "arena_high": False}
# Of so many runs of a LIFOFit pool: so many teeth, numbered from this on.
COMBED, TEETH, COMB = 0.06, 530, 4_000_000
MVFF_DEFAULTS = FIT_DEFAULTS | {"slot_high": False, "first_fit": True}


class FitTrial(ModelTrial):
    """A trial of a fit pool of drawn keywords, beside its `model_class`."""

    DEFAULTS = FIT_DEFAULTS
    model_class = None

    def drawn(self, rng):
        """The keywords of the pool."""
        return (
            rng.choice(EXTENDS),
            rng.choice((8, 8, 8, 16, 64, 256, 4096)),
            rng.choice((0, 0.25, 0.5, 0.75, 0.75, 1)),
            rng.random() < 0.5,
        )

    def make_model(self):
        """The model of a pool of these keywords."""
        return self.model_class(self.arena.grain_size, **self.policy)


class RangesTrial(FitTrial):
    """A trial of a pool of address ranges. As long as nodes are refused some of
    these lie in the list behind the tree: it may take another then, so what it
    did is only judged as a set."""

    is_flushed = True

    def follow_by(self, verb, arguments, answer):
        """As `follow`, of one operation; if a node was refused, it is believed
        which range was taken, and what was given back."""
        self.is_flushed = not self.others_refused
        if self.is_flushed:
            super().follow_by(verb, arguments, answer)
        else:
            self._believe(verb, arguments, answer)

    def _believe(self, verb, arguments, answer):
        model, source = self.model, self.model.source
        if verb in ("alloc", "aligned"):
            self._believe_asked(source)
            if answer is not None:
                self._believe_taken(answer, self.accounts.rounded(arguments[-1]))
            return
        if verb == "free":
            address, size = arguments
            model.free_ranges.insert(address, address + self.accounts.rounded(size))
        else:
            address, *sizes = arguments
            old, new = map(self.accounts.rounded, sizes)
            if answer and old < new:
                self._believe_taken(address + old, new - old)
            elif answer and new < old:
                model.free_ranges.insert(address + new, address + old)
        while source.told:
            _, size, base = source.told.popleft()
            self._believe_free(base, size)
            model.gave(base, size)

    def _believe_asked(self, source):
        while source.told:
            verb, size, base = source.told.popleft()
            if base is not None and not source.is_undone(base, size):
                self.model.got(base, size)

    def _believe_free(self, base, size):
        if self.model.free_ranges.around(base, base + size) is None:
            told = f"[{base:#x}, {base + size:#x}) is not free"
            raise Broken("placement", f"{told}: expected one of {self.model.ranges()}")

    def _believe_taken(self, base, size):
        self._believe_free(base, size)
        self.model.free_ranges.delete(base, base + size)
        self.model.placed(base + size)

    def expect_accounts(self):
        """As it is for all; ranges that touch may be two while nodes are refused."""
        if self.is_flushed:
            super().expect_accounts()

    def _expect_ranges(self, expected):
        if self.is_flushed:
            return super()._expect_ranges(expected)
        found = joined(self.own().free_ranges())
        if found != expected:
            told = f"the free ranges are {found}: expected {expected}"
            raise Broken("accounts", told)


class MVFFTrial(RangesTrial):
    """A trial of an MVFF pool: the first range or the last, of it either end."""

    DEFAULTS = MVFF_DEFAULTS
    model_class = MVFFModel

    def drawn(self, rng):
        """The keywords of the pool."""
        return *super().drawn(rng), rng.random() < 0.5, rng.random() < 0.6

    def do_begin(self, *options):
        """As it is for all; a pool that asks for little has a small mean size."""
        if options[3:4] and options[3] < 32:
            self.more = {"mean_size": 1}
        return super().do_begin(*options)


class BestFitTrial(RangesTrial):
    """A trial of a BestFit pool."""

    model_class = BestFitModel


class WorstFitTrial(RangesTrial):
    """A trial of a WorstFit pool."""

    model_class = WorstFitModel


class NextFitTrial(RangesTrial):
    """A trial of a NextFit pool."""

    model_class = NextFitModel

    def expect_accounts(self):
        """As it is for all, and the rover."""
        super().expect_accounts()
        if self.pool.rover != self.model.rover:
            raise Broken(
                "placement",
                f"the rover is {self.pool.rover:#x}: expected {self.model.rover:#x}",
                f"assert pool.rover == {self.model.rover}",
            )


class LIFOFitTrial(FitTrial):
    """A trial of a LIFOFit pool."""

    model_class = LIFOFitModel
    combs = False

    def choose(self, rng):
        """The next step at random; now and then there are many free blocks at first."""
        step = super().choose(rng)
        if step[0] == "begin":
            self.combs = rng.random() < COMBED
        elif self.combs:
            self.combs = False
            return "comb", rng.choice((8, 24, 24, 100))
        return step

    def do_comb(self, size):
        """So many blocks that those between which one is free are more than one list has;
        then blocks of many sizes."""
        if self.pool is None:
            return False
        for number in range(COMB, COMB + 2 * TEETH):
            self.do_alloc(number, size)
        for number in range(COMB, COMB + 2 * TEETH, 2):
            self.do_free(number)
        for i in range(1, 60):
            self.do_alloc(COMB + 2 * TEETH + i, size * i % 300 + 1)
            self.do_free(COMB + 2 * TEETH + i // 2)
            self.do_free(COMB + 14 * i + 1)
        return True

    def other_sizes(self, size):
        """Whatever takes other bytes."""
        return size - self.align, size + self.align

    def expect_accounts(self):
        """As it is for all, and the extents, newest first."""
        super().expect_accounts()
        if self.pool.extents != self.model.extents:
            told = f"the extents are {self.pool.extents}: expected {self.model.extents}"
            raise Broken("accounts", told)


TRIALS = {
    MVFF: MVFFTrial,
    BestFit: BestFitTrial,
    WorstFit: WorstFitTrial,
    NextFit: NextFitTrial,
    LIFOFit: LIFOFitTrial,
}
