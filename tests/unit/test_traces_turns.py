"""Real allocators called by a thread for each thread of the trace, in the recorded order."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support import clibs, recording

from rangeland.traces.contenders import child as child_module
from rangeland.traces.contenders import nursery, real
from rangeland.traces.contenders.names import parse_contender
from rangeland.traces.contenders.nursery import ChildError
from rangeland.traces.contenders.real import KNOWN, Real
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.result import CannotReplay
from rangeland.traces.trace import Columns, Trace
from vm.results import ParamError

PAGE = 4096
NOTED = recording.ALLOCATOR.replace(
    "    va_list list;", '    dprintf(file, "%d ", gettid());\n    va_list list;'
)
needs_cc = pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)")


def usable(name):
    """Real(name) by threads, or the test is skipped where the library is not."""
    contender = Real(name, own=True)
    try:
        contender.try_out()
    except ParamError as missing:
        pytest.skip(str(missing))
    return contender


def random_trace(rng, count, threads=5, most=3000):
    """A trace of several threads, each of which does what it likes with all blocks."""
    columns, live = Columns(), []
    for _ in range(count):
        kind, thread = rng.random(), rng.randrange(threads)
        if not live or kind < 0.5:
            alignment = rng.choice((None, 64))
            live.append(columns.alloc(rng.randrange(1, most), alignment, thread=thread))
        elif kind < 0.8:
            columns.free(live.pop(rng.randrange(len(live))), thread=thread)
        else:
            columns.realloc(rng.choice(live), rng.randrange(1, most), thread=thread)
    return columns.trace({})


def children():
    """How many processes this one has that are not waited for."""
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return [pid for pid in task.read_text().split() if b"contenders.child" in line_of(pid)]


def line_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("name", KNOWN)
def test_a_real_allocator_is_called_by_threads(rng, name):
    contender, trace, done = usable(name), random_trace(rng, 2000), []
    figures = contender.replay(trace, 20, done.append)
    assert figures.name == str(contender) == f"{name}:threads=own"
    assert (figures.operations, figures.failures, figures.threads) == (2000, 0, 5)
    assert figures.peak_live == trace.figures()["peak_bytes"]
    assert figures.peak_live < figures.peak_resident < 2 * figures.peak_live + (8 << 20)
    assert figures.seconds is figures.operations_per_second is None
    assert done == sorted(done) and done[-1] == 2000
    assert children() == []


@needs_cc
def test_each_call_is_made_by_its_thread_and_in_the_recorded_order(rng, tmp_path, monkeypatch):
    library = clibs.built(tmp_path, NOTED)
    monkeypatch.setenv("REPLAY_LOG", str(tmp_path / "log"))
    trace = random_trace(rng, 600)
    figures = Real(str(library), own=True).replay(trace, 50)
    (log,) = tmp_path.glob("log.*")
    calls = [line.split() for line in log.read_text().splitlines()]
    assert len(calls) == figures.operations == 600
    names = {ALLOC: "ma", FREE: "f", REALLOC: "r"}
    threads, addresses = {}, {}
    rows = zip(calls, trace.op.tolist(), trace.id.tolist(), trace.thread.tolist(), strict=True)
    for (thread, call, *numbers), op, id, number in rows:
        assert call in names[op]
        assert threads.setdefault(number, thread) == thread
        if op != ALLOC:
            assert numbers[0] == addresses[id]
        addresses[id] = numbers[-1]
    # None of them is the one that was there first, and no two are one.
    assert len({*threads.values(), log.suffix[1:]}) == 6


@needs_cc
def test_what_the_threads_need_for_themselves_does_not_count(tmp_path):
    library, threads = clibs.built(tmp_path, recording.ALLOCATOR), 100
    trace = Trace([ALLOC] * threads, range(threads), [8] * threads, thread=range(threads))
    figures = Real(str(library), own=True).replay(trace)
    print(figures.peak_resident, figures.baseline)
    assert figures.threads == threads
    assert figures.peak_resident <= 8 * PAGE


def test_a_trace_in_pieces_is_done_alike(rng, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from rangeland.traces import parquet

    monkeypatch.setattr(parquet, "PIECE", 300)
    contender, trace = usable("glibc"), random_trace(rng, 1000)
    parquet.write_parquet(trace, tmp_path / "a.parquet")
    whole, parts = (contender.replay(t, 40) for t in (trace, parquet.Pieces(tmp_path / "a.parquet")))
    for name in ("operations", "failures", "peak_live", "mean_live", "threads", "samples"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert (parts.curve.live == whole.curve.live).all()
    assert abs(parts.peak_resident - whole.peak_resident) < 32 * PAGE


def test_a_piece_may_have_as_many_turns_as_rows():
    rows = child_module.PIECE + 10
    op = np.zeros(rows, np.int8)
    op[1::2] = FREE
    thread = np.arange(rows, dtype=np.int32) % 2
    piece = op, np.zeros(rows, np.int64), np.where(op == FREE, 0, 500), None, thread
    contender = usable("glibc")
    # No more samples than pieces, so that a piece is done at once.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real, "SAMPLES", 1)
        figures = contender.replay_pieces(lambda: iter([piece]), 1, rows, threads=2)
    assert (figures.operations, figures.failures, figures.peak_live) == (rows, 0, 500)


def test_a_trace_that_tells_no_threads_is_done_as_if_by_one(rng):
    trace = random_trace(rng, 300)
    plain = Trace(trace.op, trace.id, trace.size, trace.alignment)
    figures = usable("glibc").replay(plain)
    assert figures.threads == 0 and figures.seconds > 0
    results = [parse_contender("glibc:threads=own").replay(t) for t in (plain, trace)]
    assert [result.more["threads"] for result in results] == [None, 5]
    assert "threads" not in parse_contender("glibc:threads=one").replay(trace).more


def test_too_many_threads_are_refused(monkeypatch):
    trace = Trace([ALLOC], [0], [8], thread=[real.MOST_THREADS])
    with pytest.raises(CannotReplay, match="glibc:threads=own: the trace has 4,097 threads, expected"):
        usable("glibc").replay(trace)
    none = "import _thread\ndef none(*_): raise RuntimeError('no more')\n_thread.start_new_thread = none\n"
    monkeypatch.setattr(nursery, "_START", nursery._START.replace("module.main(", f"{none}module.main("))
    trace = Trace([ALLOC], [0], [8], thread=[1])
    with pytest.raises(CannotReplay, match="glibc:threads=own: 2 threads cannot be started: no more"):
        usable("glibc").replay(trace)
    assert children() == []


@pytest.mark.parametrize("number", [-1, 2])
def test_a_thread_that_is_none_is_refused(number):
    columns = ([ALLOC], np.int8), ([0], np.int64), ([8], np.int64)
    piece = *(np.array(*column) for column in columns), None, np.array([number], np.int32)
    with pytest.raises(ParamError, match=r"the rows from 0 on name a thread beside 0\.\.1"):
        usable("glibc").replay_pieces(lambda: iter([piece]), 1, 1, threads=2)
    assert children() == []


@needs_cc
def test_the_end_of_the_process_is_told(tmp_path):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    for how, told in (("crash", "died of SIGSEGV"), ("exit", "ended with status 3")):
        trace = Trace([ALLOC, ALLOC], [0, 1], [8, recording.ODD[how]], thread=[0, 1])
        with pytest.raises(ChildError, match=re.escape(f"the process that replayed {told} in the ev")):
            Real(str(library), own=True).replay(trace)
    assert children() == []


FAILS = """
from rangeland.traces.contenders.team import Team
def work(first, limit):
    raise ValueError("wrong row")
