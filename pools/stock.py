"""Stock: the segments of an MVT pool, and what of them is free.

The free ranges are a land. Those that are large enough to be used again are
queued as well, oldest first; when the queue is full, memory goes back to the
arena. Source: design/pools.md#.sol.mvt.stock
"""

from bisect import bisect_right

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
        depth = self._depth(reserve_depth, mean_size)
        ring = self.grains.alloc_control((depth + 1) * p.SLOT_SIZE)
        if ring < 0:
            self._finish_lands()
            raise failure(ring, f"no control memory for a queue of {depth} ranges")
        self.queue.init(ring, depth)

    def _depth(self, reserve_depth, mean_size):
        """How many ranges the queue holds."""
        reuse = self._word(p.REUSE_SIZE)
        return max(3, (reserve_depth * mean_size + reuse - 1) // reuse)

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
        self.sound()
        self.queue.sound()
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

    def sound(self):
        """Returns 0. Raises: DamageError, if a size or an account in the
        descriptor is not what it can be."""
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        fill = w[n + p.FILL_SIZE]
        total = w[n + p.MVT_TOTAL]
        if not 0 < fill <= p.MOST_BYTES or fill & self.grains.grain - 1:
            return self._bad(p.FILL_SIZE, "whole grains")
        if not 0 < w[n + p.MIN_SIZE] <= fill:
            return self._bad(p.MIN_SIZE, "no more than the fill size")
        if w[n + p.REUSE_SIZE] != 2 * fill:
            return self._bad(p.REUSE_SIZE, "twice the fill size")
        if not 0 <= w[n + p.FRAG_LIMIT] <= 100:
            return self._bad(p.FRAG_LIMIT, "a percentage")
        if not 0 <= total <= self.space.mapped:
            return self._bad(p.MVT_TOTAL, "no more bytes than are mapped")
        if not 0 <= w[n + p.AVAILABLE] <= total:
            return self._bad(p.AVAILABLE, "no more bytes than the total")
        if not 0 <= w[n + p.UNAVAILABLE] <= total - w[n + p.AVAILABLE]:
            return self._bad(p.UNAVAILABLE, "what the total leaves of the available at most")
        return self._expect_splinter(w[n + p.SPLINTER_BASE], w[n + p.SPLINTER_LIMIT])

    def _expect_splinter(self, base, limit):
        if base == 0 and limit == 0:
            return 0
        if (base | limit) & 7 or not self.space.base <= base < limit <= self.space.limit:
            return self._bad(p.SPLINTER_BASE, "an address below the limit of the splinter")
        if limit - base > self._word(p.AVAILABLE):
            return self._bad(p.SPLINTER_LIMIT, "the end of what is available")
        return 0

    def _bad(self, field, expected):
        return self.space.damage("MVT pool", self.address, field, expected)

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
        while land.next_range(address, reuse, lf.KEEP):
            address = land.found_limit
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
        Cost: O(log n) for n free ranges, and for each that is large enough but
        lies in segments none of which is."""
        if self._take_first_of(self.free_land.primary, size):
            return 1
        return self._take_first_of(self.free_land.secondary, size)

    def _take_first_of(self, land, size):
        address = 0
        while land.next_range(address, size, lf.KEEP):
            address = land.found_limit
            if self._take_part(land.found_base, address, size):
                return 1
        return 0

    def _take_part(self, base, limit, size):
        """Take the part of the free range [base, limit) that lies in its first
        segment, if that holds `size` bytes; else what lies in the second, if
        that does. Returns 1 or 0."""
        end = min(limit, self.segments.limit_of(self.segments.holding(base)))
        if end - base < size:
            if limit - end < size:
                return 0
            base = end
            end = min(limit, self.segments.limit_of(self.segments.holding(base)))
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
        if self.free_land.delete_range(base, limit) != r.OK:
            return self.space.damage("queue", self.queue.address, p.QUEUED, "ranges that are free")
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
            segment = self.segments.holding(base)
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
        self.sound()
        spans = self.spans()
        assert self._word(p.MVT_TOTAL) == sum(b - a for a, b in spans), "total is the segments"
        for base, limit in self.free_land:
            ends = self.segments.of(base), self.segments.of(limit - 1)
            assert all(ends), "free memory lies in segments"
        nodes = (self.blocks.total_size - self.blocks.free_size) // self.blocks.unit_size
        assert nodes == len(self.free_land.primary), "every node holds a range"
        self._check_queue()

    def _check_queue(self):
        depth = self._depth(self._word(p.RESERVE_DEPTH), self._word(p.MVT_MEAN_SIZE))
        assert self.queue.depth() == depth, "the queue is as deep as the reserve asks for"
        assert self._word(p.OVERFLOWED) in (0, 1), "the queue has overflowed or not"
        free = sorted(iter(self.free_land))
        lows = [base for base, _ in free]
        end = 0
        for base, limit in sorted(self.queue.ranges()):
            assert limit - base >= self._word(p.REUSE_SIZE), "what is queued can be reused"
            assert end <= base, "queued ranges are disjoint"
            i = bisect_right(lows, base) - 1
            assert i >= 0 and limit <= free[i][1], "what is queued is free"
            end = limit
