"""Grains: where an allocation of grains goes, and how the arena grows.

The plan is `alloc_grains`, from top to bottom.
Source: design/arena.md#.sol.placement, MPS policy.c and arena.c
"""

from arena import fields as a
from arena.chunk import least_chunk
from arena.chunks import Chunks
from arena.freeland import UNIVERSE, FreeLand
from arena.pages import Pages
from arena.spare import SpareLand
from pools.grains import GrainSource
from pools.mvff import MVFF
from pools.pool import unborn
from vm import events as ev
from vm import mmu
from vm import results as r
from vm.results import AllocationError, failure

# The upper half of the zones: where memory goes that no generation claims.
DEFAULT_ZONES = -1 << 32
# An arena that grows tries smaller chunks in steps of an eighth of the half.
FIDELITY = 8


class Grains(GrainSource):
    """The arena as its pools see it: a source of grains."""

    def __init__(self, space, address, grain):
        super().__init__(space, grain)
        self.address = address
        self.chunks = Chunks(space, address, grain)
        self.free_land = FreeLand(self.chunks, self)
        self.spare_land = SpareLand(self.chunks, self)
        self.pages = self.free_land.pages = Pages(self.chunks, self.spare_land)
        self.control = unborn(MVFF, space, address + a.CONTROL_AT, self)

    def attach(self):
        """Make the handles of what is in the descriptor: the lands, and the
        control pool."""
        self.spare_land.attach()
        self.free_land.attach()
        self.spare_land.free = self.free_land.land
        self.control.attach()

    def alloc_grains(self, size, high, pool):
        """The address of `size` bytes of grains, or a negative code."""
        telemetry = self.space.telemetry
        self.chunks.verify()
        telemetry.enter("grains", pool, size)
        base = self._place(size, high, pool)
        if base >= 0:
            chunk = self.chunks.of(base)
            entry = chunk.entry(chunk.index_of(base))
            telemetry.tell(ev.ARENA_ALLOC, self.address, entry, base, size, pool)
        else:
            telemetry.tell(ev.ARENA_ALLOC_FAIL, self.address, size, pool, -base)
        telemetry.leave("grains", 0 if base >= 0 else -base)
        return base

    def _place(self, size, high, pool):
        """Try the plans in turn: the zones wanted, those and the zones that
        nothing was ever allocated in, a new chunk, all zones."""
        chunks = self.chunks
        more = size - chunks.get(a.SPARE_COMMITTED)
        if more > 0 and chunks.get(a.COMMITTED) + more > chunks.get(a.COMMIT_LIMIT):
            return -r.COMMIT_LIMIT
        zones = DEFAULT_ZONES
        base = self.free_land.take(zones, high, size, pool)
        if base >= 0:
            return base
        more_zones = zones | chunks.get(a.FREE_ZONES)
        if more_zones != zones:
            base = self.free_land.take(more_zones, high, size, pool)
            if base >= 0:
                return base
        if self._grow_or_purge(size) == r.OK:
            base = self.free_land.take(zones, high, size, pool)
            if base < 0 and more_zones != zones:
                base = self.free_land.take(more_zones, high, size, pool)
            if base >= 0:
                return base
        if more_zones != UNIVERSE:
            base = self.free_land.take(UNIVERSE, high, size, pool)
            if base >= 0:
                return base
        return self.free_land.take(UNIVERSE, high, size, pool)

    def _grow_or_purge(self, size):
        res = self.grow(size)
        if res == r.COMMIT_LIMIT and self.spare_land.purge(size) >= size:
            res = self.grow(size)
        return res

    def grow(self, size):
        """Make a chunk with room for `size` bytes. Returns a result code.

        While that fails, a smaller one is tried, down to what is needed
        (design/arena.md#.sol.grow).
        """
        telemetry = self.space.telemetry
        chunks = self.chunks
        free_land = self.free_land
        # What follows is partly Python, in which handlers of signals run.
        self.space.interrupts.watch()
        if size > 1 << 56:
            return r.RESOURCE
        least = least_chunk(size, self.grain)
        chunk_size = chunks.get(a.EXTEND_BY)
        telemetry.tell(ev.VM_ARENA_EXTEND_START, size, chunk_size, chunks.get(a.RESERVED))
        least = max(least, chunks.get(a.EXTEND_MIN))
        res = r.RESOURCE
        for chunk_size in chunk_sizes(max(chunk_size, least), least):
            try:
                chunks.create(chunk_size, free_land.insert)
            except AllocationError as error:
                res = r.NAMES.index(error.result)
            else:
                telemetry.tell(ev.VM_ARENA_EXTEND_DONE, chunk_size, chunks.get(a.RESERVED))
                return r.OK
        telemetry.tell(ev.VM_ARENA_EXTEND_FAIL, least, chunks.get(a.RESERVED))
        return res

    def free_grains(self, base, size, pool):
        """Take back [base, base + size), first into the free land, then, but
        for what that kept for nodes, into the spare land. Always OK."""
        telemetry = self.space.telemetry
        self.chunks.verify()
        self.chunks.around(base, base + size)
        telemetry.enter("free grains", pool, size)
        rest = self.free_land.insert_whatever(base, base + size)
        if rest < base + size:
            self.pages.free(rest, base + size)
        telemetry.tell(ev.ARENA_FREE, self.address, base, size, pool)
        telemetry.leave("free grains")
        return r.OK

    def adopt_grain(self, base, pool):
        """Make the allocated grain at `base` one of `pool`. Returns its size,
        or -LIMIT if no allocated grain begins there."""
        chunk = self.chunks.of(base)
        if chunk is None or base % self.grain or not chunk.owner(chunk.index_of(base)):
            return -r.LIMIT
        i = chunk.index_of(base)
        # The segment that it was of, it names no longer.
        chunk.init_page(i)
        chunk.alloc_pages(i, i + 1, pool, i)
        return self.grain

    def extent_of(self, address, pool):
        """The base of the grains allocated together with that at `address`,
        or -FAIL if they are not the pool's. Cost: as `Chunks.entry_of`."""
        entry = self.chunks.entry_of(address)
        if entry == 0:
            return -r.FAIL
        w = self.space.words
        e = mmu.at(self.space, entry, a.PAGE_DESC_SIZE)
        if w[e + a.PAGE_POOL] != pool:
            return -r.FAIL
        base = w[e + a.PAGE_BASE]
        if base > address or base < self.chunks.last.base or base & self.grain - 1:
            self.chunks.damaged_entry(entry, address)
        return base

    def set_segment(self, base, size, segment):
        """Let the grains [base, base + size) name `segment`. Always OK."""
        chunk = self.chunks.around(base, base + size)
        for i in range(chunk.index_of(base), chunk.index_of(base + size - 1) + 1):
            chunk.set_segment(i, segment)
        return r.OK

    def segment_of(self, address, pool):
        """The segment of the grain at `address`, or 0 if that is not the pool's.
        Cost: as `Chunks.entry_of`."""
        entry = self.chunks.entry_of(address)
        if entry == 0:
            return 0
        w = self.space.words
        e = mmu.at(self.space, entry, a.PAGE_DESC_SIZE)
        return w[e + a.PAGE_SEG] if w[e + a.PAGE_POOL] == pool else 0

    def committed(self):
        """The bytes of memory that the arena has committed."""
        return self.space.words[mmu.at(self.space, self.address, a.ARENA_SIZE) + a.COMMITTED]

    def spare(self):
        """The bytes of spare memory: committed, and in no pool."""
        return self.space.words[mmu.at(self.space, self.address, a.ARENA_SIZE) + a.SPARE_COMMITTED]

    def page_tables(self):
        """The bytes of the page tables of all chunks."""
        size = 0
        for chunk in self.chunks.ascending():
            size += chunk.descriptors.mapped_bytes()
        return size

    # The clock of allocation

    def poll(self):
        """Emit the poll events when as much as POLL_EVERY has been filled.

        The MPS would collect then; here nothing is managed automatically.
        """
        w = self.space.words
        n = mmu.at(self.space, self.address, a.ARENA_SIZE)
        if w[n + a.FILL] >= w[n + a.POLL_THRESHOLD]:
            self._verify()
            w[n + a.POLL_THRESHOLD] = w[n + a.FILL] + a.POLL_EVERY
            if self.space.telemetry.mask & ev.ARENA:
                self.space.telemetry.note(ev.ARENA_POLL_BEGIN, self.address, 0, 0, 0, 0)
                self.space.telemetry.note(ev.ARENA_POLL_END, self.address, 0, 0, 0, 0)
        return r.OK

    def fill(self, size):
        """Count `size` bytes as allocated."""
        w = self.space.words
        n = mmu.at(self.space, self.address, a.ARENA_SIZE)
        if w[n + a.FILL] >> 62:
            self._verify()
        w[n + a.FILL] += size
        return r.OK

    def _verify(self):
        return self.chunks.verify()

    # Memory for the arena's own and for pool descriptors

    def alloc_control(self, size):
        """The address of `size` bytes from the control pool, or a negative
        code; then nothing has changed."""
        telemetry = self.space.telemetry
        telemetry.enter("control", self.control.address, size)
        base = self.control.alloc_block(size)
        res = r.OK if base >= 0 else -base
        telemetry.tell(ev.CONTROL_ALLOC, self.address, max(base, 0), size, res)
        telemetry.leave("control", res)
        if base >= 0:
            self.fill(size)
        return base

    def free_control(self, base, size):
        """Free what `alloc_control` gave. Always OK."""
        telemetry = self.space.telemetry
        telemetry.enter("control free", self.control.address, size)
        telemetry.tell(ev.CONTROL_FREE, self.address, base, size)
        self.control.free_block(base, size)
        telemetry.leave("control free")
        return r.OK

    def control_alloc(self, size):
        """As `alloc_control`, for callers that take exceptions.

        Raises: AllocationError.
        """
        base = self.alloc_control(size)
        if base < 0:
            raise failure(base, f"the control pool has no {size} bytes")
        return base

    def control_free(self, base, size):
        """Free what `control_alloc` gave."""
        self.free_control(base, size)

    def next_serial(self):
        """The next serial number of a pool in the arena."""
        serial = self.chunks.get(a.POOL_SERIAL)
        if serial >> 62:
            self.chunks.verify()
        self.chunks.set(a.POOL_SERIAL, serial + 1)
        return serial


def chunk_sizes(size, least):
    """The sizes to try for a chunk: `size`, then an eighth of its half less
    at a time down to the half, and so on, none below `least`."""
    while size >= least:
        half = size // 2
        step = half // FIDELITY
        while size > half:
            if size < least:
                return
            yield size
            size -= step
        size = half