Team(3).do(work, 2, [1, 2], [2, 0])
"""


def test_a_thread_that_fails_ends_the_process_and_says_why(python):
    result = python("-c", FAILS)
    assert result.returncode == 1 and "ValueError: wrong row" in result.stderr


SLOW = """
import sys
from rangeland.traces.contenders.real import Real
from rangeland.traces.trace import Trace
Real(sys.argv[1], own=True).replay(Trace([0, 0], [0, 1], [8, int(sys.argv[2])], thread=[0, 1]))
"""


@needs_cc
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_an_interrupt_leaves_no_process(tmp_path, environment, sent):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(library), str(recording.ODD["sleep"])],
        env=environment | {"REPLAY_LOG": str(tmp_path / "log")},
        stderr=subprocess.DEVNULL,
    )
    try:
        log = waited(lambda: [p for p in tmp_path.glob("log.*") if "sleeps" in p.read_text()])[0]
        child = Path("/proc", log.suffix.removeprefix("."))
        assert len(list((child / "task").iterdir())) == 3
        process.send_signal(sent)
        assert process.wait(20) != 0
        waited(lambda: not child.exists())
    finally:
        process.kill()
        process.wait()


def waited(look, seconds=300):
    """What `look` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    pytest.fail(f"not within {seconds} seconds")
