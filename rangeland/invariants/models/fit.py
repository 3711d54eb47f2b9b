"""What MVFF, BestFit, WorstFit and NextFit promise: free memory is a set of ranges.

Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.model import Model, down, up
from rangeland.invariants.ranges import Ranges


class FitModel(Model):
    """Of the ranges that hold a block `choose` takes one."""

    def __init__(self, grain, extend_by=65536, align=8, spare=0.75, arena_high=False, **more):
        super().__init__(grain, **more)
        self.align, self.spare = align, spare
        self.extend_by = up(extend_by, grain)
        self.free_ranges, self.owned = Ranges(), Ranges()

    def choose(self, fitting, size):
        """Of the ranges `fitting`, ascending, where in one of them the block lies."""
        raise NotImplementedError

    def alloc(self, size, align=None):
        """Where the block lies: of a larger one, the first that is aligned."""
        size = up(size, self.align)
        if align is None or align <= self.align:
            return self._place(size)
        base = self._place(size + align - self.align)
        if base is None:
            return None
        address = up(base, align)
        for low, high in ((base, address), (address + size, base + size + align - self.align)):
            if low < high:
                self.free_ranges.insert(low, high)
        self.placed(address + size)
        return address

    def placed(self, limit):
        """A block was made that ends there."""

    def _place(self, size):
        found = self._find(size)
        if found is None and self._extend(size):
            found = self._find(size)
        return found

    def _find(self, size):
        fitting = self.free_ranges.fitting(size)
        if not fitting:
            return None
        address = self.choose(fitting, size)
        self.free_ranges.delete(address, address + size)
        self.placed(address + size)
        return address

    def _extend(self, size):
        least = up(size, self.grain)
        wanted = max(self.extend_by, least)
        base = self.source.alloc(wanted)
        if base is None and wanted != least:
            wanted = least
            base = self.source.alloc(wanted)
        if base is None or self.source.is_undone(base, wanted):
            return False
        self.got(base, wanted)
        return True

    def got(self, base, size):
        """The pool has so much more of the arena."""
        self.owned.insert(base, base + size)
        self.free_ranges.insert(base, base + size)
        self.total += size

    def gave(self, base, size):
        """The pool has given so much back."""
        self.owned.delete(base, base + size)
        self.free_ranges.delete(base, base + size)
        self.total -= size

    def free(self, address, size):
        """Free it; from the fraction `spare` on, the tops of the largest ranges
        go back until half of that is left, in whole grains."""
        self.free_ranges.insert(address, address + up(size, self.align))
        free, limit = self.free_ranges.size, int(self.spare * self.total)
        target = limit // 2
        while limit <= free and target < self.free_ranges.size:
            most = max(x - b for b, x in self.free_ranges)
            base, limit_of = next((b, x) for b, x in self.free_ranges if x - b == most)
            low, high = up(base, self.grain), down(limit_of, self.grain)
            if low >= high:
                break
            low = max(low, high - up(self.free_ranges.size - target, self.grain))
            self.source.free(low, high - low)
            self.gave(low, high - low)

    def resize(self, address, old, new):
        """A block gives its end back, or takes of the range behind it."""
        old, new = up(old, self.align), up(new, self.align)
        if new < old:
            self.free(address + new, old - new)
        elif new > old:
            if self.free_ranges.around(address + old, address + new) is None:
                return False
            self.free_ranges.delete(address + old, address + new)
        return True

    def ranges(self):
        """The free ranges, ascending."""
        return list(self.free_ranges)

    def largest(self):
        """The bytes of the largest range."""
        return max((limit - base for base, limit in self.free_ranges), default=0)


class MVFFModel(FitModel):
    """The first range or the last, and of that either end."""

    def __init__(self, grain, first_fit=True, slot_high=False, **more):
        super().__init__(grain, **more)
        self.first_fit, self.slot_high = first_fit, slot_high

    def choose(self, fitting, size):
        """The low or the high end of the first or the last."""
        base, limit = fitting[0 if self.first_fit else -1]
        return limit - size if self.slot_high else base


class BestFitModel(FitModel):
    """No range that fits is smaller."""

    def choose(self, fitting, size):
        """The low end of the smallest, the first of equals."""
        return min(fitting, key=lambda span: span[1] - span[0])[0]


class WorstFitModel(FitModel):
    """No range is larger."""

    def choose(self, fitting, size):
        """The low end of the largest, the first of equals."""
        return max(fitting, key=lambda span: span[1] - span[0])[0]


class NextFitModel(FitModel):
    """The search goes on where the last block ended."""

    rover = 0

    def choose(self, fitting, size):
        """The low end of the first that ends after the rover, or of the first."""
        return next((b for b, x in fitting if x > self.rover), fitting[0][0])

    def placed(self, limit):
        """The rover is where the block ends."""
        self.rover = limit
