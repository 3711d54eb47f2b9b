"""Pools in raw words: what the bytes of a pool say, one class for each kind.

A class of pools is made with (raw, address) and has
  serial, arena, next, previous   the words of the descriptor's head
  control     [(address, bytes)] of its blocks of control memory, that of the
              descriptor first
  spans       the memory for clients' blocks: disjoint ranges in order
  free_ranges what of that is in no block
  grains      {address of a pool: ranges of its grains}, of what is embedded too
  extent_of   {address of a pool: function from a page to the base of the
              grains got together with it, or None if pages do not tell}
  segment_of  {address of a pool: function from a page to the segment that it
              has to name}; none: pages name no segment
  totals      {serial: (total, free)}, own {address: serial}
Source: design/raw.md#.sol.pools
"""

from functools import cached_property

from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.walk import walk_freelist, walk_land
from rangeland.invariants.raw.words import hold, inside, total, union


class Pool:
    """What the raw words say of any pool. Of `total`, `slack` bytes are in
    no block and free for none."""

    segment_of = {}
    slack = 0

    def __init__(self, raw, address, expected, size):
        head = raw.read(at.POOL, address)
        self.control = [(address, size)]
        self.address, self.serial, self.arena = address, head["serial"], head["arena"]
        self.next, self.previous = head["next"], head["previous"]
        found = head["sig"] == at.name(expected)
        hold(found, "links", f"no {expected} pool lies at {address:#x}")

    def __str__(self):
        return f"the pool at {self.address:#x}"


class MFSPool(Pool):
    """An MFS pool: its extents, its units, free and used (M1 to M4)."""

    def __init__(self, raw, address):
        super().__init__(raw, address, "MFS", at.MFS_BYTES)
        words = raw.read(at.MFS, address)
        self.unit = unit = words["unit"]
        whole = unit == max(8, words["client"] + 7 & -8) > 0
        hold(whole, "accounts", f"{self} has units of {unit} bytes for {words['client']}")
        self.extents = self._walk_extents(raw, words)
        # Extents are read whole, and not word by word: there are many units.
        links = {}
        for base, limit in self.extents:
            memory = raw.words(base, (limit - base) // 8)
            first = at.EXTENT_HEADER // 8
            slots = range(base + at.EXTENT_HEADER, limit - unit + 1, unit)
            links.update(zip(slots, memory[first :: unit // 8]))
        free = self._walk_free(links, words["free_units"])
        self.used = links.keys() - free
        self.total = total((base + at.EXTENT_HEADER, limit) for base, limit in self.extents)
        self.free = words["free"]
        counted = words["total"] == self.total
        hold(counted, "accounts", f"{self} has {self.total} bytes, its total is {words['total']}")
        rest = self.total - len(self.used) * unit
        hold(self.free == rest, "accounts", f"{self} has {rest} bytes free, not {self.free}")
        self.spans = union(self.extents)
        self.slots_free = free
        self.grains = {address: self.spans}
        self.extent_of = {address: self._extent_of}
        self.totals = {self.serial: (self.total, self.free)}
        self.own = {address: self.serial}

    def _walk_extents(self, raw, words):
        extents, base, last = [], words["first"], 0
        while base:
            following, size = raw.words(base, 2)
            again = size > 0 and all(base != known for known, _ in extents)
            hold(again, "links", f"the list of extents of {self} breaks at {base:#x}")
            extents.append((base, base + size))
            base, last = following, base
        hold(last == words["last"], "links", f"the last extent of {self} is {last:#x}")
        return extents

    def _walk_free(self, links, cursor):
        free = set()
        while cursor:
            if cursor not in links:
                raise Broken("links", f"the free unit {cursor:#x} is no slot of {self}")
            if cursor in free:
                raise Broken("links", f"the unit {cursor:#x} of {self} is free twice")
            free.add(cursor)
            cursor = links[cursor] ^ at.FREE_KEY
        return free

    @cached_property
    def free_ranges(self):
        """The units in no block, as ranges."""
        return union((slot, slot + self.unit) for slot in self.slots_free)

    def _extent_of(self, address):
        """The base of the extent that holds `address`, or None."""
        return next((b for b, x in self.extents if b <= address < x), None)


class MVFFPool(Pool):
    """An MVFF pool: its lands, and the pool of their nodes (C1, C2, F1)."""

    kind, land = "MVFF", "CBSF"

    def __init__(self, raw, address):
        super().__init__(raw, address, self.kind, at.MVFF_BYTES)
        self.blocks = MFSPool(raw, address + at.MVFF["blocks"])
        spans = walk_land(raw, address + at.MVFF["total"], "CBSF", self.blocks.address)
        primary = walk_land(raw, address + at.MVFF["primary"], self.land, self.blocks.address)
        self.secondary = walk_freelist(raw, address + at.MVFF["secondary"])
        self.primary = primary.ranges
        judge_nodes((spans, primary), self.blocks)
        self.judge_land(raw, primary)
        self.spans = spans.ranges
        self.free_ranges = union(primary.ranges + self.secondary)
        for base, limit in self.free_ranges:
            own = inside(self.spans, base, limit)
            hold(own, "partition", f"[{base:#x}, {limit:#x}) is free in {self} and not its own")
        self.total, self.free = total(self.spans), total(self.free_ranges)
        self.grains = {address: self.spans, **self.blocks.grains}
        self.extent_of = {address: None, **self.blocks.extent_of}
        self.totals = {self.serial: (self.total, self.free), **self.blocks.totals}
        self.own = {address: self.serial, **self.blocks.own}

    def judge_land(self, raw, primary):
        """What else has to hold of the land of what is free."""

    @property
    def largest(self):
        """The bytes of the largest free range of either land."""
        ranges = self.primary + self.secondary
        return max((limit - base for base, limit in ranges), default=0)


def judge_nodes(trees, blocks, invariant="links"):
    """C1: each node is in one tree, and the used units of `blocks` are the
    nodes of `trees`."""
    nodes = [node for tree in trees for _, _, node in tree.nodes]
    hold(len(set(nodes)) == len(nodes), invariant, f"a node of {blocks} is in two trees")
    strays = sorted(set(nodes) ^ blocks.used)
    told = ", ".join(map(hex, strays[:4]))
    hold(not strays, invariant, f"nodes or used units of {blocks}, but not both: {told}")
