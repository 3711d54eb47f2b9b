"""Reading takes at most 40 bytes of memory an event (design/readers.md#.req.small)."""

import tracemalloc

from rangeland.traces.read import read_trace

BLOCKS = 120_000
LIVE = 2_000


def test_reading_and_counting_a_log_takes_at_most_40_bytes_an_event(tmp_path):
    path = tmp_path / "valgrind.log"
    with open(path, "wb") as log:
        log.write(b"==7== Memcheck\n")
        for block in range(BLOCKS):
            log.write(b"--7-- malloc(%d) = 0x%X\n" % (block % 99, 64 * (block % LIVE + 1)))
            if block >= LIVE - 1:
                log.write(b"--7-- free(0x%X)\n" % (64 * ((block + 1) % LIVE + 1)))
    read_trace(path, "valgrind")
    tracemalloc.start()
    try:
        trace = read_trace(path)
        trace.figures()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(trace) > 1.9 * BLOCKS
    assert peak <= 40 * len(trace)
