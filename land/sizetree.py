"""SizeTree: a tree of the same nodes as another, ordered by size.

A node of it is the two links that follow BASE and LIMIT in the node of a
sized CBS; the key, (size, base), is read from those two words before it. All
else of a tree follows the way that was walked and asks for no order, so only
the walk differs. Of the look-ups by address of a Tree it has none.
Source: design/fits.md#.sol.sized
"""

from land import fields as f
from land.tree import Tree
from vm import mmu
from vm import results as r


class SizeTree(Tree):
    """The handle of a tree whose nodes, of `node_size` bytes, come after the
    words BASE and LIMIT."""

    def seek_key(self, size, base):
        """Walk to where a range of `size` bytes at `base` hangs or would hang.

        Leaves what `Tree.seek` does: in `before` the entry of the last node
        with a key not above (size, base), in `after` that of the first above.
        Cost: O(log n), one walk.
        """
        w = self.space.words
        path = self.path
        turn = self.turn
        turn[0] = 0
        turn[1] = 0
        n = mmu.at(self.space, self.root_at, 8)
        path[0] = n << 1
        n = mmu.at(self.space, w[n], self.node_size)
        d = 1
        while n:
            more = size - w[n - 1] + w[n - 2]
            side = 1 if more > 0 or (more == 0 and w[n - 2] <= base) else 0
            turn[side] = d
            path[d] = (n << 1) + side
            n = mmu.at(self.space, w[n + side], self.node_size)
            d += 1
        self.before = turn[1]
        self.after = turn[0]
        self.depth = d
        return 0

    def best(self, size):
        """The number of the first word of the smallest range of at least
        `size` bytes, the lowest of equals; 0 if there is none. The way leads
        there, to `after`. Cost: O(log n), one walk."""
        self.seek_key(size, -1)
        return self.path[self.after] >> 1 if self.after else 0

    def largest(self):
        """The size of the largest range, 0 if there is none. Cost: O(log n)."""
        w = self.space.words
        n = mmu.at(self.space, self.root_at, 8)
        n = mmu.at(self.space, w[n], self.node_size)
        size = 0
        while n:
            size = w[n - 1] - w[n - 2]
            n = mmu.at(self.space, w[n + f.RIGHT], self.node_size)
        return size

    def insert_node(self, address):
        """Insert the node at `address`. Always OK. Cost: O(log n)."""
        w = self.space.words
        m = mmu.at(self.space, address, self.node_size)
        self.seek_key(w[m - 1] - w[m - 2], w[m - 2])
        self.link(address)
        return r.OK

    def remove_node(self, address):
        """Remove the node at `address`, whose range is as it was inserted.

        Returns OK, or FAIL if it is not in the tree. Cost: O(log n).
        """
        w = self.space.words
        m = mmu.at(self.space, address, self.node_size)
        self.seek_key(w[m - 1] - w[m - 2], w[m - 2])
        if not self.before or self.path[self.before] >> 1 != m:
            return r.FAIL
        self.remove(self.before)
        return r.OK

    def whole(self, grain):
        """As `FastTree.whole`. Cost: O(k + log n) for k ranges of a grain or more."""
        return self._whole(self.space.words[mmu.at(self.space, self.root_at, 8)], grain)

    def _whole(self, link, grain):
        w = self.space.words
        n = mmu.at(self.space, link & -8, self.node_size)
        if n == 0:
            return 0
        total = self._whole(w[n + f.RIGHT], grain)
        if w[n - 1] - w[n - 2] < grain:
            return total
        base = w[n - 2] + grain - 1 & -grain
        limit = w[n - 1] & -grain
        if limit > base:
            total += limit - base
        return total + self._whole(w[n + f.LEFT], grain)

    def __iter__(self):
        """The addresses of the nodes in order."""
        word = self.space.words[mmu.at(self.space, self.root_at, 8)]
        return iter(self._below(word & -8))

    def _below(self, address):
        if mmu.at(self.space, address, self.node_size) == 0:
            return []
        w = self.space.words
        n = mmu.at(self.space, address, self.node_size)
        left, right = self._below(w[n + f.LEFT] & -8), self._below(w[n + f.RIGHT] & -8)
        return [*left, address, *right]

    def check(self):
        """Assert order and balance. Returns how many nodes it has. Cost: O(n)."""
        count = Tree.check(self)
        w = self.space.words
        previous = (0, 0)
        for address in self:
            m = mmu.at(self.space, address, self.node_size)
            key = (w[m - 1] - w[m - 2], w[m - 2])
            assert previous < key, f"the range at {key[1]:#x} comes after larger ones"
            previous = key
        return count

    def _check_subtree(self, n, least, most):
        """The nodes and levels of the subtree at n."""
        if n == 0:
            return 0, 0
        w = self.space.words
        left = mmu.at(self.space, w[n + f.LEFT], self.node_size)
        right = mmu.at(self.space, w[n + f.RIGHT], self.node_size)
        count, left_levels = self._check_subtree(left, least, most)
        more, right_levels = self._check_subtree(right, least, most)
        lean = (w[n + f.RIGHT] & 1) - (w[n + f.LEFT] & 1)
        assert right_levels - left_levels == lean, "the tag is on the taller side"
        assert not (w[n + f.RIGHT] & w[n + f.LEFT] & 1), "one side at most is the taller"
        return count + more + 1, max(left_levels, right_levels) + 1
