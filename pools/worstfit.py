"""WorstFit: blocks of any size, at the largest free range.

Vital statistics
    Alignment: `align`, 8 to the grain. Least block: `align` bytes. Overhead:
    none per block; one node of 40 bytes per free range. Worst case: large
    ranges are the first to be cut up, so none is left for a large block.
    Alloc and free: O(log n) for n free ranges. Not for several threads. Misuse:
    told as by MVFF.

Of several largest ranges it takes that of the lowest address, and of the
range its low end.
Source: design/fits.md#.sol.worst; Wilson, Johnstone, Neely and Boles, Dynamic
Storage Allocation: A Survey and Critical Review, 1995
"""

from land import fields as lf
from pools import fields as p
from pools.fit import Fit
from vm import results as r
from vm.lock import walks


class WorstFit(Fit):
    """The handle of a pool that takes the worst fit.

    WorstFit(arena, extend_by=65536, align=8, spare=0.75, arena_high=False, audit=False, label='')
    """

    class_name = "WorstFitPool"
    SIG = p.WORST_SIG

    def find(self, size):
        """Take the low end of the largest range, if it holds `size` bytes.
        Returns as `Fit.find`."""
        if self.free_land.flush():
            if self.free_land.primary.largest_range(size, lf.LOW):
                return self.free_land.primary.found_base
            return 0
        # A freelist would give the whole of its largest range.
        if not self.free_land.largest_range(size, lf.KEEP):
            return 0
        base = self.free_land.found_base
        return base if self.free_land.delete_range(base, base + size) == r.OK else 0

    @walks
    def describe(self):
        """What the pool holds, as text."""
        return self.told("worst fit")
