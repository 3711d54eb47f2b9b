"""Bins: the free chunks of a SegFit pool by size, and the boundary tags of chunks.

A chunk is a multiple of 16 bytes; its header, at an address that is 8 more than
one, is its size and tags: it is in a block (USED), the chunk before it is
(BEFORE), it is the first of its region (FIRST), it is the mark at the end of
one (END). A free chunk has its size again in its last word, and in its second
and third the chunks before and after it in its bin.
Source: design/classes.md#.sol.bins
"""

from pools import fields as p
from pools.orders import floor_order, lowest_bit
from vm import mmu
from vm import results as r


class Bins:
    """The handle of the bins in the descriptor of the pool at `address`."""

    def __init__(self, space, address):
        self.space = space
        self.address = address

    def bin_of(self, size):
        """The number of the bin for chunks of `size` bytes: one for each size
        below 1024, then four for each doubling, the last for all above."""
        if size < p.SMALL_BELOW:
            return size >> 4
        k = floor_order(size)
        return min(
            p.SMALL_BINS + (k - p.SMALL_ORDER) * 4 + (size >> k - 2 & 3), p.MOST_BINS - 1
        )

    def put(self, chunk, size):
        """Make the chunk, whose header has been written, the first of its bin,
        and write its size at its end. Returns OK."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        c = mmu.at(self.space, chunk, size)
        i = self.bin_of(size)
        one = 1
        following = w[n + p.BINS + i]
        w[c + p.CHUNK_NEXT] = following
        w[c + p.CHUNK_BACK] = 0
        w[c + (size >> 3) - 1] = size
        if following:
            w[mmu.at(self.space, following, p.LEAST_CHUNK) + p.CHUNK_BACK] = chunk
        else:
            w[n + p.BIN_MASKS + (i >> 5)] |= one << (i & 31)
        w[n + p.BINS + i] = chunk
        return r.OK

    def take(self, chunk, size):
        """Take the free chunk of `size` bytes out of its bin. Returns OK."""
        w = self.space.words
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        following = w[c + p.CHUNK_NEXT]
        previous = w[c + p.CHUNK_BACK]
        if following:
            w[mmu.at(self.space, following, p.LEAST_CHUNK) + p.CHUNK_BACK] = previous
        if previous:
            w[mmu.at(self.space, previous, p.LEAST_CHUNK) + p.CHUNK_NEXT] = following
            return r.OK
        i = self.bin_of(size)
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        w[n + p.BINS + i] = following
        one = 1
        if following == 0:
            w[n + p.BIN_MASKS + (i >> 5)] &= ~(one << (i & 31))
        return r.OK

    def find(self, size):
        """A smallest free chunk of at least `size` bytes, the one that came last
        of equals; 0 if there is none. Cost: O(1), and O(chunks in the bin) from
        1024 bytes."""
        i = self.bin_of(size)
        if i >= p.SMALL_BINS:
            chunk = self._best(i, size)
            if chunk:
                return chunk
            i += 1
        i = self._next_bin(i)
        if i >= p.SMALL_BINS:
            return self._best(i, size) if i < p.MOST_BINS else 0
        return self.space.words[mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BINS + i]

    def _best(self, i, size):
        """A smallest chunk of bin `i` of at least `size` bytes, or 0."""
        w = self.space.words
        chunk = w[mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BINS + i]
        best = 0
        least = 0
        while chunk:
            c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
            found = w[c] & ~p.TAG_BITS
            if found >= size and (best == 0 or found < least):
                best = chunk
                least = found
            if found == size:
                return chunk
            chunk = w[c + p.CHUNK_NEXT]
        return best

    def _next_bin(self, i):
        """The first bin from `i` on that has a chunk, or MOST_BINS."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BIN_MASKS
        while i < p.MOST_BINS:
            mask = w[n + (i >> 5)] >> (i & 31)
            if mask:
                return i + lowest_bit(mask)
            i = (i | 31) + 1
        return i

    def largest(self):
        """The bytes of the largest free chunk, or 0. Cost: O(chunks in its bin)."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BINS
        i = p.MOST_BINS - 1
        while i > 0 and w[n + i] == 0:
            i -= 1
        most = 0
        chunk = w[n + i]
        while chunk:
            c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
            most = max(most, w[c] & ~p.TAG_BITS)
            chunk = w[c + p.CHUNK_NEXT]
        return most

    def whole(self, grain):
        """The bytes of whole aligned grains in the free chunks. Cost: O(chunks
        of a grain or more)."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BINS
        found = 0
        for i in range(self.bin_of(grain), p.MOST_BINS):
            chunk = w[n + i]
            while chunk:
                c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
                base = chunk + grain - 1 & -grain
                limit = chunk + (w[c] & ~p.TAG_BITS) & -grain
                found += max(0, limit - base)
                chunk = w[c + p.CHUNK_NEXT]
        return found

    def listed(self):
        """The chunks of each bin, as they are linked: a list of lists."""
        words = self.space.words_at(self.address, p.SEGFIT_SIZE)
        found = []
        for i in range(p.MOST_BINS):
            chunks, chunk, previous = [], words[p.BINS + i], 0
            while chunk:
                c = self.space.words_at(chunk, p.LEAST_CHUNK)
                assert c[p.CHUNK_BACK] == previous, "a free chunk names the one before it"
                assert self.bin_of(c[0] & ~p.TAG_BITS) == i, "a chunk is in the bin of its size"
                chunks.append(chunk)
                chunk, previous = c[p.CHUNK_NEXT], chunk
            bit = words[p.BIN_MASKS + (i >> 5)] >> (i & 31) & 1
            assert bit == bool(chunks), "the masks tell which bins have a chunk"
            found.append(chunks)
        return found
