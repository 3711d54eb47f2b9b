"""MVT, the manual variable temporal pool: blocks that are born together lie
together, in the hope that they die together.

Vital statistics
    Alignment: `align`, 8 to the grain. Least block: `align` bytes. Overhead:
    none per block; a descriptor of 56 bytes per segment of `max_size` bytes
    and more, and a node of 40 bytes per free range. Worst case: memory that
    is free but in pieces below two segments is not looked at before the
    fraction `frag_limit` of the pool is free. Reserve: O(1) while the point
    has memory; free: O(log n + depth) for n free ranges and a queue of
    `depth` ranges. Not for several threads. Blocks are had at allocation
    points only.

The story of where a point gets memory is `fill_range`, from top to bottom.
Source: design/pools.md#.sol.mvt, MPS poolmvt.c
"""

from land import fields as lf
from land.cbs import CBSFast
from land.failover import Failover
from land.freelist import Freelist
from pools import fields as p
from pools.mfs import MFS
from pools.point import PointedPool
from pools.pool import MOST, handle, pool_align, unborn
from pools.queue import Queue
from pools.segments import Segments
from vm import events as ev
from vm import mmu
from vm import results as r
from vm.results import ParamError, ProtocolError, failure, fraction, integer


class MVT(PointedPool):
    """The handle of an MVT pool.

    MVT(arena, min_size=8, mean_size=32, max_size=8192, reserve_depth=1024,
    frag_limit=0.3, align=8)
    """

    class_name = "MVTPool"
    descriptor_size = p.MVT_SIZE

    def __init__(
        self,
        arena,
        min_size=8,
        mean_size=32,
        max_size=8192,
        reserve_depth=1024,
        frag_limit=0.3,
        align=8,
    ):
        """Make a pool in `arena` whose blocks have `min_size` to `max_size`
        bytes, `mean_size` on average; larger ones get a segment each.

        `reserve_depth` is how many blocks of free memory the pool should keep
        at hand; `frag_limit` the fraction of its memory that may be free
        before it looks for the first range that fits.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        min_size = integer("min_size", min_size, least=1, most=MOST)
        mean_size = integer("mean_size", mean_size, least=min_size, most=MOST)
        self._create(
            arena,
            min_size=min_size,
            mean_size=mean_size,
            max_size=integer("max_size", max_size, least=mean_size, most=1 << 48),
            reserve_depth=integer("reserve_depth", reserve_depth, least=1, most=1 << 32),
            frag_limit=fraction("frag_limit", frag_limit),
            align=pool_align(align, 8, getattr(arena, "grain_size", 8)),
        )

    def bind(self, space, address, grains):
        """Make this the handle of the MVT pool at `address`."""
        PointedPool.bind(self, space, address, grains)
        self.sig = p.MVT_SIG
        self.queue = Queue(space, address + p.MVT_QUEUE_AT)
        self.segments = Segments(space, address + p.MVT_SEGMENTS_AT, address, grains)

    def attach(self):
        """Make the handles of the lands and of the pool of their nodes."""
        PointedPool.attach(self)
        self.blocks = handle(MFS, self.space, self._word(p.MVT_BLOCKS), self.grains)
        space, address = self.space, self.address
        primary = CBSFast(space, address + p.MVT_PRIMARY_AT, self.blocks)
        secondary = Freelist(space, address + p.MVT_SECONDARY_AT)
        self.free_land = Failover(space, address + p.MVT_FREE_AT, primary, secondary)

    # Making

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without segments.

        Takes control memory for the pool of nodes and for the queue.
        Raises: AllocationError, and then has taken none.
        """
        self.init_pool(arena_address, options["align"])
        self._write_sizes(options)
        self._make_blocks(arena_address)
        self._make_lands(options["align"])
        self._make_queue(options["reserve_depth"], options["mean_size"])
        self.space.telemetry.tell(
            ev.POOL_INIT_MVT,
            self.address,
            options["min_size"],
            options["mean_size"],
            options["max_size"],
            options["reserve_depth"],
            self._word(p.FRAG_LIMIT),
        )
        self.told_init()

    def _write_sizes(self, options):
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        for field in range(p.MIN_SIZE, p.MVT_SIZE // 8):
            w[n + field] = 0
        w[n + p.FIRST_POINT] = 0
        w[n + p.MIN_SIZE] = options["min_size"]
        w[n + p.MVT_MEAN_SIZE] = options["mean_size"]
        w[n + p.MAX_SIZE] = options["max_size"]
        w[n + p.RESERVE_DEPTH] = options["reserve_depth"]
        w[n + p.FRAG_LIMIT] = int(options["frag_limit"] * 100)
        w[n + p.FILL_SIZE] = self._in_grains(options["max_size"])
        w[n + p.REUSE_SIZE] = 2 * w[n + p.FILL_SIZE]

    def _in_grains(self, size):
        grain = self.grains.grain
        return size + grain - 1 & -grain

    def _make_blocks(self, arena_address):
        """Make the pool of nodes, whose descriptor is its own allocation."""
        at = self.grains.alloc_control(p.MFS_SIZE)
        if at < 0:
            raise failure(at, f"no control memory for the nodes of {self!r}")
        self.blocks = unborn(MFS, self.space, at, self.grains)
        self.blocks.init(arena_address, lf.FAST_NODE_SIZE, p.NODE_EXTEND_BY, True)
        self.space.words[mmu.at(self.space, self.address, p.MVT_SIZE) + p.MVT_BLOCKS] = at

    def _make_lands(self, align):
        space, address = self.space, self.address
        at = address + p.MVT_PRIMARY_AT
        primary = CBSFast.init(space, at, self.blocks, align, address)
        at = address + p.MVT_SECONDARY_AT
        secondary = Freelist.init(space, at, align, address)
        at = address + p.MVT_FREE_AT
        self.free_land = Failover.init(space, at, primary, secondary, address)

    def _make_queue(self, reserve_depth, mean_size):
        reuse = self._word(p.REUSE_SIZE)
        depth = max(3, (reserve_depth * mean_size + reuse - 1) // reuse)
        ring = self.grains.alloc_control((depth + 1) * p.SLOT_SIZE)
        if ring < 0:
            self.blocks.finish()
            self.grains.free_control(self.blocks.address, p.MFS_SIZE)
            raise failure(ring, f"no control memory for the queue of {self!r}")
        self.queue.init(ring, depth)

    # Filling a point

    def fill_range(self, size):
        """Find memory for a point that has to hold `size` bytes at once.

        A block beyond the fill size gets a segment of its own. Otherwise the
        first of: the splinter; the oldest queued range; if much is free, the
        first free range that fits; a new segment; if there is none to be had,
        the first free range after all. Returns OK with the memory in filled,
        or a result code. Source: design/pools.md#.sol.mvt.fill
        """
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        if size > w[n + p.FILL_SIZE]:
            return self._fill_dedicated(size)
        if self._fill_splinter(size):
            return r.OK
        if self._fill_queued(size):
            return r.OK
        if w[n + p.AVAILABLE] >= self._available_limit() and self._fill_first(size):
            return r.OK
        res = self._fill_new()
        if res != r.OK and self._fill_first(size):
            res = r.OK
        return res

    def _available_limit(self):
        """The free bytes from which on the pool looks for any range that fits."""
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        return w[n + p.MVT_TOTAL] * w[n + p.FRAG_LIMIT] // 100

    def _filled(self, base, limit):
        """[base, limit), which counts as available, goes to a point."""
        self._count(p.AVAILABLE, base - limit)
        self.filled_base = base
        self.filled_limit = limit
        return 1

    def _count(self, field, change):
        w = self.space.words
        w[mmu.at(self.space, self.address, p.MVT_SIZE) + field] += change
        return r.OK

    def _fill_dedicated(self, size):
        """A segment for one block: what it does not need is unavailable."""
        segment = self._new_segment(self._in_grains(size))
        if segment < 0:
            return -segment
        self.segments.dedicate(segment, size)
        base = self.segments.base_of(segment)
        rest = self.segments.limit_of(segment) - base - size
        self._count(p.AVAILABLE, -rest)
        self._count(p.UNAVAILABLE, rest)
        self._filled(base, base + size)
        return r.OK

    def _fill_splinter(self, size):
        """The splinter, whole, if it holds `size` bytes. Returns 1 or 0."""
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        base = w[n + p.SPLINTER_BASE]
        limit = w[n + p.SPLINTER_LIMIT]
        if limit - base < size:
            return 0
        w[n + p.SPLINTER_BASE] = 0
        w[n + p.SPLINTER_LIMIT] = 0
        return self._filled(base, limit)

    def _fill_queued(self, size):
        """A part of the oldest range of the queue. Returns 1 or 0."""
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        if w[n + p.OVERFLOWED] and self.queue.count() == 0:
            w[n + p.OVERFLOWED] = 0
            if self._refill_from(self.free_land.primary):
                self._refill_from(self.free_land.secondary)
        if not self.queue.peek():
            return 0
        return self._fill_part(self.queue.base, self.queue.limit, size)

    def _refill_from(self, land):
        """Queue the ranges of `land` that are large enough, in ascending
        order. Returns 1, or 0 if the queue is full."""
        reuse = self._word(p.REUSE_SIZE)
        address = 0
        while land.next_after(address):
            address = land.found_limit
            if address - land.found_base >= reuse:
                if self.queue.push(land.found_base, address) != r.OK:
                    self._set_overflowed()
                    return 0
        return 1

    def _set_overflowed(self):
        self.space.words[mmu.at(self.space, self.address, p.MVT_SIZE) + p.OVERFLOWED] = 1
        return r.OK

    def _fill_part(self, base, limit, size):
        """The part of the free range [base, limit) that lies in its first
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
        return self._filled(base, end)

    def _fill_first(self, size):
        """A part of the first free range that fits. Returns 1 or 0.
        Cost: O(n) for n free ranges."""
        if self._fill_first_of(self.free_land.primary, size):
            return 1
        return self._fill_first_of(self.free_land.secondary, size)

    def _fill_first_of(self, land, size):
        address = 0
        while land.next_after(address):
            address = land.found_limit
            if address - land.found_base >= size:
                if self._fill_part(land.found_base, address, size):
                    return 1
        return 0

    def _fill_new(self):
        """A new segment of the fill size. Returns a result code."""
        segment = self._new_segment(self._word(p.FILL_SIZE))
        if segment < 0:
            return -segment
        self._filled(self.segments.base_of(segment), self.segments.limit_of(segment))
        return r.OK

    def _new_segment(self, size):
        segment = self.segments.alloc(size)
        if segment > 0:
            self._count(p.MVT_TOTAL, size)
            self._count(p.AVAILABLE, size)
        return segment

    # Taking back

    def empty_range(self, base, limit):
        """Take back [base, limit) from a point.

        What is smaller than the least block goes to the free land at once;
        of the rest the larger of two becomes the splinter. Always OK.
        """
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        w[n + p.AVAILABLE] += limit - base
        if limit - base < w[n + p.MIN_SIZE]:
            return self._insert(base, limit)
        old_base = w[n + p.SPLINTER_BASE]
        old_limit = w[n + p.SPLINTER_LIMIT]
        if old_limit - old_base > limit - base:
            return self._insert(base, limit)
        w[n + p.SPLINTER_BASE] = base
        w[n + p.SPLINTER_LIMIT] = limit
        if old_limit > old_base:
            return self._insert(old_base, old_limit)
        return r.OK

    def free_block(self, address, size):
        """Free a block of `size` bytes.

        Returns OK, or FAIL if some of it was free; then nothing changed.
        """
        align = self._word(p.POOL_ALIGN)
        size = size + align - 1 & -align
        if size > self._word(p.FILL_SIZE):
            segment = self.segments.of(address)
            rest = self.segments.limit_of(segment) - address - size
            self._count(p.UNAVAILABLE, -rest)
            self._count(p.AVAILABLE, rest + size)
            return self._free_segment(segment)
        res = self._insert(address, address + size)
        if res == r.OK:
            self._count(p.AVAILABLE, size)
        return res

    def _free_segment(self, segment):
        size = self.segments.limit_of(segment) - self.segments.base_of(segment)
        self._count(p.MVT_TOTAL, -size)
        self._count(p.AVAILABLE, -size)
        return self.segments.free(segment)

    # The free land and the queue

    def _insert(self, base, limit):
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
        return self._set_overflowed()

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
                self._free_segment(segment)
                any_returned = 1
            base = end
        return any_returned

    # Accounts

    def total(self):
        """The bytes of the pool's segments."""
        return self._word(p.MVT_TOTAL)

    def free_bytes(self):
        """The bytes of `total` that neither a block nor a point has."""
        return self._word(p.AVAILABLE) + self._word(p.UNAVAILABLE)

    def largest(self):
        """The bytes of the largest block that needs no more memory. Cost:
        O(segments x free ranges)."""
        ranges = [*self.free_land, (self._word(p.SPLINTER_BASE), self._word(p.SPLINTER_LIMIT))]
        largest = 0
        for low, high in self._spans():
            for base, limit in ranges:
                largest = max(largest, min(limit, high) - max(base, low))
        return largest

    def _spans(self):
        """The segments as ranges, in the order of their making."""
        return [(self.segments.base_of(s), self.segments.limit_of(s)) for s in self.segments.all()]

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no block of `size`
        bytes lies at `address`."""
        align = self._word(p.POOL_ALIGN)
        limit = address + (size + align - 1 & -align)
        if address % align:
            raise ProtocolError(f"block {address:#x} of {self!r} is not aligned to {align}")
        segment = self.segments.of(address)
        if segment == 0 or self.segments.of(limit - 1) != segment:
            raise ProtocolError(f"[{address:#x}, {limit:#x}) is in no segment of {self!r}")
        own = self.segments.block_of(segment)
        if own and (address, limit - address) != (self.segments.base_of(segment), own):
            raise ParamError(
                f"block {address:#x} of {self!r} has a segment of its own: expected address "
                f"{self.segments.base_of(segment):#x} and size {own}, found size {size}"
            )
        if not own and limit - address > self._word(p.FILL_SIZE):
            raise ParamError(
                f"block {address:#x} of {self!r} is freed with size {size}: expected at most "
                f"{self._word(p.FILL_SIZE)}"
            )
        for low, high in self._held():
            if low < limit and address < high:
                raise ProtocolError(
                    f"[{address:#x}, {limit:#x}) of {self!r} is no block: "
                    f"[{low:#x}, {high:#x}) of it was not allocated, or is free again"
                )

    def _held(self):
        """What is in no block and not in the free land: the splinter, and
        what the points have."""
        held = [(self._word(p.SPLINTER_BASE), self._word(p.SPLINTER_LIMIT))]
        held += [(point.init_address, point.limit_address) for point in self.points]
        return [(base, limit) for base, limit in held if base < limit]

    # End

    def finish(self):
        """Give all memory back to the arena and invalidate the descriptor."""
        for segment in self.segments.all():
            self._free_segment(segment)
        self.grains.free_control(self.queue.ring(), (self.queue.depth() + 1) * p.SLOT_SIZE)
        for land in (self.free_land, self.free_land.secondary, self.free_land.primary):
            land.finish()
        self.blocks.finish()
        self.grains.free_control(self.blocks.address, p.MFS_SIZE)
        self.finish_pool()

    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mvt.check)."""
        self._expect_alive()
        self.blocks.check()
        self.free_land.check()
        for point in self.points:
            point.check()
        self._check_sizes()
        self._check_queue()
        spans = self._spans()
        parts = sorted([*self.free_land, *self._held()])
        for (_, end), (base, _) in zip(parts, parts[1:]):
            assert end <= base, "what is free, a splinter or a point's is one of these only"
        for base, limit in self._held():
            inside = any(low <= base and limit <= high for low, high in spans)
            assert inside, "a splinter or a point's memory lies in one segment"
        nodes = (self.blocks.total_size - self.blocks.free_size) // self.blocks.unit_size
        assert nodes == len(self.free_land.primary), "every node holds a range"

    def _check_sizes(self):
        splinter = self._word(p.SPLINTER_LIMIT) - self._word(p.SPLINTER_BASE)
        spans = self._spans()
        assert self.total() == sum(limit - base for base, limit in spans), "total is the segments"
        available = self.free_land.size + splinter
        assert self._word(p.AVAILABLE) == available, "available is the free land and the splinter"
        assert splinter == 0 or splinter >= self._word(p.MIN_SIZE), "a splinter holds a block"
        dedicated = [s for s in self.segments.all() if self.segments.block_of(s)]
        rest = sum(
            self.segments.limit_of(s) - self.segments.base_of(s) - self.segments.block_of(s)
            for s in dedicated
        )
        assert self._word(p.UNAVAILABLE) == rest, "unavailable is what blocks with segments leave"

    def _check_queue(self):
        free = list(self.free_land)
        end = 0
        for base, limit in sorted(self.queue.ranges()):
            assert limit - base >= self._word(p.REUSE_SIZE), "what is queued can be reused"
            assert end <= base, "queued ranges are disjoint"
            assert any(low <= base and limit <= high for low, high in free), "what is queued is free"
            end = limit

    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        return (
            f"MVT pool {self.serial} at {self.address:#x}\n"
            f"  blocks of {w[n + p.MIN_SIZE]} to {w[n + p.MAX_SIZE]} bytes, "
            f"mean {w[n + p.MVT_MEAN_SIZE]}, align {self.align}\n"
            f"  fill size {w[n + p.FILL_SIZE]} bytes, reserve depth {w[n + p.RESERVE_DEPTH]}, "
            f"fragmentation limit {w[n + p.FRAG_LIMIT]} percent\n"
            f"  total {self.total()}, available {w[n + p.AVAILABLE]}, "
            f"unavailable {w[n + p.UNAVAILABLE]} bytes in {len(self.segments.all())} segments\n"
            f"  {self.queue.count()} of {self.queue.depth()} ranges queued, "
            f"{len(self.free_land)} free, {len(self.points)} allocation points\n"
        )
