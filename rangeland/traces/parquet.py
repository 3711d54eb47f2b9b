"""Our own form of traces, columns in a Parquet file (design/forms.md#.sol.parquet).

The columns are those of a Trace, but for the blocks: `slot` is the number of a
live block, free for another one after its free. The file's metadata has, under
KEY, an object in JSON: the form's version, rows, slots, blocks, peak_bytes,
peak_row, largest, notes, and the format that the trace was first read from.
"""

import json
import os
from contextlib import contextmanager
from functools import cached_property

import numpy as np

from rangeland.traces.arrow import pyarrow
from rangeland.traces.atomic import written
from rangeland.traces.slots import MOST_SLOTS, PIECE, Ledger, Naming, Numbering, Piece, Slots
from rangeland.traces.source import TraceError, shown
from rangeland.traces.trace import COUNTS, MOST_SIZE, Trace
from vm.results import ParamError

NAME = "parquet"
MAGIC = b"PAR1"
KEY = b"rangeland"
VERSION = 1
NUMBERS = ("rows", "slots", "blocks", "peak_bytes", "peak_row", "largest")

# Each column's type in the file; those after `size` need not be there.
COLUMNS = {
    "op": "int8",
    "slot": "int32",
    "size": "int64",
    "alignment": "int64",
    "thread": "int32",
    "address": "int64",
}
NEEDED = ("op", "slot", "size")
# Few different values, so that a dictionary of them is smaller and as fast.
_REPEATED = ["op", "size", "alignment", "thread"]
_BUFFER = 1 << 20
# What may be read whole: so many rows a byte of the file, and so many besides.
MOST_RATIO = 200
MOST_SPARE = 1 << 26


class RowError(TraceError):
    """A row of a trace in columns is wrong; `row` is its number, from 0."""

    def __init__(self, path, row, found, expected):
        super().__init__(f"{path}, row {row}", None, found, expected)
        self.path = path
        self.row = row


def recognises(head):
    """True if the file begins as Parquet does."""
    return head.startswith(MAGIC)


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    return whole(pieces_of(source))


def pieces_of(source):
    """The Pieces in `source`. Raises: TraceError."""
    if source.packing is not None:
        found = f"a Parquet file packed by {source.packing}"
        raise source.error(None, found, "a plain one, which is packed within")
    with source.lasting() as source:
        return Pieces(source.path, source.place)


def read_parquet(path):
    """As `whole`, of the file `path`."""
    return whole(Pieces(path))


def whole(pieces):
    """The Trace in the file that Pieces are of, as it was when it was written there.

    Raises: OSError; TraceError, RowError; ParamError without pyarrow.
    Cost: O(n log n) time, at most 40 bytes a row.
    """
    path = pieces.path
    most = MOST_SPARE + MOST_RATIO * os.path.getsize(pieces.file)
    if pieces.rows > most:
        found = f"{pieces.rows} rows in so small a file"
        raise TraceError(path, None, found, f"at most {most}, or to be read in pieces")
    types = COLUMNS | {"slot": "int64"}
    columns = {name: np.empty(pieces.rows, types[name]) for name in pieces.columns}
    numbering, at = Numbering(), 0
    for batch, order in pieces.batches(pieces.columns):
        end = at + len(order.op)
        for name, values in batch.items():
            columns[name][at:end] = values
        columns["slot"][at:end] = numbering.blocks_of(order)
        at = end
    op, slot, size, alignment, thread, address = map(columns.get, COLUMNS)
    try:
        trace = Trace(
            op, slot, size, alignment, pieces.notes, NAME, path,
            thread=thread, address=address, copy=False,
        )  # fmt: skip
    except ParamError as error:
        raise TraceError(path, None, f"that {error}", "a trace") from error
    trace.origin = pieces.format
    return trace


def write_parquet(trace, path, force=False, progress=None):
    """Write the Trace `trace` as the file `path`, whole or not at all.

    `progress(rows)` is called now and then.
    Raises: OSError; ParamError if `path` exists and `force` is not true, or
    without pyarrow.
    """
    further = {name: getattr(trace, name) for name in COLUMNS if name not in NEEDED}
    given = {name: column is not None for name, column in further.items()}
    naming = Naming(trace.blocks)
    with writing(path, force, format=trace.origin, notes=trace.notes, **given) as writer:
        for at in range(0, len(trace), PIECE):
            rows = slice(at, at + PIECE)
            slot = naming.slots_of(trace.op[rows], trace.id[rows])
            rest = [column if column is None else column[rows] for column in further.values()]
            writer.write(trace.op[rows], slot, trace.size[rows], *rest)
            if progress is not None:
                progress(min(at + PIECE, len(trace)))


