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
        slot = n
        d = 1
        low = self.space.base
        room = self.space.room
        while True:
            m = w[slot] - low
            if 0 <= m < room:
                n = (m >> 3) + f.FIRST
            else:
                n = self.beyond(slot)
                if n == 0:
                    break
            if d > f.DEEPEST:
                return self.too_deep()
            more = size - w[n - 1] + w[n - 2]
            side = 1 if more > 0 or (more == 0 and w[n - 2] <= base) else 0
            turn[side] = d
            path[d] = (n << 1) + side
            slot = n + side
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
        n = self.follow(mmu.at(self.space, self.root_at, 8))
        size = 0
        d = 1
        while n:
            if d > f.DEEPEST:
                return self.too_deep()
            size = w[n - 1] - w[n - 2]
            n = self.follow(n + f.RIGHT)
            d += 1
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
        w = self.space.words
        path = self.path
        n = self.follow(mmu.at(self.space, self.root_at, 8))
        d = 0
        seen = 0
        total = 0
        # From the largest on: the first that is too small ends it.
        while True:
            while n:
                if d > f.DEEPEST:
                    return self.too_deep()
                path[d] = n
                n = self.follow(n + f.RIGHT)
                d += 1
            if d == 0:
                return total
            d -= 1
            n = path[d]
            size = w[n - 1] - w[n - 2]
            if size < grain:
                return total
            if seen and not self._is_below(n, seen):
                return self.damage(n, -1, "a range smaller than one that comes after")
            seen = n
            size = (w[n - 1] & -grain) - (w[n - 2] + grain - 1 & -grain)
            if size > 0:
                total += size
            n = self.follow(n + f.LEFT)

    def _is_below(self, n, m):
        """1 if the key of node n is below that of node m, else 0."""
        w = self.space.words
        more = w[m - 1] - w[m - 2] - w[n - 1] + w[n - 2]
        return 1 if more > 0 or (more == 0 and w[n - 2] < w[m - 2]) else 0

    def __iter__(self):
        """The addresses of the nodes in order, each by a walk of its own."""
        w = self.space.words
        n = self.best(0)
        while n:
            yield self._address(n)
            self.seek_key(w[n - 1] - w[n - 2], w[n - 2])
            n = self.path[self.after] >> 1 if self.after else 0

    def check(self):
        """Assert order and balance. Returns how many nodes it has. Cost: O(n)."""
        n = mmu.at(self.space, self.root_at, 8)
        assert not self.space.words[n] & 1, "the root's link has no tag"
        return self._check_sizes(self.follow(n), 1, 0, 0)[0]

    def _check_sizes(self, n, level, low, high):
        """The nodes and levels of the subtree at n, which hangs on that level
        between the nodes `low` and `high`, 0 if there is none."""
        if n == 0:
            return 0, 0
        if level > f.DEEPEST:
            self.too_deep()
        w = self.space.words
        told = f"the range at {w[n - 2]:#x} is in the order of sizes"
        assert 0 <= w[n - 2] < w[n - 1], told
        assert not low or self._is_below(low, n), told
        assert not high or self._is_below(n, high), told
        left, right = self.follow(n + f.LEFT), self.follow(n + f.RIGHT)
        count, left_levels = self._check_sizes(left, level + 1, low, n)
        more, right_levels = self._check_sizes(right, level + 1, n, high)
        self._check_balance(n, right_levels - left_levels)
        return count + more + 1, max(left_levels, right_levels) + 1
