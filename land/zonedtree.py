"""ZonedTree: a fast tree in which each node knows the zones below it.

The word ZONES of a node is the union of the zones that the ranges in its
subtree touch. Source: design/land.md#.sol.zoned
"""

from land import fields as f
from land import zones as z
from land.fasttree import FastTree
from vm import mmu
from vm.results import DamageError


class ZonedTree(FastTree):
    """The handle of a tree whose nodes have the words MAX and ZONES."""

    def __init__(self, space, root_at, node_size, zone_shift):
        super().__init__(space, root_at, node_size)
        if not 0 <= zone_shift <= 56:
            raise DamageError(f"a tree with zones at {root_at:#x}: the shift is {zone_shift:#x}: "
                              f"expected at most 56")
        self.zone_shift = zone_shift

    def _zones(self, n):
        """The zones of the ranges in the subtree at n."""
        w = self.space.words
        zones = z.zone_set(w[n + f.BASE], w[n + f.LIMIT], self.zone_shift)
        zones |= w[mmu.at(self.space, w[n + f.LEFT], self.node_size) + f.ZONES]
        zones |= w[mmu.at(self.space, w[n + f.RIGHT], self.node_size) + f.ZONES]
        return zones

    def refresh(self, n):
        """Recompute MAX and ZONES of node n. Returns 1 if that changed one."""
        w = self.space.words
        size = self._largest(n)
        zones = self._zones(n)
        if w[n + f.MAX] == size and w[n + f.ZONES] == zones:
            return 0
        w[n + f.MAX] = size
        w[n + f.ZONES] = zones
        return 1

    def is_stale(self, n):
        """1 if MAX or ZONES of node n is wrong, else 0."""
        w = self.space.words
        if w[n + f.MAX] == self._largest(n) and w[n + f.ZONES] == self._zones(n):
            return 0
        return 1

    def grown(self, i):
        """As `Tree.grown`."""
        w = self.space.words
        n = self.path[i] >> 1
        size = w[n + f.LIMIT] - w[n + f.BASE]
        zones = z.zone_set(w[n + f.BASE], w[n + f.LIMIT], self.zone_shift)
        while i > 0:
            n = self.path[i] >> 1
            if w[n + f.MAX] >= size and w[n + f.ZONES] & zones == zones:
                return 0
            if w[n + f.MAX] < size:
                w[n + f.MAX] = size
            w[n + f.ZONES] |= zones
            i -= 1
        return 0

    def shrunk(self, i):
        """As `Tree.shrunk`."""
        while i > 0:
            if not self.refresh(self.path[i] >> 1):
                return i
            i -= 1
        return 0

    def _run(self, n, size, zones, side):
        """The base of the run of `size` bytes in `zones` that the range of
        n gives from its low end (high end, if `side` is 1), or -1."""
        w = self.space.words
        if w[n + f.LIMIT] - w[n + f.BASE] < size:
            return -1
        if side:
            limit = z.last_run(w[n + f.BASE], w[n + f.LIMIT], size, zones, self.zone_shift)
            return limit if limit == -1 else limit - size
        return z.first_run(w[n + f.BASE], w[n + f.LIMIT], size, zones, self.zone_shift)

    def _expect_beside(self, n, m, side):
        """Raises: DamageError, unless the range of node n is one and lies above
        (below, if `side` is 1) that of node m."""
        w = self.space.words
        self.expect_range(n)
        if side and w[n + f.LIMIT] > w[m + f.BASE]:
            return self.damage(n, f.LIMIT, "an address up to the range above")
        if not side and w[n + f.BASE] < w[m + f.LIMIT]:
            return self.damage(n, f.BASE, "an address from the range below on")
        return 0

    def seek_run(self, size, zones, side):
        """Walk to the first (the last, if `side` is 1) range in which
        `size` adjacent bytes lie in `zones`.

        Returns the entry of its node, the last of the path, with `run` the
        base of those bytes; or 0. Cost: O(log n) where the caches tell;
        O(n) at worst. Source: design/land.md#.sol.zoned
        """
        w = self.space.words
        path = self.path
        n = mmu.at(self.space, self.root_at, 8)
        path[0] = n << 1
        n = self.follow(n)
        d = 1
        seen = 0
        while True:
            while w[n + f.MAX] >= size and w[n + f.ZONES] & zones:
                if d > f.DEEPEST:
                    return self.too_deep()
                path[d] = (n << 1) + side
                n = self.follow(n + side)
                d += 1
            # Back to the nearest node of which only the near side is done.
            d -= 1
            while d > 0 and path[d] & 1 != side:
                d -= 1
            if d == 0:
                return 0
            n = path[d] >> 1
            # In order, or the search might come by the same nodes for ever.
            if seen:
                self._expect_beside(n, seen, side)
            seen = n
            self.run = self._run(n, size, zones, side)
            if self.run != -1:
                return d
            path[d] ^= 1
            n = self.follow(n + 1 - side)
            d += 1
