"""What a program asked of its allocator, as columns (design/readers.md#.sol.columns).

A trace is columns of equal length, one row an event: what was asked (`op`), of
which block (`id`) and how many bytes (`size`); where the recording tells them
also the `alignment` asked for, the `thread` that asked, and the `address` that
the block got. Blocks are numbered from 0 in the order in which they were
allocated; a block keeps its number over a realloc, and an address that is used
again is a new block. Calls without effect (a free of NULL, a call that gave
NULL) leave no row; they are counted in `notes`.
"""

from array import array
from functools import cached_property

import numpy as np

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from vm.results import ParamError

# No address space that the recorders know holds more than 2**47 bytes.
MOST_SIZE = 1 << 47
# The column of addresses is signed: what 64 bits hold beyond this loses its top bit.
MOST_ADDRESS = (1 << 63) - 1
# Rows that are looked at at a time, so that no check and no figure needs much memory.
# The sum of so many sizes is below 2**63.
PART = 1 << 12

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
    """The columns of a trace that is being read, growing row by row.

    With `addressed` every row has an address, else only from the first that is
    given; who appends to the arrays himself asks for it. At most 2**32 blocks.
    """

    def __init__(self, addressed=False):
        self.op = array("b")
        self.id = array("I")
        self.size = array("q")
        self.address = array("q")
        self.alignment = array("q")
        self.blocks = 0
        self._addressed = addressed
        self._threads = array("i")
        self._thread = None

    def alloc(self, size, alignment=None, *, address=None, thread=None):
        """A new block of `size` bytes; returns its number.

        `alignment` is made a power of two, as memalign does. A row that names no
        `thread` is of that of the row before.
        """
        block = self.blocks
        self.blocks = block + 1
        if alignment is not None:
            _fill(self.alignment, len(self.op), 0)
            self.alignment.append(power_of_two(alignment))
        self._row(ALLOC, block, size, address, thread)
        return block

    def free(self, block, *, thread=None):
        """The end of `block`."""
        self._row(FREE, block, 0, None, thread)

    def realloc(self, block, size, *, address=None, thread=None):
        """`block` is from now on of `size` bytes, and at `address`."""
        self._row(REALLOC, block, size, address, thread)

    def by(self, thread):
        """The next rows are of `thread`, a number, until another is named."""
        if thread != self._thread:
            _fill(self._threads, len(self.op), self._thread or 0)
            self._thread = thread

    def _row(self, op, block, size, address, thread):
        if thread is not None:
            self.by(thread)
        if address is not None or self._addressed:
            _fill(self.address, len(self.op), 0)
            self.address.append((address or 0) & MOST_ADDRESS)
        self.op.append(op)
        self.id.append(block)
        self.size.append(size)

    def trace(self, notes, format=None, path=None):
        """The Trace of these columns, which are not copied and may not grow again."""
        rows = len(self.op)
        # Of the narrower numbers of the reading; both are there only once all is read.
        id = np.asarray(self.id).astype(np.int64)
        self.id = array("I")
        columns = [self.op, id, self.size]
        for column in (self.alignment, self.address):
            if column:
                _fill(column, rows, 0)
            columns.append(column if column else None)
        if self._thread is not None:
            _fill(self._threads, rows, self._thread)
            columns.append(self._threads)
        op, id, size, alignment, address, *thread = columns
        return Trace(
            op, id, size, alignment, notes, format, path,
            thread=thread[0] if thread else None, address=address, copy=False,
        )


