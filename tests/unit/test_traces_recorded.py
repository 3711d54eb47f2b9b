"""What the addresses of a trace tell, beside a naive look at every page."""

import re
from pathlib import Path

import numpy as np
import pytest

from rangeland.traces.contenders.recorded import Recorded
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.read import read_trace
from rangeland.traces.trace import Columns, Trace
from rangeland.traces.result import CannotReplay
from vm.results import ParamError

HERE = Path(__file__).resolve().parents[1] / "traces"


def random_trace(rng, count, most=9000):
    """A trace of blocks that lie anywhere free in [4096, 400 KB), some of unknown address."""
    columns, live = Columns(addressed=True), {}

    def place(size):
        while True:
            at = rng.randrange(4096, 400_000)
            if all(at + max(size, 1) <= b or b + max(s, 1) <= at for b, s in live.values()):
                return at

    for _ in range(count):
        size = rng.choice((0, 1, rng.randrange(100), rng.randrange(most)))
        kind = rng.random()
        if not live or kind < 0.5:
            at = place(size)
            block = columns.alloc(size, address=None if at % 11 == 0 else at)
            live[block] = (at, size) if at % 11 else (0, 0)
        elif kind < 0.8:
            block = rng.choice(list(live))
            columns.free(block)
            del live[block]
        else:
            block = rng.choice(list(live))
            if live[block][0]:
                del live[block]
                live[block] = place(size), size
                columns.realloc(block, size, address=live[block][0])
    return columns.trace({})


def naive(trace, page):
    """(pages with a live byte after each event, all pages that ever had one): by sets."""
    live, counts, ever = {}, [], set()
    rows = zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist(), trace.address.tolist(),
               strict=True)  # fmt: skip
    for op, id, size, address in rows:
        live.pop(id, None)
        if op != FREE and address:
            live[id] = {at // page for at in range(address, address + size)}
        pages = set().union(*live.values())
        ever |= pages
        counts.append(len(pages))
    return counts, ever


@pytest.mark.parametrize("page", [4096, 64, 1])
def test_the_pages_are_those_that_a_naive_look_finds(rng, page):
    trace, done = random_trace(rng, 120), []
    counts, ever = naive(trace, page)
    figures = Recorded(page).replay(trace, len(trace), done.append)
    assert figures.curve.resident.tolist() == [page * count for count in counts]
    assert figures.peak_resident == page * max(counts)
    assert figures.mean_resident == page * sum(counts) // len(counts)
    live = np.cumsum(trace.deltas())
    assert figures.mean_live == int(live.mean())
    at = counts.index(max(counts)), live.tolist().index(live.max())
    assert figures.live_at_peak_resident == live[at[0]]
    assert figures.resident_at_peak_live == page * counts[at[1]]
    assert figures.end_resident == page * counts[-1]
    assert figures.touched == page * len(ever)
    assert figures.operations == len(trace) and done == [len(trace)]
    assert figures.peak_live == trace.figures()["peak_bytes"]
    assert figures.page == page
    made = [
        (int(address), int(size))
        for op, size, address in zip(trace.op, trace.size, trace.address, strict=True)
        if op != FREE and size
    ]
    placed = [(address, size) for address, size in made if address]
    assert figures.unaddressed == len(made) - len(placed)
    assert figures.lowest == min(address for address, _ in placed)
    assert figures.highest == max(address + size for address, size in placed)
    assert figures.span == figures.highest - figures.lowest
    assert figures.seconds > 0


def test_a_page_is_resident_as_long_as_one_of_its_blocks():
    trace = Trace(
        [ALLOC, ALLOC, FREE, REALLOC, FREE],
        [0, 1, 0, 1, 1],
        [10, 10, 0, 9000, 0],
        address=[8192, 8300, 0, 20000, 0],
    )
    figures = Recorded().replay(trace, 5)
    assert figures.curve.resident.tolist() == [4096, 4096, 4096, 4 * 4096, 0]
    assert figures.curve.live.tolist() == [10, 20, 10, 9000, 0]
    assert figures.touched == 5 * 4096
    assert (figures.lowest, figures.highest, figures.span) == (8192, 29000, 20808)


REAL = {
    "mt_sed.mtrace.gz": ("the program's own", 57279, 73728),
    "lt_jq.ltrace.gz": ("the program's own", 707829, 798720),
    "htraw_edge.raw.zst": ("the program's own", 972744, 978944),
    "vg_memcheck_cmake.log.gz": ("valgrind's", 267202, 536576),
}


@pytest.mark.parametrize("name", REAL)
def test_a_real_trace_lies_in_more_pages_than_it_has_bytes(name):
    figures = Recorded().replay(read_trace(HERE / name), 100)
    assert (figures.allocator, figures.peak_live, figures.peak_resident) == REAL[name]
    assert figures.unaddressed == 0
    assert figures.peak_live < figures.peak_resident <= figures.touched <= figures.span + 8192
    assert (figures.curve.live <= figures.curve.resident).all()


def test_a_trace_without_addresses_is_refused():
    with pytest.raises(CannotReplay, match="^the trace has no addresses: expected one that tells"):
        Recorded().replay(Trace([ALLOC], [0], [8]))
    with pytest.raises(CannotReplay, match="^the trace of the form rep has no addresses"):
        Recorded().replay(Trace([ALLOC], [0], [8], format="rep"))


def test_a_trace_of_several_processes_is_refused():
    trace = Trace([ALLOC], [0], [8], notes={"processes": 3}, address=[8])
    with pytest.raises(CannotReplay, match="the trace is of 3 processes, each with addresses of its"):
        Recorded().replay(trace)
    assert Recorded().replay(Trace([ALLOC], [0], [8], notes={"processes": 1}, address=[8])).touched


def test_a_trace_without_events_or_without_bytes_lies_nowhere():
    for trace in (Trace([], [], [], address=[]), Trace([ALLOC], [0], [0], address=[64]),
                  Trace([ALLOC], [0], [9], address=[0])):  # fmt: skip
        figures = Recorded().replay(trace, 5)
        assert (figures.peak_resident, figures.touched, figures.span) == (0, 0, 0)
        assert figures.unaddressed == (figures.peak_live > 0)


def test_the_highest_addresses_are_no_trouble():
    top = (1 << 63) - 8192
    figures = Recorded().replay(Trace([ALLOC, FREE], [0, 0], [8000, 0], address=[top, 0]), 2)
    assert figures.curve.resident.tolist() == [8192, 0]
    assert figures.highest == top + 8000


@pytest.mark.parametrize("page", [0, 100, "4K"])
def test_a_wrong_page_is_refused(page):
    with pytest.raises(ParamError, match=re.escape(f"page is {page!r}: expected")):
        Recorded(page)


def test_the_contender_tells_its_name_and_works_everywhere():
    assert (str(Recorded()), str(Recorded(65536))) == ("recorded", "recorded:page=65536")
    assert Recorded().try_out() is None
