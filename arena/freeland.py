"""FreeLand: the addresses of all chunks that nothing is allocated at.

It is a zoned CBS, and its nodes lie in the memory that it manages. Two back
doors together break the circle: a page is taken straight from a chunk's
allocation table, and becomes memory of an MFS pool that may not extend
itself. Source: design/arena.md#.sol.free, design/bootstrap.md#.sol.free
"""

from arena import fields as a
from arena.chunks import expect_whole
from land import zones as z
from land.cbs import CBSZoned
from pools.mfs import MFS
from pools.pool import handle
from vm import events as ev
from vm import results as r

UNIVERSE = -1


class FreeLand:
    """The handle of an arena's free land and of the pool of its nodes."""

    def __init__(self, chunks, source):
        space = chunks.space
        self.chunks = chunks
        self.pages = None
        self.blocks = handle(MFS, space, chunks.address + a.FREE_BLOCKS_AT, source)

    def init(self, grain):
        """Write the descriptor of the land, with nothing in it."""
        chunks = self.chunks
        self.land = CBSZoned.init(
            chunks.space,
            chunks.address + a.FREE_LAND_AT,
            self.blocks,
            grain,
            chunks.address,
            chunks.get(a.ZONE_SHIFT),
        )

    def attach(self):
        """Make the handle of the land, which exists already."""
        chunks = self.chunks
        self.land = CBSZoned(chunks.space, chunks.address + a.FREE_LAND_AT, self.blocks)

    def insert(self, base, limit):
        """Insert [base, limit). Returns a result code.

        When there is no node, the pool of nodes gets a page and the whole
        range is inserted again, and only then is the page excluded: it may
        lie in that very range (design/bootstrap.md#.sol.free.exclude). If that
        is refused, a page that lies elsewhere is excluded all the same.
        """
        res = self._insert(base, limit)
        if res == r.LIMIT:
            page = self._extend_blocks()
            if page < 0:
                return -page
            res = self._insert(base, limit)
            if res == r.OK or not base <= page < limit:
                self._exclude(page)
        return res

    def insert_whatever(self, base, limit):
        """Insert [base, limit), which a pool just freed. Never fails.

        Without a node the first grain of it becomes memory for nodes.
        Returns the base of what is left of it.
        """
        res = self.insert(base, limit)
        if res == r.OK:
            return base
        if res != r.FAIL:
            res = self.land.insert_steal_range(base, limit)
        expect_whole(res, f"nothing of [{base:#x}, {limit:#x}) is in the free land")
        return base + self.land.stolen

    def take(self, zones, high, size, pool):
        """Allocate `size` bytes in `zones`, at their low or high end.

        Returns the address or a negative code; then the free land is as
        before. Source: design/arena.md#.sol.placement
        """
        if not self.chunks.get(a.ZONED):
            zones = UNIVERSE
        res = self.land.zoned_range(size, zones, high)
        if res == r.LIMIT:
            page = self._extend_blocks()
            if page < 0:
                return page
            self._exclude(page)
            res = self.land.zoned_range(size, zones, high)
        if res == r.FAIL:
            return -r.RESOURCE
        if res != r.OK:
            return -res
        base, limit = self.land.found_base, self.land.found_limit
        chunk = self.chunks.around(base, limit)
        res = self.pages.allocate(chunk, chunk.index_of(base), chunk.index_of(limit), pool)
        if res != r.OK:
            self._put_back(base, limit)
            return -res
        used = z.zone_set(base, limit, self.chunks.get(a.ZONE_SHIFT))
        self.chunks.set(a.FREE_ZONES, self.chunks.get(a.FREE_ZONES) & ~used)
        return base

    def _put_back(self, base, limit):
        """Insert what was just taken. Nothing of it is mapped, so none of it
        can become nodes; the node that it had is there, so no fault plan is
        asked for one."""
        space = self.chunks.space
        plan, space.faults = space.faults, None
        res = self.insert(base, limit)
        space.faults = plan
        expect_whole(res, f"what was taken, [{base:#x}, {limit:#x}), can be put back")

    def _insert(self, base, limit):
        res = self.land.insert_range(base, limit)
        self._told(ev.LAND_INSERT, base, limit, res)
        return res

    def _extend_blocks(self):
        """Give the pool of nodes a page. Returns its base or a negative code."""
        page = self._alloc_page()
        if page >= 0:
            self.blocks.extend(page, page + self.chunks.get(a.GRAIN_SIZE))
        return page

    def _alloc_page(self):
        """The base of a page taken from a chunk's allocation table.

        The primary chunk first: such pages are never given back, and must
        not keep other chunks alive.
        """
        res = r.RESOURCE
        for chunk in self.chunks.in_order():
            i = chunk.allocated.next_reset(chunk.alloc_base, chunk.pages)
            if i < chunk.pages:
                res = self.pages.allocate(chunk, i, i + 1, self.blocks.address)
                if res == r.OK:
                    base = chunk.address_of(i)
                    self.chunks.space.telemetry.tell(
                        ev.PAGE_ALLOC, self.chunks.address, base, chunk.grain, self.blocks.address
                    )
                    return base
        return -res

    def _exclude(self, page):
        """Delete an allocated page from the free land; a node is to be had."""
        limit = page + self.chunks.get(a.GRAIN_SIZE)
        res = self.land.delete_range(page, limit)
        self._told(ev.LAND_DELETE, page, limit, res)
        expect_whole(res, f"the page {page:#x} is in the free land, and can be excluded")

    def expect_all(self, chunk):
        """Raise DamageError unless all pages of `chunk` are one free range."""
        base = chunk.address_of(chunk.alloc_base)
        found = self.land.next_after(base) and (self.land.found_base, self.land.found_limit)
        if found != (base, chunk.limit):
            expect_whole(r.FAIL, f"{chunk!r}, of which nothing is allocated, is one free range")

    def delete(self, base, limit):
        """Delete [base, limit), a range of the land. Returns a result code."""
        res = self.land.delete_range(base, limit)
        self._told(ev.LAND_DELETE, base, limit, res)
        return res

    def _told(self, code, base, limit, res):
        if self.chunks.space.telemetry.mask & ev.STEP:
            self.chunks.space.telemetry.tell(code, self.land.address, base, limit, res)
