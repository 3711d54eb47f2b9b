"""Trials of our own pool classes, beside models of what they promise.

Source: design/invariants.md#.sol.policies
"""

from pools.mfs import MFS
from pools.mvt import MVT
from pools.point import PointedPool
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.fits import TRIALS as FIT_TRIALS
from rangeland.invariants.modelled import ModelTrial
from rangeland.invariants.models.mfs import MFSModel
from rangeland.invariants.points import PointTrial
from rangeland.invariants.regional import TRIALS as REGIONAL
from rangeland.invariants.temporal import MVTTrial

# The classes of trials, by that of the pool.
TRIALS = FIT_TRIALS | REGIONAL | {MVT: MVTTrial}


class MFSTrial(ModelTrial):
    """A trial of an MFS pool, whatever it was made with."""

    def make_model(self):
        """The model of a pool of that unit, with the extents that it has."""
        pool = self.pool
        extends = "extends itself: yes" in pool.describe()
        model = MFSModel(self.arena.grain_size, pool.client_size, pool.extend_by, extends)
        model.total = pool.total_size
        model.units = list(pool.free_units())[::-1]
        model.used = (pool.total_size - pool.free_size) // pool.unit_size
        return model

    def _may_refuse(self):
        return not self.model.extends


def trial_for(make, made):
    """The class of trials for what `make` made."""
    for kind, trial in TRIALS.items():
        if isinstance(make, type) and issubclass(make, kind):
            return trial
    if isinstance(made, PointedPool):
        return PointTrial
    return MFSTrial if isinstance(made, MFS) else AllocatorTrial
