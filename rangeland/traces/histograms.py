"""How a trace's sizes and lifetimes are spread (design/readers.md#.sol.histograms)."""

from typing import NamedTuple

import numpy as np

from rangeland.traces.fields import ALLOC, FREE

# As many as an int64 has bits, and one for 0.
BINS = 65


class Bin(NamedTuple):
    """How many (`count`) lie in base..limit, both included: 0, 1, 2..3, 4..7 and so on."""

    base: int
    limit: int
    count: int


def sizes(trace):
    """The Bins of the sizes that were asked for, of new blocks and of reallocs.

    Units: bytes. Shape: from the first to the last Bin that is not empty; none for
    an empty trace. Cost: O(n).
    """
    counts = np.zeros(BINS, np.int64)
    for rows in trace.parts():
        counts += _counts(trace.size[rows][trace.op[rows] != FREE])
    return _bins(counts)


def lifetimes(trace):
    """The Bins of the lifetimes of the blocks that were freed, and how many never were.

    Units: rows of the trace from a block's first to its last. Shape: as of `sizes`.
    Cost: O(n), 8 bytes of memory a block.
    """
    counts = np.zeros(BINS, np.int64)
    born = np.zeros(trace.blocks, np.int64)
    for rows in trace.parts():
        op, id = trace.op[rows], trace.id[rows]
        row = np.arange(rows.start, rows.start + len(op))
        born[id[op == ALLOC]] = row[op == ALLOC]
        freed = op == FREE
        counts += _counts(row[freed] - born[id[freed]])
    return _bins(counts), trace.blocks - int(counts.sum())


def _counts(values):
    # The exponent is the count of bits, as sizes and rows are below 2**53.
    return np.bincount(np.frexp(values.astype(float))[1], minlength=BINS)


def _bins(counts):
    bins = [
        Bin(1 << bits - 1 if bits else 0, (1 << bits) - 1, count)
        for bits, count in enumerate(counts.tolist())
    ]
    used = np.flatnonzero(counts)
    return bins[used[0] : used[-1] + 1] if len(used) else []
