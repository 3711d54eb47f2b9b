"""MVT pools in raw words: segments, what of them is free, and what points hold.

Source: design/raw.md#.sol.mvt
"""

from bisect import bisect_right

from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.pools import MFSPool, Pool, judge_nodes
from rangeland.invariants.raw.segments import walk_points, walk_queue, walk_segments
from rangeland.invariants.raw.walk import walk_freelist, walk_land
from rangeland.invariants.raw.words import hold, inside, total, union


class MVTPool(Pool):
    """An MVT pool. `spans` are its segments, each apart; `free_ranges` all
    that is in no block, with `held`, what points hold for blocks to come."""

    def __init__(self, raw, address):
        super().__init__(raw, address, "MVT", at.MVT_BYTES)
        self.words = words = raw.read(at.MVT, address)
        self.grain = raw.word(self.arena + at.ARENA["grain"])
        self._judge_options()
        self.segments = sorted(
            walk_segments(raw, address, self.grain), key=lambda segment: segment.base
        )
        self.spans = [(segment.base, segment.limit) for segment in self.segments]
        self.grains = {address: union(self.spans)}
        self.blocks = MFSPool(raw, words["blocks"])
        hold(self.blocks.arena == self.arena, "links", f"{self.blocks} is of another arena")
        self._walk_land(raw)
        self.points = walk_points(raw, address, words["align"])
        self.held = [(init, limit) for _, init, limit in self.points.values() if init < limit]
        self.rests = self._rests()
        self._judge_accounts()
        self.free_ranges = union(self.land + self.splinter + self.held + self.rests)
        ring = self._walk_queue(raw)
        self.control += [(self.blocks.address, at.MFS_BYTES), ring]
        self.control += [(segment.address, at.SEGMENT_BYTES) for segment in self.segments]
        self.control += [(point, at.POINT_BYTES) for point in self.points]
        self.grains |= self.blocks.grains
        self.extent_of = {address: self._extent_of, **self.blocks.extent_of}
        self.segment_of = {address: self._segment_of}
        self.totals = {self.serial: (self.total, self.free), **self.blocks.totals}
        self.own = {address: self.serial, **self.blocks.own}

    def _judge_options(self):
        """What the pool was made with, and what follows from it."""
        words = self.words
        sizes = [1, *(words[key] for key in ("min_size", "mean_size", "max_size"))]
        told = f"{self} has blocks of {sizes[1]}, {sizes[2]}, {sizes[3]} bytes"
        hold(sizes == sorted(sizes), "accounts", f"{told}: expected least, mean, largest")
        fill = -(-words["max_size"] // self.grain) * self.grain
        fits = (words["fill_size"], words["reuse_size"]) == (fill, 2 * fill)
        found = f"{words['fill_size']} and {words['reuse_size']}"
        hold(fits, "accounts", f"{self} fills by {found} bytes, expected {fill} and {2 * fill}")
        flags = 0 <= words["frag_limit"] <= 100 and words["overflowed"] in (0, 1)
        hold(flags, "accounts", f"{self} has {words['frag_limit']} percent as its limit")

    def _walk_land(self, raw):
        """The free land: the two lands of a failover that names no other (F1)."""
        address = self.address
        primary = walk_land(raw, address + at.MVT["primary"], "CBSF", self.blocks.address)
        self.primary = primary.ranges
        self.secondary = walk_freelist(raw, address + at.MVT["secondary"])
        judge_nodes((primary,), self.blocks)
        over = raw.read(at.FAILOVER, address + at.MVT["failover"])
        parts = over["primary"] - address, over["secondary"] - address
        ours = over["sig"] == at.name("FAIL")
        ours = ours and parts == (at.MVT["primary"], at.MVT["secondary"])
        hold(ours, "links", f"no failover over the lands of {self} lies at {at.MVT['failover']}")
        self.land = self.primary + self.secondary
        for base, limit in self.land:
            own = inside(self.grains[address], base, limit)
            hold(own, "partition", f"[{base:#x}, {limit:#x}) is free in {self} and not its own")
        base, limit = self.words["splinter_base"], self.words["splinter_limit"]
        self.splinter = [(base, limit)] if (base, limit) != (0, 0) else []

    def _rests(self):
        """What blocks that have segments of their own leave of these."""
        fill, rests = self.words["fill_size"], []
        for s in self.segments:
            if s.block:
                size = -(-s.block // self.grain) * self.grain
                exact = s.block > fill and s.limit - s.base == size
                told = f"the segment at {s.address:#x} has {s.limit - s.base} bytes"
                hold(exact, "accounts", f"{told} for its own block of {s.block}")
                if s.base + s.block < s.limit:
                    rests.append((s.base + s.block, s.limit))
            else:
                whole = s.limit - s.base == fill
                told = f"the segment at {s.address:#x} has {s.limit - s.base} bytes, not {fill}"
                hold(whole, "accounts", told)
        return rests

    def _judge_accounts(self):
        """The sums; and that a splinter and what a point holds lie in one
        segment each."""
        words = self.words
        self.total, self.held_size = total(self.spans), total(self.held)
        available = total(self.land) + total(self.splinter)
        self.free = available + total(self.rests)
        for key, expected in (
            ("total", self.total), ("available", available), ("unavailable", total(self.rests)),
        ):  # fmt: skip
            told = f"{key} of {self} is {words[key]} bytes, expected {expected}"
            hold(words[key] == expected, "accounts", told)
        for base, limit in self.splinter:
            fit = limit - base >= words["min_size"] and not (base | limit) % words["align"]
            hold(fit, "ranges", f"the splinter [{base:#x}, {limit:#x}) of {self} fits no block")
        # A segment of which a point still has something is still there.
        filled = [(base, limit) for base, init, limit in self.points.values() if init < limit]
        for base, limit in self.splinter + filled:
            one = inside(self.spans, base, limit)
            hold(one, "outside", f"[{base:#x}, {limit:#x}) of {self} lies in no one segment")

    def _walk_queue(self, raw):
        """Judge the queue. Returns its ring, (address, bytes)."""
        words = self.words
        at_queue, reuse = self.address + at.MVT["queue"], words["reuse_size"]
        self.queued, size = walk_queue(raw, at_queue, self.land, reuse)
        depth = max(3, -(-words["reserve_depth"] * words["mean_size"] // reuse))
        told = f"the queue of {self} has a ring of {size} bytes for {depth} ranges"
        hold(size == (depth + 1) * at.SLOT_BYTES, "links", told)
        return raw.word(at_queue + at.QUEUE["ring"]), size

    @property
    def largest(self):
        """The bytes of the largest free piece that lies in one segment, and
        in one of the two lands or in the splinter."""
        return max(
            (
                min(limit, high) - max(base, low)
                for low, high in self.spans
                for base, limit in self.land + self.splinter
                if base < high and low < limit
            ),
            default=0,
        )

    def _segment(self, page):
        """The segment that the page at `page` lies in, or None."""
        i = bisect_right(self.spans, page, key=lambda span: span[0]) - 1
        return self.segments[i] if i >= 0 and page < self.segments[i].limit else None

    def _extent_of(self, page):
        segment = self._segment(page)
        return segment and segment.base

    def _segment_of(self, page):
        segment = self._segment(page)
        return segment.address if segment else 0
