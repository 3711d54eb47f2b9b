"""SortedLand: the reference land, a sorted dict of ranges and little else.

It has the public methods of the other lands, takes no simulated memory, is
never refused a node, and is written to be seen right at a glance; the other
lands are tested against it. Source: design/land.md#.sol.sorted
"""

from sortedcontainers import SortedDict

from land import arguments
from land.fields import ENTIRE, HIGH, KEEP, LOW
from vm.results import FAIL, ProtocolError, failure, integer


class SortedLand:
    """A set of ranges aligned to `align`, in Python's own memory.

    `highest` says which of several largest ranges `find_largest` takes.
    Raises: as `land.land.Land`.
    """

    def __init__(self, align=8, zone_shift=0, highest=False):
        self.align = arguments.alignment(align)
        self.zone_shift = integer("zone_shift", zone_shift, least=0, most=56)
        self.highest = highest
        self.busy = False
        self._limits = SortedDict()

    @property
    def size(self):
        """The sum of the sizes of the ranges. Cost: O(n)."""
        return sum(limit - base for base, limit in self)

    def insert(self, base, limit):
        """As `Land.insert`. Cost: O(n)."""
        base, limit = self._admit(base, limit)
        near = [(b, x) for b, x in self if b <= limit and base <= x]
        overlap = [(b, x) for b, x in near if b < limit and base < x]
        if overlap:
            raise failure(FAIL, f"[{base:#x}, {limit:#x}) overlaps {overlap}")
        for b, x in near:
            del self._limits[b]
            base, limit = min(base, b), max(limit, x)
        self._limits[base] = limit
        return base, limit

    def delete(self, base, limit):
        """As `Land.delete`. Cost: O(n)."""
        base, limit = self._admit(base, limit)
        for b, x in self:
            if b <= base and limit <= x:
                self._cut(b, base, limit)
                return b, x
        raise failure(FAIL, f"[{base:#x}, {limit:#x}) is not inside one range")

    def _cut(self, whole, base, limit):
        """Delete [base, limit) from the range at `whole`."""
        end = self._limits.pop(whole)
        if whole < base:
            self._limits[whole] = base
        if limit < end:
            self._limits[limit] = end

    insert_steal = insert
    delete_steal = delete

    def find_first(self, size, delete="none"):
        """As `Land.find_first`. Cost: O(n)."""
        return self._find(lambda fitting: fitting[0], size, delete)

    def find_last(self, size, delete="none"):
        """As `Land.find_last`. Cost: O(n)."""
        return self._find(lambda fitting: fitting[-1], size, delete)

    def find_largest(self, size, delete="none"):
        """As `Land.find_largest`. Cost: O(n)."""
        sign = 1 if self.highest else -1
        return self._find(
            lambda fitting: max(fitting, key=lambda pair: (pair[1] - pair[0], sign * pair[0])),
            size,
            delete,
        )

    def _find(self, choose, size, delete):
        self._enter()
        size, mode = arguments.whole_size(self.align, size), arguments.mode(delete)
        fitting = [(base, limit) for base, limit in self if limit - base >= size]
        if not fitting:
            return None
        base, limit = choose(fitting)
        part = {
            KEEP: (base, limit),
            LOW: (base, base + size),
            HIGH: (limit - size, limit),
            ENTIRE: (base, limit),
        }[mode]
        if mode != KEEP:
            self._cut(base, *part)
        return part, (base, limit)

    def find_in_zones(self, size, zones, high=False):
        """As `Land.find_in_zones`. Cost: O(stripes)."""
        self._enter()
        size = arguments.whole_size(self.align, size)
        arguments.zone_set(zones)
        for base, limit in reversed(list(self)) if high else self:
            runs = self._runs(base, limit, zones, high)
            fitting = [(start, end) for start, end in runs if end - start >= size]
            if fitting:
                start, end = fitting[-1] if high else fitting[0]
                part = (end - size, end) if high else (start, start + size)
                self._cut(base, *part)
                return part, (base, limit)
        return None

    def _runs(self, base, limit, zones, high):
        """The longest runs inside `zones` of [base, limit), ascending; of
        more than one set of 64 stripes only the nearest set is searched."""
        stripe = 1 << self.zone_shift
        if zones == (1 << 64) - 1:
            return [(base, limit)]
        if high:
            base = max(base, limit // stripe * stripe - 64 * stripe)
        else:
            limit = min(limit, -(-base // stripe) * stripe + 64 * stripe)
        runs = []
        while base < limit:
            end = min(limit, (base // stripe + 1) * stripe)
            if zones >> (base // stripe % 64) & 1:
                if runs and runs[-1][1] == base:
                    runs[-1] = (runs[-1][0], end)
                else:
                    runs.append((base, end))
            base = end
        return runs

    def __iter__(self):
        """The ranges in ascending order, as they are when asked for."""
        return iter(list(self._limits.items()))

    def __len__(self):
        return len(self._limits)

    def __bool__(self):
        return True

    def iterate_and_delete(self, visitor):
        """As `Land.iterate_and_delete`."""
        self._enter()
        self.busy = True
        try:
            for base, limit in self:
                if visitor(base, limit):
                    del self._limits[base]
        finally:
            self.busy = False

    def describe(self):
        """The land as text: what it is, then a line for each range."""
        lines = [f"SortedLand align {self.align} size {self.size}"]
        lines += [f"  [{base:#x}, {limit:#x}) {limit - base}" for base, limit in self]
        return "\n".join(lines) + "\n"

    def check(self):
        """Assert that ranges are whole, aligned and apart. Cost: O(n)."""
        previous = -1
        for base, limit in self:
            assert previous < base < limit, f"[{base:#x}, {limit:#x}) is apart from the one below"
            assert (base | limit) % self.align == 0, "ranges are aligned"
            previous = limit

    def _enter(self):
        if self.busy:
            raise ProtocolError("the land is used by a visitor of its own iteration")

    def _admit(self, base, limit):
        self._enter()
        return arguments.whole_range(self.align, base, limit)
