"""Segments: grains that a pool got together, each with a descriptor in control
memory that the page table names.

Source: design/pools.md#.sol.segments, MPS seg.c
"""

from pools import fields as p
from vm import events as ev
from vm import mmu
from vm import results as r


class Segments:
    """The handle of a list of segments, in the order of their making.

    Its two words lie at `address`; the segments belong to the pool whose
    descriptor is at `pool`. A segment is named by its descriptor's address.
    """

    def __init__(self, space, address, pool, grains):
        self.space = space
        self.address = address
        self.pool = pool
        self.grains = grains

    def alloc(self, size):
        """A new segment of `size` bytes, in whole grains, or a negative code.

        The grains come first and then the descriptor; if that cannot be had
        the grains go back.
        """
        base = self.grains.alloc_grains(size, False, self.pool)
        if base < 0:
            return base
        segment = self.grains.alloc_control(p.SEG_SIZE)
        if segment < 0:
            self.grains.free_grains(base, size, self.pool)
            return segment
        w = self.space.words
        n = mmu.at(self.space, segment, p.SEG_SIZE)
        w[n] = p.SEG_SIG
        w[n + p.SEG_POOL] = self.pool
        w[n + p.SEG_BASE] = base
        w[n + p.SEG_LIMIT] = base + size
        w[n + p.SEG_BLOCK] = 0
        self._append(segment)
        self.grains.set_segment(base, size, segment)
        self._tell(ev.SEG_ALLOC, segment, base, size)
        return segment

    def at(self, segment):
        """The number of the first word of the descriptor of `segment`.
        Raises: DamageError if it is none of the pool's, or not what it can be."""
        if segment & 7 or not self.space.base <= segment < self.space.limit:
            return self.space.damage("segment", segment, 0, "the descriptor of a segment")
        n = mmu.at(self.space, segment, p.SEG_SIZE)
        w = self.space.words
        if w[n] != p.SEG_SIG:
            return self.space.damage("segment", segment, 0, "the signature SEG")
        if w[n + p.SEG_POOL] != self.pool:
            return self.space.damage("segment", segment, p.SEG_POOL, "the pool that it is of")
        if not self.space.base <= w[n + p.SEG_BASE] < w[n + p.SEG_LIMIT] <= self.space.limit:
            return self.space.damage("segment", segment, p.SEG_BASE, "an address below its limit")
        if (w[n + p.SEG_BASE] | w[n + p.SEG_LIMIT]) & self.grains.grain - 1:
            return self.space.damage("segment", segment, p.SEG_LIMIT, "whole grains")
        if not 0 <= w[n + p.SEG_BLOCK] <= w[n + p.SEG_LIMIT] - w[n + p.SEG_BASE]:
            return self.space.damage("segment", segment, p.SEG_BLOCK, "no more bytes than it has")
        return n

    def _append(self, segment):
        w = self.space.words
        head = mmu.at(self.space, self.address, 16)
        last = w[head + p.LAST_SEGMENT]
        # The word that is to name it, in the last segment or in the head
        where = self.at(last) + p.NEXT_SEG if last else head + p.FIRST_SEGMENT
        if w[where]:
            return self.space.damage("segment list", self.address, p.LAST_SEGMENT, "the last one")
        n = mmu.at(self.space, segment, p.SEG_SIZE)
        w[n + p.PREVIOUS_SEG] = last
        w[n + p.NEXT_SEG] = 0
        w[head + p.LAST_SEGMENT] = segment
        w[where] = segment
        return r.OK

    def free(self, segment):
        """Give `segment` back: first the descriptor, then the grains. Returns OK."""
        w = self.space.words
        head = mmu.at(self.space, self.address, 16)
        n = self.at(segment)
        base = w[n + p.SEG_BASE]
        size = w[n + p.SEG_LIMIT] - base
        following = w[n + p.NEXT_SEG]
        previous = w[n + p.PREVIOUS_SEG]
        # The words that name the segment, in its neighbours or in the head
        before = self.at(previous) + p.NEXT_SEG if previous else head + p.FIRST_SEGMENT
        after = self.at(following) + p.PREVIOUS_SEG if following else head + p.LAST_SEGMENT
        if w[before] != segment:
            return self.space.damage("segment", segment, p.PREVIOUS_SEG, "the one before")
        if w[after] != segment:
            return self.space.damage("segment", segment, p.NEXT_SEG, "the one after")
        w[before] = following
        w[after] = previous
        w[n] = 0
        self.grains.free_control(segment, p.SEG_SIZE)
        self.grains.free_grains(base, size, self.pool)
        self._tell(ev.SEG_FREE, segment, 0, 0)
        return r.OK

    def _tell(self, event, segment, base, size):
        if self.space.telemetry.mask & ev.SEG:
            n = mmu.at(self.space, self.pool, p.POOL_SIZE)
            arena = self.space.words[n + p.ARENA]
            self.space.telemetry.note(event, arena, segment, base, size, self.pool)
        return r.OK

    def of(self, address):
        """The segment that holds `address`, or 0. Raises: DamageError."""
        segment = self.grains.segment_of(address, self.pool)
        if segment:
            n = self.at(segment)
            w = self.space.words
            if not w[n + p.SEG_BASE] <= address < w[n + p.SEG_LIMIT]:
                return self.space.damage("segment", segment, p.SEG_BASE, "the grains that name it")
        return segment

    def holding(self, address):
        """As `of`, of an address that is the pool's. Raises: DamageError."""
        segment = self.of(address)
        if segment == 0:
            return self.space.damage("memory", address, 0, "memory of a segment of the pool")
        return segment

    def base_of(self, segment):
        """Where `segment` begins."""
        return self.space.words[self.at(segment) + p.SEG_BASE]

    def limit_of(self, segment):
        """Where `segment` ends."""
        return self.space.words[self.at(segment) + p.SEG_LIMIT]

    def block_of(self, segment):
        """The bytes of the one block that `segment` was made for, or 0."""
        return self.space.words[self.at(segment) + p.SEG_BLOCK]

    def dedicate(self, segment, size):
        """Say that `segment` was made for one block of `size` bytes. Returns OK."""
        self.space.words[self.at(segment) + p.SEG_BLOCK] = size
        return r.OK

    def first(self):
        """The segment made first, or 0."""
        return self.space.words[mmu.at(self.space, self.address, 16) + p.FIRST_SEGMENT]

    def all(self):
        """The segments in the order of their making: a list.

        Raises: DamageError. As each has to name the one before, a list that
        goes round is told.
        """
        found = []
        previous = 0
        segment = self.first()
        while segment:
            n = self.at(segment)
            if self.space.words[n + p.PREVIOUS_SEG] != previous:
                self.space.damage("segment", segment, p.PREVIOUS_SEG, "the one before")
            found.append(segment)
            previous = segment
            segment = self.space.words[n + p.NEXT_SEG]
        if self.space.words[mmu.at(self.space, self.address, 16) + p.LAST_SEGMENT] != previous:
            self.space.damage("segment list", self.address, p.LAST_SEGMENT, "the last segment")
        return found