@contextmanager
def writing(path, force=False, **options):
    """A Writer of the file `path`, which is there when the context ends without an exception.

    Raises: as write_parquet.
    """
    pyarrow()
    with written(path, force) as file:
        writer = Writer(file, **options)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class Writer:
    """A trace written in pieces to the binary file `file`.

    `alignment`, `thread` and `address` tell which columns are given beside
    op, slot and size; `notes` may be changed until `finish`; `ledger` has the
    accounts of the rows written.
    Raises: ParamError for rows that are no run.
    Cost: memory of one piece, and nine bytes a slot.
    """

    def __init__(self, file, format=None, notes=(), alignment=False, thread=False, address=False):
        pa, pq = pyarrow()
        asked = {"alignment": alignment, "thread": thread, "address": address}
        self.names = [name for name in COLUMNS if asked.get(name, True)]
        self.format = format
        self.notes = dict(notes)
        self.ledger = Ledger(_refused)
        types = pa.schema([pa.field(n, COLUMNS[n], nullable=False) for n in self.names])
        self._schema = types
        self._batch = pa.record_batch
        self._parquet = pq.ParquetWriter(
            file, types, compression="zstd", use_dictionary=[n for n in _REPEATED if n in self.names],
            write_page_checksum=True, store_schema=False,
        )  # fmt: skip

    def write(self, op, slot, size, alignment=None, thread=None, address=None):
        """Add rows: whole numbers, in columns of one length."""
        columns = zip(COLUMNS, (op, slot, size, alignment, thread, address))
        given = {name: np.asarray(values) for name, values in columns if values is not None}
        if list(given) != self.names:
            raise ParamError(f"columns {', '.join(given)} are given: expected {', '.join(self.names)}")
        if any(values.shape != given["op"].shape for values in given.values()):
            raise ParamError("the columns are of different lengths: expected one")
        for at in range(0, len(given["op"]), PIECE):
            self._write({name: values[at : at + PIECE] for name, values in given.items()})

    def _write(self, columns):
        wide = [columns["op"].astype(np.int8)]
        wide += [columns[name].astype(np.int64) for name in ("slot", "size")]
        if "alignment" in columns:
            wide.append(columns["alignment"].astype(np.int64))
        self.ledger.advance(Piece(*wide))
        arrays = [columns[name].astype(COLUMNS[name]) for name in self.names]
        self._parquet.write_batch(self._batch(arrays, schema=self._schema), row_group_size=PIECE)

    def finish(self):
        """Write what belongs at the file's end; nothing can be added any more."""
        known = self.ledger.facts()
        facts = {"version": VERSION, "format": self.format}
        facts |= {name: known[name] for name in NUMBERS} | {"notes": self.notes}
        self._parquet.add_key_value_metadata({KEY: json.dumps(facts).encode()})
        self.close()

    def close(self):
        """Let go of the file, which is no trace unless `finish` was called."""
        self._parquet.close()


def _refused(row, found, expected):
    return ParamError(f"row {row}: found {found}, expected {expected}")


