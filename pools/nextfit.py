"""NextFit: blocks of any size, at the first free range that holds them after
the last block given out.

Vital statistics
    Alignment: `align`, 8 to the grain. Least block: `align` bytes. Overhead:
    none per block; one node of 40 bytes per free range. Blocks of different
    lifetimes are spread over all the memory: in simulations it fragmented more
    than first fit and best fit (Bays 1977). Alloc and free: O(log n) for n
    free ranges. Not for several threads. Misuse: told as by MVFF.

The address at which the last block ended, the rover, is a word of the
descriptor. A search begins with the range that contains or follows it, and
goes round to the lowest range if nothing fits up to the end. Of the range it
takes the low end.
Source: design/fits.md#.sol.next; Knuth, The Art of Computer Programming 1,
section 2.5; Bays, A Comparison of Next-fit, First-fit, and Best-fit,
Communications of the ACM 20 (3), 1977
"""

from land import fields as lf
from pools import fields as p
from pools.fit import Fit
from vm import mmu
from vm.lock import walks


class NextFit(Fit):
    """The handle of a pool that takes the next fit.

    NextFit(arena, extend_by=65536, align=8, spare=0.75, arena_high=False, audit=False, label='')
    """

    class_name = "NextFitPool"
    SIG = p.NEXT_SIG

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        Fit.init(self, arena_address, **options)
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        w[n + p.ROVER] = 0

    @property
    def rover(self):
        """The address where the next search begins: 0 before the first block."""
        self._expect_alive()
        return self._word(p.ROVER)

    def find(self, size):
        """Take the low end of the next range that holds `size` bytes.
        Returns as `Fit.find`."""
        n = mmu.at(self.space, self.address, p.FIT_SIZE)
        w = self.space.words
        if w[n + p.ROVER] and not self.space.base <= w[n + p.ROVER] <= self.space.limit:
            return self._bad(p.ROVER, "an address, or 0")
        if not self.free_land.next_range(w[n + p.ROVER], size, lf.LOW):
            if not self.free_land.next_range(0, size, lf.LOW):
                return 0
        w[n + p.ROVER] = self.free_land.found_limit
        return self.free_land.found_base

    def alloc_aligned(self, size, align):
        """As `Fit.alloc_aligned`; the rover is where the block ends, and not
        the larger one that it was cut out of."""
        address = Fit.alloc_aligned(self, size, align)
        if address > 0:
            n = mmu.at(self.space, self.address, p.FIT_SIZE)
            self.space.words[n + p.ROVER] = address + self.block_size(size)
        return address

    @walks
    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mvff.check)."""
        Fit.check(self)
        rover = self._word(p.ROVER)
        here = self.space.base <= rover <= self.space.limit
        assert rover % self.align == 0 and (rover == 0 or here), "the rover is an address, or 0"

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        return self.told(f"next fit from {self._word(p.ROVER):#x}")
