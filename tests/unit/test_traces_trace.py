"""The columns of a trace: their figures, judged naively, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.trace import MOST_SIZE, Columns, Trace
from vm.results import ParamError

SIZES = st.integers(0, 100) | st.integers(0, MOST_SIZE)


@st.composite
def runs(draw):
    """The columns of a run, and what a naive reading of it counts."""
    columns, live = Columns(), {}
    naive = {"peak_bytes": 0, "max_live": 0, "total_bytes": 0, "reallocs": 0}
    deltas = []
    for choice, size in draw(st.lists(st.tuples(st.integers(0, 9), SIZES), max_size=60)):
        before = sum(live.values())
        block = sorted(live)[choice % len(live)] if live else None
        if block is None or choice < 4:
            live[columns.alloc(size)] = size
        elif choice < 7:
            columns.free(block)
            del live[block]
            size = 0
        else:
            columns.realloc(block, size)
            live[block] = size
            naive["reallocs"] += 1
        deltas.append(sum(live.values()) - before)
        naive["total_bytes"] += size
        naive["peak_bytes"] = max(naive["peak_bytes"], sum(live.values()))
        naive["max_live"] = max(naive["max_live"], len(live))
    naive |= {"live_end": len(live), "live_end_bytes": sum(live.values()), "events": len(deltas)}
    return columns, naive, deltas


@given(runs())
def test_the_figures_are_those_of_a_naive_reading(run):
    columns, naive, deltas = run
    trace = columns.trace({})
    figures = trace.figures()
    assert {name: figures[name] for name in naive} == naive
    assert trace.deltas().tolist() == deltas
    assert trace.nbytes == 17 * len(trace)


@pytest.mark.parametrize(
    ("op", "id", "size", "message"),
    [
        ([ALLOC], [0, 1], [5], "column id has 2 rows: expected 1"),
        ([ALLOC], [0], [5, 6], "column size has 2 rows: expected 1"),
        ([3], [0], [5], "event 0 of the trace is of no known op"),
        ([ALLOC, -1], [0, 0], [5, 5], "event 1 of the trace is of no known op"),
        ([ALLOC, FREE], [0, 1], [5, 0], "event 1 of the trace is of a block that is never"),
        ([ALLOC, FREE], [0, -1], [5, 0], "event 1 of the trace is of a block that is never"),
        ([ALLOC], [0], [-1], "event 0 of the trace has a size beside 0..140737488355328"),
        ([ALLOC], [0], [MOST_SIZE + 1], "event 0 of the trace has a size beside"),
        ([ALLOC, FREE], [0, 0], [5, 5], "event 1 of the trace is a free with a size"),
        ([ALLOC, ALLOC], [1, 0], [5, 5], "event 0 of the trace allocates a block out of its turn"),
        ([ALLOC, ALLOC], [0, 0], [5, 5], "event 1 of the trace allocates a block out of its turn"),
        ([ALLOC, REALLOC, ALLOC], [0, 1, 1], [5, 5, 5], "event 1 .* not yet allocated"),
        ([ALLOC, FREE, FREE], [0, 0, 0], [5, 0, 0], "event 2 .* already free"),
        ([ALLOC, FREE, REALLOC], [0, 0, 0], [5, 0, 7], "event 2 .* already free"),
    ],
)
def test_columns_that_are_no_run_are_refused(op, id, size, message):
    with pytest.raises(ParamError, match=message):
        Trace(op, id, size)


def test_the_alignment_is_a_column_too():
    with pytest.raises(ParamError, match="column alignment has 2 rows: expected 1"):
        Trace([ALLOC], [0], [5], alignment=[8, 8])
    trace = Trace([ALLOC], [0], [5], alignment=[8])
    assert (trace.nbytes, trace.alignment.dtype) == (25, np.int64)


def test_sums_beyond_64_bits_do_not_wrap():
    count = 1 << 17
    trace = Trace(np.zeros(count, np.int8), np.arange(count), np.full(count, MOST_SIZE - 1))
    assert trace.figures()["total_bytes"] == count * (MOST_SIZE - 1) > 1 << 63
