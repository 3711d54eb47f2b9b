"""The lives of a trace's blocks: what was where needed, from when to when.

Source: design/contenders.md#.def.life
"""

from dataclasses import dataclass

import numpy as np

from rangeland.traces.fields import FREE


@dataclass(frozen=True)
class Lives:
    """The lives in a trace, in the order in which they begin.

    A life is what one alloc or realloc made, until the block's next event: it is
    live after each of the events [lower, upper), with `size` bytes. `alignment`
    is what was asked for, or 1.
    Units: bytes; events. Shape: int64, all of one length.
    """

    lower: np.ndarray
    upper: np.ndarray
    size: np.ndarray
    alignment: np.ndarray

    def __len__(self):
        return len(self.lower)

    def rounded(self, align):
        """The lives with sizes and alignments rounded up to multiples of `align`, a power of two."""
        size = (self.size + align - 1) & -align
        return Lives(self.lower, self.upper, size, np.maximum(self.alignment, align))

    def sized(self):
        """Those of the lives that have bytes."""
        has = self.size > 0
        return Lives(self.lower[has], self.upper[has], self.size[has], self.alignment[has])

    def live(self, count):
        """The sum of the sizes live after each of `count` events."""
        change = np.zeros(count + 1, np.int64)
        np.add.at(change, self.lower, self.size)
        np.subtract.at(change, self.upper, self.size)
        return np.cumsum(change)[:count]


def lives_of(trace):
    """The Lives of `trace`. Cost: O(n log n)."""
    count = len(trace)
    rows = np.argsort(trace.id, kind="stable")
    ids = trace.id[rows]
    upper = np.full(count, count, np.int64)
    follows = ids[1:] == ids[:-1]
    upper[rows[:-1][follows]] = rows[1:][follows]
    made = np.flatnonzero(trace.op != FREE)
    alignment = np.ones(len(made), np.int64)
    if trace.alignment is not None:
        alignment = powers(trace.alignment[made])
    return Lives(made, upper[made], trace.size[made], alignment)


def powers(alignment):
    """Each of `alignment` as the least power of two that is no less; at least 1."""
    alignment = np.maximum(alignment, 1)
    power = np.ones(len(alignment), np.int64)
    while (short := power < alignment).any():
        power[short] <<= 1
    return power
