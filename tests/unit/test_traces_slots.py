"""Traces in pieces: what is checked, and the accounts, judged naively."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.slots import Ledger, Naming, Numbering, Piece, Slots
from rangeland.traces.trace import MOST_SIZE, Columns


class Wrong(Exception):
    """What the slots under test raise: (row, found, expected)."""


ROWS = st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 100))


def piece(rows, alignment=None):
    """The Piece of `rows`, each (op, slot, size)."""
    columns = list(zip(*rows)) or [(), (), ()]
    types = (np.int8, np.int64, np.int64)
    return Piece(*(np.array(c, t) for c, t in zip(columns, types)), alignment)


def first_wrong(rows):
    """The first row that is of a dead slot, or allocates a live one; None if none does."""
    live = set()
    for row, (op, slot, _) in enumerate(rows):
        if (slot in live) == (op == ALLOC):
            return row
        (live.discard if op == FREE else live.add)(slot)
    return None


@given(st.lists(ROWS, max_size=30), st.integers(1, 30))
def test_the_first_row_that_cannot_be_is_found_however_the_pieces_are_cut(rows, step):
    rows = [(op, slot, 0 if op == FREE else size) for op, slot, size in rows]
    slots, found = Slots(Wrong), None
    try:
        for at in range(0, len(rows), step):
            slots.advance(piece(rows[at : at + step]))
    except Wrong as wrong:
        found = wrong.args[0]
    assert found == first_wrong(rows)


@st.composite
def traces(draw):
    columns, live = Columns(), []
    for choice, size in draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=60)):
        if not live or choice < 5:
            live.append(columns.alloc(size))
        elif choice < 8:
            columns.free(live.pop(choice % len(live)))
        else:
            columns.realloc(live[choice % len(live)], size)
    return columns.trace({})


@given(traces(), st.integers(1, 60))
def test_slots_are_as_many_as_the_most_live_blocks_and_lead_back_to_the_blocks(trace, step):
    naming, numbering, ledger = Naming(trace.blocks), Numbering(), Ledger(Wrong)
    blocks = []
    for at in range(0, len(trace), step):
        rows = slice(at, at + step)
        slot = naming.slots_of(trace.op[rows], trace.id[rows])
        blocks += numbering.blocks_of(ledger.advance(Piece(trace.op[rows], slot, trace.size[rows]))).tolist()
    assert blocks == trace.id.tolist()
    figures = trace.figures()
    assert ledger.figures() == figures
    assert naming.slots == ledger.used == figures["max_live"]
    live = np.cumsum(trace.deltas())
    assert ledger.peak_row == (int(np.argmax(live)) if live.max(initial=0) > 0 else -1)


@pytest.mark.parametrize(
    ("rows", "alignment", "found", "expected"),
    [
        ([(3, 0, 0)], None, "op 3", "0, 1 or 2"),
        ([(-1, 0, 0)], None, "op -1", "0, 1 or 2"),
        ([(ALLOC, -1, 0)], None, "slot -1", "one of the 9 slots from 0"),
        ([(ALLOC, 9, 0)], None, "slot 9", "one of the 9 slots from 0"),
        ([(ALLOC, 0, -1)], None, "size -1", f"one in 0..{MOST_SIZE}"),
        ([(ALLOC, 0, MOST_SIZE + 1)], None, f"size {MOST_SIZE + 1}", f"one in 0..{MOST_SIZE}"),
        ([(FREE, 0, 7)], None, "a free of size 7", "size 0"),
        ([(ALLOC, 0, 1)], [3], "alignment 3", "0 or a power of two up to 140737488355328"),
        ([(ALLOC, 0, 1)], [-8], "alignment -8", "0 or a power of two up to 140737488355328"),
        ([(ALLOC, 0, 1)], [1 << 48], f"alignment {1 << 48}", "0 or a power of two up to 140737488355328"),
        ([(FREE, 3, 0)], None, "a free of slot 3, which holds no block", "one that does"),
        ([(REALLOC, 3, 1)], None, "a realloc of slot 3, which holds no block", "one that does"),
        ([(ALLOC, 8, 1)], None, "an alloc of slot 8, which holds a block", "a slot that holds none"),
    ],
)
def test_each_wrong_row_is_told_and_changes_nothing(rows, alignment, found, expected):
    slots = Ledger(Wrong, 9)
    slots.advance(piece([(ALLOC, 8, 5)]))
    before = slots.figures()
    column = None if alignment is None else np.array(alignment, np.int64)
    with pytest.raises(Wrong) as wrong:
        slots.advance(piece(rows, column))
    assert wrong.value.args == (1, found, expected)
    assert (slots.rows, slots.used, slots.figures()) == (1, 9, before)
