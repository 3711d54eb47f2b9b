"""Failover: a CBS that falls back on a freelist while it has no nodes.

The secondary holds what the primary could not take. Before every insert,
delete and find, the ranges of the secondary move to the primary, up to the
first that is refused. Source: design/land.md#.sol.failover
"""

from land import fields as f
from land.land import Land
from vm import mmu
from vm import results as r
from vm.lock import walks


class Failover(Land):
    """The handle of a failover from the land `primary` to `secondary`.

    It is refused nothing for want of nodes; a range that touches one of the
    other land is not coalesced with it until it has moved.
    """

    SIG = f.FAILOVER_SIG
    BYTES = f.FAILOVER_SIZE

    def __init__(self, space, address, primary, secondary):
        super().__init__(space, address)
        self.primary = primary
        self.secondary = secondary

    @classmethod
    def init(cls, space, address, primary, secondary, owner=0):
        """Write the descriptor of a failover, 64 bytes at `address`.

        Returns its handle. Raises: ParamError.
        """
        lands = ((f.PRIMARY, primary.address), (f.SECONDARY, secondary.address))
        cls._write(space, address, primary.align, owner, lands)
        return cls(space, address, primary, secondary)

    def _admit(self, base, limit):
        # Any range may come to lie in the freelist.
        return self.secondary.expect_memory(*super()._admit(base, limit))

    def flush(self):
        """Move ranges from the secondary to the primary in ascending
        order, up to the first that is refused. Returns 1 if the secondary
        is empty now. Cost: O(1) if it was."""
        w = self.space.words
        n = mmu.at(self.space, self.secondary.address, f.FREELIST_SIZE)
        while w[n + f.SIZE]:
            if not self.secondary.next_after(0):
                return self.secondary.damage(f.SIZE, "0, for no range is there")
            base = self.secondary.found_base
            limit = self.secondary.found_limit
            if self.primary.insert_range(base, limit) != r.OK:
                return 0
            if self.secondary.delete_range(base, limit) != r.OK:
                return self.secondary.damage(f.SIZE, "a land that has the range just found")
        return 1

    def insert_range(self, base, limit):
        """As `Land.insert_range`, where it got to; OK or FAIL."""
        if not self.flush() and self._overlaps(base, limit):
            return r.FAIL
        return self._place(base, limit)

    def _overlaps(self, base, limit):
        """1 if [base, limit) overlaps a range of the secondary, else 0."""
        if not self.secondary.next_after(base):
            return 0
        return 1 if self.secondary.found_base < limit else 0

    def _place(self, base, limit):
        """Insert [base, limit) into the primary or else the secondary."""
        res = self.primary.insert_range(base, limit)
        if res == r.OK or res == r.FAIL:
            return self._relay(self.primary, res)
        return self._relay(self.secondary, self.secondary.insert_range(base, limit))

    def _relay(self, land, res):
        """Make what `land` found what this land found. Returns res."""
        self.found_base = land.found_base
        self.found_limit = land.found_limit
        self.old_base = land.old_base
        self.old_limit = land.old_limit
        return res

    def delete_range(self, base, limit):
        """As `Land.delete_range`; OK or FAIL. If the primary has no node to
        split a range, it loses all of it and what is left is placed anew,
        the left part first."""
        self.flush()
        res = self._relay(self.primary, self.primary.delete_range(base, limit))
        if res == r.OK:
            return res
        if res == r.FAIL:
            return self._relay(self.secondary, self.secondary.delete_range(base, limit))
        low = self.found_base
        high = self.found_limit
        self.primary.delete_range(low, high)
        if self._place(low, base) != r.OK or self._place(limit, high) != r.OK:
            return self.damage(f.SECONDARY, "a land without the ranges of the primary")
        self.found_base = low
        self.found_limit = high
        return r.OK

    def first_range(self, size, mode):
        """As `Land.first_range`: in the primary, or else the secondary."""
        self.flush()
        if self.primary.first_range(size, mode):
            return self._relay(self.primary, 1)
        return self._relay(self.secondary, self.secondary.first_range(size, mode))

    def last_range(self, size, mode):
        """As `Land.last_range`: in the primary, or else the secondary."""
        self.flush()
        if self.primary.last_range(size, mode):
            return self._relay(self.primary, 1)
        return self._relay(self.secondary, self.secondary.last_range(size, mode))

    def largest_range(self, size, mode):
        """As `Land.largest_range`: in the primary, or else the secondary."""
        self.flush()
        if self.primary.largest_range(size, mode):
            return self._relay(self.primary, 1)
        return self._relay(self.secondary, self.secondary.largest_range(size, mode))

    def best_range(self, size, mode):
        """As `Land.best_range`: in the primary, or else the secondary."""
        self.flush()
        if self.primary.best_range(size, mode):
            return self._relay(self.primary, 1)
        return self._relay(self.secondary, self.secondary.best_range(size, mode))

    def next_range(self, address, size, mode):
        """As `Land.next_range`: in the primary, or else the secondary, even if
        there is a lower one (design/land.md#.sol.failover)."""
        self.flush()
        if self.primary.next_range(address, size, mode):
            return self._relay(self.primary, 1)
        return self._relay(self.secondary, self.secondary.next_range(address, size, mode))

    def next_after(self, address):
        """As `Land.next_after`, of both lands: the lower one. Cost: O(n)
        for n ranges in the secondary."""
        if not self.primary.next_after(address):
            return self._relay(self.secondary, self.secondary.next_after(address))
        if self.secondary.total() > 0 and self.secondary.next_after(address):
            if self.secondary.found_base < self.primary.found_base:
                return self._relay(self.secondary, 1)
        return self._relay(self.primary, 1)

    def whole(self, grain):
        """As `Land.whole`, of both lands."""
        return self.primary.whole(grain) + self.secondary.whole(grain)

    def adopt_range(self, base, limit):
        """As `Land.adopt_range`, by the primary's node source."""
        return self.primary.adopt_range(base, limit)

    def total(self):
        """The sum of the sizes of the ranges in both lands. Cost: O(1)."""
        return self.primary.total() + self.secondary.total()

    def ranges(self):
        """The ranges of the primary, then those of the secondary."""
        yield from self.primary.ranges()
        yield from self.secondary.ranges()

    def __len__(self):
        return len(self.primary) + len(self.secondary)

    def visit(self, visitor):
        """As `Land.visit`, the primary first."""
        self.primary.visit(visitor)
        self.secondary.visit(visitor)

    @walks
    def check(self):
        """Assert the invariants of both lands, and that they have no
        address in common. Cost: O(n log n)."""
        self.primary.check()
        self.secondary.check()
        n = mmu.at(self.space, self.address, f.FAILOVER_SIZE)
        w = self.space.words
        assert w[n + f.PRIMARY] == self.primary.address, "the primary is the one written"
        assert w[n + f.SECONDARY] == self.secondary.address, "the secondary is the one written"
        assert self.primary.align == self.secondary.align == self.align, "alignments agree"
        previous = 0
        for base, limit in sorted(self.ranges()):
            assert previous <= base, f"[{base:#x}, {limit:#x}) is in one land only"
            previous = limit
