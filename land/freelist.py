"""Freelist: a set of address ranges that lies in those ranges themselves.

The free memory is a list in ascending order. A block of 16 bytes or more
begins with {link, limit}. A block of 8 bytes, if ranges may be so small, has
only the link, with its low bit set; its limit is 8 above its base. The end
of the list is `space.nil`. Nothing is ever allocated, so that no insertion
or deletion is refused for want of memory. Source: design/land.md#.sol.freelist
"""

from land import fields as f
from land.land import Land
from vm import mmu
from vm import results as r
from vm.lock import walks
from vm.results import ParamError


class Freelist(Land):
    """The handle of a freelist; its ranges are mapped memory. Of several
    largest ranges it takes the highest, and that whole or not at all."""

    SIG = f.FREELIST_SIG
    BYTES = f.FREELIST_SIZE

    @classmethod
    def init(cls, space, address, align, owner=0):
        """Write the descriptor of an empty freelist, 72 bytes at `address`.

        Returns its handle. Raises: ParamError.
        """
        cls._write(space, address, align, owner, ((f.HEAD, space.nil),))
        return cls(space, address)

    # Links: a slot is the word number of the word that names a block

    def _first(self):
        """The slot of the first block: the head of the list. It may lie anywhere."""
        self.limit = 0
        return mmu.at(self.space, self.address, f.FREELIST_SIZE) + f.HEAD

    def _block(self, slot):
        """The block (a word number, 0 at the end) that `slot` names; its
        range goes to `base` and `limit`. Its own slot is the same number.

        Raises: DamageError, unless it lies in memory and, as `limit` tells of
        the block before, above that and apart from it. So every walk ends.
        """
        w = self.space.words
        base = w[slot] & -2
        if base == self.space.nil:
            self.base = base
            return 0
        if (
            base <= self.limit
            or base < self.space.base
            or base >= self.space.limit
            or base & (self.align - 1)
        ):
            return self._astray(slot, 0, "the address of a block above the one before, or nil")
        n = mmu.at(self.space, base, 8)
        limit = base + 8
        least = base + 8
        if not w[n] & 1:
            limit = w[mmu.at(self.space, base + 8, 8)]
            least = base + 16
        if limit < least or limit > self.space.limit or limit & (self.align - 1):
            return self._astray(n, 1, "the limit of the block, with a tag if that has 8 bytes")
        self.base = base
        self.limit = limit
        return n

    def _again(self, slot):
        """As `_block`, of a slot that was passed before."""
        self.limit = 0
        return self._block(slot)

    def _astray(self, n, field, expected):
        address = (n << 3) + self.space.origin
        return self.space.damage(f"a block or the head of {self!r}", address, field, expected)

    def _aim(self, slot, address):
        """Let `slot` name the block at `address`; its tag stays."""
        w = self.space.words
        w[slot] = address | (w[slot] & 1)
        return 0

    def _write_block(self, slot, base, limit, link):
        """Make [base, limit) a block linked to `link`, and `slot` name it;
        nothing, if it is empty: then `slot` names `link`."""
        if base == limit:
            return self._aim(slot, link)
        w = self.space.words
        if limit - base < 16:
            w[mmu.at(self.space, base, 8)] = link | 1
        else:
            n = mmu.at(self.space, base, 16)
            w[n] = link
            w[n + 1] = limit
        return self._aim(slot, base)

    def _resize(self, change, number):
        """Count `change` bytes and `number` blocks."""
        n = mmu.at(self.space, self.address, f.FREELIST_SIZE)
        w = self.space.words
        size = w[n + f.SIZE] + change
        count = w[n + f.COUNT] + number
        # A count is at most an eighth of a size that is at most 2^62.
        if (size - (count << 3)) >> 62 or (count | w[n + f.COUNT]) >> 59:
            return self.miscounted(change, number)
        w[n + f.SIZE] = size
        w[n + f.COUNT] = count
        return r.OK

    def insert_range(self, base, limit):
        """As `Land.insert_range`; OK or FAIL. Cost: O(n)."""
        w = self.space.words
        before = 0
        previous = slot = self._first()
        n = self._block(slot)
        while n and self.limit <= base:
            before = self.base
            before_limit = self.limit
            previous = slot
            slot = n
            n = self._block(slot)
        if n and self.base < limit:
            return r.FAIL
        self.found_base = base
        self.found_limit = limit
        joined = 1
        link = w[slot] & -2
        if n and self.base == limit:
            self.found_limit = self.limit
            link = w[n] & -2
            joined -= 1
        if before and before_limit == base:
            self.found_base = before
            slot = previous
            joined -= 1
        self._resize(limit - base, joined)
        self._write_block(slot, self.found_base, self.found_limit, link)
        return r.OK

    def delete_range(self, base, limit):
        """As `Land.delete_range`; OK or FAIL. Cost: O(n)."""
        slot = self._first()
        n = self._block(slot)
        while n and self.limit <= base:
            slot = n
            n = self._block(slot)
        if n == 0 or base < self.base or self.limit < limit:
            return r.FAIL
        self.found_base = self.base
        self.found_limit = self.limit
        return self._cut(slot, n, base, limit)

    def _cut(self, slot, n, base, limit):
        """Delete [base, limit) from block n, named by `slot`, whose range
        is in `base` and `limit`."""
        link = self.space.words[n] & -2
        low = self.base
        high = self.limit
        number = (1 if low < base else 0) + (1 if limit < high else 0) - 1
        self._resize(base - limit, number)
        if limit < high:
            # The right part is written first: it does not touch the left.
            self._write_block(slot, limit, high, link)
            link = limit
        if low < base:
            self._write_block(slot, low, base, link)
        elif limit == high:
            self._aim(slot, link)
        return r.OK

    def first_range(self, size, mode):
        """As `Land.first_range`. Cost: O(n)."""
        slot = self._first()
        n = self._block(slot)
        while n and self.limit - self.base < size:
            slot = n
            n = self._block(slot)
        return self._take(slot, n, size, mode)

    def last_range(self, size, mode):
        """As `Land.last_range`. Cost: O(n)."""
        found = 0
        slot = self._first()
        n = self._block(slot)
        while n:
            if self.limit - self.base >= size:
                found = slot
            slot = n
            n = self._block(slot)
        if found == 0:
            return 0
        n = self._again(found)
        return self._take(found, n, size, mode)

    def best_range(self, size, mode):
        """As `Land.best_range`. Cost: O(n)."""
        found = least = 0
        slot = self._first()
        n = self._block(slot)
        while n:
            wide = self.limit - self.base
            if wide >= size and (found == 0 or wide < least):
                least = wide
                found = slot
            slot = n
            n = self._block(slot)
        if found == 0:
            return 0
        n = self._again(found)
        return self._take(found, n, size, mode)

    def next_range(self, address, size, mode):
        """As `Land.next_range`. Cost: O(n)."""
        slot = self._first()
        n = self._block(slot)
        while n and (self.limit <= address or self.limit - self.base < size):
            slot = n
            n = self._block(slot)
        return self._take(slot, n, size, mode)

    def whole(self, grain):
        """As `Land.whole`. Cost: O(n)."""
        size = 0
        n = self._block(self._first())
        while n:
            base = self.base + grain - 1 & -grain
            limit = self.limit & -grain
            if limit > base:
                size += limit - base
            n = self._block(n)
        return size

    def largest_range(self, size, mode):
        """As `Land.largest_range`; the highest of the largest, and unless
        `mode` keeps it, all of it. Cost: O(n)."""
        found = 0
        slot = self._first()
        n = self._block(slot)
        while n:
            if self.limit - self.base >= size:
                size = self.limit - self.base
                found = slot
            slot = n
            n = self._block(slot)
        if found == 0:
            return 0
        n = self._again(found)
        return self._take(found, n, size, f.ENTIRE if mode else f.KEEP)

    def _take(self, slot, n, size, mode):
        """Delete, of block n named by `slot`, what `mode` says. Returns 1,
        or 0 if n is 0."""
        if n == 0:
            return 0
        self.old_base = self.base
        self.old_limit = self.limit
        self.found_base = self.base
        self.found_limit = self.limit
        if mode == f.LOW:
            self.found_limit = self.base + size
        elif mode == f.HIGH:
            self.found_base = self.limit - size
        if mode != f.KEEP:
            self._cut(slot, n, self.found_base, self.found_limit)
        return 1

    def next_after(self, address):
        """As `Land.next_after`. Cost: O(n)."""
        n = self._block(self._first())
        while n and self.limit <= address:
            n = self._block(n)
        if n == 0:
            return 0
        self.found_base = self.base
        self.found_limit = self.limit
        return 1

    def ranges(self):
        """The ranges in ascending order, as they are when it begins: to
        follow the list while it changes would not do."""
        self._is_alive()
        ranges = []
        n = self._block(self._first())
        while n:
            ranges.append((self.base, self.limit))
            n = self._block(n)
        return iter(ranges)

    def __len__(self):
        self._is_alive()
        return self._count()

    def _admit(self, base, limit):
        return self.expect_memory(*super()._admit(base, limit))

    def expect_memory(self, base, limit):
        """(base, limit), if links can be written there. Raises: ParamError."""
        if base < self.space.base or limit > self.space.limit:
            raise ParamError(
                f"[{base:#x}, {limit:#x}) is no memory: expected a range of "
                f"[{self.space.base:#x}, {self.space.limit:#x})"
            )
        unmapped = self.space.first_unmapped(base, limit)
        if unmapped != limit:
            raise ParamError(
                f"[{base:#x}, {limit:#x}) is not mapped at {unmapped:#x}: a {type(self).__name__} "
                f"keeps its links in its ranges"
            )
        return base, limit

    @walks
    def check(self):
        """Assert the invariants of the set and of the blocks. Cost: O(n)."""
        super().check()
        assert len(self) == sum(1 for _ in self.ranges()), "count is the number of blocks"
        w = self.space.words
        n = self._block(self._first())
        while n:
            small = self.limit - self.base < 16
            assert (w[n] & 1) == small, f"the tag of the block at {self.base:#x} says its size"
            n = self._block(n)
