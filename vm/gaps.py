"""Gaps: ranges of vacant addresses, of which the highest that is large enough is found.

A tree in the order of addresses, each node of which knows the largest gap below
it; that it is no list in disguise, random numbers see to (a treap).
Source: design/vm.md#.sol.gaps
"""

from random import Random


class Gap:
    """A node: the vacant addresses [base, limit); `most` is the size of the
    largest gap in its subtree."""

    __slots__ = ("base", "limit", "rank", "most", "left", "right")

    def __init__(self, base, limit, rank):
        self.base = base
        self.limit = limit
        self.rank = rank
        self.most = limit - base
        self.left = self.right = None

    def refresh(self):
        """Work out `most` anew from the children. Returns the node."""
        most = self.limit - self.base
        if self.left is not None and self.left.most > most:
            most = self.left.most
        if self.right is not None and self.right.most > most:
            most = self.right.most
        self.most = most
        return self


class Gaps:
    """Disjoint gaps, none empty. The same changes make the same tree."""

    def __init__(self):
        self.root = None
        self._random = Random(0)

    def add(self, base, limit):
        """Add the gap [base, limit), if it is not empty. Cost: O(log n)."""
        if base < limit:
            low, high = _split(self.root, base)
            gap = Gap(base, limit, self._random.random())
            self.root = _joined(_joined(low, gap), high)

    def remove(self, base):
        """Take out the gap that begins at `base`, if there is one. Cost: O(log n)."""
        low, high = _split(self.root, base)
        _, high = _split(high, base + 1)
        self.root = _joined(low, high)

    def highest(self, size):
        """The highest gap of at least `size` bytes, or None. Cost: O(log n)."""
        gap = self.root
        if gap is None or gap.most < size:
            return None
        while True:
            if gap.right is not None and gap.right.most >= size:
                gap = gap.right
            elif gap.limit - gap.base >= size:
                return gap
            else:
                gap = gap.left


def _split(gap, base):
    """The trees of the gaps below and from `base` on, of the tree at `gap`."""
    if gap is None:
        return None, None
    if gap.base < base:
        gap.right, high = _split(gap.right, base)
        return gap.refresh(), high
    low, gap.left = _split(gap.left, base)
    return low, gap.refresh()


def _joined(low, high):
    """The tree of two, of which all gaps of `low` lie below those of `high`."""
    if low is None or high is None:
        return low if high is None else high
    if low.rank > high.rank:
        low.right = _joined(low.right, high)
        return low.refresh()
    high.left = _joined(low, high.left)
    return high.refresh()
