"""The handle of a bit table in simulated memory (design/vm.md#.sol.bits)."""

from vm import bits, mmu
from vm.results import DamageError


class BitTable:
    """The handle of a table of `length` bits at `address` in a space."""

    def __init__(self, space, address, length):
        self.space = space
        self.address = address
        self.length = length

    def _words(self, lo, hi):
        if lo < 0 or lo >= hi or hi > self.length:
            return self._beyond(lo, hi)
        first = self.address + (lo >> 6 << 3)
        last = self.address + ((hi - 1) >> 6 << 3)
        return mmu.at(self.space, first, last + 8 - first) - (lo >> 6)

    def _beyond(self, lo, hi):
        raise DamageError(
            f"bit table at {self.address:#x}: asked for the bits from {lo} to {hi}: "
            f"expected some of {self.length}"
        )

    def get(self, i):
        """Bit i, 0 or 1."""
        return (self.space.words[self._words(i, i + 1) + (i >> 6)] >> (i & 63)) & 1

    def set_range(self, lo, hi):
        """Set the bits lo to hi - 1; lo < hi. Cost: O(words)."""
        bits.set_range(self.space.words, self._words(lo, hi), lo, hi)
        return 0

    def reset_range(self, lo, hi):
        """Reset the bits lo to hi - 1; lo < hi. Cost: O(words)."""
        bits.reset_range(self.space.words, self._words(lo, hi), lo, hi)
        return 0

    def next_set(self, lo, hi):
        """The first set bit in [lo, hi), or hi. Cost: O(words)."""
        if lo >= hi:
            return hi
        return bits.next_bit(self.space.words, self._words(lo, hi), lo, hi, 0)

    def next_reset(self, lo, hi):
        """The first reset bit in [lo, hi), or hi. Cost: O(words)."""
        if lo >= hi:
            return hi
        return bits.next_bit(self.space.words, self._words(lo, hi), lo, hi, -1)
