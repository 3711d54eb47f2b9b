"""Tagged: a pool of blocks with boundary tags, and lists of the free ones.

The word before a block is its header: its size, and in the low bits what is
known of its neighbours. The last word of a free block is its size too, so that
both neighbours of a block are found in O(1), and a block that is freed becomes
one with them at once. An extent begins with three words for the list of
extents, and ends with the header of a block of no bytes.
Source: design/fits.md#.sol.lifo; Knuth, The Art of Computer Programming 1,
section 2.5
"""

from pools import fields as p
from pools.listed import Listed
from vm import mmu
from vm import results as r
from vm.lock import walks


class Tagged(Listed):
    """The handle of a pool of tagged blocks in extents."""

    # Extents

    def extend(self, size):
        """Get an extent that holds a block of `size` bytes. Returns its one
        free block, at the front of the list, or a negative code."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        grain = self.grains.grain
        self.sound()
        around = self.least()
        following = w[n + p.FIRST_TAGGED]
        after = self.extent_at(following, 0, 0) + p.TAGGED_PREVIOUS if following else 0
        least = size + around + grain - 1 & -grain
        wanted = max(w[n + p.LIFO_EXTEND_BY] + grain - 1 & -grain, least)
        base = self.grains.alloc_grains(wanted, w[n + p.LIFO_ARENA_HIGH], self.address)
        if base < 0 and wanted != least:
            wanted = least
            base = self.grains.alloc_grains(wanted, w[n + p.LIFO_ARENA_HIGH], self.address)
        if base < 0:
            return base
        e = mmu.at(self.space, base, p.LEAST_TAGGED)
        w[e + p.TAGGED_NEXT] = following
        w[e + p.TAGGED_PREVIOUS] = 0
        w[e + p.TAGGED_SIZE] = wanted
        if following:
            w[after] = base
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
        e = mmu.at(self.space, base, p.LEAST_TAGGED)
        following = w[e + p.TAGGED_NEXT]
        previous = w[e + p.TAGGED_PREVIOUS]
        # The words that name the extent, in its neighbours or in the descriptor
        before = n + p.FIRST_TAGGED
        if previous:
            before = self.extent_at(previous, base, p.TAGGED_PREVIOUS) + p.TAGGED_NEXT
        after = 0
        if following:
            after = self.extent_at(following, base, p.TAGGED_NEXT) + p.TAGGED_PREVIOUS
        if w[before] != base or (following and w[after] != base):
            return self.space.damage("extent", base, p.TAGGED_PREVIOUS, "the one before in the list")
        self.unlink(base + around - p.TAG, size - around)
        self.count_free(around - size)
        self.count_empty(-1)
        w[before] = following
        if following:
            w[after] = previous
        w[n + p.TAGGED_EXTENTS] -= 1
        w[n + p.LIFO_TOTAL] -= size
        return self.grains.free_grains(base, size, self.address)

    def extent_at(self, base, neighbour, field):
        """The number of the first word of the extent at `base`, which is the word
        `field` of the extent at `neighbour`, or the first if that is 0.
        Raises: DamageError if it cannot be one."""
        grain = self.grains.grain
        if base & grain - 1 or not self.space.base <= base < self.space.limit:
            if neighbour == 0:
                return self.bad(p.FIRST_TAGGED, "the address of an extent")
            return self.space.damage("extent", neighbour, field, "the address of an extent")
        e = mmu.at(self.space, base, p.LEAST_TAGGED)
        size = self.space.words[e + p.TAGGED_SIZE]
        if size & grain - 1 or not 0 < size <= self._word(p.LIFO_TOTAL):
            return self.space.damage("extent", base, p.TAGGED_SIZE, "whole grains of the total")
        return e

    def sound(self):
        """Returns 0. Raises: DamageError, if a word of the descriptor is not
        what it can be."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        grain = self.grains.grain
        total = w[n + p.LIFO_TOTAL]
        if not grain <= w[n + p.LIFO_EXTEND_BY] <= p.MOST_BYTES:
            return self.bad(p.LIFO_EXTEND_BY, "a grain or more")
        if not 0 <= self.space.floats[n + p.LIFO_SPARE] <= 1:
            return self.bad(p.LIFO_SPARE, "a double from 0 to 1")
        if w[n + p.HAS_LEVELS] >> 1:
            return self.bad(p.HAS_LEVELS, "0 or 1")
        if w[n + p.LIFO_ARENA_HIGH] >> 1:
            return self.bad(p.LIFO_ARENA_HIGH, "0 or 1")
        if not 0 <= total <= self.space.mapped or total & grain - 1:
            return self.bad(p.LIFO_TOTAL, "whole grains, no more than are mapped")
        if not 0 <= w[n + p.LIFO_FREE] <= total:
            return self.bad(p.LIFO_FREE, "no more bytes than the total")
        if not 0 <= w[n + p.LIFO_RESTS] <= total:
            return self.bad(p.LIFO_RESTS, "no more bytes than the total")
        if not 0 <= w[n + p.FREE_BLOCKS] <= total:
            return self.bad(p.FREE_BLOCKS, "no more blocks than there is room for")
        if not 0 <= w[n + p.TAGGED_EXTENTS] <= total // grain:
            return self.bad(p.TAGGED_EXTENTS, "no more extents than there are grains")
        if not 0 <= w[n + p.EMPTY_EXTENTS] <= w[n + p.TAGGED_EXTENTS]:
            return self.bad(p.EMPTY_EXTENTS, "no more than there are extents")
        return r.OK

    # The whole

    @property
    def extents(self):
        """The ranges that the pool got together, newest first: a list."""
        self._expect_alive()
        return self._extents()

    def _extents(self):
        self.sound()
        found = []
        w = self.space.words
        previous = 0
        base = self._word(p.FIRST_TAGGED)
        while base:
            e = self.extent_at(base, previous, p.TAGGED_NEXT)
            limit = base + w[e + p.TAGGED_SIZE]
            if w[e + p.TAGGED_PREVIOUS] != previous:
                self.space.damage("extent", base, p.TAGGED_PREVIOUS, "the one before in the list")
            if self.space.first_unmapped(base, limit) != limit:
                self.space.damage("extent", base, p.TAGGED_SIZE, "mapped memory")
            found.append((base, limit))
            previous = base
            base = w[e + p.TAGGED_NEXT]
        return found

    def free_ranges(self):
        """As `Pool.free_ranges`: what free blocks have after their headers, in
        the order of the list."""
        return ((block + p.TAG, limit) for block, limit in self.listed(0))

    @walks
    def check(self):
        """Assert the pool's invariants (design/fits.md#.req.lifo.check)."""
        extents = self.extents
        free, empty, rests = [], 0, 0
        for base, limit in extents:
            found, left = self._check_extent(base, limit)
            free += found
            rests += left
            empty += found == [(base + self.least() - p.TAG, limit - p.TAG)]
        listed = self.listed(0)
        assert sorted(free) == sorted(listed), "what is free is in the list, once"
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        assert self._word(p.HAS_LEVELS) in (0, 1), "there are levels or not"
        for level in range(1, (p.MOST_LEVEL + 1) * self._word(p.HAS_LEVELS)):
            large = [(base, limit) for base, limit in listed if self.level_of(n, limit - base) >= level]
            assert self.listed(level) == large, f"the list of level {level} is that of level 0"
        total = sum(limit - base for base, limit in extents)
        told = [self._word(field) for field in range(p.LIFO_TOTAL, p.LIFO_FREE + 1)]
        assert told == [total, sum(x - b for b, x in free)], "total and free are sums"
        counts = (p.FREE_BLOCKS, p.TAGGED_EXTENTS, p.EMPTY_EXTENTS)
        told = [self._word(field) for field in counts]
        assert told == [len(free), len(extents), empty], "blocks and extents are counted"
        assert self._word(p.LIFO_RESTS) == rests, "the rests are a sum"

    def _check_extent(self, base, limit):
        """The free blocks of the extent, in order, and the sum of the rests of the
        others, once its tags agree."""
        align, found, before = self.alignment(), [], p.BEFORE_IN_USE | p.IS_FIRST
        rests = 0
        block = base + self.least() - p.TAG
        while block < limit - p.TAG:
            tag = self.space.word(block)
            size, rest = tag & p.SIZES, tag >> p.REST_SHIFT
            told = size | before | rest << p.REST_SHIFT
            assert tag & ~p.IN_USE == told, f"the tag at {block:#x} tells what is before"
            assert 0 <= rest < self.least(), f"the rest of the block at {block:#x} is no block"
            rests += rest
            whole = self.least() <= size <= limit - p.TAG - block and size % align == 0
            assert whole, f"the block at {block:#x} is of a size"
            if not tag & p.IN_USE:
                assert rest == 0, f"the block at {block:#x}, which is free, has no rest"
                assert before & p.BEFORE_IN_USE, f"two free blocks touch at {block:#x}"
                assert self.space.word(block + size - p.TAG) == size, "a free block ends with its size"
                found.append((block, block + size))
            before = (tag & p.IN_USE) * p.BEFORE_IN_USE
            block += size
        assert self.space.word(block) == p.IN_USE | before, f"the extent ends at {limit:#x}"
        return found, rests
