"""What a program asked of its allocator, as columns (design/replay.md#.sol.columns).

A trace is three columns of equal length, one row an event: what was asked
(`op`), of which block (`id`) and how many bytes (`size`). Blocks are numbered
from 0 in the order in which they were allocated; a block keeps its number over
a realloc, and an address that is used again is a new block. Calls without
effect (a free of NULL, a call that gave NULL) leave no row; they are counted
in `notes`.
"""

from array import array
from functools import cached_property

import numpy as np

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from vm.results import ParamError


# No address space that the recorders know holds more than 2**47 bytes.
MOST_SIZE = 1 << 47

COUNTS = (
    "free_null",
    "failed",
    "failed_realloc",
    "free_unknown",
    "realloc_unknown",
    "alloc_over_live",
    "exec_dropped",
)


class Columns:
    """The columns of a trace that is being read, growing row by row."""

    def __init__(self):
        self.op = array("b")
        self.id = array("q")
        self.size = array("q")
        self.alignments = {}
        self.blocks = 0

    def alloc(self, size, alignment=None):
        """A new block of `size` bytes; returns its number."""
        block = self.blocks
        self.blocks = block + 1
        if alignment is not None:
            self.alignments[len(self.op)] = alignment
        self._row(ALLOC, block, size)
        return block

    def free(self, block):
        """The end of `block`."""
        self._row(FREE, block, 0)

    def realloc(self, block, size):
        """`block` is from now on of `size` bytes."""
        self._row(REALLOC, block, size)

    def _row(self, op, block, size):
        self.op.append(op)
        self.id.append(block)
        self.size.append(size)

    def trace(self, notes, format=None, path=None):
        """The Trace of these columns, which are not copied and may not grow again."""
        alignment = None
        if self.alignments:
            alignment = np.zeros(len(self.op), np.int64)
            alignment[list(self.alignments)] = list(self.alignments.values())
        return Trace(self.op, self.id, self.size, alignment, notes, format, path)


class Trace:
    """The events of a recorded run, each a row of the columns `op`, `id`, `size`.

    `alignment` is None if the run never asked for one, else a column too, with
    0 where none was asked. `notes` holds the counts of COUNTS and what else the
    reader has to tell of its format.
    Units: bytes. Shape: int8, int64, int64, int64, all of one length; at most 25
    bytes an event.
    Raises: ParamError if the columns do not fit each other, or an event is of a
    block that is not live.
    """

    def __init__(self, op, id, size, alignment=None, notes=(), format=None, path=None):
        self.op = _column(op, np.int8)
        self.id = _column(id, np.int64)
        self.size = _column(size, np.int64)
        self.alignment = None if alignment is None else _column(alignment, np.int64)
        self.notes = dict.fromkeys(COUNTS, 0) | dict(notes)
        self.format = format
        self.path = path
        self.blocks = int(np.count_nonzero(self.op == ALLOC))
        self._check()

    def __len__(self):
        return len(self.op)

    @property
    def nbytes(self):
        """Bytes that the columns take."""
        columns = (self.op, self.id, self.size, self.alignment)
        return sum(c.nbytes for c in columns if c is not None)

    @property
    def largest(self):
        """The largest size that an event asks for; 0 in an empty trace."""
        return int(self.size.max(initial=0))

    # What a replay asks, here or of a file in pieces

    @property
    def slots(self):
        """How many blocks the ids name."""
        return self.blocks

    @property
    def has_alignment(self):
        """True if the run ever asked for an alignment."""
        return self.alignment is not None

    @cached_property
    def peak_event(self):
        """After how many events most bytes live for the first time. Cost: O(n log n)."""
        return int(np.argmax(np.cumsum(self.deltas()))) + 1 if len(self) else 0

    def pieces(self):
        """The columns (op, id, size, alignment), in one piece."""
        yield self.op, self.id, self.size, self.alignment

    def _check(self):
        count = len(self.op)
        for name in ("id", "size", "alignment"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                raise ParamError(f"column {name} has {len(column)} rows: expected {count}, as op")
        rows = np.arange(count)
        made = np.flatnonzero(self.op == ALLOC)
        _refuse((self.op < ALLOC) | (self.op > REALLOC), "is of no known op")
        _refuse((self.id < 0) | (self.id >= self.blocks), "is of a block that is never allocated")
        _refuse((self.size < 0) | (self.size > MOST_SIZE), f"has a size beside 0..{MOST_SIZE}")
        _refuse((self.op == FREE) & (self.size != 0), "is a free with a size")
        wrong = made[self.id[made] != np.arange(self.blocks)]
        _refuse(np.isin(rows, wrong), "allocates a block out of its turn")
        _refuse(rows < made[self.id], "is of a block that is not yet allocated")
        freed = np.flatnonzero(self.op == FREE)
        end = np.full(self.blocks, count)
        end[self.id[freed][::-1]] = freed[::-1]
        _refuse(rows > end[self.id], "is of a block that is already free")

    def deltas(self):
        """By how many bytes each event changes the sum of live sizes. Cost: O(n log n)."""
        delta = self.size.copy()
        freed = self.op == FREE
        delta[freed] = -self.size[self.op == ALLOC][self.id[freed]]
        resized = np.zeros(self.blocks, bool)
        resized[self.id[self.op == REALLOC]] = True
        rows = np.flatnonzero(resized[self.id])
        rows = rows[np.argsort(self.id[rows], kind="stable")]
        later = self.op[rows[1:]] != ALLOC
        change = self.size[rows[1:]] - self.size[rows[:-1]]
        delta[rows[1:][later]] = change[later]
        return delta

    def figures(self):
        """What happened in the trace, in numbers (design/replay.md#.def.figures).

        Units: bytes and counts. Cost: O(n log n).
        """
        notes = self.notes
        made, freed, resized = (
            int(np.count_nonzero(self.op == op)) for op in (ALLOC, FREE, REALLOC)
        )
        live = np.cumsum(self.deltas())
        change = np.array([1, -1, 0])[self.op]
        figures = {
            "allocs": made - notes["realloc_unknown"],
            "frees": freed - notes["alloc_over_live"] - notes["exec_dropped"],
            "reallocs": resized,
            "total_bytes": _exact_sum(self.size),
            "peak_bytes": int(live.max(initial=0)),
            "max_live": int(np.cumsum(change).max(initial=0)),
            "live_end": made - freed,
            "live_end_bytes": int(live[-1]) if len(live) else 0,
        }
        effects = ("free_null", "failed", "free_unknown", "realloc_unknown")
        events = figures["allocs"] + figures["frees"] + figures["reallocs"]
        figures["events"] = events + sum(notes[name] for name in effects)
        return figures | notes


def _column(values, dtype):
    """`values` as a column of its own that nobody can write any more: the
    compiled loop trusts what was checked. Raises: ParamError."""
    column = np.asarray(values)
    if column.ndim != 1 or (column.dtype.kind not in "iub" and column.size):
        raise ParamError(f"a column of a trace is {column.dtype} of {column.ndim} dimensions: "
                         f"expected whole numbers of one")
    column = column.astype(dtype)
    column.setflags(write=False)
    return column


def _refuse(wrong, what):
    if wrong.any():
        raise ParamError(f"event {int(np.argmax(wrong))} of the trace {what}")


def _exact_sum(sizes):
    """The sum as an int of any length: 64 bits would wrap."""
    return (int((sizes >> 24).sum()) << 24) + int((sizes & 0xFFFFFF).sum())
