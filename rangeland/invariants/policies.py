"""Trials of our own pool classes, which predict where blocks lie.

The predictions are made from nothing but results and who owns the grains of
the arena. Source: design/invariants.md#.sol.policies
"""

from pools.mfs import MFS
from pools.mvt import MVT
from pools.point import PointedPool
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.fits import TRIALS as FIT_TRIALS
from rangeland.invariants.points import MVTTrial, PointTrial
from rangeland.invariants.regional import TRIALS as REGIONAL

# The classes of trials, by that of the pool.
TRIALS = FIT_TRIALS | dict(REGIONAL) | {MVT: MVTTrial}


class MFSTrial(AllocatorTrial):
    """A trial of an MFS pool: the unit freed last is given first."""

    also = ("placement",)
    freed = ()

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        self.freed = []

    def predict(self, size):
        """The unit freed last, if one is known."""
        return self.freed[-1] if self.freed else None

    def expect_predicted(self, address, expected, name):
        """Raises: Broken if a block lies elsewhere than predicted."""
        super().expect_predicted(address, expected, name)
        if expected is not None:
            self.freed.pop()

    def freed_block(self, block):
        """A unit more is known to be free."""
        self.freed.append(block.address)

    def do_cycle(self, size, times):
        """As it is for all; what is free then, nobody knows."""
        done = super().do_cycle(size, times)
        if done is not False:
            self.freed = []
        return done


def trial_for(make, made):
    """The class of trials for what `make` made."""
    for kind, trial in TRIALS.items():
        if isinstance(make, type) and issubclass(make, kind):
            return trial
    if isinstance(made, PointedPool):
        return PointTrial
    return MFSTrial if isinstance(made, MFS) else AllocatorTrial
