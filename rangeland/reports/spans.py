"""Spans: a line of addresses, painted with values."""


class Spans:
    """Disjoint ranges of addresses, each with a value.

    Shape: iteration gives (base, limit, value) in ascending order; adjacent
    ranges of one value are one. Cost: O(n) per paint, for n ranges.
    """

    def __init__(self):
        self._runs = []

    def paint(self, base, limit, value):
        """Give [base, limit) the value `value`; None takes it away."""
        kept = [(base, limit, value)] if value is not None else []
        for low, high, old in self._runs:
            if low < base:
                kept.append((low, min(high, base), old))
            if limit < high:
                kept.append((max(low, limit), high, old))
        self._runs = []
        for low, high, old in sorted(kept):
            if self._runs and self._runs[-1][1:] == (low, old):
                low = self._runs.pop()[0]
            self._runs.append((low, high, old))

    def within(self, base, limit):
        """What of [base, limit) has which value: (base, limit, value) from
        `base` to `limit` without a gap, None for what has none."""
        at = base
        for low, high, value in self._runs:
            low, high = max(low, base), min(high, limit)
            if low < high:
                if at < low:
                    yield at, low, None
                yield low, high, value
                at = high
        if at < limit:
            yield at, limit, None

    def __iter__(self):
        return iter(self._runs)

    def size(self):
        """The bytes of all ranges."""
        return sum(limit - base for base, limit, _ in self._runs)
