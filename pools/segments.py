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

    def _append(self, segment):
        w = self.space.words
        head = mmu.at(self.space, self.address, 16)
        last = w[head + p.LAST_SEGMENT]
        n = mmu.at(self.space, segment, p.SEG_SIZE)
        w[n + p.PREVIOUS_SEG] = last
        w[n + p.NEXT_SEG] = 0
        w[head + p.LAST_SEGMENT] = segment
        if last:
            w[mmu.at(self.space, last, p.SEG_SIZE) + p.NEXT_SEG] = segment
        else:
            w[head + p.FIRST_SEGMENT] = segment
        return r.OK

    def free(self, segment):
        """Give `segment` back: first the descriptor, then the grains. Returns OK."""
        w = self.space.words
        head = mmu.at(self.space, self.address, 16)
        n = mmu.at(self.space, segment, p.SEG_SIZE)
        base = w[n + p.SEG_BASE]
        size = w[n + p.SEG_LIMIT] - base
        following = w[n + p.NEXT_SEG]
        previous = w[n + p.PREVIOUS_SEG]
        if previous:
            w[mmu.at(self.space, previous, p.SEG_SIZE) + p.NEXT_SEG] = following
        else:
            w[head + p.FIRST_SEGMENT] = following
        if following:
            w[mmu.at(self.space, following, p.SEG_SIZE) + p.PREVIOUS_SEG] = previous
        else:
            w[head + p.LAST_SEGMENT] = previous
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
        """The segment that holds `address`, or 0."""
        return self.grains.segment_of(address, self.pool)

    def base_of(self, segment):
        """Where `segment` begins."""
        return self.space.words[mmu.at(self.space, segment, p.SEG_SIZE) + p.SEG_BASE]

    def limit_of(self, segment):
        """Where `segment` ends."""
        return self.space.words[mmu.at(self.space, segment, p.SEG_SIZE) + p.SEG_LIMIT]

    def block_of(self, segment):
        """The bytes of the one block that `segment` was made for, or 0."""
        return self.space.words[mmu.at(self.space, segment, p.SEG_SIZE) + p.SEG_BLOCK]

    def dedicate(self, segment, size):
        """Say that `segment` was made for one block of `size` bytes. Returns OK."""
        self.space.words[mmu.at(self.space, segment, p.SEG_SIZE) + p.SEG_BLOCK] = size
        return r.OK

    def first(self):
        """The segment made first, or 0."""
        return self.space.words[mmu.at(self.space, self.address, 16) + p.FIRST_SEGMENT]

    def all(self):
        """The segments in the order of their making: a list."""
        found = []
        segment = self.first()
        while segment:
            found.append(segment)
            segment = self.space.words[mmu.at(self.space, segment, p.SEG_SIZE) + p.NEXT_SEG]
        return found
