"""Writing what a pattern gives, piece by piece or whole (design/generate.md#.sol.write)."""

import os

import numpy as np

from rangeland.traces.convert import PARQUET, convert, form_of, refuse_output
from rangeland.traces.fields import FREE
from rangeland.traces.parquet import writing
from rangeland.traces.slots import PIECE, Naming, Numbering, Piece, Slots
from rangeland.traces.trace import Trace
from vm.results import ParamError

NAME = "generated"
# Of frees: those that another thread may do than the one that allocated, one in so many.
STRANGE = 8


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


class Hands:
    """Gives the rows of pieces to `threads` threads: a block's to one of them, but for
    some frees, which `seed` gives to any."""

    def __init__(self, threads, seed=0):
        self.threads = threads
        self.chance = np.random.default_rng([seed, threads])

    def of(self, piece):
        """The column `thread` of the next piece."""
        thread = (piece.slot % self.threads).astype(np.int32)
        strange = (piece.op == FREE) & (self.chance.integers(0, STRANGE, len(thread)) == 0)
        thread[strange] = self.chance.integers(0, self.threads, int(strange.sum()))
        return thread


def whole(rows, events, notes=(), hands=None):
    """The Trace of what `rows` yields, at most `events`; with Hands, of threads."""
    slots, numbering, columns = Slots(_wrong), Numbering(), ([], [], [], [])
    for piece in pieces(rows, events):
        block = numbering.blocks_of(slots.advance(piece))
        thread = [] if hands is None else hands.of(piece)
        for column, values in zip(columns, (piece.op, block, piece.size, thread)):
            column.append(values)
    op, id, size, thread = (np.concatenate(column) if column else [] for column in columns)
    return Trace(op, id, size, notes=notes, format=NAME, thread=None if hands is None else thread)


def generate(rows, events, path, form=None, force=False, notes=(), progress=None, hands=None):
    """Write `events` of `rows`, as patterns yield them, as the file `path`.

    In pieces, if the form is Parquet; whole otherwise. `progress(rows)` is called
    now and then. With `hands`, a Hands, by several threads. Returns what was written: form, events, bytes, `untold` and the
    `figures`.
    Raises: as convert.
    """
    form = form or form_of(path)
    refuse_output(None, path, form, force)
    if form != PARQUET:
        trace = whole(rows, events, notes, hands)
        return convert(trace, path, form, force, progress) | {"figures": trace.figures()}
    with writing(path, force, format=NAME, notes=notes, thread=hands is not None) as writer:
        for piece in pieces(rows, events):
            writer.write(piece.op, piece.slot, piece.size, thread=hands and hands.of(piece))
            if progress is not None:
                progress(writer.ledger.rows)
    ledger = writer.ledger
    return {
        "form": form, "events": ledger.rows, "bytes": os.path.getsize(path), "untold": {},
        "figures": ledger.figures(notes),
    }  # fmt: skip


def _wrong(row, found, expected):
    return ParamError(f"row {row}: found {found}, expected {expected}")
