"""Writing what a pattern gives, piece by piece or whole (design/generate.md#.sol.write)."""

import os

import numpy as np

from rangeland.traces.convert import PARQUET, convert, form_of, refuse_output
from rangeland.traces.parquet import writing
from rangeland.traces.slots import PIECE, Naming, Numbering, Piece, Slots
from rangeland.traces.trace import Trace
from vm.results import ParamError

NAME = "generated"


def pieces(rows, events):
    """Pieces of PIECE rows of what `rows` yields, `events` in all or as many as there are.

    Their slots are as many as the most live blocks.
    """
    naming, parts, count = Naming(), [], 0
    for op, key, size in rows:
        op, key, size = (column[: events - count] for column in (op, key, size))
        count += len(op)
        parts.append((op, naming.slots_of(op, key), size))
        while sum(len(part[0]) for part in parts) >= PIECE:
            whole = [np.concatenate(column) for column in zip(*parts)]
            yield Piece(*(column[:PIECE] for column in whole))
            parts = [tuple(column[PIECE:] for column in whole)]
        if count == events:
            break
    whole = [np.concatenate(column) for column in zip(*parts)] if parts else [()]
    if len(whole[0]):
        yield Piece(*whole)


def whole(rows, events, notes=()):
    """The Trace of what `rows` yields, at most `events`."""
    slots, numbering, columns = Slots(_wrong), Numbering(), ([], [], [])
    for piece in pieces(rows, events):
        block = numbering.blocks_of(slots.advance(piece))
        for column, values in zip(columns, (piece.op, block, piece.size)):
            column.append(values)
    op, id, size = (np.concatenate(column) if column else [] for column in columns)
    return Trace(op, id, size, notes=notes, format=NAME)


def generate(rows, events, path, form=None, force=False, notes=(), progress=None):
    """Write `events` of `rows`, as patterns yield them, as the file `path`.

    In pieces, if the form is Parquet; whole otherwise. `progress(rows)` is called
    now and then. Returns what was written: form, events, bytes, `untold` and the
    `figures`.
    Raises: as convert.
    """
    form = form or form_of(path)
    refuse_output(None, path, form, force)
    if form != PARQUET:
        trace = whole(rows, events, notes)
        return convert(trace, path, form, force, progress) | {"figures": trace.figures()}
    with writing(path, force, format=NAME, notes=notes) as writer:
        for piece in pieces(rows, events):
            writer.write(piece.op, piece.slot, piece.size)
            if progress is not None:
                progress(writer.ledger.rows)
    ledger = writer.ledger
    return {
        "form": form, "events": ledger.rows, "bytes": os.path.getsize(path), "untold": {},
        "figures": ledger.figures(notes),
    }  # fmt: skip


def _wrong(row, found, expected):
    return ParamError(f"row {row}: found {found}, expected {expected}")
