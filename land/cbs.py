"""CBS: a set of address ranges, coalesced as they come, in a balanced tree.

Each range has a node, in memory that a node source gave out, so a CBS may
need a node where there is none: to insert a range that touches no other, or
to delete the middle of one. A node is taken before anything changes.

`CBS` inserts, deletes and iterates; `CBSFast` finds by size too; `CBSZoned`
finds in zones too. Source: design/land.md#.sol.cbs
"""

from land import fields as f
from land import zones as z
from land.fasttree import FastTree
from land.land import Land
from land.tree import Tree
from land.zonedtree import ZonedTree
from vm import fields as vf
from vm import mmu
from vm import results as r
from vm.lock import walks
from vm.results import integer


class CBS(Land):
    """The handle of a CBS whose nodes, 32 bytes each, come from `nodes`."""

    SIG = f.CBS_SIG
    BYTES = f.CBS_SIZE
    NODE_SIZE = f.NODE_SIZE
    # The word of a node that no range of it exceeds: LIMIT, where there is no MAX
    LARGEST = f.LIMIT

    def __init__(self, space, address, nodes):
        super().__init__(space, address)
        self.nodes = nodes
        self.largest = self.LARGEST
        # The bits that no base, no limit and no size has
        self.astray = -(1 << 62) | self.align - 1
        self.tree = self._tree()

    def _tree(self):
        return Tree(self.space, self.address + f.ROOT * vf.WORD, self.NODE_SIZE)

    @classmethod
    def init(cls, space, address, nodes, align, owner=0, zone_shift=0):
        """Write the descriptor of an empty CBS, 120 bytes at `address`.

        Returns its handle. Only a CBSZoned has a use for `zone_shift`.
        Raises: ParamError.
        """
        zone_shift = integer("zone_shift", zone_shift, least=0, most=56)
        source = getattr(nodes, "address", 0)
        cls._write(
            space,
            address,
            align,
            owner,
            ((f.ROOT, space.nil), (f.NODES, source), (f.ZONE_SHIFT, zone_shift)),
        )
        return cls(space, address, nodes)

    def insert_range(self, base, limit):
        """As `Land.insert_range`. Cost: O(log n), one walk."""
        if self._meet(base, limit) != r.OK:
            return r.FAIL
        w = self.space.words
        if self.found_base < base:
            if self.found_limit > limit:
                self._resize(limit - base, -1)
                self.nodes.free_node(self.tree.merge(self.found_limit))
            else:
                self._resize(limit - base, 0)
                w[(self.tree.path[self.tree.before] >> 1) + f.LIMIT] = limit
                self.tree.grown(self.tree.before)
        elif self.found_limit > limit:
            self._resize(limit - base, 0)
            w[(self.tree.path[self.tree.after] >> 1) + f.BASE] = base
            self.tree.grown(self.tree.after)
        else:
            address = self._new_node(base, limit)
            if address < 0:
                return -address
            self._resize(limit - base, 1)
            self.tree.link(address)
        return r.OK

    def _meet(self, base, limit):
        """Walk to where [base, limit) belongs, and tell of the range that it makes
        with its neighbours. Returns OK, or FAIL if some of it is in the land."""
        w = self.space.words
        self.tree.seek(base)
        before = self.tree.before
        after = self.tree.after
        low = base
        high = limit
        if before:
            n = self.tree.path[before] >> 1
            self._expect_range(n)
            if w[n + f.LIMIT] > base:
                return r.FAIL
            if w[n + f.LIMIT] == base:
                low = w[n + f.BASE]
        if after:
            m = self.tree.path[after] >> 1
            self._expect_range(m)
            if w[m + f.BASE] < limit:
                return r.FAIL
            if w[m + f.BASE] == limit:
                high = w[m + f.LIMIT]
        self.found_base = low
        self.found_limit = high
        return r.OK

    def _expect_range(self, n):
        """Raises: DamageError, if the range of node n cannot be one."""
        w = self.space.words
        base = w[n + f.BASE]
        limit = w[n + f.LIMIT]
        most = w[n + self.largest]
        rest = limit - base - 1
        if (base | limit | most) & self.astray or not 0 <= rest < most:
            return self._no_range(n)
        return 0

    def _no_range(self, n):
        self.tree.expect_range(n)
        w = self.space.words
        if (w[n + f.BASE] | w[n + f.LIMIT]) & self.astray == 0:
            return self.tree.damage(n, f.MAX, "the size of a range at or below the node")
        field = f.BASE if w[n + f.BASE] & self.astray else f.LIMIT
        return self.tree.damage(n, field, f"a multiple of {self.align} below 2^62")

    def _new_node(self, base, limit):
        """The address of a node for [base, limit), or -code."""
        address = self.nodes.take_node()
        if address > 0:
            w = self.space.words
            n = mmu.at(self.space, address, self.tree.node_size)
            if n < f.FIRST or address & 7:
                return self.space.damage("what a node source gave", address, 0, "a node")
            w[n + f.BASE] = base
            w[n + f.LIMIT] = limit
        return address

    def delete_range(self, base, limit):
        """As `Land.delete_range`. Cost: O(log n), one walk."""
        w = self.space.words
        self.tree.seek(base)
        n = self.tree.path[self.tree.before] >> 1
        if self.tree.before == 0:
            return r.FAIL
        self._expect_range(n)
        if w[n + f.LIMIT] < limit:
            return r.FAIL
        self.found_base = w[n + f.BASE]
        self.found_limit = w[n + f.LIMIT]
        return self._cut(self.tree.before, base, limit)

    def _cut(self, i, base, limit):
        """Delete [base, limit) from the range of the node at path[i], whose
        right side was walked to the end.

        Returns OK or, with nothing changed, the code of the node source.
        """
        w = self.space.words
        n = self.tree.path[i] >> 1
        if w[n + f.BASE] == base:
            if w[n + f.LIMIT] == limit:
                self._resize(base - limit, -1)
                self.nodes.free_node(self.tree.remove(i))
            else:
                self._resize(base - limit, 0)
                w[n + f.BASE] = limit
                self.tree.shrunk(i)
        elif w[n + f.LIMIT] == limit:
            self._resize(base - limit, 0)
            w[n + f.LIMIT] = base
            self.tree.shrunk(i)
        else:
            address = self._new_node(limit, w[n + f.LIMIT])
            if address < 0:
                return -address
            self._resize(base - limit, 1)
            w[n + f.LIMIT] = base
            self.tree.link_above(i, address)
        return r.OK

    def _resize(self, change, number):
        """Count `change` bytes and `number` ranges, before anything is changed."""
        w = self.space.words
        d = mmu.at(self.space, self.address, f.CBS_SIZE)
        size = w[d + f.SIZE] + change
        count = w[d + f.COUNT] + number
        # A count is at most an eighth of a size that is at most 2^62.
        if ((size >> 3) - count | count | w[d + f.COUNT]) >> 59:
            return self.miscounted(change, number)
        w[d + f.SIZE] = size
        w[d + f.COUNT] = count
        return r.OK

    def next_after(self, address):
        """As `Land.next_after`. Cost: O(log n)."""
        address = self.tree.first_ending_after(address)
        if address == 0:
            return 0
        w = self.space.words
        n = mmu.at(self.space, address, self.tree.node_size)
        self._expect_range(n)
        self.found_base = w[n + f.BASE]
        self.found_limit = w[n + f.LIMIT]
        return 1

    def adopt_range(self, base, limit):
        """As `Land.adopt_range`."""
        return self.nodes.adopt(base, limit)

    def finish(self):
        """As `Land.finish`; the tree is forgotten."""
        n = mmu.at(self.space, self.address, f.CBS_SIZE)
        self.space.words[n + f.ROOT] = self.space.nil
        super().finish()

    def __len__(self):
        self._is_alive()
        return self._count()

    @walks
    def check(self):
        """Assert the invariants of the set and of its tree. Cost: O(n)."""
        super().check()
        n = mmu.at(self.space, self.address, f.CBS_SIZE)
        source = getattr(self.nodes, "address", 0)
        assert self.space.words[n + f.NODES] == source, "the node source is the one written"
        assert self.tree.check() == len(self), "count is the number of nodes"


