"""The live blocks of a process by their addresses (design/readers.md#.sol.addresses).

A table whose entries lie in the order of their scattered addresses, each at its
home or as near above it as there is room. So a search ends at the first entry
that is too large, a table grows without a second one beside it, and a block
takes some 16 bytes where a dict takes over 100.
"""

import numpy as np

from rangeland.traces import fields as f

LEAST = 64
# Places above the last home, for entries that are pushed up.
ABOVE = 64
MOST_BLOCK = (1 << 32) - 2


class Addresses:
    """A map of addresses, 64 bits each, to numbers of blocks, 0 to MOST_BLOCK.

    Used as a dict is; `follow` does many calls at once.
    Cost: O(1) a deed on average; at most 17 bytes a block, also while it grows.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        """Forget all blocks."""
        self.count = 0
        self.homes = LEAST
        self._keys = np.zeros(LEAST + ABOVE, np.uint64)
        # Of each place its block plus one, or 0 if it is empty. The last always is.
        self._blocks = np.zeros(LEAST + ABOVE, np.uint32)
        self._view()

    def _view(self):
        self.key = memoryview(self._keys)
        self.block = memoryview(self._blocks)

    def __len__(self):
        return self.count

    def __contains__(self, address):
        return self.find(address) >= 0

    def get(self, address):
        """The block at `address`, or None."""
        at = self.find(address)
        return None if at < 0 else self.block[at] - 1

    def pop(self, address):
        """The block that was at `address`, which is forgotten, or None."""
        at = self.find(address)
        if at < 0:
            return None
        block = self.block[at] - 1
        self.remove(at)
        return block

    def __setitem__(self, address, block):
        at = self.find(address)
        if at >= 0:
            self.block[at] = block + 1
        else:
            self.insert(-1 - at, address, block)

    def __delitem__(self, address):
        at = self.find(address)
        if at < 0:
            raise KeyError(address)
        self.remove(at)

    def blocks(self):
        """The blocks, in the order of their numbers."""
        return (np.sort(self._blocks[self._blocks > 0]) - 1).tolist()

    def follow(self, kind, old, address, ids, first, limit, made):
        """Do the calls of the rows [first, limit) of the memoryviews, and put their blocks in `ids`.

        `kind` has ALLOC, FREE, REALLOC or NULL of each; a new block gets the
        number `made` or the next one. Returns the row of the first call that is
        of another kind, or of a block that is not live, or over one that is: it
        and what comes after is not done. Else returns `limit`.
        """
        for row in range(first, limit):
            if kind[row] == f.FREE:
                at = self.find(old[row])
                if at < 0:
                    return row
                ids[row] = self.block[at] - 1
                self.remove(at)
            elif kind[row] == f.ALLOC:
                at = self.find(address[row])
                if at >= 0:
                    return row
                ids[row] = made
                self.insert(-1 - at, address[row], made)
                made += 1
            elif kind[row] == f.REALLOC:
                block = self._move(old[row], address[row])
                if block < 0:
                    return row
                ids[row] = block
            elif kind[row] != f.NULL:
                return row
        return limit

    def _move(self, old, address):
        """The block that is moved from `old` to `address`; -1 if there is none, or one there."""
        at = self.find(old)
        if at < 0:
            return -1
        block = self.block[at] - 1
        if old == address:
            return block
        if self.find(address) >= 0:
            return -1
        self.remove(at)
        self.insert(-1 - self.find(address), address, block)
        return block

    # The table

    def check(self):
        """Assert that each entry is in order, and found where it is. Cost: O(n)."""
        entries = [at for at in range(len(self.block)) if self.block[at]]
        assert len(entries) == self.count
        assert 6 * self.count <= 5 * self.homes + 6
        assert self.block[len(self.block) - 1] == 0
        scattered = [self.scatter(self.key[at]) for at in entries]
        assert scattered == sorted(scattered)
        for at, value in zip(entries, scattered):
            home = self.home(value)
            assert home <= at and all(self.block[place] for place in range(home, at))
            assert self.find(self.key[at]) == at

    def scatter(self, address):
        """By what entries are ordered: 31 bits of both halves of the address times a
        constant, 2**32 less its golden section, that scatters neighbours (Knuth 3, 6.4)."""
        return (address ^ address >> 32) * 0x61C88647 & 0x7FFFFFFF

    def home(self, scattered):
        """The lowest place of an entry."""
        return scattered * self.homes >> 31

    def find(self, address):
        """The place of `address`; if it has none, -1 less the one where it belongs."""
        scattered = self.scatter(address)
        at = self.home(scattered)
        while self.block[at]:
            if self.key[at] == address:
                return at
            if self.scatter(self.key[at]) > scattered:
                break
            at += 1
        return -1 - at

    def insert(self, at, address, block):
        """Put a new entry where `find` says that it belongs; what is there goes up."""
        if 6 * self.count >= 5 * self.homes:
            self._grow()
            at = -1 - self.find(address)
        end = at
        while self.block[end]:
            end += 1
        if end == len(self.block) - 1:
            self._lengthen(len(self.block) + ABOVE)
        while end > at:
            self.key[end] = self.key[end - 1]
            self.block[end] = self.block[end - 1]
            end -= 1
        self.key[at] = address
        self.block[at] = block + 1
        self.count += 1

    def remove(self, at):
        """Empty a place; entries above it that are not at home go down."""
        above = at + 1
        while self.block[above] and self.home(self.scatter(self.key[above])) < above:
            self.key[above - 1] = self.key[above]
            self.block[above - 1] = self.block[above]
            above += 1
        self.block[above - 1] = 0
        self.count -= 1

    def _lengthen(self, length):
        """More places; the arrays grow where they lie if the system can."""
        self.key = self.block = None
        self._keys.resize(length, refcheck=False)
        self._blocks.resize(length, refcheck=False)
        self._view()

    def _grow(self):
        """An eighth more homes, in place: all entries go to the upper end, and then each
        to its new home or near it, which is never above where it lies."""
        at = len(self.block)
        more = self.homes // 8
        self.homes += more
        self._lengthen(at + more + 1)
        end = low = len(self.block) - 1
        while at > 0:
            at -= 1
            if self.block[at]:
                low -= 1
                self._shift(at, low)
        at = 0
        while low < end:
            at = max(at, self.home(self.scatter(self.key[low])))
            self._shift(low, at)
            at += 1
            low += 1

    def _shift(self, at, to):
        """What is at one place goes to another, which is empty or the same."""
        if at != to:
            self.key[to] = self.key[at]
            self.block[to] = self.block[at]
            self.block[at] = 0