class Pieces:
    """A trace in a Parquet file, read piece by piece, each checked as it comes.

    Iterating gives each Piece; compiled code may trust what is in it, its slots
    being below `slots` and its sizes not above `largest`. `rows`, `slots`,
    `blocks`, `largest`, `peak_bytes`, `peak_row`, `notes`, `format` (that the
    trace was first read from) and `columns` (their names) are known before. `place` is
    the Scratch that holds the bytes, if `path` names a pipe; `file` what to open.
    Raises: OSError; TraceError if the file is not of this form; when iterated,
    RowError for a row that is wrong, and at the end TraceError if the rows do not
    come to the numbers known before; ParamError without pyarrow.
    Cost: memory of a few pieces, and nine bytes a slot. The first whole iteration
    takes half as long again as others, for the accounts.
    """

    def __init__(self, path, place=None):
        self.path = str(path)
        self.place = place
        with self._open() as file:
            facts = self._facts(file)
            self.columns = self._columns(file.schema_arrow)
        self.rows, self.slots, self.blocks, self.peak_bytes, self.peak_row, self.largest = (
            facts[name] for name in NUMBERS
        )
        self.notes = facts["notes"]
        self.format = facts["format"]
        self._is_sure = False

    def __len__(self):
        return self.rows

    @property
    def file(self):
        """The path of the file to open."""
        return self.path if self.place is None else self.place.path

    @property
    def has_alignment(self):
        """True if the trace has a column of alignments."""
        return "alignment" in self.columns

    @property
    def peak_event(self):
        """As `Trace.peak_event`."""
        return self.peak_row + 1

    @cached_property
    def threads(self):
        """As `Trace.threads`. Cost: the column of threads is read once."""
        if "thread" not in self.columns:
            return 0
        most, row = -1, 0
        with self._open() as file:
            for batch in file.iter_batches(PIECE, columns=["thread"]):
                thread = self._numbered(self._values(batch, "thread", row), row)
                most, row = max(most, int(thread.max(initial=-1))), row + len(thread)
        return most + 1

    def pieces(self, threads=False):
        """As `Trace.pieces`, in many."""
        return self._threaded() if threads else iter(self)

    def _threaded(self):
        names, row = [name for name in self.columns if name in (*Piece._fields, "thread")], 0
        for batch, _ in self.batches(names):
            thread = batch.pop("thread", None)
            if thread is not None:
                self._numbered(thread, row)
                row += len(thread)
            yield *Piece(**batch), thread

    def _numbered(self, thread, row):
        """The column `thread`, which begins at `row`. Raises: RowError."""
        if thread.min(initial=0) < 0:
            bad = int(np.argmax(thread < 0))
            raise self._wrong(row + bad, f"thread {thread[bad]}", "a number from 0")
        return thread

    def __iter__(self):
        names = [name for name in self.columns if name in Piece._fields]
        for batch, _ in self.batches(names):
            yield Piece(**batch)

    def figures(self):
        """The figures of the trace, of a pass over all of it. Raises: as iteration does. Cost: O(n)."""
        ledger = Ledger(self._wrong, self.slots)
        for _ in self.batches([name for name in self.columns if name in Piece._fields], ledger):
            pass
        return ledger.figures(self.notes)

    def batches(self, names, ledger=None):
        """The columns `names` of each piece, {name: values}, and the piece's Order.

        Raises: as iteration does. Followed by `ledger`, a Ledger, if it is given.
        """
        slots = ledger
        if slots is None:
            slots = (Slots if self._is_sure else Ledger)(self._wrong, self.slots)
        with self._open() as file:
            for batch in file.iter_batches(PIECE, columns=names):
                columns = {name: self._values(batch, name, slots.rows) for name in names}
                piece = Piece(*(columns.get(name) for name in Piece._fields))
                order = slots.advance(piece)
                if slots.largest > self.largest:
                    row = slots.rows - len(piece.op) + int(np.argmax(piece.size))
                    raise self._wrong(row, f"size {slots.largest}", f"at most {self.largest}")
                yield columns, order
        for name, found in slots.facts().items():
            if found != getattr(self, name):
                raise self._error(f"{name} {found}", f"{getattr(self, name)}, as its metadata says")
        self._is_sure = True

    def _values(self, batch, name, row):
        column = batch.column(name)
        if column.null_count:
            bad = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
            raise self._wrong(row + bad, f"no {name}", "a number")
        values = column.to_numpy()
        if name == "slot":
            values = values.astype(np.int64)
        values.setflags(write=False)
        return values

    def _wrong(self, row, found, expected):
        return RowError(self.path, row, found, expected)

    @contextmanager
    def _open(self):
        """The ParquetFile; what pyarrow says of a damaged one is told as a TraceError."""
        pa, pq = pyarrow()
        with open(self.file, "rb") as named:
            # pyarrow takes no name that is not UTF-8.
            place = f"/proc/self/fd/{named.fileno()}"
            try:
                with pa.OSFile(place) as raw, pq.ParquetFile(
                    raw, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
                ) as file:
                    yield file
            except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
                said = " ".join(str(error).split()) or type(error).__name__
                found = f"what pyarrow cannot read ({said})"
                raise self._error(found, "a whole Parquet file") from error

    def _error(self, found, expected):
        return TraceError(self.path, None, found, expected)

    def _columns(self, schema):
        for name in NEEDED:
            if name not in schema.names:
                raise self._error(f"no column {name}", f"the columns {', '.join(NEEDED)}")
        names = [name for name in COLUMNS if name in schema.names]
        for name in names:
            if (count := schema.names.count(name)) > 1:
                raise self._error(f"{count} columns {name}", "one of each name")
            found = str(schema.field(name).type)
            if found != COLUMNS[name]:
                raise self._error(f"a column {name} of {found}", COLUMNS[name])
        return names

    def _facts(self, file):
        text = (file.metadata.metadata or {}).get(KEY)
        if text is None:
            raise self._error(f"a Parquet file without the metadata {KEY.decode()}", "a trace in it")
        try:
            facts = json.loads(text)
            version = facts.get("version")
        except (ValueError, AttributeError, RecursionError):
            raise self._error(f"metadata {shown(text)}", "an object in JSON") from None
        if version != VERSION:
            raise self._error(f"version {version!r} of the form", f"version {VERSION}")
        limits = dict.fromkeys(NUMBERS, file.metadata.num_rows)
        limits |= {"slots": min(MOST_SLOTS, limits["rows"]), "largest": MOST_SIZE}
        limits["peak_bytes"] = MOST_SIZE * limits["rows"]
        for name in NUMBERS:
            value, least = facts.get(name), -1 if name == "peak_row" else 0
            if type(value) is not int or not least <= value <= limits[name]:
                raise self._error(f"metadata {name} {value!r}", f"a number in {least}..{limits[name]}")
        if facts["rows"] != file.metadata.num_rows:
            raise self._error(f"{file.metadata.num_rows} rows", f"{facts['rows']}, as its metadata says")
        notes = facts.get("notes")
        if not isinstance(notes, dict) or not isinstance(facts.setdefault("format"), str | None):
            raise self._error("metadata without notes or format", "both")
        for name in (*COUNTS, "before", "before_bytes"):
            if type(notes.get(name, 0)) is not int or notes.get(name, 0) < 0:
                raise self._error(f"metadata note {name} {notes[name]!r}", "a number from 0")
        return facts
