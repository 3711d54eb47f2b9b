"""Blocks: a naive model of live blocks, as intervals and bytes.

It knows what it was told, asks nobody, and shares no code with what it
judges. Source: design/invariants.md#.sol.blocks
"""

from bisect import bisect_left
from dataclasses import dataclass

# A prime, so that no shift by a power of two maps a pattern to itself.
PERIOD = 251
# Of a larger block only so many bytes at each end are written and read.
EDGE = 2048
_TABLE = bytes(range(PERIOD)) * (2 * EDGE // PERIOD + 3)


def pattern(stamp, start, size):
    """The bytes [start, start + size) of a block with this stamp, at most
    2 * EDGE of them: (stamp + i) % PERIOD for each offset i."""
    first = (stamp + start) % PERIOD
    return _TABLE[first : first + size]


def spans(size):
    """What of a block is written and read: (offset, size) of all, or of both ends."""
    if size <= 2 * EDGE:
        return ((0, size),)
    return (0, EDGE), (size - EDGE, EDGE)


@dataclass(slots=True)
class Block:
    """A live block: its number, where it lies, and what pattern is in it."""

    number: int
    address: int
    size: int
    stamp: int


class Blocks:
    """All live blocks, by number in the order of their making, and by address."""

    def __init__(self):
        self.live = {}
        self._addresses = []
        self._at = []
        self._made = 0
        self.bytes = 0

    def __len__(self):
        return len(self.live)

    def __iter__(self):
        return iter(self.live.values())

    def __getitem__(self, number):
        return self.live[number]

    def __contains__(self, number):
        return number in self.live

    def ascending(self):
        """The blocks by address: a list not to be changed."""
        return self._at

    def in_the_way(self, address, size):
        """A block that has a byte of [address, address + size), or None."""
        at = bisect_left(self._addresses, address)
        if at < len(self._at) and self._addresses[at] < address + size:
            return self._at[at]
        if at and address < self._at[at - 1].address + self._at[at - 1].size:
            return self._at[at - 1]
        return None

    def add(self, number, address, size):
        """A new block, which is in nobody's way."""
        self._made += 1
        block = Block(number, address, size, self._made * 17 % PERIOD)
        at = bisect_left(self._addresses, address)
        self._addresses.insert(at, address)
        self._at.insert(at, block)
        self.live[number] = block
        self.bytes += size
        return block

    def remove(self, number):
        """The block of that number, which lives no longer."""
        block = self.live.pop(number)
        at = bisect_left(self._addresses, block.address)
        del self._addresses[at], self._at[at]
        self.bytes -= block.size
        return block
