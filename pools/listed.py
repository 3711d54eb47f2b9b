"""Listed: blocks with boundary tags, and the free ones of them in lists, the one
freed last first.

All free blocks are in the list of level 0. Once they are many, there are lists of
higher levels, that of each with the blocks of its least size or more, in the same
order, so that a search passes over the small ones. A block becomes smaller where
it is, but larger only by becoming another at the front: so no list is ever
entered in its middle.
Source: design/fits.md#.sol.lifo, design/fits.md#.sol.lifo.levels; Knuth, The Art
of Computer Programming 1, section 2.5
"""

from pools import fields as p
from pools.pool import Pool
from vm import mmu
from vm import results as r


class Listed(Pool):
    """The handle of a pool of tagged blocks. A block is named by the address
    of its header here, and its size is with the header."""

    # Sizes

    def block_size(self, size):
        """`size` and a header, rounded up to the alignment; room for the
        links of a free block at least."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        align = self.space.words[n + p.POOL_ALIGN]
        if not 8 <= align <= self.grains.grain or align & align - 1:
            return self.alignment()
        least = p.LEAST_TAGGED + align - 1 & -align
        size = size + p.TAG + align - 1 & -align
        return size if size > least else least

    def least(self):
        """The bytes of the least block, and of what stands around the blocks
        of an extent."""
        align = self.alignment()
        return p.LEAST_TAGGED + align - 1 & -align

    # Blocks

    def take(self, block, size):
        """Put the high end of the free block into use, or all of it if what is
        left would be no block. Returns the block of `size` bytes or more."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = self.free_at(block)
        whole = w[m] & -8
        after = self._after(block, whole)
        if w[m] & p.IS_FIRST and w[after] < p.TAG:
            self.count_empty(-1)
        rest = whole - size
        if rest >= (p.LEAST_TAGGED + w[n + p.POOL_ALIGN] - 1 & -w[n + p.POOL_ALIGN]):
            if w[n + p.HAS_LEVELS]:
                self.leave(n, block, self.level_of(n, whole), self.level_of(n, rest) + 1)
            w[m] -= size
            w[m + (rest >> 3) - 1] = rest
            self.count_free(-size)
            block += rest
            w[m + (rest >> 3)] = size | p.IN_USE
        else:
            self.unlink(block, whole)
            w[m] |= p.IN_USE
            self.count_free(-whole)
            self.set_rest(m, rest)
        w[after] |= p.BEFORE_IN_USE
        return block

    def _after(self, block, size):
        """The number of the header's word of what follows the free block of
        `size` bytes. Raises: DamageError if that knows of no free block."""
        after = mmu.at(self.space, block + size, p.TAG)
        if self.space.words[after] & (p.BEFORE_IN_USE | p.IN_USE) != p.IN_USE:
            return self.space.damage("block", block + size, 0, "a tag after a free block")
        return after

    def used_at(self, block):
        """The number of the header's word of the block in use at `block`.
        Raises: DamageError if its size is not what it can be."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = mmu.at(self.space, block, p.TAG)
        size = w[m] & p.SIZES
        if not w[m] & p.IN_USE or not p.LEAST_TAGGED <= size <= w[n + p.LIFO_TOTAL]:
            return self.space.damage("block", block, 0, "the tag of a block in use")
        if not w[mmu.at(self.space, block + size, p.TAG)] & p.BEFORE_IN_USE:
            return self.space.damage("block", block + size, 0, "a tag after a block in use")
        return m

    def set_rest(self, m, rest):
        """Note and count what the block in use, whose header is word `m`, has
        beyond its size."""
        if rest == 0:
            return r.OK
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        if not 0 <= w[n + p.LIFO_RESTS] < w[n + p.LIFO_TOTAL]:
            return self.bad(p.LIFO_RESTS, "no more bytes than the total")
        w[m] += rest << p.REST_SHIFT
        w[n + p.LIFO_RESTS] += rest
        return r.OK

    def drop_rest(self, m):
        """Undo `set_rest`, if there was one."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        rest = w[m] >> p.REST_SHIFT
        if rest:
            if not 0 < rest <= w[n + p.LIFO_RESTS]:
                return self.bad(p.LIFO_RESTS, "the sum of the rests, or their blocks tell others")
            w[m] &= p.SIZES | p.TAGS
            w[n + p.LIFO_RESTS] -= rest
        return r.OK

    def count_free(self, change):
        """Count so many bytes more in free blocks."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        free = w[n + p.LIFO_FREE]
        if not (0 <= free <= w[n + p.LIFO_TOTAL] and free + change >= 0):
            return self.bad(p.LIFO_FREE, "no more bytes than the total")
        w[n + p.LIFO_FREE] = free + change
        return r.OK

    def count_empty(self, change):
        """Count so many extents more that are one free block each."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        empty = w[n + p.EMPTY_EXTENTS] + change
        if not 0 <= empty <= w[n + p.TAGGED_EXTENTS]:
            return self.bad(p.EMPTY_EXTENTS, "no more than there are extents")
        w[n + p.EMPTY_EXTENTS] = empty
        return r.OK

    def cut(self, block, size):
        """Free what the block in use, which has no rest, has above `size` bytes,
        if that is a block or touches one that is free; else it is its rest."""
        w = self.space.words
        m = mmu.at(self.space, block, p.TAG)
        rest = (w[m] & -8) - size
        after = mmu.at(self.space, block + size + rest, p.TAG)
        if rest >= self.least() or (rest > 0 and not w[after] & p.IN_USE):
            w[m] -= rest
            w[mmu.at(self.space, block + size, p.TAG)] = rest | p.IN_USE | p.BEFORE_IN_USE
            return self.release(block + size)
        return self.set_rest(m, rest)

    def release(self, block):
        """Make the block in use, which has no rest, a free one, with its free
        neighbours, at the front of the lists (Knuth's algorithm C)."""
        w = self.space.words
        m = mmu.at(self.space, block, p.TAG)
        size = w[m] & -8
        self.count_free(size)
        # A second free must not find the tag of a block in use.
        w[m] -= p.IN_USE
        if not w[m] & p.BEFORE_IN_USE:
            before = w[mmu.at(self.space, block - p.TAG, p.TAG)]
            m = self.free_at(block - before)
            if w[m] & -8 != before:
                return self.space.damage("free block", block - before, 0, "the size in its footer")
            block -= before
            size += before
            self.unlink(block, before)
        after = mmu.at(self.space, block + size, p.TAG)
        if not w[after] & p.IN_USE:
            after = self.free_at(block + size)
            more = w[after] & -8
            self.unlink(block + size, more)
            size += more
            after = mmu.at(self.space, block + size, p.TAG)
        w[m] = size | (w[m] & p.TAGS)
        w[mmu.at(self.space, block + size - p.TAG, p.TAG)] = size
        w[after] &= ~p.BEFORE_IN_USE
        if w[m] & p.IS_FIRST and w[after] < p.TAG:
            self.count_empty(1)
        return self.push(block, size)

    # The lists

    def first_fit(self, size):
        """The first block of the list with `size` bytes or more, or 0.

        Cost: O(n) for the n blocks before it that have at least the least size
        of the level. Raises: DamageError. As each block has to name the one
        before, a list that goes round is told.
        """
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        level = self.level_of(n, size)
        link = p.NEXT_FREE + 2 * level
        previous = 0
        block = w[self.head(n, level)]
        while block:
            if block & 7 or not self.space.base <= block < self.space.limit:
                return self._no_block(previous)
            m = mmu.at(self.space, block, p.LEAST_TAGGED)
            if w[m + link + 1] != previous:
                return self.space.damage("free block", block, link + 1, "the one before in a list")
            if w[m] >= size:
                return block
            previous = block
            block = w[m + link]
        return 0

    def push(self, block, size):
        """Put the free block of `size` bytes at the front of its lists."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        if not 0 <= w[n + p.FREE_BLOCKS] < w[n + p.LIFO_TOTAL]:
            return self.bad(p.FREE_BLOCKS, "no more blocks than there is room for")
        m = mmu.at(self.space, block, p.LEAST_TAGGED)
        level = self.level_of(n, size)
        while level >= 0:
            link = p.NEXT_FREE + 2 * level
            head = self.head(n, level)
            following = w[head]
            if following:
                if following & 7 or not self.space.base <= following < self.space.limit:
                    return self._no_block(0)
                w[mmu.at(self.space, following, p.LEAST_TAGGED) + link + 1] = block
            w[m + link] = following
            w[m + link + 1] = 0
            w[head] = block
            level -= 1
        w[n + p.FREE_BLOCKS] += 1
        if w[n + p.FREE_BLOCKS] > p.MANY_FREE and w[n + p.HAS_LEVELS] == 0:
            return self._make_levels(n)
        return r.OK

    def _make_levels(self, n):
        """Make the lists of the higher levels. Cost: O(free blocks)."""
        w = self.space.words
        w[n + p.HAS_LEVELS] = 1
        level = 1
        while level <= p.MOST_LEVEL:
            link = p.NEXT_FREE + 2 * level
            last = 0
            w[self.head(n, level)] = 0
            previous = 0
            block = w[n + p.FIRST_FREE]
            while block:
                m = self.following(block, previous, 0)
                if self.level_of(n, w[m]) >= level:
                    w[m + link] = 0
                    w[m + link + 1] = last
                    where = self.head(n, level)
                    if last:
                        where = mmu.at(self.space, last, p.LEAST_TAGGED) + link
                    w[where] = block
                    last = block
                previous = block
                block = w[m + p.NEXT_FREE]
            level += 1
        return r.OK

    def unlink(self, block, size):
        """Take the free block of `size` bytes out of its lists."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        if w[n + p.FREE_BLOCKS] <= 0:
            return self.bad(p.FREE_BLOCKS, "a block, for one is free")
        self.leave(n, block, self.level_of(n, size), 0)
        w[n + p.FREE_BLOCKS] -= 1
        if w[n + p.FREE_BLOCKS] < p.FEW_FREE:
            w[n + p.HAS_LEVELS] = 0
        return r.OK

    def leave(self, n, block, level, least):
        """Take the block out of the lists from `level` down to `least`."""
        w = self.space.words
        m = mmu.at(self.space, block, p.LEAST_TAGGED)
        while level >= least:
            link = p.NEXT_FREE + 2 * level
            following = w[m + link]
            previous = w[m + link + 1]
            before = self.head(n, level)
            if previous:
                if previous & 7 or not self.space.base <= previous < self.space.limit:
                    return self._no_block(block)
                before = mmu.at(self.space, previous, p.LEAST_TAGGED) + link
            if w[before] != block:
                return self.space.damage("free block", block, link + 1, "the one before in a list")
            if following:
                if following & 7 or not self.space.base <= following < self.space.limit:
                    return self._no_block(block)
                after = mmu.at(self.space, following, p.LEAST_TAGGED) + link + 1
                if w[after] != block:
                    return self.space.damage("free block", block, link, "the one after in a list")
                w[after] = previous
            w[before] = following
            level -= 1
        return r.OK

    def level_of(self, n, size):
        """The highest level that has a block of `size` bytes; `n` is the number of
        the descriptor's first word. A level more needs two words more of a block."""
        if self.space.words[n + p.HAS_LEVELS] == 0:
            return 0
        if size < 128:
            return 0 if size < 48 else 1
        if size < 512:
            return 2
        return 3 if size < 4096 else 4

    def head(self, n, level):
        """The number of the word that names the first block of `level`."""
        return n + p.FIRST_OF_LEVEL + level if level else n + p.FIRST_FREE

    def _no_block(self, neighbour):
        """Raises: DamageError, for what the block at `neighbour`, or the descriptor,
        names, and where no block can lie."""
        if neighbour == 0:
            return self.bad(p.FIRST_FREE, "lists that begin with blocks")
        return self.space.damage("free block", neighbour, p.NEXT_FREE, "links to blocks")

    def free_at(self, block):
        """The number of the header's word of the free block at `block`.
        Raises: DamageError if its size or its footer is not what it can be."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        if block & 7 or not self.space.base <= block < self.space.limit:
            return self._no_block(0)
        m = mmu.at(self.space, block, p.LEAST_TAGGED)
        size = w[m] & -8
        if w[m] & p.IN_USE or not p.LEAST_TAGGED <= size <= w[n + p.LIFO_TOTAL]:
            return self.space.damage("free block", block, 0, "the tag of a free block")
        if w[mmu.at(self.space, block + size - p.TAG, p.TAG)] != size:
            return self.space.damage("free block", block, (size >> 3) - 1, "its size once more")
        return m

    def following(self, block, previous, level):
        """The number of the header's word of the free block that comes after the
        one at `previous` in the list of `level`, or first if that is 0.
        Raises: DamageError."""
        m = self.free_at(block)
        link = p.NEXT_FREE + 2 * level
        if self.space.words[m + link + 1] != previous:
            return self.space.damage("free block", block, link + 1, "the one before in a list")
        return m

    def bad(self, field, expected):
        """Raises: DamageError, for a word of the descriptor."""
        return self.space.damage("LIFOFit pool", self.address, field, expected)

    def listed(self, level):
        """The ranges of the free blocks in the list of `level`, in order: a list.
        Raises: DamageError."""
        found = []
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        link = p.NEXT_FREE + 2 * level
        previous = 0
        block = w[self.head(n, level)]
        while block:
            m = self.following(block, previous, level)
            found.append((block, block + (w[m] & -8)))
            previous = block
            block = w[m + link]
        return found
