"""What pools over regions promise: Buddy, SegFit and Slab get memory as regions,
and give back those that are all free.

Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.model import Model, up


class RegionModel(Model):
    """`regions` is {base: limit} of all, `idle` the bases of those that are all
    free, the one that became so last first."""

    def __init__(self, grain, spare=0.75, arena_high=False):
        super().__init__(grain)
        self.spare = spare
        self.regions, self.idle = {}, []

    def get_region(self, size, align):
        """The base of a region of `size` bytes at a multiple of `align`, or None.
        Where the arena's choice is not aligned, more is got and trimmed."""
        base = self.source.alloc(size)
        if base is not None and base % align:
            self.source.free(base, size)
            more = align - self.grain
            base = self.source.alloc(size + more)
            if base is not None:
                aligned = up(base, align)
                for low, high in ((base, aligned), (aligned + size, base + size + more)):
                    if low < high:
                        self.source.free(low, high - low)
                base = aligned
        # Without a descriptor the grains go back.
        if base is None or self.source.is_undone(base, size):
            return None
        self.regions[base] = base + size
        self.total += size
        return base

    def put_back(self, base):
        """The region goes back."""
        limit = self.regions.pop(base)
        self.total -= limit - base
        self.source.free(base, limit - base)

    def region_of(self, address):
        """The base of the region that holds `address`."""
        return next(b for b, x in self.regions.items() if b <= address < x)

    def reduce(self):
        """Idle regions go back, the one that came last first, while more than the
        fraction `spare` of the memory is free."""
        while self.idle and self.free_size > int(self.spare * self.total):
            base = self.idle.pop(0)
            self.unhook(base)
            self.put_back(base)

    def unhook(self, base):
        """The memory of an idle region is free no more."""
        raise NotImplementedError
