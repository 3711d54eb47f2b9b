"""What a Failover promises of both its lands, node by node.

The primary takes what it has nodes for, the secondary the rest, which moves to
the primary before every edit and find, as far as there are nodes.
Source: design/invariants.md#.sol.failover
"""

from rangeland.invariants.ranges import Ranges, part_of


class FailoverModel:
    """Two sets of ranges; `refused` are the numbers of the attempts to have a
    node, counted from the last `refuse` on, that fail."""

    def __init__(self):
        self.primary, self.secondary = Ranges(), Ranges()
        self.attempts, self.refused = 0, range(0)

    def refuse(self, nth, count):
        """So many attempts fail, from the nth on."""
        self.attempts, self.refused = 0, range(nth, nth + count)

    def _has_node(self):
        self.attempts += 1
        return self.attempts not in self.refused

    def _moves(self, base, limit):
        """True if the primary takes [base, limit)."""
        if not self.primary.touching(base, limit) and not self._has_node():
            return False
        self.primary.insert(base, limit)
        return True

    def _flush(self):
        for base, limit in list(self.secondary):
            if not self._moves(base, limit):
                return
            self.secondary.delete(base, limit)

    def _place(self, base, limit):
        """The range that it is part of now, where it got to."""
        if self._moves(base, limit):
            return self.primary.around(base, limit)
        return self.secondary.insert(base, limit)

    def insert(self, base, limit):
        """The range that came of it; None if it overlaps."""
        self._flush()
        if self.primary.overlaps(base, limit) or self.secondary.overlaps(base, limit):
            return None
        return self._place(base, limit)

    def delete(self, base, limit):
        """The range that contained it, in either land; None if none did. What
        is left of one that there is no node to split is placed anew."""
        self._flush()
        land = self.primary if self.primary.around(base, limit) else self.secondary
        whole = land.around(base, limit)
        if whole is None:
            return None
        low, high = whole
        if land is self.primary and low < base and limit < high and not self._has_node():
            land.delete(low, high)
            self._place(low, base)
            self._place(limit, high)
        else:
            land.delete(base, limit)
        return whole

    def find(self, which, size, mode, address=0):
        """(part, whole) of what is found: in the primary, or else in the secondary."""
        self._flush()
        for land in (self.primary, self.secondary):
            fitting = [(b, x) for b, x in land.fitting(size) if which != "next" or x > address]
            if fitting:
                whole = self._chosen(which, fitting, land)
                takes_all = which == "largest" and land is self.secondary and mode != "none"
                part = whole if takes_all else part_of(whole, size, mode)
                if mode != "none":
                    land.delete(*part)
                return part, whole
        return None

    def _chosen(self, which, fitting, land):
        """Of several largest the lowest of the primary, the highest of the secondary."""
        if which != "largest":
            return fitting[-1 if which == "last" else 0]
        most = max(x - b for b, x in fitting)
        equals = [(b, x) for b, x in fitting if x - b == most]
        return equals[0 if land is self.primary else -1]

    def visit(self, goes):
        """Each range, of the primary first: those for which `goes` go. A list of all."""
        seen = [*self.primary, *self.secondary]
        for land in (self.primary, self.secondary):
            land.list = [pair for pair in land.list if not goes(*pair)]
        return seen
