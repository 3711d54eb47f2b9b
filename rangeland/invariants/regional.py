"""Trials of our pool classes over regions: Buddy, SegFit and Slab.

Source: design/invariants.md#.sol.models
"""

from pools.buddy import Buddy
from pools.segfit import SegFit
from pools.slab import Slab
from rangeland.invariants.finding import Broken
from rangeland.invariants.modelled import ModelTrial
from rangeland.invariants.models.buddy import BuddyModel
from rangeland.invariants.models.segfit import SegFitModel
from rangeland.invariants.models.slab import SlabModel
from rangeland.invariants.rounding import rounding_of

SPARES = (0, 0.25, 0.5, 0.75, 0.75, 1)
BYTES = (1, 4096, 16384, 65536, 65536)


class RegionTrial(ModelTrial):
    """A trial of a pool over regions, beside its `model_class`."""

    model_class = None

    def make_model(self):
        """The model of a pool of these keywords."""
        return self.model_class(self.arena.grain_size, **self.policy)

    def expect_accounts(self):
        """As it is for all, and the regions, and how many are idle."""
        super().expect_accounts()
        spans = sorted(self.model.regions.items())
        if self.pool.spans() != spans:
            raise Broken("accounts", f"the regions are {self.pool.spans()}: expected {spans}")
        idle = len(self.pool.regions(idle=True))
        if idle != len(self.model.idle):
            raise Broken("accounts", f"{idle} regions are idle: expected {len(self.model.idle)}")


class BuddyTrial(RegionTrial):
    """A trial of a Buddy pool."""

    DEFAULTS = {"extend_by": 65536, "min_size": 16, "spare": 0.75, "arena_high": False}
    model_class = BuddyModel

    @staticmethod
    def drawn(rng):
        """The keywords of the pool."""
        return (
            rng.choice(BYTES),
            rng.choice((16, 16, 32, 256, 4096)),
            rng.choice(SPARES),
            rng.random() < 0.5,
        )

    def other_sizes(self, size):
        """Of the orders beside that of the block."""
        taken = rounding_of(self.pool)(size)
        return taken // 2, taken + 1


class SegFitTrial(RegionTrial):
    """A trial of a SegFit pool."""

    DEFAULTS = {"extend_by": 65536, "direct_above": 1 << 18, "spare": 0.75, "arena_high": False}
    model_class = SegFitModel

    @staticmethod
    def drawn(rng):
        """The keywords of the pool."""
        return (
            rng.choice(BYTES),
            rng.choice((0, 500, 5000, 1 << 18, 1 << 18)),
            rng.choice(SPARES),
            rng.random() < 0.5,
        )

    def other_sizes(self, size):
        """Of so much less or more that another chunk, or more grains, would be taken."""
        least = 2 * self.arena.grain_size if size > self.policy["direct_above"] else 48
        return size - least, size + least


class SlabTrial(RegionTrial):
    """A trial of a Slab pool, which has its free ranges in no order."""

    DEFAULTS = {"align": 16, "spare": 0.75, "arena_high": False}
    model_class = SlabModel

    @staticmethod
    def drawn(rng):
        """The keywords of the pool."""
        return rng.choice((8, 16, 16, 64, 256)), rng.choice(SPARES), rng.random() < 0.5

    def other_sizes(self, size):
        """Of the classes beside that of the block."""
        taken = rounding_of(self.pool)(size)
        return taken // 2, taken + 1

    def _expect_ranges(self, expected):
        found = sorted(self.pool.free_ranges())
        if found != expected:
            raise Broken("accounts", f"the free ranges are {found}: expected {expected}")


TRIALS = {Buddy: BuddyTrial, SegFit: SegFitTrial, Slab: SlabTrial}
