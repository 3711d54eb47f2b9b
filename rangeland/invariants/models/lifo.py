"""What LIFOFit promises: blocks with boundary tags, the one freed last first.

Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.model import Model, up, whole_grains

TAG = 8
LEAST = 32


class LIFOFitModel(Model):
    """A list of what is free, headers included, and one of the extents, each
    with what came last first; `taken` is what blocks have: {address: (low, high)}."""

    def __init__(self, grain, extend_by=65536, align=8, spare=0.75, arena_high=False):
        super().__init__(grain)
        self.align, self.spare, self.extend_by = align, spare, up(extend_by, grain)
        # As much is around the blocks of an extent as the least block takes.
        self.least = up(LEAST, align)
        self.listed, self.extents, self.taken, self.sizes = [], [], {}, {}

    def takes(self, size):
        """The bytes of a block and its header."""
        return max(self.least, up(size + TAG, self.align))

    def alloc(self, size, align=None):
        """Where the block lies. An aligned one is cut out of a larger one."""
        takes = self.takes(size)
        if align is None or align <= self.align:
            return self._keep(self._obtain(takes), takes)
        found = self._obtain(takes + align + self.least)
        if found is None:
            return None
        low, high = found
        address = up(low + TAG, align)
        while 0 < address - TAG - low < self.least:
            address += align
        if low < address - TAG:
            self._release(low, address - TAG)
        return self._keep((address - TAG, self._cut(address - TAG, high, takes)), takes)

    def _keep(self, found, takes):
        if found is None:
            return None
        address = found[0] + TAG
        self.taken[address], self.sizes[address] = found, takes
        return address

    def _obtain(self, size):
        """(low, high) of a block of `size` bytes, or a little more; or None."""
        at = next((i for i, (b, x) in enumerate(self.listed) if x - b >= size), None)
        if at is None:
            if not self._extend(size):
                return None
            at = 0
        low, high = self.listed[at]
        if high - low - size >= self.least:
            self.listed[at] = low, high - size
            return high - size, high
        del self.listed[at]
        return low, high

    def _extend(self, size):
        least = up(size + self.least, self.grain)
        wanted = max(self.extend_by, least)
        base = self.source.alloc(wanted)
        if base is None and wanted != least:
            wanted = least
            base = self.source.alloc(wanted)
        if base is None:
            return False
        self.extents.insert(0, (base, base + wanted))
        self.listed.insert(0, self._inside(base, base + wanted))
        self.total += wanted
        return True

    def _inside(self, base, limit):
        """What of an extent can be in blocks."""
        return base + self.least - TAG, limit - TAG

    def _release(self, low, high):
        """It is free, with what touches it, and the first of the list."""
        for base, limit in [span for span in self.listed if span[1] == low or span[0] == high]:
            self.listed.remove((base, limit))
            low, high = min(low, base), max(high, limit)
        self.listed.insert(0, (low, high))

    def _cut(self, low, high, takes):
        """What a block of `takes` bytes does not need is free, if it is a block
        or touches what is free. Returns where the block ends."""
        rest = high - low - takes
        touches = any(base == high for base, _ in self.listed)
        if rest >= self.least or (rest and touches):
            self._release(low + takes, high)
            return low + takes
        return high

    def free(self, address, size):
        """Free it; then, as far as half of the fraction `spare` stays free,
        extents that are all free go back, the newest first."""
        self._release(*self.taken.pop(address))
        del self.sizes[address]
        limit = int(self.spare * (self.total - self.least * len(self.extents)))
        free = sum(high - low for low, high in self.listed)
        for base, end in list(self.extents) if free >= limit else ():
            inside = self._inside(base, end)
            size = inside[1] - inside[0]
            if inside in self.listed and free - size >= limit // 2:
                self.source.free(base, end - base)
                self.extents.remove((base, end))
                self.listed.remove(inside)
                self.total -= end - base
                free -= size

    def resize(self, address, old, new):
        """A block frees its end, or takes the free block behind it."""
        low, high = self.taken[address]
        takes = self.takes(new)
        if takes > high - low:
            behind = next((x for b, x in self.listed if b == high), high)
            if takes > behind - low:
                return False
            self.listed.remove((high, behind))
            high = behind
        self.taken[address] = low, self._cut(low, high, takes)
        self.sizes[address] = takes
        return True

    def ranges(self):
        """What free blocks have after their headers, in the order of the list."""
        return [(low + TAG, high) for low, high in self.listed]

    @property
    def slack(self):
        """Headers of free blocks, what is around blocks, and what they have too much."""
        rests = sum(x - b - self.sizes[at] for at, (b, x) in self.taken.items())
        return TAG * len(self.listed) + self.least * len(self.extents) + rests

    @slack.setter
    def slack(self, value):
        """It follows from all else."""

    def largest(self):
        """The bytes of the largest free block, without its header."""
        return max((high - low - TAG for low, high in self.listed), default=0)

    def whole(self):
        """The bytes of whole grains in what is free."""
        return whole_grains(self.ranges(), self.grain)
