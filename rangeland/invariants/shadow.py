"""The shadow map: which bytes of an address space are in some live block.

A bit stands for WORD bytes. It lies beside the simulated memory, in pages of
this process that are committed as they are touched, and knows nothing of who
allocates. Source: design/stress.md#.sol.shadow
"""

import mmap

from vm import fields as f
from vm import raw

# The bytes that one word of the map stands for: 64 bits of WORD bytes.
STRIDE = 64 * f.WORD
_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)


class Shadow:
    """A map of the simulated addresses [base, base + size), all clear.

    Cost: O(1); a 64th of what is marked, in memory.
    """

    def __init__(self, base, size):
        self.base = base
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
        self._memory = mmap.mmap(-1, size // STRIDE * f.WORD + f.PAGE, flags=flags)
        self.words = raw.words(memoryview(self._memory).cast("q"))

    def mark(self, base, limit):
        """Mark the words of [base, limit), if none of them is.

        Returns -1; or the lowest address that was marked already, and then
        nothing has changed. Cost: O(words of the map).
        """
        found = self._marked(base - self.base >> 3, limit - self.base + 7 >> 3)
        if found < 0:
            self._set(base - self.base >> 3, limit - self.base + 7 >> 3, -1)
            return -1
        return self.base + (found << 3)

    def clear(self, base, limit):
        """Clear the words of [base, limit). Cost: O(words of the map)."""
        self._set(base - self.base >> 3, limit - self.base + 7 >> 3, 0)
        return 0

    def _marked(self, lo, hi):
        """The first bit that is set of [lo, hi), or -1."""
        while lo < hi:
            word = self.words[lo >> 6] & mask(lo, hi)
            if word:
                while not word >> (lo & 63) & 1:
                    lo += 1
                return lo
            lo = (lo | 63) + 1
        return -1

    def _set(self, lo, hi, value):
        """Give the bits [lo, hi) the value 1, if `value` is -1, or 0."""
        while lo < hi:
            bits = mask(lo, hi)
            self.words[lo >> 6] = self.words[lo >> 6] & ~bits | value & bits
            lo = (lo | 63) + 1
        return 0


def mask(lo, hi):
    """A word with the bits set that [lo, hi) has in the word where lo is."""
    bits = -1 << (lo & 63)
    if hi <= lo | 63:
        bits &= ~(-1 << (hi & 63))
    return bits
