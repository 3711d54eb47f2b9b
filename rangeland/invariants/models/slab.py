"""What Slab promises: a block is the lowest free unit of the lowest slab with room.

Source: design/invariants.md#.sol.models
"""

from math import lcm

from rangeland.invariants.models.model import whole_grains
from rangeland.invariants.models.regions import RegionModel


class SlabModel(RegionModel):
    """`slabs` is {base: (unit, offsets of free units)}; other regions are blocks."""

    def __init__(self, grain, align=16, **more):
        super().__init__(grain, **more)
        self.align = align
        self.slabs = {}

    def takes(self, size):
        """The least size class from `size` on: eight steps, then four of double
        the step, and so on."""
        found, count, step = self.align, 1, self.align
        while found < size:
            if count >= 8 and count % 4 == 0:
                step *= 2
            found, count = found + step, count + 1
        return found

    def is_large(self, unit):
        """True if a block of that class has a region for itself."""
        return unit >= 4 * self.grain

    def alloc(self, size, align=None):
        """The lowest free unit of the class that is aligned, or the first of a
        new slab."""
        unit, align = self.takes(size), align or 1
        if self.is_large(unit):
            return self.get_region(unit, max(align, self.grain))
        if unit % align == 0 and align <= self.grain:
            align = 1
        fitting = [
            (base, at)
            for base, (known, free) in self.slabs.items()
            for at in free
            if known == unit and (base + at) % align == 0
        ]
        if not fitting:
            size = lcm(unit, self.grain)
            base = self.get_region(size, max(align, self.grain))
            if base is None:
                return None
            self.slabs[base] = unit, set(range(0, size, unit))
            self.idle.insert(0, base)
            fitting = [(base, 0)]
        base, at = min(fitting)
        self.slabs[base][1].remove(at)
        if base in self.idle:
            self.idle.remove(base)
        return base + at

    def free(self, address, size):
        """Free it; a slab of which nothing is left in a block is idle."""
        base = self.region_of(address)
        if base not in self.slabs:
            self.put_back(base)
        else:
            unit, free = self.slabs[base]
            free.add(address - base)
            if len(free) * unit == self.regions[base] - base:
                self.idle.insert(0, base)
        self.reduce()

    def resize(self, address, old, new):
        """A block stays in its class."""
        return self.takes(old) == self.takes(new)

    def unhook(self, base):
        """The units of the slab are free no more."""
        del self.slabs[base]

    def _runs(self, base):
        """The runs of free units of a slab: a list of (base, limit)."""
        unit, free = self.slabs[base]
        found = []
        for at in sorted(free):
            if found and found[-1][1] == base + at:
                found[-1] = found[-1][0], base + at + unit
            else:
                found.append((base + at, base + at + unit))
        return found

    def ranges(self):
        """The runs of free units of each slab, ascending."""
        return [run for base in sorted(self.slabs) for run in self._runs(base)]

    @property
    def free_size(self):
        """The bytes of free units."""
        return sum(unit * len(free) for unit, free in self.slabs.values())

    def largest(self):
        """The bytes of the largest class of which a slab has room."""
        return max((unit for unit, free in self.slabs.values() if free), default=0)

    def whole(self):
        """The bytes of whole grains in the runs of free units."""
        return whole_grains(self.ranges(), self.grain)
