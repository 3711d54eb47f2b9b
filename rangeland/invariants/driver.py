"""The stress driver: the loop that drives a pool and judges every operation.

What is done comes in columns of random numbers, drawn beforehand; the loop
only resolves them to blocks. Source: design/stress.md#.sol.loop
"""

from array import array

from rangeland.invariants import fields as d
from rangeland.invariants.shadow import Shadow
from vm import events as ev
from vm import fields as f
from vm import mmu
from vm import results as r


class Driver:
    """A run in progress: the pool, the blocks that live, and the verdict.

    At most `most` blocks live at a time. A block is expected at a multiple of
    `align`; the pool counts it by its `block_size`.
    A refused block keeps its place among the live ones, with address 0, so
    that which block an operation means depends on the columns alone.
    After a verdict other than GOOD: `culprit`, the number of the block;
    `spot`, the address; `found` and `expected` say more.
    Units: bytes.
    """

    def __init__(self, pool, most, align):
        self.pool = pool
        self.is_told = False
        self.grains = pool.grains
        self.space = pool.space
        self.shadow = Shadow(self.space.base, self.space.size)
        self.align = align
        self.most = most
        capacity = 1 << (most - 1).bit_length()
        self.ring = capacity - 1
        self.address = memoryview(array("q", bytes(8 * capacity)))
        self.held = memoryview(array("q", bytes(8 * capacity)))
        self.mark = memoryview(array("q", bytes(8 * capacity)))
        self.name = memoryview(array("q", bytes(8 * capacity)))
        self.oldest = 0
        self.count = 0
        self.made = 0
        self.done = 0
        self.refused = 0
        self.taken = pool.total_size - pool.free_size - pool.slack_size
        self.verdict = d.GOOD
        self.culprit = -1
        self.spot = 0
        self.found = 0
        self.expected = 0

    def load(self, kind, size, pick, stamp):
        """Take the columns of the next operations: buffers of int8, and of
        int64: sizes, which block a free of ANY means, and contents."""
        self.kind = memoryview(kind)
        self.size = memoryview(size)
        self.pick = memoryview(pick)
        self.stamp = memoryview(stamp)

    def run(self, first, limit):
        """Do and judge the operations [first, limit) of the columns.

        Returns -1; or the operation on which the verdict is not GOOD, and
        then no later one was done. Blocks are told to those who listen when it
        begins. Cost: that of the pool, and O(size).
        """
        self.is_told = self.pool.space.telemetry.mask & ev.OBJECT != 0
        for i in range(first, limit):
            self._do(i)
            if self.verdict != d.GOOD:
                return i
            self.done += 1
        return -1

    def _do(self, i):
        kind = self.kind[i]
        if self.count == 0 or (kind == d.ALLOC and self.count < self.most):
            return self._alloc(self.size[i], self.stamp[i])
        if kind == d.OLDEST:
            slot = self.oldest & self.ring
            self.oldest += 1
            self.count -= 1
            return self._free(self.address[slot], self.held[slot], self.mark[slot], self.name[slot])
        last = self.oldest + self.count - 1 & self.ring
        slot = last
        if kind != d.NEWEST:
            slot = self.oldest + self.pick[i] % self.count & self.ring
        address = self.address[slot]
        size = self.held[slot]
        stamp = self.mark[slot]
        name = self.name[slot]
        self._put(slot, self.address[last], self.held[last], self.mark[last], self.name[last])
        self.count -= 1
        return self._free(address, size, stamp, name)

    def _put(self, slot, address, size, stamp, name):
        self.address[slot] = address
        self.held[slot] = size
        self.mark[slot] = stamp
        self.name[slot] = name
        return 0

    def _alloc(self, size, stamp):
        """Allocate as the pool's own `alloc` does, and judge the block."""
        name = self.made
        self.made += 1
        before = self.pool.total()
        self.grains.poll()
        address = self.pool.alloc_block(size)
        if address < 0:
            self.refused += 1
            if address < -r.PARAM:
                return self._judged(d.NONSENSE, name, 0, address, 0)
            if self.pool.total() != before:
                return self._judged(d.UNWOUND, name, 0, self.pool.total(), before)
            self._put(self.oldest + self.count & self.ring, 0, size, stamp, name)
            self.count += 1
            return self._account(name, 0)
        self.grains.fill(size)
        if self.is_told:
            self.pool.told_alloc(address, size)
        self._put(self.oldest + self.count & self.ring, address, size, stamp, name)
        self.count += 1
        if self._place(address, size, name) != d.GOOD:
            return self.verdict
        self._write(address, size, stamp)
        self.taken += self.pool.block_size(size)
        return self._account(name, address)

    def _place(self, address, size, name):
        """Judge where the block lies: aligned, in memory, apart."""
        if address & self.align - 1:
            return self._judged(d.MISALIGNED, name, address, address & self.align - 1, 0)
        if address < self.space.base or address > self.space.limit - size:
            return self._judged(d.OUTSIDE, name, address, address, self.space.base)
        page = address - self.space.base >> f.PAGE_SHIFT
        last = address + size - 1 - self.space.base >> f.PAGE_SHIFT
        while page <= last:
            if not self.space.states[page >> 6] >> (page & 63) & 1:
                return self._judged(d.OUTSIDE, name, address, page, 0)
            page += 1
        spot = self.shadow.mark(address, address + size)
        if spot >= 0:
            return self._judged(d.OVERLAP, name, address, spot, 0)
        return d.GOOD

    def _free(self, address, size, stamp, name):
        """Judge the block's contents, and free it. A refused block is none."""
        if address == 0:
            return d.GOOD
        spot = self._changed(address, size, stamp)
        if spot >= 0:
            return self._judged(d.CONTENTS, name, spot, self._word(spot), stamp ^ spot)
        self.shadow.clear(address, address + size)
        self.taken -= self.pool.block_size(size)
        res = self.pool.free_block(address, size)
        if res != r.OK:
            return self._judged(d.REFUSED, name, address, res, r.OK)
        if self.is_told:
            self.pool.told_free(address, size)
        return self._account(name, address)

    def _account(self, name, address):
        """What the pool has and is neither free nor slack is what its clients have."""
        used = self.pool.total() - self.pool.free_bytes() - self.pool.slack()
        if used != self.taken:
            return self._judged(d.ACCOUNTS, name, address, used, self.taken)
        return d.GOOD

    def _judged(self, verdict, name, spot, found, expected):
        self.verdict = verdict
        self.culprit = name
        self.spot = spot
        self.found = found
        self.expected = expected
        return verdict

    # Contents: each word is the block's stamp crossed with its own address,
    # so that bytes of another block or of another place are none of its own.

    def _word(self, address):
        return self.space.words[mmu.at(self.space, address, 8)]

    def _write(self, address, size, stamp):
        words = size >> 3
        i = 0
        while i < words:
            if words > d.WHOLE and i == d.EDGE:
                i = words - d.EDGE
            at = address + (i << 3)
            self.space.words[mmu.at(self.space, at, 8)] = stamp ^ at
            i += 1
        if size & 7:
            at = address + (words << 3)
            mask = ~(-1 << (size & 7) * 8)
            n = mmu.at(self.space, at, 8)
            self.space.words[n] = self.space.words[n] & ~mask | (stamp ^ at) & mask
        return 0

    def _changed(self, address, size, stamp):
        """The address of the first word that is not as written, or -1."""
        words = size >> 3
        i = 0
        while i < words:
            if words > d.WHOLE and i == d.EDGE:
                i = words - d.EDGE
            at = address + (i << 3)
            if self.space.words[mmu.at(self.space, at, 8)] != stamp ^ at:
                return at
            i += 1
        if size & 7:
            at = address + (words << 3)
            mask = ~(-1 << (size & 7) * 8)
            if (self.space.words[mmu.at(self.space, at, 8)] ^ stamp ^ at) & mask:
                return at
        return -1

    def verify(self):
        """Judge the contents of every live block. Returns the verdict.

        Cost: O(blocks).
        """
        for i in range(self.count):
            slot = self.oldest + i & self.ring
            address = self.address[slot]
            if address != 0:
                stamp = self.mark[slot]
                spot = self._changed(address, self.held[slot], stamp)
                if spot >= 0:
                    name = self.name[slot]
                    return self._judged(d.CONTENTS, name, spot, self._word(spot), stamp ^ spot)
        return d.GOOD

    def blocks(self):
        """The live blocks: a list of (name, address, size)."""
        slots = [self.oldest + i & self.ring for i in range(self.count)]
        return [(self.name[s], self.address[s], self.held[s]) for s in slots if self.address[s]]
