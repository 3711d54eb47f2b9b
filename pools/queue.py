"""Queue: the free ranges that an MVT pool will use next, oldest first.

A ring of ranges in control memory, with one slot more than it holds, as in
the MPS. Source: design/pools.md#.sol.mvt.queue, MPS abq.c
"""

from pools import fields as p
from vm import mmu
from vm import results as r


class Queue:
    """The handle of the queue whose four words lie at `address`.

    `base` and `limit` have the range that `peek` or `at` found.
    """

    def __init__(self, space, address):
        self.space = space
        self.address = address
        self.base = 0
        self.limit = 0

    def init(self, ring, depth):
        """Write an empty queue of at most `depth` ranges, whose slots lie at `ring`."""
        w = self.space.words
        n = mmu.at(self.space, self.address, 32)
        w[n + p.RING] = ring
        w[n + p.SLOTS] = depth + 1
        w[n + p.TAIL] = 0
        w[n + p.QUEUED] = 0

    def sound(self):
        """Returns 0. Raises: DamageError, if a word is not what it can be."""
        n = mmu.at(self.space, self.address, 32)
        w = self.space.words
        ring = w[n + p.RING]
        if not 1 < w[n + p.SLOTS] <= self.space.mapped // p.SLOT_SIZE:
            return self._bad(p.SLOTS, "a number of slots in mapped memory")
        if ring & 7 or not self.space.base <= ring <= self.space.limit:
            return self._bad(p.RING, "the address of the slots")
        if not 0 <= w[n + p.TAIL] < w[n + p.SLOTS]:
            return self._bad(p.TAIL, "the number of a slot")
        if not 0 <= w[n + p.QUEUED] < w[n + p.SLOTS]:
            return self._bad(p.QUEUED, "fewer than there are slots")
        return 0

    def _bad(self, field, expected):
        return self.space.damage("queue", self.address, field, expected)

    def count(self):
        """How many ranges are queued."""
        return self.space.words[mmu.at(self.space, self.address, 32) + p.QUEUED]

    def depth(self):
        """How many ranges can be queued at once."""
        return self.space.words[mmu.at(self.space, self.address, 32) + p.SLOTS] - 1

    def ring(self):
        """The address of the slots."""
        return self.space.words[mmu.at(self.space, self.address, 32) + p.RING]

    def _slot(self, index):
        """The word number of the slot of the queued range `index`, 0 the oldest."""
        self.sound()
        w = self.space.words
        n = mmu.at(self.space, self.address, 32)
        slot = w[n + p.TAIL] + index
        if slot >= w[n + p.SLOTS]:
            slot -= w[n + p.SLOTS]
        return mmu.at(self.space, w[n + p.RING] + slot * p.SLOT_SIZE, p.SLOT_SIZE)

    def push(self, base, limit):
        """Queue [base, limit) as the newest. Returns OK, or FAIL if the queue is full."""
        if self.count() == self.depth():
            return r.FAIL
        w = self.space.words
        m = self._slot(self.count())
        w[m] = base
        w[m + 1] = limit
        w[mmu.at(self.space, self.address, 32) + p.QUEUED] += 1
        return r.OK

    def at(self, index):
        """Put the queued range `index` in `base` and `limit`. Returns OK.
        Raises: DamageError if it is no range of addresses."""
        w = self.space.words
        m = self._slot(index)
        self.base = w[m]
        self.limit = w[m + 1]
        if not self.space.base <= self.base < self.limit <= self.space.limit:
            return self.space.damage("queued range", (m << 3) + self.space.origin, 0, "a range")
        return r.OK

    def peek(self):
        """Put the oldest range in `base` and `limit`. Returns 1, or 0 if there is none."""
        if self.count() == 0:
            return 0
        self.at(0)
        return 1

    def drop_overlapping(self, base, limit):
        """Take the ranges off that overlap [base, limit); the others keep
        their order. Returns OK. Cost: O(depth)."""
        self.sound()
        w = self.space.words
        kept = 0
        for index in range(self.count()):
            self.at(index)
            if self.limit <= base or limit <= self.base:
                m = self._slot(kept)
                w[m] = self.base
                w[m + 1] = self.limit
                kept += 1
        w[mmu.at(self.space, self.address, 32) + p.QUEUED] = kept
        return r.OK

    def ranges(self):
        """The queued ranges, oldest first: a list of (base, limit)."""
        self.sound()
        found = []
        for index in range(self.count()):
            self.at(index)
            found.append((self.base, self.limit))
        return found
