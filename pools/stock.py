"""Stock: the segments of an MVT pool, and what of them is free.

The free ranges are a land. Those that are large enough to be used again are
queued as well, oldest first; when the queue is full, memory goes back to the
arena. Source: design/pools.md#.sol.mvt.stock
"""

from land import fields as lf
from land.cbs import CBSFast
from land.failover import Failover
from land.freelist import Freelist
from pools import fields as p
from pools.mfs import MFS
from pools.pool import handle, unborn
from pools.queue import Queue
from pools.segments import Segments
from vm import mmu
from vm import results as r
from vm.results import failure


class Stock:
    """The handle of the stock of the MVT pool whose descriptor is at `address`.

    `free_land` has the free ranges, `queue` those that can be reused; the
    nodes come from `blocks`, an MFS pool in control memory. `base` and
    `limit` have what the last `take` found.
    """

    def __init__(self, space, address, grains):
        self.space = space
        self.address = address
        self.grains = grains
        self.queue = Queue(space, address + p.MVT_QUEUE_AT)
        self.segments = Segments(space, address + p.MVT_SEGMENTS_AT, address, grains)
        self.base = 0
        self.limit = 0

    def attach(self):
        """Make the handles of the lands and of the pool of their nodes."""
        space, address = self.space, self.address
        self.blocks = handle(MFS, space, self._word(p.MVT_BLOCKS), self.grains)
        primary = CBSFast(space, address + p.MVT_PRIMARY_AT, self.blocks)
        secondary = Freelist(space, address + p.MVT_SECONDARY_AT)
        self.free_land = Failover(space, address + p.MVT_FREE_AT, primary, secondary)

    def init(self, arena_address, align, reserve_depth, mean_size):
        """Make the pool of nodes, the lands and the queue, all empty.

        Raises: AllocationError, and then has taken no control memory.
        """
        at = self.grains.alloc_control(p.MFS_SIZE)
        if at < 0:
            raise failure(at, "no control memory for the nodes of an MVT pool")
        self.blocks = unborn(MFS, self.space, at, self.grains)
        self.blocks.init(arena_address, lf.FAST_NODE_SIZE, p.NODE_EXTEND_BY, True)
        self.space.words[mmu.at(self.space, self.address, p.MVT_SIZE) + p.MVT_BLOCKS] = at
        self._init_lands(align)
        reuse = self._word(p.REUSE_SIZE)
        depth = max(3, (reserve_depth * mean_size + reuse - 1) // reuse)
        ring = self.grains.alloc_control((depth + 1) * p.SLOT_SIZE)
        if ring < 0:
            self._finish_lands()
            raise failure(ring, f"no control memory for a queue of {depth} ranges")
        self.queue.init(ring, depth)

    def _init_lands(self, align):
        space, address = self.space, self.address
        at = address + p.MVT_PRIMARY_AT
        primary = CBSFast.init(space, at, self.blocks, align, address)
        at = address + p.MVT_SECONDARY_AT
        secondary = Freelist.init(space, at, align, address)
        at = address + p.MVT_FREE_AT
        self.free_land = Failover.init(space, at, primary, secondary, address)

    def finish(self):
        """Give everything back: segments, queue, nodes."""
        for segment in self.segments.all():
            self.free_segment(segment)
        self.grains.free_control(self.queue.ring(), (self.queue.depth() + 1) * p.SLOT_SIZE)
        self._finish_lands()

    def _finish_lands(self):
        for land in (self.free_land, self.free_land.secondary, self.free_land.primary):
            land.finish()
        self.blocks.finish()
        self.grains.free_control(self.blocks.address, p.MFS_SIZE)

    def _word(self, field):
        return self.space.words[mmu.at(self.space, self.address, p.MVT_SIZE) + field]

    def count(self, field, change):
        """Add `change` to an account of the pool's. Returns OK."""
        w = self.space.words
        w[mmu.at(self.space, self.address, p.MVT_SIZE) + field] += change
        return r.OK

    def new_segment(self, size):
        """A new segment of `size` bytes of grains, all of them available, or
        a negative code."""
        segment = self.segments.alloc(size)
        if segment > 0:
            self.count(p.MVT_TOTAL, size)
            self.count(p.AVAILABLE, size)
        return segment

    def free_segment(self, segment):
        """Give `segment`, all of which counts as available, to the arena. Returns OK."""
        size = self.segments.limit_of(segment) - self.segments.base_of(segment)
        self.count(p.MVT_TOTAL, -size)
        self.count(p.AVAILABLE, -size)
        return self.segments.free(segment)

    # Memory for a point

    def take_queued(self, size):
        """Take a part of the oldest range of the queue, which is filled again
        if it is empty and has overflowed. Returns 1 with the part in base and
        limit, or 0."""
        if self.queue.count() == 0 and self._word(p.OVERFLOWED):
            self._set_overflowed(0)
            if self._refill_from(self.free_land.primary):
                self._refill_from(self.free_land.secondary)
        if not self.queue.peek():
            return 0
        return self._take_part(self.queue.base, self.queue.limit, size)

    def _refill_from(self, land):
        """Queue the ranges of `land` that are large enough, in ascending
        order. Returns 1, or 0 if the queue is full."""
        reuse = self._word(p.REUSE_SIZE)
        address = 0
        while land.next_after(address):
            address = land.found_limit
            if address - land.found_base >= reuse:
                if self.queue.push(land.found_base, address) != r.OK:
                    self._set_overflowed(1)
                    return 0
        return 1

    def _set_overflowed(self, value):
        w = self.space.words
        w[mmu.at(self.space, self.address, p.MVT_SIZE) + p.OVERFLOWED] = value
        return r.OK

    def take_first(self, size):
        """Take a part of the first free range that fits, as `take_queued`.
        Cost: O(n) for n free ranges."""
        if self._take_first_of(self.free_land.primary, size):
            return 1
        return self._take_first_of(self.free_land.secondary, size)

    def _take_first_of(self, land, size):
        address = 0
        while land.next_after(address):
            address = land.found_limit
            if address - land.found_base >= size:
                if self._take_part(land.found_base, address, size):
                    return 1
        return 0

    def _take_part(self, base, limit, size):
        """Take the part of the free range [base, limit) that lies in its first
        segment, if that holds `size` bytes; else what lies in the second, if
        that does. Returns 1 or 0."""
        segment = self.segments.of(base)
        end = min(limit, self.segments.limit_of(segment))
        if end - base < size:
            if limit - end < size:
                return 0
            base = end
            segment = self.segments.of(base)
            end = min(limit, self.segments.limit_of(segment))
            if end - base < size:
                return 0
        self._delete(base, end)
        self.base = base
        self.limit = end
        return 1

    # The free land and the queue

    def insert(self, base, limit):
        """Insert [base, limit) into the free land, and queue the range that
        it is now part of if that is large enough. Returns OK or FAIL."""
        res = self.free_land.insert_range(base, limit)
        if res == r.OK:
            base = self.free_land.found_base
            limit = self.free_land.found_limit
            if limit - base >= self._word(p.REUSE_SIZE):
                self.queue.drop_overlapping(base, limit)
                self._enqueue(base, limit)
        return res

    def _delete(self, base, limit):
        """Delete [base, limit) from the free land; of the range that held it
        the queue keeps what is left on either side and large enough."""
        self.free_land.delete_range(base, limit)
        low = self.free_land.found_base
        high = self.free_land.found_limit
        reuse = self._word(p.REUSE_SIZE)
        self.queue.drop_overlapping(low, high)
        if base - low >= reuse:
            self._enqueue(low, base)
        if high - limit >= reuse:
            self._enqueue(limit, high)
        return r.OK

    def _enqueue(self, base, limit):
        """Queue [base, limit). If the queue is full, the whole segments of its
        oldest range go back to the arena; without any, [base, limit) is not
        queued, and the queue has overflowed."""
        if self.queue.push(base, limit) == r.OK:
            return r.OK
        self.queue.peek()
        if self._return_segments(self.queue.base, self.queue.limit):
            return self.queue.push(base, limit)
        return self._set_overflowed(1)

    def _return_segments(self, base, limit):
        """Give the segments that lie in the free range [base, limit) back to
        the arena. Returns 1, or 0 if there is none."""
        any_returned = 0
        while base < limit:
            segment = self.segments.of(base)
            first = self.segments.base_of(segment)
            end = self.segments.limit_of(segment)
            if base <= first and end <= limit:
                self._delete(first, end)
                self.free_segment(segment)
                any_returned = 1
            base = end
        return any_returned

    def spans(self):
        """The segments as ranges, in the order of their making."""
        return [(self.segments.base_of(s), self.segments.limit_of(s)) for s in self.segments.all()]

    def check(self):
        """Assert that the segments and the free land add up, and that what is
        queued is free and large enough."""
        self.blocks.check()
        self.free_land.check()
        spans = self.spans()
        assert self._word(p.MVT_TOTAL) == sum(b - a for a, b in spans), "total is the segments"
        for base, limit in self.free_land:
            ends = self.segments.of(base), self.segments.of(limit - 1)
            assert all(ends), "free memory lies in segments"
        nodes = (self.blocks.total_size - self.blocks.free_size) // self.blocks.unit_size
        assert nodes == len(self.free_land.primary), "every node holds a range"
        self._check_queue()

    def _check_queue(self):
        free = list(self.free_land)
        end = 0
        for base, limit in sorted(self.queue.ranges()):
            assert limit - base >= self._word(p.REUSE_SIZE), "what is queued can be reused"
            assert end <= base, "queued ranges are disjoint"
            assert any(low <= base and limit <= high for low, high in free), "what is queued is free"
            end = limit
