"""Pools over regions in raw words: Buddy, SegFit and Slab.

Source: design/raw.md#.sol.regions
"""

from dataclasses import dataclass

from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.pools import Pool
from rangeland.invariants.raw.words import hold, total, union


@dataclass(frozen=True)
class Region:
    """A region: its descriptor and how many bytes of control memory that has,
    its memory, whether it is idle, and the bytes of its sole block, or 0."""

    address: int
    bytes: int
    base: int
    limit: int
    idle: bool
    sole: int


def walk_regions(raw, pool, grain):
    """The regions of the pool at `pool`, by the two lists of its descriptor."""
    found = []
    for head, idle in (("busy", 0), ("idle", 1)):
        previous, address = 0, raw.word(pool + at.REGIONS[head])
        while address:
            words = raw.read(at.REGION, address)
            told = f"the region at {address:#x} of the pool at {pool:#x}"
            ours = words["sig"] == at.name("RGN") and words["pool"] == pool
            hold(ours, "links", f"{told} is none, or of another pool")
            linked = (words["previous"], words["idle"]) == (previous, idle)
            hold(linked, "links", f"{told} is in another place than it says")
            base, limit = words["base"], words["limit"]
            whole = base < limit and not (base | limit) % grain
            hold(whole, "links", f"{told} has [{base:#x}, {limit:#x}): expected whole grains")
            found.append(Region(address, words["bytes"], base, limit, bool(idle), words["sole"]))
            previous, address = address, words["next"]
    return sorted(found, key=lambda region: region.base)


class RegionsPool(Pool):
    """What pools over regions share. A class of them says in `_walk` what of a
    region is free, and in `_edges` how many bytes of it are for nobody."""

    _edges = 0

    def __init__(self, raw, address, expected, size):
        super().__init__(raw, address, expected, size)
        self.raw, self.words = raw, raw.read(at.REGIONS, address)
        self.align = raw.word(address + at.POOL["align"])
        self.grain = raw.word(self.arena + at.ARENA["grain"])
        self.regions = walk_regions(raw, address, self.grain)
        self.spans = [(region.base, region.limit) for region in self.regions]
        self.grains = {address: union(self.spans)}
        self.control += [(region.address, region.bytes) for region in self.regions]
        self.pieces, edges = [], 0
        for region in self.regions:
            if region.sole:
                told = f"the region at {region.address:#x} has one block of {region.sole} bytes"
                exact = region.sole == region.limit - region.base and not region.idle
                hold(exact, "accounts", f"{told}, which is not all of it")
                self._judge_bytes(region, at.REGION_BYTES)
                continue
            free = self._walk(region)
            all_free = total(free) + self._edges == region.limit - region.base
            told = f"the region at {region.address:#x} has {total(free)} bytes free"
            hold(region.idle == all_free, "accounts", f"{told}: idle is {region.idle}")
            edges += self._edges
            self.pieces += free
        self.free_ranges = union(self.pieces)
        self.total, self.free = total(self.spans), total(self.pieces)
        for key, expected in (("total", self.total), ("free", self.free)):
            told = f"{key} of {self} is {self.words[key]} bytes, expected {expected}"
            hold(self.words[key] == expected, "accounts", told)
        self.slack = self.words["slack"]
        enough = edges <= self.slack <= self.total - self.free
        told = f"slack of {self} is {self.slack} bytes, expected {edges} at least"
        hold(enough, "accounts", told)
        self.extent_of = {address: None}
        self.segment_of = {address: self._segment_of}
        self.totals = {self.serial: (self.total, self.free)}
        self.own = {address: self.serial}

    def _judge_bytes(self, region, expected):
        """The descriptor of a region is as large as its table needs."""
        told = f"the descriptor at {region.address:#x} has {region.bytes} bytes"
        hold(region.bytes == expected, "links", f"{told}, expected {expected}")

    def _walk_list(self, head, link, back, most):
        """The blocks of a list in free memory, whose links lie at these
        offsets, each naming the one before it."""
        found, previous, address = [], 0, self.raw.word(head)
        while address:
            told = f"the free block at {address:#x} of {self}"
            hold(len(found) < most, "links", f"{told} is in a list without end")
            hold(self.raw.word(address + back) == previous, "links", f"{told} is linked wrongly")
            found.append(address)
            previous, address = address, self.raw.word(address + link)
        return found

    def _segment_of(self, page):
        """The region that the page at `page` lies in."""
        return next((r.address for r in self.regions if r.base <= page < r.limit), 0)

    def _judge_lists(self, found, expected):
        """What is linked is what the memory of the regions tells to be free."""
        strays = sorted(set(found) ^ set(expected))
        told = ", ".join(map(hex, strays[:4]))
        same = not strays and len(found) == len(expected)
        hold(same, "links", f"in a list of {self} or free, but not both: {told}")


