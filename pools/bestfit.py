"""BestFit: blocks of any size, at the smallest free range that holds them.

Vital statistics
    Alignment: `align`, 8 to the grain. Least block: `align` bytes. Overhead:
    none per block; one node of 48 bytes per free range. Worst case: about
    M n for M bytes live and n the ratio of the largest to the least size,
    much above that of first fit (Robson 1977). Alloc and free: O(log n) for
    n free ranges. Not for several threads. Misuse: told as by MVFF.

Of several smallest ranges it takes that of the lowest address, and of the
range its low end.
Source: design/fits.md#.sol.best; Knuth, The Art of Computer Programming 1,
section 2.5; Wilson, Johnstone, Neely and Boles, Dynamic Storage Allocation: A
Survey and Critical Review, 1995
"""

from land import fields as lf
from land.sized import CBSSized
from pools import fields as p
from pools.fit import Fit
from vm.lock import walks


class BestFit(Fit):
    """The handle of a pool that takes the best fit.

    BestFit(arena, extend_by=65536, align=8, spare=0.75, arena_high=False, audit=False, label='')
    """

    class_name = "BestFitPool"
    SIG = p.BEST_SIG
    NODE_SIZE = lf.SIZED_NODE_SIZE

    def primary_land(self):
        """The class of the land of what is free."""
        return CBSSized

    def find(self, size):
        """Take the low end of the smallest range that holds `size` bytes.
        Returns as `Fit.find`."""
        if self.free_land.best_range(size, lf.LOW):
            return self.free_land.found_base
        return 0

    @walks
    def describe(self):
        """What the pool holds, as text."""
        return self.told("best fit")
