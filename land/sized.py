"""CBSSized: a CBS that finds the smallest range that fits.

Each node hangs in two trees, one by address and one by size. A range leaves
the tree of sizes before it changes and comes back when it has.
Source: design/fits.md#.sol.sized
"""

from land import fields as f
from land.cbs import CBS
from land.land import write
from land.sizetree import SizeTree
from land.tree import Tree
from vm import fields as vf
from vm import mmu
from vm import results as r
from vm.lock import walks


class CBSSized(CBS):
    """The handle of a CBS whose nodes, 48 bytes each, come from `nodes`. It
    finds the best and the largest range; of equals it takes the lowest."""

    SIG = f.SIZED_SIG
    NODE_SIZE = f.SIZED_NODE_SIZE

    def __init__(self, space, address, nodes):
        super().__init__(space, address, nodes)
        links = self.NODE_SIZE - f.BY_SIZE * vf.WORD
        self.sizes = SizeTree(space, address + f.SIZE_ROOT * vf.WORD, links)

    def _tree(self):
        return Tree(self.space, self.address + f.ROOT * vf.WORD, f.NODE_SIZE)

    @classmethod
    def init(cls, space, address, nodes, align, owner=0, zone_shift=0):
        """As `CBS.init`."""
        land = super().init(space, address, nodes, align, owner, zone_shift)
        write(space, address, f.SIZE_ROOT, space.nil)
        return land

    def _join(self, n):
        """Hang node n, whose range has changed, in the tree of sizes."""
        return self.sizes.insert_node((n + f.BY_SIZE << 3) + self.space.origin)

    def _leave(self, n):
        """Take node n, whose range is to change, out of the tree of sizes."""
        if self.sizes.remove_node((n + f.BY_SIZE << 3) + self.space.origin) != r.OK:
            return self._not_in_both(n)
        return r.OK

    def _not_in_both(self, n):
        return self.tree.damage(n, f.BY_SIZE, "a node in the tree of sizes and in that of addresses")

    def insert_range(self, base, limit):
        """As `Land.insert_range`. Cost: O(log n), two to four walks."""
        if self._meet(base, limit) != r.OK:
            return r.FAIL
        w = self.space.words
        n = self.tree.path[self.tree.before] >> 1
        m = self.tree.path[self.tree.after] >> 1
        if self.found_base < base:
            self._leave(n)
            if self.found_limit > limit:
                self._leave(m)
                self._resize(limit - base, -1)
                self.nodes.free_node(self.tree.merge(self.found_limit))
            else:
                self._resize(limit - base, 0)
                w[n + f.LIMIT] = limit
        elif self.found_limit > limit:
            n = m
            self._leave(n)
            self._resize(limit - base, 0)
            w[n + f.BASE] = base
        else:
            address = self._new_node(base, limit)
            if address < 0:
                return -address
            self._resize(limit - base, 1)
            self.tree.link(address)
            n = mmu.at(self.space, address, f.SIZED_NODE_SIZE)
        return self._join(n)

    def delete_range(self, base, limit):
        """As `Land.delete_range`. Cost: O(log n), two to four walks."""
        w = self.space.words
        self.tree.seek(base)
        before = self.tree.before
        n = self.tree.path[before] >> 1
        if before == 0:
            return r.FAIL
        self._expect_range(n)
        if w[n + f.LIMIT] < limit:
            return r.FAIL
        low = w[n + f.BASE]
        high = w[n + f.LIMIT]
        self.found_base = low
        self.found_limit = high
        if low < base and limit < high:
            address = self._new_node(limit, high)
            if address < 0:
                return -address
            self._leave(n)
            self._resize(base - limit, 1)
            w[n + f.LIMIT] = base
            self.tree.link_above(before, address)
            self._join(n)
            return self._join(mmu.at(self.space, address, f.SIZED_NODE_SIZE))
        self._leave(n)
        if low == base and limit == high:
            self._resize(base - limit, -1)
            self.nodes.free_node(self.tree.remove(before))
            return r.OK
        self._resize(base - limit, 0)
        if low == base:
            w[n + f.BASE] = limit
        else:
            w[n + f.LIMIT] = base
        return self._join(n)

    def best_range(self, size, mode):
        """As `Land.best_range`. Cost: O(log n), two walks at most."""
        n = self.sizes.best(size)
        return self._take_best(n - f.BY_SIZE, size, mode) if n else 0

    def largest_range(self, size, mode):
        """As `Land.largest_range`. Cost: O(log n), three walks at most."""
        largest = self.sizes.largest()
        if largest == 0 or largest < size:
            return 0
        return self._take_best(self.sizes.best(largest) - f.BY_SIZE, size, mode)

    def _take_best(self, n, size, mode):
        """Delete, of the range of node n, to which the way in the tree of
        sizes leads, what `mode` says. Returns 1. No mode splits a range."""
        w = self.space.words
        if n < f.FIRST:
            return self._not_in_both(n)
        self._expect_range(n)
        base = w[n + f.BASE]
        limit = w[n + f.LIMIT]
        self.old_base = base
        self.old_limit = limit
        self.found_base = base
        self.found_limit = limit
        if mode == f.KEEP:
            return 1
        self.sizes.extend(self.sizes.after)
        if mode == f.ENTIRE or limit - base == size:
            self.tree.seek(base)
            if self.tree.before == 0 or self.tree.path[self.tree.before] >> 1 != n:
                return self._not_in_both(n)
            self._resize(base - limit, -1)
            self.sizes.remove(self.sizes.after)
            self.nodes.free_node(self.tree.remove(self.tree.before))
            return 1
        self._resize(-size, 0)
        self.sizes.remove(self.sizes.after)
        if mode == f.LOW:
            self.found_limit = base + size
            w[n + f.BASE] = base + size
        else:
            self.found_base = limit - size
            w[n + f.LIMIT] = limit - size
        self._join(n)
        return 1

    def whole(self, grain):
        """As `Land.whole`. Cost: O(k + log n) for k ranges of a grain or more."""
        return self.sizes.whole(grain)

    def finish(self):
        """As `Land.finish`; both trees are forgotten."""
        n = mmu.at(self.space, self.address, f.CBS_SIZE)
        self.space.words[n + f.SIZE_ROOT] = self.space.nil
        super().finish()

    @walks
    def check(self):
        """Assert the invariants of the set and of both trees. Cost: O(n log n)."""
        super().check()
        assert self.sizes.check() == len(self), "every range is in the tree of sizes"
        ours = {address + f.BY_SIZE * vf.WORD for address in self.tree}
        assert set(self.sizes) == ours, "both trees have the same nodes"
