"""What Buddy promises: blocks of 2^k bytes at multiples of 2^k, and halves of them.

Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.regions import RegionModel

# No block is larger than this.
MOST = 1 << 60


class BuddyModel(RegionModel):
    """Free blocks by their sizes, {size: bases}, of which the last came last."""

    def __init__(self, grain, extend_by=65536, min_size=16, **more):
        super().__init__(grain, **more)
        self.min_size = min_size
        self.extend_by = _doubled(grain, extend_by)
        self.blocks = {}

    def takes(self, size):
        """The bytes of a block for `size`."""
        return _doubled(self.min_size, size)

    def alloc(self, size, align=None):
        """The low end of the free block that came last of the least size that
        holds it; for an alignment, that of a block of so many bytes."""
        size = self.takes(size)
        least = max(size, self.takes(align or 1))
        fitting = [each for each, bases in self.blocks.items() if each >= least and bases]
        found = min(fitting, default=None) or self._extend(least)
        if found is None:
            return None
        address = self.blocks[found].pop()
        if address in self.idle:
            self.idle.remove(address)
        while found > size:
            found //= 2
            self._add(address + found, found)
        return address

    def _add(self, base, size):
        self.blocks.setdefault(size, []).append(base)

    def _extend(self, size):
        """The bytes of a new free region for a block of `size`, or None."""
        if size > MOST:
            return None
        least = max(size, self.grain)
        wanted = max(size, self.extend_by)
        base = self.get_region(wanted, wanted)
        if base is None and wanted > least:
            wanted = least
            base = self.get_region(wanted, wanted)
        if base is None:
            return None
        self._add(base, wanted)
        self.idle.insert(0, base)
        return wanted

    def free(self, address, size):
        """Free it, and make it whole with its buddy as long as that is free."""
        size = self.takes(size)
        base = self.region_of(address)
        while size < self.regions[base] - base:
            low = address - (address - base) % (2 * size)
            buddy = low if address != low else low + size
            if buddy not in self.blocks.get(size, ()):
                break
            self.blocks[size].remove(buddy)
            address, size = low, 2 * size
        self._add(address, size)
        if size == self.regions[base] - base:
            self.idle.insert(0, base)
        self.reduce()

    def resize(self, address, old, new):
        """A block gives its upper halves back, or takes free buddies above it."""
        old, new = self.takes(old), self.takes(new)
        base = self.region_of(address)
        if new > self.regions[base] - base:
            return False
        buddies = []
        while old < new:
            if (address - base) % (2 * old) or address + old not in self.blocks.get(old, ()):
                return False
            buddies.append((address + old, old))
            old *= 2
        for buddy, size in buddies:
            self.blocks[size].remove(buddy)
        if old > new:
            while old > new:
                old //= 2
                self._add(address + old, old)
            self.reduce()
        return True

    def unhook(self, base):
        """The one free block of the region is free no more."""
        self.blocks[self.regions[base] - base].remove(base)

    def ranges(self):
        """The free blocks, ascending."""
        return sorted((b, b + size) for size, bases in self.blocks.items() for b in bases)

    def largest(self):
        """The bytes of the largest free block."""
        return max((size for size, bases in self.blocks.items() if bases), default=0)


def _doubled(least, size):
    """The least of `least`, its double, the double of that ... from `size` on."""
    while least < size:
        least *= 2
    return least