class CBSFast(CBS):
    """A CBS that finds by size; nodes of 40 bytes. Of several largest
    ranges it takes the lowest."""

    SIG = f.FAST_SIG
    NODE_SIZE = f.FAST_NODE_SIZE
    LARGEST = f.MAX

    def __init__(self, space, address, nodes):
        super().__init__(space, address, nodes)
        self.fast = self.tree

    def _tree(self):
        return FastTree(self.space, self.address + f.ROOT * vf.WORD, self.NODE_SIZE)

    def first_range(self, size, mode):
        """As `Land.first_range`. Cost: O(log n), one walk."""
        return self._take(self.fast.seek_fit(size, 0), size, mode)

    def last_range(self, size, mode):
        """As `Land.last_range`. Cost: O(log n), one walk."""
        return self._take(self.fast.seek_fit(size, 1), size, mode)

    def largest_range(self, size, mode):
        """As `Land.largest_range`. Cost: O(log n), one walk."""
        largest = self.fast.largest()
        if largest < size:
            return 0
        return self._take(self.fast.seek_fit(largest, 0), size, mode)

    def next_range(self, address, size, mode):
        """As `Land.next_range`. Cost: O(log n)."""
        return self._take(self.fast.seek_fit_after(address, size), size, mode)

    def whole(self, grain):
        """As `Land.whole`. Cost: O(k log n) for k ranges of a grain or more."""
        return self.fast.whole(grain)

    def _take(self, i, size, mode):
        """Delete, of the range of the node at path[i], what `mode` says.

        Returns 1, or 0 if i is 0. No mode splits a range.
        """
        if i == 0:
            return 0
        w = self.space.words
        n = self.fast.path[i] >> 1
        self._expect_range(n)
        base = w[n + f.BASE]
        limit = w[n + f.LIMIT]
        self.old_base = base
        self.old_limit = limit
        self.found_base = base
        self.found_limit = limit
        if mode == f.KEEP:
            return 1
        if mode == f.ENTIRE or limit - base == size:
            self.fast.extend(i)
            self._cut(i, base, limit)
            return 1
        self._resize(-size, 0)
        if mode == f.LOW:
            self.found_limit = base + size
            w[n + f.BASE] = base + size
        else:
            self.found_base = limit - size
            w[n + f.LIMIT] = limit - size
        self.fast.shrunk(i)
        return 1


