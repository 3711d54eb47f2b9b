"""Ranges: a naive model of a set of address ranges.

A sorted list, searched from one end to the other, that shares no code with
what it judges. Source: design/invariants.md#.sol.ranges
"""


class Ranges:
    """A set of ranges [base, limit), in which adjacent ranges are one."""

    def __init__(self, ranges=()):
        self.list = sorted(ranges)

    def __iter__(self):
        return iter(self.list)

    def __len__(self):
        return len(self.list)

    @property
    def size(self):
        """The bytes of all ranges."""
        return sum(limit - base for base, limit in self.list)

    def overlaps(self, base, limit):
        """True if a range has a byte of [base, limit)."""
        return any(b < limit and base < x for b, x in self.list)

    def touching(self, base, limit):
        """The ranges that end where [base, limit) begins, or the reverse."""
        return [(b, x) for b, x in self.list if x == base or b == limit]

    def around(self, base, limit):
        """The range that contains [base, limit), or None."""
        return next(((b, x) for b, x in self.list if b <= base and limit <= x), None)

    def insert(self, base, limit):
        """Add [base, limit), which overlaps nothing. Returns the whole."""
        near = self.touching(base, limit)
        whole = min([base, *(b for b, _ in near)]), max([limit, *(x for _, x in near)])
        self.list = sorted([pair for pair in self.list if pair not in near] + [whole])
        return whole

    def delete(self, base, limit):
        """Take away [base, limit), which is inside one range. Returns that."""
        whole = self.around(base, limit)
        self.list.remove(whole)
        left = [(whole[0], base), (limit, whole[1])]
        self.list = sorted(self.list + [(b, x) for b, x in left if b < x])
        return whole

    def fitting(self, size):
        """The ranges of at least `size` bytes."""
        return [(b, x) for b, x in self.list if x - b >= size]

    def in_zones(self, size, zones, shift, high):
        """The first `size` bytes, or the last if `high`, that lie in `zones`
        and in one range, as (part, whole); None if there are none."""
        for whole in reversed(self.list) if high else self.list:
            runs = [run for run in runs_in(*whole, zones, shift) if run[1] - run[0] >= size]
            if runs:
                base, limit = runs[-1] if high else runs[0]
                return ((limit - size, limit) if high else (base, base + size)), whole
        return None


def runs_in(base, limit, zones, shift):
    """The longest runs of [base, limit) inside `zones`, ascending."""
    runs = []
    while base < limit:
        end = min(limit, ((base >> shift) + 1) << shift)
        if zones >> ((base >> shift) & 63) & 1:
            if runs and runs[-1][1] == base:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((base, end))
        base = end
    return runs


def part_of(whole, size, mode):
    """The part of a range that a find with this mode is about."""
    base, limit = whole
    return {"low": (base, base + size), "high": (limit - size, limit)}.get(mode, whole)


def joined(ranges):
    """`ranges` ascending, with adjacent ones made one."""
    found = []
    for base, limit in sorted(ranges):
        if found and found[-1][1] == base:
            base = found.pop()[0]
        found.append((base, limit))
    return found
