"""What MFS promises: units of one size, the one freed last first.

Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.model import Model, up

HEADER = 16


class MFSModel(Model):
    """`units` are the free ones, of which the last comes first; `count` of all
    that were made are in extents."""

    def __init__(self, grain, unit_size, extend_by, extends=True):
        super().__init__(grain)
        self.client, self.unit = unit_size, up(max(unit_size, 8), 8)
        self.extend_by = up(max(extend_by, HEADER + self.unit), grain)
        self.extends = extends
        self.units, self.used = [], 0

    def alloc(self, size, align=None):
        """The unit freed last; those of a new extent come in ascending order."""
        if not self.units:
            if not self.extends:
                return None
            base = self.source.alloc(self.extend_by)
            if base is None:
                return None
            self.total += self.extend_by - HEADER
            count = (self.extend_by - HEADER) // self.unit
            self.units = [base + HEADER + i * self.unit for i in reversed(range(count))]
        self.used += 1
        return self.units.pop()

    def free(self, address, size):
        """The unit is the next to be given."""
        self.used -= 1
        self.units.append(address)

    def resize(self, address, old, new):
        """A unit holds what it was made for."""
        return new <= self.client

    @property
    def free_size(self):
        """All but what the units in use take, what is left of extents included."""
        return self.total - self.used * self.unit

    def ranges(self):
        """Each free unit, the next one first."""
        return [(unit, unit + self.unit) for unit in reversed(self.units)]

    def has_few(self, most):
        """As for all models, without a list of all."""
        return len(self.units) <= most

    def largest(self):
        """The client's unit, if one is free."""
        return self.client if self.units else 0

    def whole(self):
        """Nothing of it ever goes back, so no grain is free."""
        return 0
