"""Tagged: a pool of blocks with boundary tags, and a list of the free ones.

The word before a block is its header: its size, and in the low bits what is
known of its neighbours. The last word of a free block is its size too, so that
both neighbours of a block are found in O(1), and a block that is freed becomes
one with them at once. An extent begins with three words for the list of
extents, and ends with the header of a block of no bytes.
Source: design/fits.md#.sol.lifo; Knuth, The Art of Computer Programming 1,
section 2.5
"""

from pools import fields as p
from pools.pool import Pool
from vm import mmu
from vm import results as r
from vm.lock import walks


class Tagged(Pool):
    """The handle of a pool of tagged blocks. A block is named by the address
    of its header here, and its size is with the header."""

    # Sizes

    def block_size(self, size):
        """`size` and a header, rounded up to the alignment; room for the
        links of a free block at least."""
        align = self._word(p.POOL_ALIGN)
        least = self.least()
        size = size + p.TAG + align - 1 & -align
        return size if size > least else least

    def least(self):
        """The bytes of the least block, and of what stands around the blocks
        of an extent."""
        align = self._word(p.POOL_ALIGN)
        return p.LEAST_TAGGED + align - 1 & -align

    # Blocks

    def first_fit(self, size):
        """The first block of the list with `size` bytes or more, or 0."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        block = w[n + p.FIRST_FREE]
        while block:
            m = mmu.at(self.space, block, p.LEAST_TAGGED)
            if w[m] >= size:
                return block
            block = w[m + p.NEXT_FREE]
        return 0

    def take(self, block, size):
        """Put the high end of the free block into use, or all of it if what is
        left would be no block. Returns the block of `size` bytes or more."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = mmu.at(self.space, block, p.LEAST_TAGGED)
        whole = w[m] & -8
        after = mmu.at(self.space, block + whole, p.TAG)
        if w[m] & p.IS_FIRST and w[after] < p.TAG:
            w[n + p.EMPTY_EXTENTS] -= 1
        rest = whole - size
        if rest >= self.least():
            w[m] -= size
            w[m + (rest >> 3) - 1] = rest
            w[n + p.LIFO_FREE] -= size
            block += rest
            w[m + (rest >> 3)] = size | p.IN_USE
        else:
            self.unlink(block)
            w[m] |= p.IN_USE
            w[n + p.LIFO_FREE] -= whole
            w[n + p.LIFO_RESTS] += rest
        w[after] |= p.BEFORE_IN_USE
        return block

    def count_rest(self, change):
        """Count so many bytes more that blocks have beyond their size."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        w[n + p.LIFO_RESTS] += change
        return 0

    def cut(self, block, size):
        """Free what the block in use has above `size` bytes, if that is a
        block or touches one that is free."""
        w = self.space.words
        m = mmu.at(self.space, block, p.TAG)
        rest = (w[m] & -8) - size
        after = mmu.at(self.space, block + size + rest, p.TAG)
        if rest >= self.least() or (rest > 0 and not w[after] & p.IN_USE):
            w[m] -= rest
            w[mmu.at(self.space, block + size, p.TAG)] = rest | p.IN_USE | p.BEFORE_IN_USE
            return self.release(block + size)
        return self.count_rest(rest)

    def release(self, block):
        """Make the block in use a free one, with its free neighbours, at the
        front of the list (Knuth's algorithm C)."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = mmu.at(self.space, block, p.TAG)
        # A second free must not find the tag of a block in use.
        w[m] -= p.IN_USE
        size = w[m] & -8
        w[n + p.LIFO_FREE] += size
        if not w[m] & p.BEFORE_IN_USE:
            before = w[mmu.at(self.space, block - p.TAG, p.TAG)]
            block -= before
            size += before
            self.unlink(block)
            m = mmu.at(self.space, block, p.TAG)
        after = mmu.at(self.space, block + size, p.TAG)
        if not w[after] & p.IN_USE:
            self.unlink(block + size)
            size += w[after] & -8
            after = mmu.at(self.space, block + size, p.TAG)
        w[m] = size | (w[m] & p.TAGS)
        w[mmu.at(self.space, block + size - p.TAG, p.TAG)] = size
        w[after] &= ~p.BEFORE_IN_USE
        if w[m] & p.IS_FIRST and w[after] < p.TAG:
            w[n + p.EMPTY_EXTENTS] += 1
        return self.push(block)

    # The list

    def push(self, block):
        """Put the free block at the front of the list."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = mmu.at(self.space, block, p.LEAST_TAGGED)
        following = w[n + p.FIRST_FREE]
        w[m + p.NEXT_FREE] = following
        w[m + p.PREVIOUS_FREE] = 0
        if following:
            w[mmu.at(self.space, following, p.LEAST_TAGGED) + p.PREVIOUS_FREE] = block
        w[n + p.FIRST_FREE] = block
        w[n + p.FREE_BLOCKS] += 1
        return r.OK

    def unlink(self, block):
        """Take the free block out of the list."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = mmu.at(self.space, block, p.LEAST_TAGGED)
        following = w[m + p.NEXT_FREE]
        previous = w[m + p.PREVIOUS_FREE]
        if previous:
            w[mmu.at(self.space, previous, p.LEAST_TAGGED) + p.NEXT_FREE] = following
        else:
            w[n + p.FIRST_FREE] = following
        if following:
            w[mmu.at(self.space, following, p.LEAST_TAGGED) + p.PREVIOUS_FREE] = previous
        w[n + p.FREE_BLOCKS] -= 1
        return r.OK

    # Extents

    def extend(self, size):
        """Get an extent that holds a block of `size` bytes. Returns its one
        free block, at the front of the list, or a negative code."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        grain = self.grains.grain
        around = self.least()
        least = size + around + grain - 1 & -grain
        wanted = max(w[n + p.LIFO_EXTEND_BY] + grain - 1 & -grain, least)
        base = self.grains.alloc_grains(wanted, w[n + p.LIFO_ARENA_HIGH], self.address)
        if base < 0 and wanted != least:
            wanted = least
            base = self.grains.alloc_grains(wanted, w[n + p.LIFO_ARENA_HIGH], self.address)
        if base < 0:
            return base
        e = mmu.at(self.space, base, p.LEAST_TAGGED)
        following = w[n + p.FIRST_TAGGED]
        w[e + p.TAGGED_NEXT] = following
        w[e + p.TAGGED_PREVIOUS] = 0
        w[e + p.TAGGED_SIZE] = wanted
        if following:
            w[mmu.at(self.space, following, p.LEAST_TAGGED) + p.TAGGED_PREVIOUS] = base
        w[n + p.FIRST_TAGGED] = base
        w[n + p.TAGGED_EXTENTS] += 1
        w[n + p.LIFO_TOTAL] += wanted
        # In use is the block that ends the extent, of no bytes, and for now
        # the one before it, which is then freed.
        block = base + around - p.TAG
        w[mmu.at(self.space, base + wanted - p.TAG, p.TAG)] = p.IN_USE
        w[mmu.at(self.space, block, p.TAG)] = (
            wanted - around | p.IN_USE | p.BEFORE_IN_USE | p.IS_FIRST
        )
        self.release(block)
        return block

    def give_back(self, base, size):
        """Give the extent of `size` bytes, which is all free, to the arena."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        around = self.least()
        self.unlink(base + around - p.TAG)
        e = mmu.at(self.space, base, p.LEAST_TAGGED)
        following = w[e + p.TAGGED_NEXT]
        previous = w[e + p.TAGGED_PREVIOUS]
        if previous:
            w[mmu.at(self.space, previous, p.LEAST_TAGGED) + p.TAGGED_NEXT] = following
        else:
            w[n + p.FIRST_TAGGED] = following
        if following:
            w[mmu.at(self.space, following, p.LEAST_TAGGED) + p.TAGGED_PREVIOUS] = previous
        w[n + p.TAGGED_EXTENTS] -= 1
        w[n + p.EMPTY_EXTENTS] -= 1
        w[n + p.LIFO_TOTAL] -= size
        w[n + p.LIFO_FREE] -= size - around
        return self.grains.free_grains(base, size, self.address)

    # The whole

    @property
    def extents(self):
        """The ranges that the pool got together, newest first: a list."""
        self._expect_alive()
        found = []
        base = self._word(p.FIRST_TAGGED)
        while base:
            words = self.space.words_at(base, p.LEAST_TAGGED)
            found.append((base, base + words[p.TAGGED_SIZE]))
            base = words[p.TAGGED_NEXT]
        return found

    def free_ranges(self):
        """As `Pool.free_ranges`: what free blocks have after their headers, in
        the order of the list."""
        return ((block + p.TAG, limit) for block, limit in self._listed())

    def _listed(self):
        """The ranges of the free blocks, in the order of the list: a list."""
        found = []
        block = self._word(p.FIRST_FREE)
        while block:
            words = self.space.words_at(block, p.LEAST_TAGGED)
            found.append((block, block + (words[0] & -8)))
            block = words[p.NEXT_FREE]
        return found

    @walks
    def check(self):
        """Assert the pool's invariants (design/fits.md#.req.lifo.check)."""
        extents = self.extents
        free, empty = [], 0
        for base, limit in extents:
            found = self._check_extent(base, limit)
            free += found
            empty += found == [(base + self.least() - p.TAG, limit - p.TAG)]
        listed = self._listed()
        assert sorted(free) == sorted(listed), "what is free is in the list, once"
        previous = 0
        for block, _ in listed:
            words = self.space.words_at(block, p.LEAST_TAGGED)
            assert words[p.PREVIOUS_FREE] == previous, f"the list goes back from {block:#x}"
            previous = block
        total = sum(limit - base for base, limit in extents)
        told = [self._word(field) for field in range(p.LIFO_TOTAL, p.LIFO_FREE + 1)]
        assert told == [total, sum(x - b for b, x in free)], "total and free are sums"
        counts = (p.FREE_BLOCKS, p.TAGGED_EXTENTS, p.EMPTY_EXTENTS)
        told = [self._word(field) for field in counts]
        assert told == [len(free), len(extents), empty], "blocks and extents are counted"
        assert self._word(p.LIFO_RESTS) >= 0, "blocks take no less than their size"

    def _check_extent(self, base, limit):
        """The free blocks of the extent, in order, once its tags agree."""
        align, found, before = self._word(p.POOL_ALIGN), [], p.BEFORE_IN_USE | p.IS_FIRST
        block = base + self.least() - p.TAG
        while block < limit - p.TAG:
            tag = self.space.word(block)
            size = tag & -8
            assert tag & ~p.IN_USE == size | before, f"the tag at {block:#x} tells what is before"
            whole = self.least() <= size <= limit - p.TAG - block and size % align == 0
            assert whole, f"the block at {block:#x} is of a size"
            if not tag & p.IN_USE:
                assert before & p.BEFORE_IN_USE, f"two free blocks touch at {block:#x}"
                assert self.space.word(block + size - p.TAG) == size, "a free block ends with its size"
                found.append((block, block + size))
            before = (tag & p.IN_USE) * p.BEFORE_IN_USE
            block += size
        assert self.space.word(block) == p.IN_USE | before, f"the extent ends at {limit:#x}"
        return found
