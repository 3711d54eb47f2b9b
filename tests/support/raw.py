"""An arena is its bytes: a checker that is given an address and nothing else.

It walks the raw words, with its own idea of where they lie (`layout`), and
accounts for every grain of every chunk. It imports nothing of land, pools or
arena. What it finds wrong it raises as AssertionError.
"""

from support import layout as at


class Raw:
    """The words of an address space, by structure and name of field."""

    def __init__(self, space):
        self.space = space

    def word(self, address):
        return self.space.word(address)

    def words(self, address, count):
        """`count` words from `address` on, as a list."""
        return list(self.space.view(address, 8 * count).cast("q"))

    def read(self, fields, address):
        """The structure at `address` as a dict."""
        last = max(fields.values())
        words = self.words(address, last // 8 + 1)
        return {key: words[offset // 8] for key, offset in fields.items()}

    def double(self, address):
        return self.space.view(address, 8).cast("d")[0]

    def bits(self, address, count):
        """The first `count` bits of the table at `address`, as a list."""
        table = int.from_bytes(self.space.view(address, (count + 63) // 64 * 8), "little")
        return [table >> i & 1 for i in range(count)]

    def is_mapped(self, base, limit):
        return self.space.first_unmapped(base, limit) == limit

    def is_unmapped(self, base, limit):
        return self.space.mapped_pages(base, limit) == 0


def zones_of(base, limit, shift):
    """The zones that [base, limit) touches, as an unsigned set."""
    stripes = range(base >> shift, (limit - 1 >> shift) + 1)
    zones = 0
    for stripe in stripes[:64]:
        zones |= 1 << (stripe & 63)
    return zones


class RawTree:
    """A tree of nodes, walked from the word that names its root.

    `nodes` has (base, limit, address) in order. Order, balance and what the
    nodes cache is asserted on the way.
    """

    def __init__(self, raw, root_at, size, shift=None):
        self.raw, self.size, self.shift = raw, size, shift
        self.nodes = []
        root = raw.word(root_at)
        assert root & 1 == 0, "the word of the root has no tag"
        self._walk(root)

    def _walk(self, address):
        """(levels, largest, zones) of the subtree at `address`."""
        if address == self.raw.space.nil:
            return 0, 0, 0
        assert address % 8 == 0 and address > 0, f"{address:#x} is the address of a node"
        words = self.raw.words(address, self.size // 8)
        left, right, base, limit = words[:4]
        low = self._walk(left & -2)
        below = self.nodes[-1][1] if self.nodes else 0
        assert below <= base < limit, f"[{base:#x}, {limit:#x}) comes after {below:#x}"
        self.nodes.append((base, limit, address))
        high = self._walk(right & -2)
        assert high[0] - low[0] == (right & 1) - (left & 1), "a tag marks the taller side"
        assert abs(high[0] - low[0]) <= 1, "the tree is balanced"
        largest = max(limit - base, low[1], high[1])
        zones = low[2] | high[2]
        if self.size >= 40:
            assert words[4] == largest, f"MAX of the node at {address:#x} is {words[4]}"
        if self.shift is not None:
            zones |= zones_of(base, limit, self.shift)
            assert words[5] & (1 << 64) - 1 == zones, f"ZONES of the node at {address:#x}"
        return 1 + max(low[0], high[0]), largest, zones

    @property
    def ranges(self):
        return [(base, limit) for base, limit, _ in self.nodes]


def walk_land(raw, address, sig, blocks, shift=None):
    """The RawTree of the CBS at `address`, whose nodes the MFS pool at
    `blocks` has to have given out."""
    land = raw.read(at.LAND, address)
    assert land["sig"] == at.name(sig), f"{sig} at {address:#x}"
    assert land["nodes"] == blocks, "the land says whose its nodes are"
    tree = RawTree(raw, address + at.LAND["root"], at.NODE_BYTES[land["sig"]], shift)
    assert land["count"] == len(tree.nodes), "count is the number of ranges"
    assert land["size"] == sum(limit - base for base, limit in tree.ranges), "size is their sum"
    for (_, end), (base, _) in zip(tree.ranges, tree.ranges[1:]):
        assert end < base, "ranges that touch are one"
    assert all(not (base | limit) % land["align"] for base, limit in tree.ranges), "aligned"
    return tree


def walk_freelist(raw, address):
    """The ranges of the freelist at `address`, read from its blocks."""
    land = raw.read(at.FREELIST, address)
    assert land["sig"] == at.name("FREE"), f"a freelist at {address:#x}"
    ranges, link, below = [], land["head"], 0
    while link & -2 != raw.space.nil:
        base = link & -2
        first = raw.word(base)
        limit = base + 8 if first & 1 else raw.word(base + 8)
        assert first & 1 == (limit - base < 16), "a small block is tagged, no other"
        assert below < base < limit, "blocks ascend and do not touch"
        ranges.append((base, limit))
        link, below = first, limit
    assert land["size"] == sum(limit - base for base, limit in ranges), "size is their sum"
    assert land["count"] == len(ranges), "count is their number"
    return ranges


def inside(ranges, base, limit):
    """True if [base, limit) lies inside one of `ranges`."""
    return any(low <= base and limit <= high for low, high in ranges)


def union(ranges):
    """`ranges`, which must be disjoint, with those that touch made one."""
    joined = []
    for base, limit in sorted(ranges):
        if joined and joined[-1][1] == base:
            joined[-1] = (joined[-1][0], limit)
        else:
            assert not joined or joined[-1][1] < base, f"[{base:#x}, {limit:#x}) is there once"
            joined.append((base, limit))
    return joined
