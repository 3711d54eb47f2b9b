"""LIFOFit: blocks of any size, at the first free block that holds them, where
the block freed last comes first. Blocks have boundary tags.

Vital statistics
    Alignment: `align`, 8 to the grain. Least block: 32 bytes, or `align` if
    that is more. Overhead: a word per block, and 32 bytes per extent. Worst
    case: that of first fit is no better than for an order by address. Alloc:
    O(n) for n free blocks that are at most a level too small; free: O(1), but
    for what goes back. Not for several threads.
Misuse
    Told: a size that takes other bytes than the block has, a second free until
    the tag is overwritten, and an address where no tag of a block in use is.
    Not told: a size that is rounded up to the same bytes.

A block that is freed becomes one with its free neighbours at once, and goes
to the front of the list. Of the block found, the high end is given out, so that
what is left keeps its place in the list.
Source: design/fits.md#.sol.lifo; Knuth, The Art of Computer Programming 1,
section 2.5 (first fit, boundary tags); Wilson, Johnstone, Neely and Boles,
Dynamic Storage Allocation: A Survey and Critical Review, 1995
"""

from pools import fields as p
from pools.fit import fit_options
from pools.pool import Pool
from pools.tagged import Tagged
from vm import mmu, raw
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError


class LIFOFit(Tagged):
    """The handle of a pool that takes the first fit in LIFO order.

    LIFOFit(arena, extend_by=65536, align=8, spare=0.75, arena_high=False, audit=False, label='')
    """

    class_name = "LIFOFitPool"
    descriptor_size = p.LIFO_SIZE

    def __init__(
        self,
        arena,
        extend_by=65536,
        align=8,
        spare=0.75,
        arena_high=False,
        audit=False,
        label="",
    ):
        """Make a pool in `arena` that asks it for `extend_by` bytes or more.

        `spare` is the fraction of the pool's memory that may be free before
        extents that are all free go back; `arena_high` says from which end of
        the arena memory comes. Blocks are aligned to `align`, a power of two
        from 8 to the grain.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        options = fit_options(arena, extend_by, align, spare, arena_high)
        self._create(arena, audit, label, **options)

    def bind(self, space, address, grains):
        """Make this the handle of the LIFOFit pool at `address`."""
        Pool.bind(self, space, address, grains)
        self.sig = p.LIFO_SIG

    def init(self, arena_address, extend_by, align, spare, arena_high):
        """Write the descriptor of a pool without memory. Takes no memory."""
        self.init_pool(arena_address, align)
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        for field in range(p.LIFO_TOTAL, p.EMPTY_EXTENTS + 1):
            w[n + field] = 0
        for level in range(1, p.MOST_LEVEL + 1):
            w[n + p.FIRST_OF_LEVEL + level] = 0
        w[n + p.HAS_LEVELS] = 0
        w[n + p.LIFO_EXTEND_BY] = max(extend_by, self.grains.grain)
        self.space.floats[n + p.LIFO_SPARE] = spare
        w[n + p.LIFO_ARENA_HIGH] = arena_high
        self.told_init()

    # Allocation

    def alloc_block(self, size):
        """The address of a block of `size` bytes, or a negative code."""
        block = self._obtain(self.block_size(size))
        return block + p.TAG if block > 0 else block

    def _obtain(self, size):
        """A block of `size` bytes, its header included, or a negative code."""
        block = self.first_fit(size)
        if block == 0:
            block = self.extend(size)
            if block < 0:
                return block
        return self.take(block, size)

    def alloc_aligned(self, size, align):
        """As `Pool.alloc_aligned`: of a block that is large enough to hold an
        aligned one, what lies before and after that is freed again."""
        if align <= self._word(p.POOL_ALIGN):
            return self.alloc_block(size)
        size = self.block_size(size)
        least = self.least()
        found = size + align + least
        block = self._obtain(found)
        if block < 0:
            return block
        w = self.space.words
        m = mmu.at(self.space, block, p.TAG)
        self.drop_rest(m)
        whole = w[m] & -8
        address = block + p.TAG + align - 1 & -align
        # What lies before is nothing, or a block.
        while 0 < address - p.TAG - block < least:
            address += align
        gap = address - p.TAG - block
        if gap:
            w[m] -= whole - gap
            w[mmu.at(self.space, block + gap, p.TAG)] = (
                whole - gap | p.IN_USE | p.BEFORE_IN_USE
            )
            self.release(block)
        self.cut(address - p.TAG, size)
        return address

    def resize_block(self, address, old, new):
        """As `Pool.resize_block`: a block frees its end, or takes the free
        block after it. Cost: O(1)."""
        w = self.space.words
        new = self.block_size(new)
        block = address - p.TAG
        m = self.used_at(block)
        whole = w[m] & p.SIZES
        if new > whole:
            after = mmu.at(self.space, block + whole, p.TAG)
            if w[after] & p.IN_USE:
                return r.FAIL
            more = w[self.free_at(block + whole)] & -8
            if whole + more < new:
                return r.FAIL
            self.unlink(block + whole, more)
            self.count_free(-more)
            w[m] += more
            w[mmu.at(self.space, block + whole + more, p.TAG)] |= p.BEFORE_IN_USE
        self.drop_rest(m)
        self.cut(block, new)
        return r.OK

    def is_partly_free(self, address, size):
        """As `Pool.is_partly_free`, so far as the tag tells. Cost: O(1)."""
        tag = self.space.words[mmu.at(self.space, address - p.TAG, p.TAG)]
        return 0 if tag & p.IN_USE else 1

    # Free

    def free_block(self, address, size):
        """Free a block of `size` bytes, then give back what is too much.

        Returns OK, or FAIL if it was free; then nothing changed.
        """
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        m = mmu.at(self.space, address - p.TAG, p.TAG)
        if not w[m] & p.IN_USE:
            return r.FAIL
        self.drop_rest(self.used_at(address - p.TAG))
        self.release(address - p.TAG)
        if w[n + p.EMPTY_EXTENTS]:
            self.sound()
            most = w[n + p.LIFO_TOTAL] - w[n + p.TAGGED_EXTENTS] * self.least()
            limit = raw.whole(self.space.floats[n + p.LIFO_SPARE] * most)
            if w[n + p.LIFO_FREE] >= limit:
                self._reduce(limit // 2)
        return r.OK

    def _reduce(self, target):
        """Give extents that are all free back to the arena, the newest first,
        as far as `target` bytes stay free.

        Source: design/fits.md#.sol.lifo.reduce
        """
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        around = self.least()
        base = w[n + p.FIRST_TAGGED]
        previous = 0
        while base and w[n + p.EMPTY_EXTENTS]:
            e = self.extent_at(base, previous, p.TAGGED_NEXT)
            if w[e + p.TAGGED_PREVIOUS] != previous:
                return self.space.damage("extent", base, p.TAGGED_PREVIOUS, "the one before")
            following = w[e + p.TAGGED_NEXT]
            size = w[e + p.TAGGED_SIZE]
            free = size - around
            head = w[mmu.at(self.space, base + around - p.TAG, p.TAG)]
            is_empty = head == free | p.BEFORE_IN_USE | p.IS_FIRST
            if is_empty and w[n + p.LIFO_FREE] - free >= target:
                self.give_back(base, size)
            else:
                previous = base
            base = following
        return r.OK

    # Accounts

    def total(self):
        """The bytes that the pool has of the arena."""
        return self._word(p.LIFO_TOTAL)

    def free_bytes(self):
        """The bytes of free blocks, without their headers."""
        return self._word(p.LIFO_FREE) - p.TAG * self._word(p.FREE_BLOCKS)

    def slack(self):
        """The headers of free blocks, what stands around the blocks of the
        extents, and what blocks have beyond their `block_size`."""
        around = self.least() * self._word(p.TAGGED_EXTENTS)
        return p.TAG * self._word(p.FREE_BLOCKS) + around + self._word(p.LIFO_RESTS)

    def largest(self):
        """The bytes of the largest block in the lists. Cost: O(n) for n in the
        highest that is not empty."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        level = p.MOST_LEVEL if w[n + p.HAS_LEVELS] else 0
        while level > 0 and w[self.head(n, level)] == 0:
            level -= 1
        largest = p.TAG
        previous = 0
        block = w[self.head(n, level)]
        while block:
            m = self.following(block, previous, level)
            if w[m] & -8 > largest:
                largest = w[m] & -8
            previous = block
            block = w[m + p.NEXT_FREE + 2 * level]
        return largest - p.TAG

    def whole_free(self):
        """The bytes of whole grains in what is free. Cost: O(n) for n of them."""
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        grain = self.grains.grain
        # No block of a lower level holds a grain.
        level = p.MOST_LEVEL if w[n + p.HAS_LEVELS] else 0
        total = previous = 0
        block = w[self.head(n, level)]
        while block:
            m = self.following(block, previous, level)
            base = block + p.TAG + grain - 1 & -grain
            limit = block + (w[m] & -8) & -grain
            if limit > base:
                total += limit - base
            previous = block
            block = w[m + p.NEXT_FREE + 2 * level]
        return total

    def expect_block(self, address, size):
        """Raise ProtocolError unless a block in use that `size` bytes take
        begins at `address`, so far as tags tell. That it was freed before is
        left to `free_block`."""
        align = self.alignment()
        if address % align:
            raise ProtocolError(f"block {address:#x} of {self!r} is not aligned to {align}")
        base = self.grains.extent_of(address, self.address)
        if base < 0 or address < base + self.least():
            raise ProtocolError(f"{address:#x} is not in the memory of {self!r}")
        w = self.space.words
        limit = base + w[self.extent_at(base, 0, 0) + p.TAGGED_SIZE]
        tag = w[mmu.at(self.space, address - p.TAG, p.TAG)]
        if not tag & p.IN_USE:
            return r.OK
        whole = tag & p.SIZES
        end = address - p.TAG + whole
        if not (0 < whole and end < limit and self._is_followed(end)):
            raise ProtocolError(f"no block of {self!r} begins at {address:#x}")
        whole -= tag >> p.REST_SHIFT
        if whole != self.block_size(size):
            raise ProtocolError(
                f"block {address:#x} of {self!r} is freed with size {size}: expected one that "
                f"takes {whole} bytes"
            )
        return r.OK

    def _is_followed(self, end):
        """True if the tag at `end` says that the block before it is in use."""
        return self.space.words[mmu.at(self.space, end, p.TAG)] & p.BEFORE_IN_USE != 0

    # End

    def finish(self):
        """Give all memory back to the arena and invalidate the descriptor."""
        for base, limit in self._extents():
            self.grains.free_grains(base, limit - base, self.address)
        self.finish_pool()

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        self.sound()
        n = mmu.at(self.space, self.address, p.LIFO_SIZE)
        w = self.space.words
        high = "high" if w[n + p.LIFO_ARENA_HIGH] else "low"
        return (
            f"LIFOFit pool {self.serial} at {self.address:#x}\n"
            f"  extend by {w[n + p.LIFO_EXTEND_BY]} bytes, align {self.align}, "
            f"spare {self.space.floats[n + p.LIFO_SPARE]}\n"
            f"  first fit in LIFO order, {high} end of the arena\n"
            f"  total {self.total()}, free {self.free_bytes()} bytes "
            f"in {w[n + p.FREE_BLOCKS]} blocks, largest {self.largest()}\n"
        )