class Trace:
    """The events of a recorded run, each a row of the columns `op`, `id`, `size`.

    `alignment`, `thread` and `address` are None, or columns too: the alignment
    asked for (0 where none was), the number of the thread that did it (from 0,
    in order of appearance), and where the program's own allocator put the block
    (0 for a free). `notes` holds the counts of COUNTS and what else the reader has
    to tell of its format; `origin` is the format that the trace was first read from.
    With `copy=False` the arrays are taken as they are, and
    the caller gives them up.
    Units: bytes. Shape: int8, int64, int64, int64, int32, int64, all of one length;
    at most 37 bytes an event.
    Raises: ParamError if the columns do not fit each other, or an event is of a
    block that is not live.
    """

    def __init__(self, op, id, size, alignment=None, notes=(), format=None, path=None, *,
                 thread=None, address=None, copy=True):
        self.op = _column(op, np.int8, copy)
        self.id = _column(id, np.int64, copy)
        self.size = _column(size, np.int64, copy)
        self.alignment = None if alignment is None else _column(alignment, np.int64, copy)
        self.thread = None if thread is None else _column(thread, np.int32, copy)
        self.address = None if address is None else _column(address, np.int64, copy)
        self.notes = dict.fromkeys(COUNTS, 0) | dict(notes)
        self.format = self.origin = format
        self.path = path
        self.blocks = int(np.count_nonzero(self.op == ALLOC))
        self._check()

    def __len__(self):
        return len(self.op)

    @property
    def nbytes(self):
        """Bytes that the columns take."""
        columns = (self.op, self.id, self.size, self.alignment, self.thread, self.address)
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

    @property
    def threads(self):
        """One more than the highest number of a thread; 0 if none is told."""
        return 0 if self.thread is None else int(self.thread.max(initial=-1)) + 1

    @cached_property
    def peak_event(self):
        """After how many events most bytes live for the first time; 0 where none
        ever do. Cost: O(n log n)."""
        live, most, event, done = 0, 0, 0, 0
        for delta, _ in self._changes():
            lives = live + np.cumsum(delta)
            top = int(np.argmax(lives))
            if lives[top] > most:
                most, event = int(lives[top]), done + top + 1
            live, done = int(lives[-1]), done + len(delta)
        return event

    def pieces(self, threads=False):
        """The columns (op, id, size, alignment), in one piece; with `threads` the
        column thread, too."""
        columns = self.op, self.id, self.size, self.alignment
        yield (*columns, self.thread) if threads else columns

    def parts(self):
        """The trace's rows as slices of PART rows."""
        return (slice(row, row + PART) for row in range(0, len(self), PART))

    def _check(self):
        count = len(self.op)
        for name in ("id", "size", "alignment", "thread", "address"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                raise ParamError(f"column {name} has {len(column)} rows: expected {count}, as op")
        # Per block, the row of its free, or count; half the width where that is enough.
        end = np.full(self.blocks, count, np.int32 if count < 1 << 31 else np.int64)
        made = 0
        for part in self.parts():
            made = self._check_part(part, made, end)

    def _check_part(self, part, made, end):
        """Check the rows of `part`, before which `made` blocks were allocated."""
        op, id, size = self.op[part], self.id[part], self.size[part]
        first, freed = part.start, op == FREE
        _refuse(first, (op < ALLOC) | (op > REALLOC), "is of no known op")
        _refuse(first, (id < 0) | (id >= self.blocks), "is of a block that is never allocated")
        _refuse(first, (size < 0) | (size > MOST_SIZE), f"has a size beside 0..{MOST_SIZE}")
        _refuse(first, freed & (size != 0), "is a free with a size")
        so_far = made + np.cumsum(op == ALLOC)
        out_of_turn = (op == ALLOC) & (id != so_far - 1)
        _refuse(first, out_of_turn, "allocates a block out of its turn")
        _refuse(first, id >= so_far, "is of a block that is not yet allocated")
        rows = np.arange(first, first + len(op))
        _refuse(first, rows > end[id], "is of a block that is already free")
        # Backwards, so that the first of several frees of a block counts.
        end[id[freed][::-1]] = rows[freed][::-1]
        _refuse(first, rows > end[id], "is of a block that is already free")
        if self.alignment is not None:
            asked = self.alignment[part]
            wrong = (asked < 0) | (asked > MOST_SIZE) | (asked & (asked - 1) != 0)
            _refuse(first, wrong, "has an alignment that is neither 0 nor a power of two")
        if self.thread is not None:
            _refuse(first, self.thread[part] < 0, "is of a thread below 0")
        if self.address is not None:
            _refuse(first, self.address[part] < 0, "has an address below 0")
            _refuse(first, freed & (self.address[part] != 0), "is a free with an address")
        return int(so_far[-1])

    def deltas(self):
        """By how many bytes each event changes the sum of live sizes. Cost: O(n log n)."""
        deltas = np.empty(len(self), np.int64)
        row = 0
        for delta, _ in self._changes():
            deltas[row : row + len(delta)] = delta
            row += len(delta)
        return deltas

    def _changes(self):
        """Part by part, by how much each row changes the live bytes, and its ops."""
        held = np.zeros(self.blocks, np.int64)
        for part in self.parts():
            op, id, size = self.op[part], self.id[part], self.size[part]
            made, freed, resized = (op == sort for sort in (ALLOC, FREE, REALLOC))
            held[id[made]] = size[made]
            delta = size.copy()
            if resized.any():
                self._resize(op, id, size, delta, held, id[resized])
            delta[freed] = -held[id[freed]]
            yield delta, op

    def _resize(self, op, id, size, delta, held, resized):
        """Set `delta` of the reallocs, and `held` of their blocks as they are at the end."""
        rows = np.flatnonzero(np.isin(id, resized) & (op != FREE))
        rows = rows[np.argsort(id[rows], kind="stable")]
        blocks = id[rows]
        is_first = np.ones(len(rows), bool)
        is_first[1:] = blocks[1:] != blocks[:-1]
        before = np.empty(len(rows), np.int64)
        before[1:] = size[rows[:-1]]
        # A block made here has had nothing; one made in an earlier part what it held then.
        before[is_first] = np.where(op[rows[is_first]] == ALLOC, 0, held[blocks[is_first]])
        delta[rows] = size[rows] - before
        held[blocks] = size[rows]

    def figures(self):
        """What happened in the trace, in numbers (design/readers.md#.def.figures).

        Units: bytes and counts. Cost: O(n log n) time, 8 bytes of memory a block.
        """
        notes = self.notes
        made, freed, resized = (
            int(np.count_nonzero(self.op == op)) for op in (ALLOC, FREE, REALLOC)
        )
        live, blocks, peak, most, total = 0, 0, 0, 0, 0
        for (delta, op), part in zip(self._changes(), self.parts(), strict=True):
            lives, counts = np.cumsum(delta), np.cumsum(_CHANGE[op])
            peak, most = max(peak, live + int(lives.max())), max(most, blocks + int(counts.max()))
            live, blocks = live + int(lives[-1]), blocks + int(counts[-1])
            total += _exact_sum(self.size[part])
        figures = {
            "allocs": made - notes["realloc_unknown"] - notes.get("before", 0),
            "frees": freed - notes["alloc_over_live"] - notes["exec_dropped"],
            "reallocs": resized,
            "total_bytes": total - notes.get("before_bytes", 0),
            "peak_bytes": peak,
            "max_live": most,
            "live_end": blocks,
            "live_end_bytes": live,
        }
        effects = ("free_null", "failed", "free_unknown", "realloc_unknown")
        events = figures["allocs"] + figures["frees"] + figures["reallocs"]
        figures["events"] = events + sum(notes[name] for name in effects)
        return figures | notes


# By how many blocks each op changes those that live.
_CHANGE = np.array([1, -1, 0])


def _fill(column, rows, value):
    """Append `value` to the array `column` until it has `rows` rows."""
    while len(column) < rows:
        column.extend(array(column.typecode, [value]) * min(PART, rows - len(column)))


def power_of_two(alignment):
    """The least power of two that is not less; 0 for none."""
    return 1 << (alignment - 1).bit_length() if alignment > 0 else 0


def _column(values, dtype, copy):
    """`values` as a column that nobody can write any more: the compiled loop
    trusts what was checked. Raises: ParamError."""
    column = np.asarray(values)
    if column.ndim != 1 or (column.dtype.kind not in "iub" and column.size):
        raise ParamError(f"a column of a trace is {column.dtype} of {column.ndim} dimensions: "
                         f"expected whole numbers of one")
    column = column.astype(dtype, copy=copy)
    column.setflags(write=False)
    return column


def _refuse(first, wrong, what):
    if wrong.any():
        raise ParamError(f"event {first + int(np.argmax(wrong))} of the trace {what}")


def _exact_sum(sizes):
    """The sum as an int of any length: 64 bits would wrap."""
    return (int((sizes >> 24).sum()) << 24) + int((sizes & 0xFFFFFF).sum())
