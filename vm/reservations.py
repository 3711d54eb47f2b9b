"""Reservations: which addresses of a space are set aside, and for what.

Source: design/vm.md#.sol.reserve
"""

from sortedcontainers import SortedDict

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
    """The reservations of a space, by the block at which each begins."""

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

    def highest_gap(self, size, base, limit):
        """The limit of the highest `size` vacant bytes in [base, limit), or
        None. Cost: O(n) where gaps are small."""
        top = limit
        for held in reversed(self.values()):
            if top - held.limit >= size:
                return top
            top = held.block
        return top if top - base >= size else None


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
