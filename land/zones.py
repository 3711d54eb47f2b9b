"""Zones: the address space in 64 stripes that repeat, as sets of 64 bits.

The zone of an address is (address >> shift) & 63. A zone set is a signed
word inside; -1 is the universal set. Source: design/land.md#.sol.zones
"""

from vm import bits


def zone_set(base, limit, shift):
    """The zones that [base, limit) touches; they may wrap around."""
    first = base >> shift
    last = (limit - 1) >> shift
    if last - first >= 63:
        return -1
    first &= 63
    last &= 63
    if first <= last:
        return bits.mask(first, last + 1)
    return ~bits.mask(last + 1, first) if last + 1 < first else -1


def is_single(zones):
    """1 if `zones` is one zone, else 0."""
    return 1 if zones & -zones == zones or zones == bits.mask(63, 64) else 0


def is_never(size, zones, shift):
    """1 if no run of `size` bytes can lie in `zones`, a proper subset."""
    # Shifted is what has 64 bits, for a compiler takes a number as written for 32.
    if zones == 0 or size >> shift >= 64:
        return 1
    return 1 if (size - 1) >> shift and is_single(zones) else 0


def first_run(base, limit, size, zones, shift):
    """The base of the first run of at least `size` bytes of [base, limit)
    inside `zones`, or -1.

    Searched is one set of stripes, from the first that begins at or above
    base, and what lies before it; a run ends where the search does.
    Cost: O(stripes), 65 at most. Source: design/land.md#.sol.zebra
    """
    end = (((base - 1) >> shift) + 65) << shift
    if limit > end:
        limit = end
    start = base
    at = base
    while at < limit:
        if at - start >= size:
            return start
        if not (zones >> ((at >> shift) & 63)) & 1:
            start = ((at >> shift) + 1) << shift
            if limit - start < size:
                return -1
        at = ((at >> shift) + 1) << shift
    return start if limit - start >= size else -1


def last_run(base, limit, size, zones, shift):
    """The limit of the last run of at least `size` bytes of [base, limit)
    inside `zones`, or -1; `first_run` seen in a mirror."""
    begin = ((limit >> shift) - 64) << shift
    if base < begin:
        base = begin
    end = limit
    at = limit
    while at > base:
        if end - at >= size:
            return end
        if not (zones >> (((at - 1) >> shift) & 63)) & 1:
            end = (at - 1) >> shift << shift
            if end - base < size:
                return -1
        at = (at - 1) >> shift << shift
    return end if end - base >= size else -1
