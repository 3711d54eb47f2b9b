"""SpareLand: memory that is free but still mapped, in case it is soon wanted.

Its nodes are needed when memory is *freed*, and when memory is wanted while
the commit limit is reached, so they cannot come from the arena in the usual
way: they come from grains of the spare memory itself.
Source: design/arena.md#.sol.spare, design/bootstrap.md#.sol.spare
"""

from arena import fields as a
from arena.chunks import expect_whole
from land import fields as lf
from land.cbs import CBS
from pools.mfs import MFS
from pools.pool import handle
from vm import events as ev
from vm import raw
from vm import results as r


class SpareLand:
    """The handle of an arena's spare land, a plain CBS, and of the MFS pool
    that its nodes come from. `free` is the arena's free land, when made."""

    def __init__(self, chunks, source):
        self.chunks = chunks
        self.free = None
        self.blocks = handle(MFS, chunks.space, chunks.address + a.SPARE_BLOCKS_AT, source)

    def init(self, grain):
        """Write the descriptor of the land, with nothing in it."""
        chunks = self.chunks
        at = chunks.address + a.SPARE_LAND_AT
        self.land = CBS.init(chunks.space, at, self.blocks, grain, chunks.address)

    def attach(self):
        """Make the handle of the land, which exists already."""
        chunks = self.chunks
        self.land = CBS(chunks.space, chunks.address + a.SPARE_LAND_AT, self.blocks)

    def insert(self, base, limit):
        """Make [base, limit), mapped and just freed, spare.

        Without a node for it, its first grain becomes memory for nodes, and
        leaves the free land; without even that, it is unmapped at once.
        """
        res = self._insert(base, limit)
        if res == r.FAIL:
            expect_whole(res, f"nothing of [{base:#x}, {limit:#x}) is spare")
        if res != r.OK:
            chunk = self.chunks.around(base, limit)
            top = base + chunk.grain
            res = self.free.delete_range(base, top)
            self._told(ev.LAND_DELETE, self.free, base, top, res)
            if res != r.OK:
                self.chunks.unmap_pages(chunk, base, limit)
                return
            self._adopt(chunk, base)
            base = top
            if base < limit and self._insert(base, limit) != r.OK:
                self.chunks.unmap_pages(chunk, base, limit)
                return
        self.chunks.add(a.SPARE_COMMITTED, limit - base)

    def _insert(self, base, limit):
        res = self.land.insert_range(base, limit)
        self._told(ev.LAND_INSERT, self.land, base, limit, res)
        return res

    def _adopt(self, chunk, base):
        i = chunk.index_of(base)
        chunk.alloc_pages(i, i + 1, self.blocks.address, i)
        self.blocks.extend(base, base + chunk.grain)

    def release(self, chunk, lo, hi):
        """Take the pages lo to hi - 1, all spare, out of the spare land.

        They stay mapped: the caller allocates them. Without a node to split
        a range, the first grain of that range becomes memory for nodes.
        """
        base, limit = chunk.address_of(lo), chunk.address_of(hi)
        res = self._delete(base, limit)
        if res == r.FAIL:
            expect_whole(res, f"[{base:#x}, {limit:#x}), mapped and free, is in the spare land")
        if res != r.OK:
            whole = self.land.found_base
            if self.free.delete_range(whole, whole + chunk.grain) == r.OK:
                self._delete(whole, whole + chunk.grain)
                self.chunks.add(a.SPARE_COMMITTED, -chunk.grain)
                self._adopt(chunk, whole)
                res = self._delete(base, limit)
            if res != r.OK:
                self._trim(chunk, base, limit)
                return
        self.chunks.add(a.SPARE_COMMITTED, base - limit)

    def _trim(self, chunk, base, limit):
        """Unmap all but [base, limit) of the spare range that holds it: a
        whole range can be deleted without a node."""
        whole, end = self.land.found_base, self.land.found_limit
        self._delete(whole, end)
        self.chunks.add(a.SPARE_COMMITTED, whole - end)
        for low, high in ((whole, base), (limit, end)):
            if low < high:
                self.chunks.unmap_pages(chunk, low, high)

    def _delete(self, base, limit):
        res = self.land.delete_range(base, limit)
        self._told(ev.LAND_DELETE, self.land, base, limit, res)
        return res

    def purge(self, size, only=None):
        """Unmap spare ranges, whole and in ascending order, until `size`
        bytes are unmapped or none are left; those of chunk `only`, if given.

        Returns the bytes unmapped, which may be more.
        """
        unmapped = 0
        base, limit = (0, 1 << 62) if only is None else (only.base, only.limit)
        while unmapped < size and self.land.next_after(base):
            low, high = self.land.found_base, self.land.found_limit
            if low >= limit:
                break
            self.chunks.unmap_pages(self.chunks.around(low, high), low, high)
            self.chunks.add(a.SPARE_COMMITTED, low - high)
            expect_whole(self._delete(low, high), "the spare land has the range just found")
            unmapped += high - low
            base = high
        if only is None and unmapped < size and self.chunks.get(a.SPARE_COMMITTED):
            self.land.damage(lf.SIZE, "what its ranges sum up to: none is left")
        return unmapped

    def purge_excess(self):
        """Unmap until spare memory is no more than its fraction of what is
        committed, half of it at the least each time.

        Unmapping lowers committed memory too, by pages of descriptors: so it
        may take several rounds (design/arena.md#.sol.spare.rounds).
        """
        chunks = self.chunks
        spare = chunks.get(a.SPARE_COMMITTED)
        limit = self.limit()
        while spare > limit:
            self.purge(max(spare - limit, spare // 2))
            spare = chunks.get(a.SPARE_COMMITTED)
            limit = self.limit()

    def limit(self):
        """The bytes of spare memory allowed now."""
        n = self.chunks.descriptor()
        return raw.whole(self.chunks.get(a.COMMITTED) * self.chunks.space.floats[n + a.SPARE])

    def _told(self, code, land, base, limit, res):
        if self.chunks.space.telemetry.mask & ev.STEP:
            self.chunks.space.telemetry.tell(code, land.address, base, limit, res)
