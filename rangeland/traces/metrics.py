"""What a sample of a replay says: causes of memory beyond what lives, and ratios.

Each is defined in design/metrics.md, and nowhere else.
"""

import math

from rangeland.traces import fields as f

# The causes, in the order in which they are told.
CAUSES = (
    "rounding",
    "slack",
    "external",
    "unreturned",
    "spare",
    "page_tables",
    "overhead",
)
# With less than this many grains live a ratio says nothing (design/metrics.md#.sol.refuse).
LEAST_GRAINS = 64


def causes(row):
    """What the committed bytes of a sample are, beside those that live: a dict
    by CAUSES. They sum up to committed minus live. Units: bytes."""
    free, total = row[f.FREE_BYTES], row[f.TOTAL]
    values = (
        total - free - row[f.SLACK] - row[f.LIVE],
        row[f.SLACK],
        free - row[f.WHOLE_FREE],
        row[f.WHOLE_FREE],
        row[f.SPARE],
        row[f.PAGE_TABLES],
        row[f.COMMITTED] - row[f.SPARE] - row[f.PAGE_TABLES] - total,
    )
    return dict(zip(CAUSES, values, strict=True))


def mean_causes(rows):
    """The causes on average over the events that the samples of a curve stand
    for, in whole bytes; None if there are none."""
    events, sums, last = 0, dict.fromkeys(CAUSES, 0), 0
    for row in rows:
        weight = row[f.EVENT] - last
        events, last = events + weight, row[f.EVENT]
        for name, value in causes(row).items():
            sums[name] += weight * value
    return {name: round(value / events) for name, value in sums.items()} if events else None


def ratio(held, live, grain):
    """{"held", "live", "ratio"} in bytes; the ratio is None if too little lives."""
    enough = live >= LEAST_GRAINS * grain
    return {"held": held, "live": live, "ratio": held / live if enough else None}


def squares_index(sizes):
    """1 - sqrt(sum of squares) / sum, of the free ranges' sizes: 0 for one
    range, near 1 for many small ones; None if nothing is free."""
    total = sum(sizes)
    return 1 - math.sqrt(sum(size * size for size in sizes)) / total if total else None
