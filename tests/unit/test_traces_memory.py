"""Reading takes at most 40 bytes of memory an event, besides its buffers.

Source: design/readers.md#.req.small, design/readers.md#.lim.small
"""

import pickle
import tracemalloc

import pytest
from support.profile import part

from rangeland.traces.read import read_trace

EVENTS = part(200_000, of=2)
BUFFERS = 1 << 19
# A pickle tells a thousand events at once.
BATCH = 1 << 19


def calls(live):
    """(what, number of the block) of EVENTS calls, at most `live` blocks at a time."""
    made = freed = 0
    for _ in range(EVENTS):
        if made - freed < live and made < max(live, EVENTS // 2):
            yield "malloc", made
            made += 1
        else:
            yield "free", freed
            freed += 1


def valgrind(what, block, address):
    if what == "free":
        return f"--7-- free(0x{address:X})\n"
    return f"--7-- malloc({block % 99}) = 0x{address:X}\n"


def mtrace(what, block, address):
    told = f"- 0x{address:x}" if what == "free" else f"+ 0x{address:x} 0x{block % 99:x}"
    return f"@ ./a:[0x1] {told}\n"


def measured(path):
    """(the trace, its figures, the peak of memory of both)"""
    read_trace(path)
    tracemalloc.start()
    try:
        trace = read_trace(path)
        figures = trace.figures()
        return trace, figures, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.once
@pytest.mark.parametrize("live", [2_000, EVENTS // 2, EVENTS])
@pytest.mark.parametrize("line", [valgrind, mtrace])
def test_reading_and_counting_takes_at_most_40_bytes_an_event(tmp_path, line, live):
    path = tmp_path / "log"
    with open(path, "w") as log:
        log.write("==7== Memcheck\n" if line is valgrind else "= Start\n")
        for what, block in calls(live):
            log.write(line(what, block, 64 * (block % live + 1)))
    trace, figures, peak = measured(path)
    assert (len(trace), figures["max_live"]) == (EVENTS, live)
    assert peak <= 40 * EVENTS + BUFFERS


def snapshot(events, live):
    """One of PyTorch's, of so many events, with strings and frames of each event's own."""
    made = freed = 0
    while made + freed < events:
        is_made = made - freed < live
        block = made if is_made else freed
        made, freed = made + is_made, freed + (not is_made)
        for action in ("alloc",) if is_made else ("free_requested", "free_completed"):
            note = str(block % 7)
            frames = [{"name": note, "line": block}]
            yield {"action": action, "addr": 512 * block, "size": 512, "stream": 0, "time_us": block,
                   "user_metadata": note, "frames": frames}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("live", [500, 5_000])
def test_a_snapshot_takes_no_more(tmp_path, live):
    events = list(snapshot(5_000, live))
    (tmp_path / "x.pickle").write_bytes(pickle.dumps({"segments": [], "device_traces": [events]}, 4))
    del events
    trace, _, peak = measured(tmp_path / "x.pickle")
    assert len(trace) == 5_000
    assert peak <= 40 * 5_000 + BUFFERS + BATCH