class BuddyPool(RegionsPool):
    """A Buddy pool: its trees of bits, and the lists of its orders."""

    def __init__(self, raw, address):
        super().__init__(raw, address, "BUD", at.BUDDY_BYTES)
        self._judge_orders()

    def _walk(self, region):
        """The free blocks of a region, by its tree, of which a word of free blocks
        and one of live ones are in turn; together they are all of it."""
        size, order = region.limit - region.base, self.raw.word(region.address + at.TREE_ORDER)
        whole = size == 2**order and region.base % size == 0
        hold(whole, "ranges", f"[{region.base:#x}, {region.limit:#x}) of {self} is no block")
        leaves = size // self.align
        length = max(1, 2 * leaves // 64) * 64
        self._judge_bytes(region, at.TREE + length // 64 * 16)
        both = self.raw.bits(region.address + at.TREE, 2 * length)
        bits, live = ([both[i + j] for i in range(start, 2 * length, 128) for j in range(64)]
                      for start in (0, 64))  # fmt: skip
        free, used = [], []
        for depth in range(leaves.bit_length()):
            step = size >> depth
            for i, bit in enumerate(bits[1 << depth : 2 << depth]):
                told = f"the buddies of {step} bytes from {region.base + (i & -2) * step:#x} on"
                single = not (bit and depth and bits[(1 << depth) + (i ^ 1)])
                hold(single, "ranges", f"{told} are both free, and not one")
                span = (region.base + i * step, region.base + (i + 1) * step)
                if bit:
                    free.append(span)
                if live[(1 << depth) + i]:
                    used.append(span)
        told = f"the tree at {region.address:#x}"
        beyond = (bits[0], live[0], *bits[2 * leaves :], *live[2 * leaves :])
        hold(not any(beyond), "links", f"{told} has bits that are no node's")
        at_base = region.base
        for base, limit in sorted(free + used):
            hold(base == at_base, "ranges", f"{told} has blocks that do not lie side by side")
            at_base = limit
        hold(at_base == region.limit, "ranges", f"{told} tells not of all of its region")
        return free

    def _judge_orders(self):
        found = []
        for order in range(at.ORDERS_MOST + 1):
            head = self.address + at.ORDERS + 8 * order
            blocks = self._walk_list(head, 0, 8, len(self.pieces) + 1)
            found += [(block, block + 2**order) for block in blocks]
        strays = sorted(set(found) ^ set(self.pieces))
        told = ", ".join(f"[{base:#x}, {limit:#x})" for base, limit in strays[:4])
        hold(not strays, "links", f"in a list of {self} or free by a tree, but not both: {told}")

    @property
    def largest(self):
        """The bytes of the largest free block."""
        return max((limit - base for base, limit in self.pieces), default=0)


class SegFitPool(RegionsPool):
    """A SegFit pool: its chunks by their boundary tags, and its bins. The word
    before the first chunk of a region and the end of it are nobody's."""

    _edges = 16

    def __init__(self, raw, address):
        self.used = []
        super().__init__(raw, address, "SEGF", at.SEGFIT_BYTES)
        self.direct = raw.word(address + at.DIRECT_ABOVE)
        self._judge_bins()

    def _walk(self, region):
        """The free chunks of a region, from tag to tag."""
        self._judge_bytes(region, at.REGION_BYTES)
        free, chunk, before = [], region.base + 8, at.USED
        while True:
            head = self.raw.word(chunk)
            size, tags = head & -16, head & 15
            told = f"the chunk at {chunk:#x} of {self}"
            first = at.FIRST if chunk == region.base + 8 else 0
            hold(tags & at.FIRST == first, "links", f"{told} is the first of its region, or not")
            right = bool(tags & at.BEFORE) == bool(before)
            hold(right, "links", f"{told} has a wrong tag of the chunk before it")
            if tags & at.END:
                last = chunk == region.limit - 8 and size == 0 and tags & at.USED
                hold(last, "links", f"{told} is no end of a region")
                return free
            fits = size >= 32 and chunk + size <= region.limit - 8
            hold(fits, "links", f"{told} has {size} bytes")
            if tags & at.USED:
                self.used.append((chunk, chunk + size))
            else:
                hold(before, "ranges", f"{told} touches a free chunk")
                foot = self.raw.word(chunk + size - 8)
                hold(foot == size, "links", f"{told} has {size} bytes, and ends in {foot}")
                free.append((chunk, chunk + size))
            chunk, before = chunk + size, tags & at.USED

    def _judge_bins(self):
        found, sizes = [], {base: limit - base for base, limit in self.pieces}
        for i in range(at.BINS_MOST):
            head = self.address + at.BINS + 8 * i
            chunks = self._walk_list(head, 8, 16, len(sizes) + 1)
            mask = self.raw.word(self.address + at.BIN_MASKS + i // 32 * 8)
            hold(bool(chunks) == (mask >> i % 32 & 1), "links", f"the mask of bin {i} of {self}")
            for chunk in chunks:
                size = sizes.get(chunk, 0)
                right = size and i == bin_of(size)
                hold(right, "links", f"the chunk {chunk:#x} of {size} bytes is in bin {i}")
            found += chunks
        self._judge_lists(found, list(sizes))

    @property
    def largest(self):
        """The bytes of the largest block that a free chunk holds."""
        largest = max((limit - base - 8 for base, limit in self.pieces), default=0)
        return min(largest, self.direct)


def bin_of(size):
    """The bin that a free chunk of `size` bytes belongs in."""
    if size < 1024:
        return size // 16
    doubling = 1024
    i = 64
    while size >= 2 * doubling and i < 124:
        doubling, i = 2 * doubling, i + 4
    return min(i + (size - doubling) // (doubling // 4), 127)


class SlabPool(RegionsPool):
    """A Slab pool: the tables of its slabs, and the heaps of those with room."""

    def __init__(self, raw, address):
        self.rooms, self.units = {}, []
        super().__init__(raw, address, "SLAB", at.SLAB_BYTES)
        large = raw.word(address + at.LARGE_CLASS)
        heaps = {number: [] for number in range(large)}
        for number in heaps:
            self._walk_heap(raw.word(address + at.HEAPS + 8 * number), 0, 0, heaps[number])
        expected = {number: self.rooms.get(number, []) for number in heaps}
        for number, slabs in expected.items():
            told = f"the slabs of class {number} of {self} with room are not those in the heap"
            hold(sorted(heaps[number]) == sorted(slabs), "links", told)

    def _walk(self, region):
        """The free units of a slab, by its table."""
        words = self.raw.read(at.SLAB, region.address)
        number, unit, units, room = (words[key] for key in ("number", "unit", "units", "room"))
        told = f"the slab at {region.address:#x} of {self}"
        hold(unit == unit_of(number, self.align), "accounts", f"{told} has units of {unit} bytes")
        exact = units * unit == region.limit - region.base
        hold(exact, "accounts", f"{told} has {units} units, which do not fill it")
        whole = (units + 63) // 64 * 64
        self._judge_bytes(region, at.SLAB_TABLE + whole // 4)
        bits, others = (
            self.raw.bits(region.address + at.SLAB_TABLE + half * whole // 8, whole) for half in (0, 1)
        )
        hold([1 - bit for bit in bits] == others, "links", f"{told} has a table without its complement")
        counted = sum(bits) == room and not any(bits[units:])
        hold(counted, "accounts", f"{told} counts {room} free units, expected {sum(bits)}")
        if room:
            self.rooms.setdefault(number, []).append(region.address)
            self.units.append(unit)
        at_unit = (region.base + i * unit for i, bit in enumerate(bits) if bit)
        return [(base, base + unit) for base in at_unit]

    def _walk_heap(self, slab, back, below, found):
        """All slabs from a first child on, none of them lower than its parent."""
        pending = [(slab, back, below)]
        while pending:
            slab, back, below = pending.pop()
            if not slab:
                continue
            words = self.raw.read(at.SLAB, slab)
            told = f"the slab at {slab:#x} of {self}"
            new = len(found) < len(self.regions)
            hold(new and words["back"] == back, "links", f"{told} is linked wrongly in its heap")
            hold(words["base"] > below, "links", f"{told} lies lower than what is above it")
            hold(back or not words["next"], "links", f"{told} is a root, and has siblings")
            found.append(slab)
            pending.append((words["next"], slab, below))
            pending.append((words["child"], slab, words["base"]))

    @property
    def largest(self):
        """The bytes of the largest unit that is free."""
        return max(self.units, default=0)


def unit_of(number, align):
    """The bytes of the size class of that number: four for each doubling."""
    if number < 4:
        return (number + 1) * align
    return (5 + number % 4) * align * 2 ** (number // 4 - 1)
