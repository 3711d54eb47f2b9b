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
Misuse
    Told: a free or resize of what is free in part, a point's or in no segment,
    and any wrong address or size of a block with a segment of its own. Not
    told: a wrong size within the fill size, as of MVFF.

The story of where a point gets memory is `fill_range`, from top to bottom.
Source: design/pools.md#.sol.mvt, MPS poolmvt.c
"""

from bisect import bisect_right

from pools import fields as p
from pools.point import PointedPool
from pools.pool import MOST, pool_align
from pools.stock import Stock
from vm import events as ev
from vm import mmu
from vm import results as r
from vm.lock import walks
from vm.results import ParamError, ProtocolError, fraction, integer


class MVT(PointedPool):
    """The handle of an MVT pool.

    MVT(arena, min_size=8, mean_size=32, max_size=8192, reserve_depth=1024,
    frag_limit=0.3, align=8, audit=False, label='')
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
        audit=False,
        label="",
    ):
        """Make a pool in `arena` whose blocks have `min_size` to `max_size`
        bytes, `mean_size` on average; larger ones get a segment each.

        `reserve_depth` is how many blocks of free memory the pool should keep
        at hand; `frag_limit` the fraction of its memory that may be free
        before it looks for the first range that fits.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        min_size = integer("min_size", min_size, least=1, most=MOST)
        mean_size = integer("mean_size", mean_size, least=min_size, most=MOST)
        self._create(
            arena,
            audit,
            label,
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
        self.met_base = self.met_limit = 0
        self.stock = Stock(space, address, grains)

    def attach(self):
        """Make this the handle of just the pool that is there now."""
        PointedPool.attach(self)
        self.stock.attach()

    @property
    def blocks(self):
        """The MFS pool that the nodes of the free land come from."""
        return self.stock.blocks

    @property
    def free_land(self):
        """The failover of what is free in the segments, but for the splinter."""
        return self.stock.free_land

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without segments.

        Takes control memory for the pool of nodes and for the queue.
        Raises: AllocationError, and then has taken none.
        """
        self.init_pool(arena_address, options["align"])
        self._write_sizes(options)
        self.stock.init(
            arena_address, options["align"], options["reserve_depth"], options["mean_size"]
        )
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
        self.stock.sound()
        if size > w[n + p.FILL_SIZE]:
            return self._fill_dedicated(size)
        if self._fill_splinter(size):
            return r.OK
        if self.stock.take_queued(size):
            return self._filled(self.stock.base, self.stock.limit)
        if w[n + p.AVAILABLE] >= self._available_limit() and self.stock.take_first(size):
            return self._filled(self.stock.base, self.stock.limit)
        res = self._fill_new(w[n + p.FILL_SIZE])
        if res != r.OK and self.stock.take_first(size):
            return self._filled(self.stock.base, self.stock.limit)
        return res

    def _available_limit(self):
        """The free bytes from which on the pool looks for any range that fits."""
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        return w[n + p.MVT_TOTAL] * w[n + p.FRAG_LIMIT] // 100

    def _filled(self, base, limit):
        """[base, limit), which counts as available, goes to a point. Returns OK."""
        self.stock.count(p.AVAILABLE, base - limit)
        self.filled_base = base
        self.filled_limit = limit
        return r.OK

    def _fill_dedicated(self, size):
        """A segment for one block: what it does not need is unavailable."""
        segment = self.stock.new_segment(self._in_grains(size))
        if segment < 0:
            return -segment
        self.stock.segments.dedicate(segment, size)
        base = self.stock.segments.base_of(segment)
        rest = self.stock.segments.limit_of(segment) - base - size
        self.stock.count(p.AVAILABLE, -rest)
        self.stock.count(p.UNAVAILABLE, rest)
        return self._filled(base, base + size)

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
        self._filled(base, limit)
        return 1

    def _fill_new(self, size):
        """A new segment of `size` bytes. Returns a result code."""
        segment = self.stock.new_segment(size)
        if segment < 0:
            return -segment
        base = self.stock.segments.base_of(segment)
        return self._filled(base, base + size)

    # Taking back

    def empty_range(self, base, limit):
        """Take back [base, limit) from a point.

        A segment for one block, of which nothing was committed, goes back to
        the arena. What is smaller than the least block goes to the free land
        at once; of the rest the larger of two becomes the splinter. Always OK.
        """
        self.stock.sound()
        segment = self.stock.segments.holding(base)
        if self.stock.segments.block_of(segment):
            return self._free_dedicated(segment)
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        w[n + p.AVAILABLE] += limit - base
        if limit - base < w[n + p.MIN_SIZE]:
            return self.stock.insert(base, limit)
        old_base = w[n + p.SPLINTER_BASE]
        old_limit = w[n + p.SPLINTER_LIMIT]
        if old_limit - old_base > limit - base:
            return self.stock.insert(base, limit)
        w[n + p.SPLINTER_BASE] = base
        w[n + p.SPLINTER_LIMIT] = limit
        if old_limit > old_base:
            return self.stock.insert(old_base, old_limit)
        return r.OK

    def free_block(self, address, size):
        """Free a block of `size` bytes.

        Returns OK, or FAIL if some of it was free; then nothing changed.
        """
        align = self.alignment()
        size = size + align - 1 & -align
        self.stock.sound()
        if size > self._word(p.FILL_SIZE):
            return self._free_dedicated(self.stock.segments.holding(address))
        res = self.stock.insert(address, address + size)
        if res == r.OK:
            self.stock.count(p.AVAILABLE, size)
        return res

    def _free_dedicated(self, segment):
        """Give the segment that was made for one block to the arena. Returns OK."""
        size = self.stock.segments.block_of(segment)
        whole = self.stock.segments.limit_of(segment) - self.stock.segments.base_of(segment)
        self.stock.count(p.UNAVAILABLE, size - whole)
        self.stock.count(p.AVAILABLE, whole)
        return self.stock.free_segment(segment)

    # Accounts

    def total(self):
        """The bytes of the pool's segments."""
        return self._word(p.MVT_TOTAL)

    def block_size(self, size):
        """`size` rounded up to the alignment."""
        align = self.alignment()
        return size + align - 1 & -align

    def free_bytes(self):
        """The bytes of `total` that neither a block nor a point has."""
        return self._word(p.AVAILABLE) + self._word(p.UNAVAILABLE)

    def largest(self):
        """The bytes of the largest block that needs no more memory. Cost:
        O(ranges + segments), and for each the look-up of a segment."""
        self.stock.sound()
        largest = self._word(p.SPLINTER_LIMIT) - self._word(p.SPLINTER_BASE)
        for base, limit in self.free_land.ranges():
            while base < limit:
                end = min(limit, self.stock.segments.limit_of(self.stock.segments.holding(base)))
                largest = max(largest, end - base)
                base = end
        return largest

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no block of `size`
        bytes lies at `address`."""
        align = self.alignment()
        limit = address + (size + align - 1 & -align)
        if address % align:
            raise ProtocolError(f"block {address:#x} of {self!r} is not aligned to {align}")
        segment = self.stock.segments.of(address)
        if segment == 0 or self.stock.segments.of(limit - 1) != segment:
            raise ProtocolError(f"[{address:#x}, {limit:#x}) is in no segment of {self!r}")
        own = self.stock.segments.block_of(segment)
        if own and (address, limit - address) != (self.stock.segments.base_of(segment), own):
            raise ParamError(
                f"block {address:#x} of {self!r} has a segment of its own: expected address "
                f"{self.stock.segments.base_of(segment):#x} and size {own}, found size {size}"
            )
        if not own and limit - address > self._word(p.FILL_SIZE):
            raise ParamError(
                f"block {address:#x} of {self!r} is freed with size {size}: expected at most "
                f"{self._word(p.FILL_SIZE)}"
            )
        if self._holds_some(address, limit):
            raise ProtocolError(
                f"[{address:#x}, {limit:#x}) of {self!r} is no block: "
                f"[{self.met_base:#x}, {self.met_limit:#x}) of it was not allocated, "
                f"or is free again"
            )
        return r.OK

    def _holds_some(self, base, limit):
        """1 if the splinter or what a point has overlaps [base, limit), and is
        put in `met_base` and `met_limit`; else 0. Cost: O(points)."""
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        if self._meets(w[n + p.SPLINTER_BASE], w[n + p.SPLINTER_LIMIT], base, limit):
            return 1
        left = self.space.mapped // p.POINT_SIZE
        point = w[n + p.FIRST_POINT]
        while point and left >= 0:
            m = self.point_at(point)
            if self._meets(w[m + p.POINT_INIT], w[m + p.POINT_LIMIT], base, limit):
                return 1
            point = w[m + p.NEXT_POINT]
            left -= 1
        return 0

    def _meets(self, low, high, base, limit):
        self.met_base = low
        self.met_limit = high
        return 1 if low < high and low < limit and base < high else 0

    def is_partly_free(self, address, size):
        """As `Pool.is_partly_free`. Cost: O(log n), and O(m) for m ranges in
        the secondary land."""
        limit = address + self.block_size(size)
        if self._is_free_in(self.stock.free_land.primary, address, limit):
            return 1
        return self._is_free_in(self.stock.free_land.secondary, address, limit)

    def _is_free_in(self, land, base, limit):
        return 1 if land.next_after(base) and land.found_base < limit else 0

    def _held(self):
        """What is in no block and not in the free land: the splinter, and
        what the points have."""
        held = [(self._word(p.SPLINTER_BASE), self._word(p.SPLINTER_LIMIT))]
        held += [(point.init_address, point.limit_address) for point in self.points]
        return [(base, limit) for base, limit in held if base < limit]

    def free_ranges(self):
        """As `Pool.free_ranges`: those of the free land, then the splinter."""
        yield from self.free_land
        if self._word(p.SPLINTER_LIMIT):
            yield self._word(p.SPLINTER_BASE), self._word(p.SPLINTER_LIMIT)

    # End

    def finish(self):
        """Give all memory back to the arena and invalidate the descriptor."""
        self.stock.finish()
        self.finish_pool()

    @walks
    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mvt.check)."""
        self._expect_alive()
        self.stock.check()
        for point in self.points:
            point.check()
        self._check_sizes()
        spans = sorted(self.stock.spans())
        lows = [base for base, _ in spans]
        parts = sorted([*iter(self.free_land), *self._held()])
        for (_, end), (base, _) in zip(parts, parts[1:]):
            assert end <= base, "what is free, a splinter or a point's is one of these only"
        for base, limit in self._held():
            i = bisect_right(lows, base) - 1
            inside = i >= 0 and limit <= spans[i][1]
            assert inside, "a splinter or a point's memory lies in one segment"

    def _check_sizes(self):
        sizes = [self._word(field) for field in (p.MIN_SIZE, p.MVT_MEAN_SIZE, p.MAX_SIZE)]
        assert [1, *sizes] == sorted([1, *sizes]), "min, mean and max size are in order"
        assert self._word(p.FILL_SIZE) == self._in_grains(sizes[-1]), "the fill size holds the largest"
        splinter = self._word(p.SPLINTER_LIMIT) - self._word(p.SPLINTER_BASE)
        available = self.free_land.size + splinter
        assert self._word(p.AVAILABLE) == available, "available is the free land and the splinter"
        assert splinter == 0 or splinter >= self._word(p.MIN_SIZE), "a splinter holds a block"
        segments = self.stock.segments
        rest = sum(
            segments.limit_of(s) - segments.base_of(s) - segments.block_of(s)
            for s in segments.all()
            if segments.block_of(s)
        )
        assert self._word(p.UNAVAILABLE) == rest, "unavailable is what blocks with segments leave"

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        self.stock.sound()
        n = mmu.at(self.space, self.address, p.MVT_SIZE)
        w = self.space.words
        return (
            f"MVT pool {self.serial} at {self.address:#x}\n"
            f"  blocks of {w[n + p.MIN_SIZE]} to {w[n + p.MAX_SIZE]} bytes, "
            f"mean {w[n + p.MVT_MEAN_SIZE]}, align {self.align}\n"
            f"  fill size {w[n + p.FILL_SIZE]} bytes, reserve depth {w[n + p.RESERVE_DEPTH]}, "
            f"fragmentation limit {w[n + p.FRAG_LIMIT]} percent\n"
            f"  total {self.total()}, available {w[n + p.AVAILABLE]}, "
            f"unavailable {w[n + p.UNAVAILABLE]} bytes "
            f"in {len(self.stock.segments.all())} segments\n"
            f"  {self.stock.queue.count()} of {self.stock.queue.depth()} ranges queued, "
            f"{len(self.free_land)} free, {len(self.points)} allocation points\n"
        )
