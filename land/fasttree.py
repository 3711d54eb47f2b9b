"""FastTree: a tree in which each node knows the largest range below it.

The word MAX of a node is the size of the largest range in its subtree, so a
walk knows at every node whether a range of a size is to be had there.
Source: design/land.md#.sol.fast
"""

from land import fields as f
from land.tree import Tree
from vm import mmu


class FastTree(Tree):
    """The handle of a tree whose nodes have the word MAX."""

    def _largest(self, n):
        """The size of the largest range in the subtree at n, worked out
        from n, whose MAX its own range does not exceed, and its children."""
        w = self.space.words
        size = w[n + f.LIMIT] - w[n + f.BASE]
        if size > w[n + f.MAX]:
            return self._exceeded(n)
        top = w[mmu.at(self.space, w[n + f.LEFT], f.FAST_NODE_SIZE) + f.MAX]
        if top > size:
            size = top
        top = w[mmu.at(self.space, w[n + f.RIGHT], f.FAST_NODE_SIZE) + f.MAX]
        return top if top > size else size

    def refresh(self, n):
        """Recompute MAX of node n. Returns 1 if that changed it."""
        w = self.space.words
        size = self._largest(n)
        if w[n + f.MAX] == size:
            return 0
        w[n + f.MAX] = size
        return 1

    def is_stale(self, n):
        """1 if MAX of node n is wrong, else 0."""
        return 1 if self.space.words[n + f.MAX] != self._largest(n) else 0

    def grown(self, i):
        """As `Tree.grown`. Cost: O(1) where a larger range is near."""
        w = self.space.words
        path = self.path
        n = path[i] >> 1
        size = w[n + f.LIMIT] - w[n + f.BASE]
        while i > 0:
            n = path[i] >> 1
            if w[n + f.MAX] >= size:
                return 0
            w[n + f.MAX] = size
            i -= 1
        return 0

    def shrunk(self, i):
        """As `Tree.shrunk`. Cost: O(1) where a larger range is near."""
        w = self.space.words
        path = self.path
        if i == 0:
            return 0
        n = path[i] >> 1
        was = w[n + f.MAX]
        now = self._largest(n)
        origin = self.space.origin
        reach = self.space.reach
        while now != was:
            if now > was:
                return self._exceeded(n)
            w[n + f.MAX] = now
            i -= 1
            n = path[i] >> 1
            if i == 0 or w[n + f.MAX] > was:
                return i
            size = w[n + f.LIMIT] - w[n + f.BASE]
            if size > now:
                now = size
            link = w[n + 1 - (path[i] & 1)]
            m = link - origin
            if 0 <= m < reach:
                size = w[(m >> 3) + f.MAX]
            else:
                size = w[self.space.admit(link, self.node_size) + f.MAX]
            if size > now:
                now = size
        return i

    def largest(self):
        """The size of the largest range in the tree, 0 if there is none."""
        w = self.space.words
        return w[self.follow(mmu.at(self.space, self.root_at, 8)) + f.MAX]

    def whole(self, grain):
        """The bytes of whole aligned grains in the ranges. Cost: O(k log n)
        for k ranges of a grain or more; smaller ones are passed over."""
        w = self.space.words
        path = self.path
        n = self.follow(mmu.at(self.space, self.root_at, 8))
        d = 0
        before = 0
        total = 0
        while True:
            while w[n + f.MAX] >= grain:
                if d > f.DEEPEST:
                    return self.too_deep()
                path[d] = n
                n = self.follow(n + f.LEFT)
                d += 1
            if d == 0:
                return total
            d -= 1
            n = path[d]
            self.expect_range(n)
            if w[n + f.BASE] < before:
                return self.damage(n, f.BASE, "an address from the range below on")
            before = w[n + f.LIMIT]
            size = (before & -grain) - (w[n + f.BASE] + grain - 1 & -grain)
            if size > 0:
                total += size
            n = self.follow(n + f.RIGHT)

    def seek_fit(self, size, side):
        """Walk to the first range (the last, if `side` is 1) of at least
        `size` bytes.

        Returns the entry of the path with its node, which is the last one,
        or 0 if there is none. Cost: O(log n), one walk.
        """
        w = self.space.words
        n = mmu.at(self.space, self.root_at, 8)
        self.path[0] = n << 1
        n = mmu.at(self.space, w[n], f.FAST_NODE_SIZE)
        if w[n + f.MAX] < size:
            return 0
        if n < f.FIRST:
            return self.damage(self.path[0] >> 1, 0, "the address of a node, or nil")
        return self._descend(n, 1, size, side)

    def seek_fit_after(self, address, size):
        """Walk to the first range of at least `size` bytes that ends after
        `address`. Returns as `seek_fit`. Cost: O(log n), down, up and down."""
        w = self.space.words
        path = self.path
        n = mmu.at(self.space, self.root_at, 8)
        path[0] = n << 1
        n = self.follow(n)
        if w[n + f.MAX] < size:
            return 0
        d = 1
        while n:
            if d > f.DEEPEST:
                return self.too_deep()
            side = 1 if w[n + f.LIMIT] <= address else 0
            path[d] = (n << 1) + side
            n = self.follow(n + side)
            d += 1
        # Where the way went left, the node and its right side come after.
        while d > 1:
            d -= 1
            if path[d] & 1 == 0:
                n = path[d] >> 1
                if w[n + f.LIMIT] - w[n + f.BASE] >= size:
                    return d
                m = self.follow(n + f.RIGHT)
                if w[m + f.MAX] >= size:
                    path[d] += 1
                    return self._descend(m, d + 1, size, 0)
        return 0

    def _descend(self, n, d, size, side):
        """Go on from node n, which is to be path[d], to the first range (the
        last, if `side` is 1) of at least `size` bytes; there is one."""
        w = self.space.words
        path = self.path
        # From the origin, so that nil, whose MAX is 0, is reached like a node.
        low = self.space.origin
        room = self.space.reach
        while d <= f.DEEPEST:
            at = w[n + side] - low
            if 0 <= at < room:
                m = at >> 3
            else:
                m = self.beyond(n + side)
            if w[m + f.MAX] >= size:
                path[d] = (n << 1) + side
                n = m
            elif w[n + f.LIMIT] - w[n + f.BASE] >= size:
                if n < f.FIRST:
                    return self.damage(path[d - 1] >> 1, side, "the address of a node, or nil")
                path[d] = n << 1
                return d
            else:
                path[d] = (n << 1) + 1 - side
                at = w[n + 1 - side] - low
                if 0 <= at < room:
                    n = at >> 3
                else:
                    n = self.beyond(n + 1 - side)
                if n < f.FIRST:
                    return self._untrue(d, size)
            d += 1
        return self.too_deep()

    def _exceeded(self, n):
        """Raises: DamageError, for a node whose MAX is too small."""
        self.expect_range(n)
        return self.damage(n, f.MAX, "the size of the largest range at or below the node")

    def _untrue(self, d, size):
        """Raises: DamageError, for the last node of the way to path[d] that told
        of `size` bytes at or below it."""
        while self.space.words[(self.path[d] >> 1) + f.MAX] < size and d > 1:
            d -= 1
        return self.damage(self.path[d] >> 1, f.MAX, "the size of a range at or below the node")
