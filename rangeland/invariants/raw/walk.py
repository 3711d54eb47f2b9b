"""Walks of lands: trees and free lists, read from the words they lie in.

Source: design/raw.md#.sol.walk
"""

from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.words import hold, total, zones_of


class RawTree:
    """A tree of nodes, walked from the word that names its root.

    `nodes` has (base, limit, address) in order. Order, balance and what the
    nodes cache is judged on the way. Raises: Broken.
    """

    # No balanced tree that a space has room for is deeper.
    DEEPEST = 64

    def __init__(self, raw, root_at, size, shift=None):
        self.raw, self.size, self.shift = raw, size, shift
        self.nodes = []
        root = raw.word(root_at)
        hold(root & 1 == 0, "links", f"the word of the root at {root_at:#x} has a tag")
        self._walk(root, self.DEEPEST)

    def _walk(self, address, deepest):
        """(levels, largest, zones) of the subtree at `address`."""
        if address == self.raw.space.nil:
            return 0, 0, 0
        hold(deepest and address % 8 == 0 and address > 0, "links", f"{address:#x} is no node")
        words = self.raw.words(address, self.size // 8)
        left, right, base, limit = words[:4]
        low = self._walk(left & -2, deepest - 1)
        below = self.nodes[-1][1] if self.nodes else 0
        hold(below <= base < limit, "links", f"[{base:#x}, {limit:#x}) comes after {below:#x}")
        self.nodes.append((base, limit, address))
        high = self._walk(right & -2, deepest - 1)
        where = f"the node at {address:#x}"
        lean = high[0] - low[0]
        hold(lean == (right & 1) - (left & 1), "links", f"{where} leans {lean}, its tags lie")
        hold(abs(lean) <= 1, "links", f"{where} is not balanced")
        largest = max(limit - base, low[1], high[1])
        zones = low[2] | high[2]
        if self.size >= 40:
            hold(words[4] == largest, "links", f"MAX of {where} is {words[4]}, expected {largest}")
        if self.shift is not None:
            zones |= zones_of(base, limit, self.shift)
            found = words[5] & (1 << 64) - 1
            hold(found == zones, "links", f"ZONES of {where} are {found:#x}, expected {zones:#x}")
        return 1 + max(low[0], high[0]), largest, zones

    @property
    def ranges(self):
        """The ranges in order: a list of (base, limit)."""
        return [(base, limit) for base, limit, _ in self.nodes]


def walk_land(raw, address, sig, blocks, shift=None):
    """The RawTree of the CBS at `address`, whose nodes the MFS pool at
    `blocks` has to have given out."""
    land = raw.read(at.LAND, address)
    where = f"the land at {address:#x}"
    hold(land["sig"] == at.name(sig), "links", f"no {sig} lies at {address:#x}")
    hold(land["nodes"] == blocks, "links", f"{where} has nodes of {land['nodes']:#x}")
    tree = RawTree(raw, address + at.LAND["root"], at.NODE_BYTES[land["sig"]], shift)
    _judge_ranges(land, tree.ranges, where)
    aligned = all(not (base | limit) % land["align"] for base, limit in tree.ranges)
    hold(aligned, "ranges", f"{where} has a range that is not aligned")
    return tree


def walk_freelist(raw, address):
    """The ranges of the freelist at `address`, read from its blocks."""
    land = raw.read(at.FREELIST, address)
    where = f"the freelist at {address:#x}"
    hold(land["sig"] == at.name("FREE"), "links", f"no freelist lies at {address:#x}")
    ranges, link, below = [], land["head"], 0
    while link & -2 != raw.space.nil:
        base = link & -2
        first = raw.word(base)
        limit = base + 8 if first & 1 else raw.word(base + 8)
        small = first & 1 == (limit - base < 16)
        hold(small, "links", f"the tag of the block at {base:#x} of {where} tells its size")
        hold(below < base < limit, "links", f"block {base:#x} of {where} comes after {below:#x}")
        ranges.append((base, limit))
        link, below = first, limit
    _judge_ranges(land, ranges, where)
    return ranges


def _judge_ranges(land, ranges, where):
    """L1, L2: ranges that touch are one; their number and their sum are told."""
    for (_, end), (base, _) in zip(ranges, ranges[1:]):
        hold(end < base, "ranges", f"two ranges of {where} touch at {base:#x}")
    count, size = land["count"], land["size"]
    hold(count == len(ranges), "land-size", f"{where} counts {count} of {len(ranges)} ranges")
    hold(size == total(ranges), "land-size", f"{where} is of {size} bytes, not {total(ranges)}")
