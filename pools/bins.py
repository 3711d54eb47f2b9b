"""Bins: the free chunks of a SegFit pool by size, and the boundary tags of chunks.

A chunk is a multiple of 16 bytes; its header, at an address that is 8 more than
one, is its size and tags: it is in a block (USED), the chunk before it is
(BEFORE), it is the first of its region (FIRST), it is the mark at the end of
one (END). A free chunk has its size again in its last word, and in its second
and third the chunks before and after it in its bin.
Source: design/classes.md#.sol.bins

These words lie in the memory of clients, who may write to a block that they
have freed, or beyond one. So a size is believed if it stands at both ends of its
chunk, and a link if what it names names it back (design/classes.md#.sol.damage).
"""

from pools import fields as p
from pools import orders
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
        k = orders.floor_order(size)
        return min(
            p.SMALL_BINS + (k - p.SMALL_ORDER) * 4 + (size >> k - 2 & 3), p.MOST_BINS - 1
        )

    def free_chunk(self, chunk, address, field):
        """The bytes of the free chunk that the word `field` at `address` names.

        Raises: DamageError if none is there.
        """
        w = self.space.words
        c = self._at(chunk, address, field)
        size = w[c] & ~p.TAG_BITS
        if size > self.space.limit - chunk:
            return self.space.damage("chunk", chunk, 0, "a size that ends in memory")
        e = mmu.at(self.space, chunk + size - 8, 16)
        # One branch for all: it goes the same way each time.
        wrong = w[e] ^ size | size - p.LEAST_CHUNK >> 63 | w[c] & (p.TAG_USED | p.TAG_END)
        if wrong | w[e + 1] & (p.TAG_BEFORE | p.TAG_USED) ^ p.TAG_USED:
            return self._no_chunk(chunk, size, w[e])
        return size

    def _no_chunk(self, chunk, size, foot):
        """Raises: DamageError, for what is no free chunk of `size` bytes."""
        w = self.space.words
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        if w[c] & (p.TAG_USED | p.TAG_END) or size < p.LEAST_CHUNK:
            return self.space.damage("chunk", chunk, 0, "the size of a free chunk")
        if foot != size:
            return self.space.damage(
                "chunk", chunk, (size >> 3) - 1, "its size, as at its beginning"
            )
        return self.space.damage("chunk", chunk + size, 0, "in use, after a free chunk")

    def _at(self, chunk, address, field):
        """The number of the first word of the chunk that the word `field` at
        `address` names. Raises: DamageError if none can be there."""
        outside = chunk - self.space.base | self.space.limit - 1 - chunk
        if chunk & 15 ^ 8 | outside >> 63:
            return self.space.damage("link", address, field, "a free chunk, or 0")
        return mmu.at(self.space, chunk, p.LEAST_CHUNK)

    def _linked(self, chunk, address, field, back, expected):
        """As `_at`, of a chunk that has `expected` in its word `back`."""
        c = self._at(chunk, address, field)
        # What names itself both ways would be found good.
        if self.space.words[c + back] != expected or chunk == address:
            return self.space.damage("link", address, field, "a free chunk that names it")
        return c

    def put(self, chunk, size):
        """Make the chunk, whose header has been written and whose end is known to
        be in memory, the first of its bin, and write its size at its end. Returns
        OK."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        i = self.bin_of(size)
        one = 1
        following = w[n + p.BINS + i]
        if following:
            f = self._linked(following, self.address, p.BINS + i, p.CHUNK_BACK, 0)
            w[f + p.CHUNK_BACK] = chunk
        else:
            w[n + p.BIN_MASKS + (i >> 5)] |= one << (i & 31)
        w[c + p.CHUNK_NEXT] = following
        w[c + p.CHUNK_BACK] = 0
        w[c + (size >> 3) - 1] = size
        w[n + p.BINS + i] = chunk
        return r.OK

    def take(self, chunk, address, field):
        """Take the free chunk that the word `field` at `address` names out of its
        bin. Returns its size. Raises: DamageError, and then nothing has changed."""
        w = self.space.words
        size = self.free_chunk(chunk, address, field)
        c = mmu.at(self.space, chunk, p.LEAST_CHUNK)
        following = w[c + p.CHUNK_NEXT]
        previous = w[c + p.CHUNK_BACK]
        f = 0
        if following:
            f = self._linked(following, chunk, p.CHUNK_NEXT, p.CHUNK_BACK, chunk)
        if previous:
            b = self._linked(previous, chunk, p.CHUNK_BACK, p.CHUNK_NEXT, chunk)
            w[b + p.CHUNK_NEXT] = following
            if f:
                w[f + p.CHUNK_BACK] = previous
            return size
        i = self.bin_of(size)
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE)
        if w[n + p.BINS + i] != chunk:
            return self.space.damage("chunk", chunk, p.CHUNK_BACK, "the one before it in its bin")
        w[n + p.BINS + i] = following
        one = 1
        if f:
            w[f + p.CHUNK_BACK] = 0
        else:
            w[n + p.BIN_MASKS + (i >> 5)] &= ~(one << (i & 31))
        return size

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
        chunk = self.space.words[
            mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BINS + i
        ]
        if chunk < 0:
            return self.space.damage("pool", self.address, p.BINS + i, "a free chunk, or 0")
        return chunk if chunk else self._bad_mask(i)

    def _bad_mask(self, i):
        """Raises: DamageError, for the mask of the bin `i`."""
        return self.space.damage(
            "pool", self.address, p.BIN_MASKS + (i >> 5), "the bins with a chunk"
        )

    def _best(self, i, size):
        """A smallest chunk of bin `i` of at least `size` bytes, or 0."""
        w = self.space.words
        chunk = w[mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BINS + i]
        best = 0
        least = 0
        at = self.address
        field = p.BINS + i
        previous = 0
        # Each names the one before it, so none comes twice.
        while chunk:
            c = self._linked(chunk, at, field, p.CHUNK_BACK, previous)
            found = w[c] & ~p.TAG_BITS
            if found >= size and (best == 0 or found < least):
                best = chunk
                least = found
            if found == size:
                return chunk
            at = previous = chunk
            field = p.CHUNK_NEXT
            chunk = w[c + p.CHUNK_NEXT]
        return best

    def _next_bin(self, i):
        """The first bin from `i` on that has a chunk, or MOST_BINS."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SEGFIT_SIZE) + p.BIN_MASKS
        while i < p.MOST_BINS:
            mask = w[n + (i >> 5)]
            if mask >> 32:
                return self._bad_mask(i)
            mask >>= i & 31
            if mask:
                return i + orders.lowest_bit(mask)
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
        at = self.address
        field = p.BINS + i
        previous = 0
        while chunk:
            c = self._linked(chunk, at, field, p.CHUNK_BACK, previous)
            most = max(most, w[c] & ~p.TAG_BITS)
            at = previous = chunk
            field = p.CHUNK_NEXT
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
            at = self.address
            field = p.BINS + i
            previous = 0
            while chunk:
                c = self._linked(chunk, at, field, p.CHUNK_BACK, previous)
                base = chunk + grain - 1 & -grain
                limit = chunk + self.free_chunk(chunk, at, field) & -grain
                found += max(0, limit - base)
                at = previous = chunk
                field = p.CHUNK_NEXT
                chunk = w[c + p.CHUNK_NEXT]
        return found

    def listed(self):
        """The chunks of each bin, as they are linked: a list of lists.

        Raises: DamageError if they are none, or in another bin than their size's.
        """
        found = []
        for i in range(p.MOST_BINS):
            chunks, at, field, previous = [], self.address, p.BINS + i, 0
            while chunk := self.space.word(at + 8 * field):
                self._linked(chunk, at, field, p.CHUNK_BACK, previous)
                if self.bin_of(self.free_chunk(chunk, at, field)) != i:
                    self.space.damage("chunk", chunk, 0, f"a size for bin {i}")
                chunks.append(chunk)
                at, field, previous = chunk, p.CHUNK_NEXT, chunk
            mask = self.space.word(self.address + 8 * (p.BIN_MASKS + (i >> 5)))
            if mask >> 32 or mask >> (i & 31) & 1 != bool(chunks):
                self._bad_mask(i)
            found.append(chunks)
        return found
