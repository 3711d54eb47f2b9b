"""Fit pools in raw words: the lands of best, worst and next fit, and blocks
with boundary tags.

Source: design/raw.md#.sol.fits
"""

from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.pools import MVFFPool, Pool
from rangeland.invariants.raw.words import hold, total, union


class WorstFitPool(MVFFPool):
    """A pool that takes the worst fit: an MVFF pool in all but its name."""

    kind = "WRST"


class NextFitPool(MVFFPool):
    """A pool that takes the next fit: besides, its rover is an address."""

    kind = "NEXT"

    def judge_land(self, raw, primary):
        """The rover is where a block ended: 0, or aligned."""
        rover = raw.read(at.NEXTFIT, self.address)["rover"]
        align = raw.read(at.POOL, self.address)["align"]
        placed = rover >= 0 and rover % align == 0
        hold(placed, "links", f"the rover of {self} is {rover:#x}, aligned to {align}")


class BestFitPool(MVFFPool):
    """A pool that takes the best fit: each node of its free land hangs in a
    second tree too, in the order of (size, base)."""

    kind, land = "BEST", "CBSS"

    def judge_land(self, raw, primary):
        """The second tree has the nodes of the first, in its own order."""
        root = raw.word(self.address + at.MVFF["primary"] + at.SIZED_ROOT)
        hold(root & 1 == 0, "links", f"the root of the sizes of {self} has a tag")
        ranges = {node + at.SIZED_LINKS: (limit - base, base) for base, limit, node in primary.nodes}
        found = []
        self._walk(raw, root, ranges, found)
        in_order = found == sorted(ranges.values())
        hold(in_order, "links", f"the sizes of {self} are {found[:4]}..., not in order or not all")

    def _walk(self, raw, address, ranges, found):
        """The levels of the subtree at `address`; its keys go to `found`."""
        if address == raw.space.nil:
            return 0
        known = address in ranges and len(found) < len(ranges)
        hold(known, "links", f"{address:#x} is no node of the sizes of {self}, or is there twice")
        left, right = raw.words(address, 2)
        low = self._walk(raw, left & -2, ranges, found)
        found.append(ranges[address])
        hold(len(found) <= len(ranges), "links", f"{address:#x} is in the sizes of {self} twice")
        high = self._walk(raw, right & -2, ranges, found)
        lean = high - low
        balanced = lean == (right & 1) - (left & 1) and abs(lean) <= 1
        hold(balanced, "links", f"the node of sizes at {address:#x} leans {lean}, its tags lie")
        return 1 + max(low, high)


class LIFOFitPool(Pool):
    """A pool of blocks with boundary tags. `free_ranges` is what free blocks
    have after their headers; slack are the headers, what is around the blocks
    of an extent, and what blocks have beyond what was asked for."""

    def __init__(self, raw, address):
        super().__init__(raw, address, "LIFO", at.LIFO_BYTES)
        self.words = words = raw.read(at.LIFO, address)
        self.least = -(-at.LEAST_BLOCK // words["align"]) * words["align"]
        self.spans = sorted(self._walk_extents(raw))
        self.grains = {address: union(self.spans)}
        self.empty, self.rests, free = 0, 0, []
        for base, limit in self.spans:
            free += self._walk_blocks(raw, base, limit)
        levels = at.LEVELS if words["has_levels"] else at.LEVELS[:1]
        for level, least in enumerate(levels):
            self._walk_list(raw, level, [b for b, x in free if x - b >= least])
        self.free_ranges = [(base + at.TAG_BYTES, limit) for base, limit in free]
        self.total, self.free = total(self.spans), total(self.free_ranges)
        self._judge_accounts(free)
        around = self.least * len(self.spans)
        self.slack = at.TAG_BYTES * len(free) + around + words["rests"]
        self.extent_of = {address: self._extent_of}
        self.totals = {self.serial: (self.total, self.free)}
        self.own = {address: self.serial}

    def _walk_extents(self, raw):
        found, previous, base = [], 0, self.words["first_extent"]
        while base:
            following, back, size = raw.words(base, 3)
            fresh = size > 0 and all(base != known for known, _ in found)
            linked = fresh and back == previous
            hold(linked, "links", f"the extents of {self} break at {base:#x}")
            found.append((base, base + size))
            previous, base = base, following
        return found

    def _walk_blocks(self, raw, base, limit):
        """The free blocks of an extent, [base, limit) with their headers, in
        order; each tag is judged on the way."""
        block = base + self.least - at.TAG_BYTES
        end, free, before, first = limit - at.TAG_BYTES, [], at.BEFORE, at.FIRST
        while block < end:
            tag = raw.word(block)
            size, flags, rest = tag % (1 << at.REST_BIT) // 8 * 8, tag % 8, tag >> at.REST_BIT
            fits = self.least <= size <= end - block and size % self.words["align"] == 0
            hold(fits, "links", f"the block at {block:#x} of {self} has {size} bytes")
            told = flags & (at.BEFORE | at.FIRST) == before | first
            hold(told, "links", f"the tag at {block:#x} of {self} has the flags {flags}")
            in_use = flags & at.IN_USE
            room = rest in range(0, self.least if in_use else 1, self.words["align"])
            hold(room, "links", f"the block at {block:#x} of {self} has a rest of {rest}")
            self.rests += rest
            if not in_use:
                hold(before, "links", f"two free blocks of {self} touch at {block:#x}")
                footer = raw.word(block + size - 8)
                hold(footer == size, "links", f"the block at {block:#x} ends with {footer}")
                free.append((block, block + size))
            before, first = (at.BEFORE if flags & at.IN_USE else 0), 0
            block += size
        last = raw.word(block)
        hold(last == at.IN_USE | before, "links", f"the extent that ends at {limit:#x} has {last}")
        self.empty += len(free) == 1 and free[0][1] - free[0][0] == limit - base - self.least
        return free

    def _walk_list(self, raw, level, free):
        """The list of the level has each of the free blocks once, and goes back
        as it came."""
        blocks, found, previous = set(free), set(), 0
        block = self.words[f"level{level}" if level else "first_free"]
        while block:
            known = block in blocks and block not in found
            hold(known, "links", f"{block:#x} is no free block of {self}, or is listed twice")
            found.add(block)
            following, back = raw.words(block + at.TAG_BYTES + 16 * level, 2)
            hold(back == previous, "links", f"{block:#x} comes after {previous:#x}, not {back:#x}")
            previous, block = block, following
        lost = ", ".join(map(hex, sorted(blocks - found)[:4]))
        hold(not lost, "links", f"free blocks of {self} that are not listed: {lost}")

    def _judge_accounts(self, free):
        counted = {
            "total": self.total,
            "free": total(free),
            "free_blocks": len(free),
            "extents": len(self.spans),
            "empty": self.empty,
            "rests": self.rests,
        }
        for key, expected in counted.items():
            told = self.words[key]
            hold(told == expected, "accounts", f"{key} of {self} is {told}, expected {expected}")

    @property
    def largest(self):
        """The bytes of the largest free block, without its header."""
        return max((limit - base for base, limit in self.free_ranges), default=0)

    def _extent_of(self, address):
        """The base of the extent that holds `address`, or None."""
        return next((b for b, x in self.spans if b <= address < x), None)