class CBSZoned(CBSFast):
    """A CBSFast that finds in zones; nodes of 48 bytes."""

    SIG = f.ZONED_SIG
    NODE_SIZE = f.ZONED_NODE_SIZE

    def __init__(self, space, address, nodes):
        super().__init__(space, address, nodes)
        self.zoned = self.tree

    def _tree(self):
        shift = self.space.word(self.address + f.ZONE_SHIFT * vf.WORD)
        return ZonedTree(self.space, self.address + f.ROOT * vf.WORD, self.NODE_SIZE, shift)

    @property
    def zone_shift(self):
        """The binary logarithm of the size of a stripe."""
        return self.zoned.zone_shift

    def zoned_range(self, size, zones, high):
        """As `Land.zoned_range`. Source: design/land.md#.sol.zoned"""
        if zones == -1:
            found = self.last_range(size, f.HIGH) if high else self.first_range(size, f.LOW)
            return r.OK if found else r.FAIL
        if z.is_never(size, zones, self.zoned.zone_shift):
            return r.FAIL
        i = self.zoned.seek_run(size, zones, high)
        if i == 0:
            return r.FAIL
        w = self.space.words
        n = self.zoned.path[i] >> 1
        self._expect_range(n)
        self.old_base = w[n + f.BASE]
        self.old_limit = w[n + f.LIMIT]
        self.found_base = self.zoned.run
        self.found_limit = self.zoned.run + size
        self.zoned.extend(i)
        return self._cut(i, self.zoned.run, self.zoned.run + size)

    def check(self):
        """Assert the invariants of the set, of its tree and of its zones. Cost: O(n)."""
        super().check()
        shift = self.space.word(self.address + f.ZONE_SHIFT * vf.WORD)
        assert shift == self.zone_shift, "the shift of the zones is the one written"
