"""Reservations: which addresses of a space are set aside, and for what.

Source: design/vm.md#.sol.reserve
"""

from sortedcontainers import SortedDict

from vm.gaps import Gaps
from vm.results import ParamTypeError


class Reservation:
    """Addresses set aside for one VM: [base, base + size) inside what the
    machine holds back, [block, limit); `counted` bytes count as reserved."""

    __slots__ = ("block", "limit", "base", "size", "counted")

    def __init__(self, block, limit, base, size, counted):
        self.block = block
        self.limit = limit
        self.base = base
        self.size = size
        self.counted = counted


class Reservations(SortedDict):
    """The reservations of the space [base, limit), by the block at which each
    begins, and the gaps between them."""

    def __init__(self, base, limit):
        super().__init__()
        self._base = base
        self._limit = limit
        self._gaps = Gaps()
        self._gaps.add(base, limit)

    def hold(self, held):
        """Set the addresses of `held`, all vacant, aside. Cost: O(log n)."""
        low, high = self._around(held.block)
        self._gaps.remove(low)
        self._gaps.add(low, held.block)
        self._gaps.add(held.limit, high)
        self[held.block] = held

    def drop(self, block):
        """Make the addresses of the reservation that begins at `block`
        vacant. Cost: O(log n)."""
        held = self.pop(block)
        low, high = self._around(block)
        self._gaps.remove(held.limit)
        self._gaps.remove(low)
        self._gaps.add(low, high)

    def _around(self, block):
        """Where the reservation below `block` ends, and the one above begins."""
        i = self.bisect_left(block)
        low = self.peekitem(i - 1)[1].limit if i else self._base
        return low, self.keys()[i] if i < len(self) else self._limit

    def of(self, address):
        """The reservation that holds `address`, or None. Cost: O(log n)."""
        i = self.bisect_right(address)
        if i:
            held = self.peekitem(i - 1)[1]
            if address < held.limit:
                return held
        return None

    def is_vacant(self, base, limit):
        """True if no address of [base, limit) is set aside. Cost: O(log n)."""
        i = self.bisect_left(limit)
        return i == 0 or self.peekitem(i - 1)[1].limit <= base

    def highest_gap(self, size):
        """The limit of the highest `size` vacant bytes, or None. Cost: O(log n)."""
        gap = self._gaps.highest(size)
        return None if gap is None else gap.limit


def placement(value):
    """`value` as what says where reservations go: None, a function of a size,
    or an iterator of bases. Raises: ParamTypeError."""
    if value is None or callable(value):
        return value
    try:
        return iter(value)
    except TypeError as error:
        message = f"placement is {value!r}: expected bases, or a function of a size"
        raise ParamTypeError(message) from error
