"""Real allocators: the calls they get, the memory they take, and how their process ends."""

import mmap
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
from rangeland.traces.contenders.curve import Curve
from rangeland.traces.contenders.nursery import Child, ChildError
from rangeland.traces.contenders.real import KNOWN, Real, RealFailure
from rangeland.traces.contenders.recorded import Recorded
from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.read import read_trace
from rangeland.traces.result import CannotReplay
from rangeland.traces.trace import Columns, Trace
from vm.results import ParamError

HERE = Path(__file__).resolve().parents[1] / "traces"
PAGE = 4096
MIB = 1 << 20
needs_cc = pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)")


def usable(name):
    """Real(name), or the test is skipped where the library is not."""
    contender = Real(name)
    try:
        contender.try_out()
    except ParamError as missing:
        pytest.skip(str(missing))
    return contender


def random_trace(rng, count, most=20000):
    """A trace of `count` events: blocks of no bytes, aligned ones, resized ones."""
    columns, live = Columns(), []
    for _ in range(count):
        size = rng.choice((0, rng.randrange(100), rng.randrange(most)))
        kind = rng.random()
        if not live or kind < 0.5:
            live.append(columns.alloc(size, rng.choice((None, None, 1, 24, 64, 4096))))
        elif kind < 0.8:
            columns.free(live.pop(rng.randrange(len(live))))
        else:
            columns.realloc(rng.choice(live), size)
    return columns.trace({})


def children():
    """The processes that replay for this one, and have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(parent) == os.getpid() and b"rangeland.traces.contenders.child" in line:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("name", KNOWN)
def test_a_real_allocator_does_the_trace_and_its_memory_is_told(rng, name):
    contender, trace, done = usable(name), random_trace(rng, 3000), []
    figures = contender.replay(trace, 20, done.append)
    assert figures.name == str(contender) == name
    assert (figures.operations, figures.failures, figures.first_failure) == (3000, 0, None)
    assert figures.peak_live == trace.figures()["peak_bytes"]
    live = np.cumsum(trace.deltas())
    assert figures.mean_live == live[14::15].sum() // 200
    # It holds what is live, give or take what it held before; not much more.
    assert figures.peak_live < figures.peak_resident < 2 * figures.peak_live + 2 * MIB
    assert figures.peak_resident >= figures.end_resident > 0
    assert figures.peak_resident >= figures.mean_resident > 0
    assert MIB < figures.baseline < 64 * MIB
    assert 0 <= figures.peak_page_tables < MIB
    assert figures.samples == 200
    assert figures.seconds > 0
    assert figures.operations_per_second == pytest.approx(3000 / figures.seconds)
    assert figures.curve.event.tolist() == list(range(150, 3001, 150))
    assert figures.curve.live.max() == figures.peak_live
    assert figures.curve.resident.max() == figures.peak_resident
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", figures.version)
    assert ("libc" if name == "glibc" else name) in figures.library
    assert done == sorted(done) and done[-1] == 3000
    assert children() == []


@pytest.mark.parametrize("name", KNOWN)
def test_a_peak_between_two_samples_is_seen(name):
    contender = usable(name)
    columns = Columns()
    for row in range(2000):
        columns.alloc(100)
        if row == 1234:
            columns.free(columns.alloc(64 * MIB))
    figures = contender.replay(columns.trace({}), 10)
    if not figures.high_water:
        pytest.skip("the high-water mark cannot be reset here")
    assert figures.peak_live > 64 * MIB
    # Between samples it is known but for what the kernel's counters hold back.
    assert 64 * MIB - real.SLACK < figures.peak_resident < 67 * MIB
    assert np.argmax(figures.curve.resident) == np.argmax(figures.curve.live) == 6


def test_what_was_at_the_peaks_is_of_the_intervals_of_the_peaks():
    columns = Columns()
    columns.free(columns.alloc(8 * MIB))
    columns.alloc(5 * MIB)
    figures = usable("glibc").replay(columns.trace({}))
    assert (figures.peak_live, figures.live_at_peak_resident) == (8 * MIB, 8 * MIB)
    assert figures.resident_at_peak_live == figures.peak_resident >= 8 * MIB
    # Of equal ones the first counts.
    assert real._at_peak(np.array([1, 3, 3]), np.array([5, 6, 7])) == 6
    empty = usable("glibc").replay(Trace([], [], []))
    assert (empty.live_at_peak_resident, empty.resident_at_peak_live) == (0, 0)


def test_untouched_pages_do_not_count_and_touched_ones_do():
    columns = Columns()
    blocks = [columns.alloc(MIB) for _ in range(50)]
    grown = columns.alloc(10)
    columns.realloc(grown, 8 * MIB)
    for block in blocks:
        columns.free(block)
    figures = usable("glibc").replay(columns.trace({}), 103)
    resident = figures.curve.resident
    for done in range(1, 51):
        assert 0 <= resident[done - 1] - done * MIB < MIB
    assert 58 * MIB <= figures.peak_resident < 59 * MIB
    assert figures.end_resident < 10 * MIB


@needs_cc
def test_the_library_gets_exactly_the_calls_of_the_trace(rng, tmp_path, monkeypatch):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    monkeypatch.setenv("REPLAY_LOG", str(tmp_path / "log"))
    trace = random_trace(rng, 500)
    figures = Real(str(library)).replay(trace, 500)
    logs = [path.read_text() for path in sorted(tmp_path.glob("log.*"))]
    # The two runs are alike but for where the memory lies.
    assert len(logs) == 2 and logs[0].count("\n") == logs[1].count("\n") == 500
    for log in logs:
        expect_calls(trace, log.splitlines())
    assert figures.library == str(library) and figures.version == ""
    expect_resident(figures, trace, logs)


def expect_calls(trace, lines):
    """Go through the trace and the calls side by side."""
    addresses = {}
    for row, line in enumerate(lines):
        op, id, size = int(trace.op[row]), int(trace.id[row]), max(int(trace.size[row]), 1)
        alignment = int(trace.alignment[row])
        call, *numbers = line.split()
        numbers = [int(number) for number in numbers]
        if op == FREE:
            assert (call, numbers) == ("f", [addresses.pop(id)])
        elif op != ALLOC:
            assert (call, numbers[:2]) == ("r", [addresses[id], size])
        elif alignment:
            power = {1: 8, 24: 32}.get(alignment, alignment)
            assert (call, numbers[:2]) == ("a", [power, size])
        else:
            assert (call, numbers[:1]) == ("m", [size])
        if op != FREE:
            addresses[id] = numbers[-1]


def expect_resident(figures, trace, logs):
    """Each page of each block was touched: those are the pages that are resident."""
    bounds = []
    for log in logs:
        pages = set()
        for line in log.splitlines():
            call, *numbers = line.split()
            if call != "f":
                size, address = int(numbers[-2]), int(numbers[-1])
                pages |= set(range((address - 8) // PAGE, (address + size - 1) // PAGE + 1))
        bounds.append(PAGE * len(pages))
    # The library has some pages of its own.
    assert min(bounds) <= figures.peak_resident <= max(bounds) + 8 * PAGE
    assert figures.end_resident == figures.peak_resident


@needs_cc
def test_a_call_that_gives_null_is_counted_and_the_run_goes_on(tmp_path):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    columns = Columns()
    columns.alloc(50)
    none = columns.alloc(recording.ODD["none"])
    kept = columns.alloc(70)
    columns.realloc(kept, recording.ODD["none"])
    columns.free(none)
    columns.alloc(recording.ODD["none"], 64)
    columns.free(kept)
    late = columns.alloc(recording.ODD["none"])
    columns.realloc(late, 90)
    figures = Real(str(library)).replay(columns.trace({}), 9)
    assert figures.failures == 4
    assert figures.first_failure == RealFailure(1, recording.ODD["none"])
    assert figures.curve.live.tolist() == [50, 50, 120, 120, 120, 120, 120, 50, 140]
    assert figures.peak_live == 140


def test_an_absurd_size_is_a_failure_of_every_real_allocator():
    columns = Columns()
    columns.alloc(1 << 47)
    figures = usable("glibc").replay(columns.trace({}))
    assert figures.failures == 1 and figures.first_failure == RealFailure(0, 1 << 47)
    assert figures.peak_live == 0 and figures.end_resident < MIB


DEATHS = {
    "crash": "the process that replayed died of SIGSEGV in the events [0, 2)",
    "exit": "the process that replayed ended with status 3 in the events [0, 2): leaving",
    "abort": "the process that replayed died of SIGKILL, perhaps for want of memory in the",
}


@needs_cc
@pytest.mark.parametrize("how", DEATHS)
def test_the_end_of_the_process_is_told_with_its_cause(tmp_path, how):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    trace = Trace([ALLOC, ALLOC], [0, 1], [8, recording.ODD[how]])
    with pytest.raises(ChildError, match=re.escape(f"{library}: {DEATHS[how]}")):
        Real(str(library)).replay(trace)
    assert children() == []


def test_a_request_to_a_process_that_has_ended_is_told_so():
    with Child("glibc", "", 4) as child:
        os.kill(child.process.pid, signal.SIGTERM)
        child.process.wait()
        with pytest.raises(ChildError, match="glibc: the process that replayed died of SIGTERM$"):
            child.ask()
    assert nursery._signal(99) == "signal 99"


SLOW = """
import sys
from rangeland.traces.contenders.real import Real
from rangeland.traces.trace import Trace
Real(sys.argv[1]).replay(Trace([0], [0], [int(sys.argv[2])]))
"""


@needs_cc
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_an_interrupt_leaves_no_process_and_no_file(tmp_path, environment, sent):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    folder = tmp_path / "left"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(library), str(recording.ODD["sleep"])],
        env=environment | {"TMPDIR": str(folder), "REPLAY_LOG": str(tmp_path / "log")},
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        # It writes that when it is in the middle of the run.
        log = waited(lambda: [p for p in tmp_path.glob("log.*") if p.stat().st_size])[0]
        child = log.suffix.removeprefix(".")
        assert Path(f"/proc/{child}").exists()
        process.send_signal(sent)
        assert process.wait(20) != 0
        waited(lambda: not Path(f"/proc/{child}").exists())
    finally:
        process.kill()
        process.wait()
    assert list(folder.iterdir()) == []


def waited(look, seconds=300):
    """What `look` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    pytest.fail(f"not within {seconds} seconds")


def test_a_trace_in_pieces_gives_the_same_figures(rng):
    trace, contender = random_trace(rng, 1000), usable("glibc")
    whole = contender.replay(trace, 40)
    ends = (0, 300, 300, 301, 1000)
    parts = contender.replay_pieces(lambda: cut(trace, ends), trace.blocks, 1000, 40)
    for name in ("operations", "failures", "peak_live", "samples"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert (parts.curve.live == whole.curve.live).all()
    assert abs(parts.peak_resident - whole.peak_resident) < 16 * PAGE


def cut(trace, ends):
    """The trace in pieces, one of them without a column of alignments."""
    for first, limit in zip(ends, ends[1:], strict=False):
        rows = slice(first, limit)
        asked = trace.alignment[rows]
        yield trace.op[rows], trace.id[rows], trace.size[rows], asked if asked.any() else None


def test_a_number_of_a_block_may_be_used_again(monkeypatch):
    # One slot, and more rows than the buffer takes at a time.
    rows = child_module.PIECE + 10
    op = np.zeros(rows, np.int8)
    op[1::2] = FREE
    size = np.where(op == FREE, 0, 5000)
    piece = op, np.zeros(rows, np.int64), size, None
    figures = usable("glibc").replay_pieces(lambda: iter([piece]), 1, rows)
    assert (figures.operations, figures.failures, figures.peak_live) == (rows, 0, 5000)
    assert figures.peak_resident < MIB
    assert len(figures.curve.event) == 0


WRONG = {
    "too few": (([0], [0], [8]), 2, "the pieces have 1 rows or more: expected 2"),
    "too many": (([0, 0], [0, 1], [8, 8]), 1, "the pieces have 2 rows or more: expected 1"),
    "block": (([0, 0], [0, 2], [8, 8]), 2, "the rows from 0 on name a block beside 0..1"),
    "below": (([0], [-1], [8]), 1, "the rows from 0 on name a block beside 0..1"),
    "size": (([0], [0], [-8]), 1, "the rows from 0 on have a size below 0"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_pieces_that_do_not_fit_are_refused(wrong):
    columns, count, told = WRONG[wrong]
    piece = tuple(np.array(c, t) for c, t in zip(columns, (np.int8, np.int64, np.int64), strict=True))
    with pytest.raises(ParamError, match=re.escape(told)):
        usable("glibc").replay_pieces(lambda: iter([(*piece, None)]), 2, count)
    assert children() == []


def test_a_trace_without_events_takes_nothing():
    figures = usable("glibc").replay(Trace([], [], []), 5)
    assert (figures.operations, figures.peak_live, figures.peak_resident) == (0, 0, 0)
    assert (figures.samples, figures.operations_per_second) == (0, 0.0)
    assert len(figures.curve.event) == 0


def test_an_unknown_allocator_is_refused():
    with pytest.raises(ParamError, match="unknown allocator 'hoard': expected glibc, jemalloc, "):
        Real("hoard")


def test_a_library_that_is_not_there_is_told_with_what_has_it(monkeypatch):
    missing = real._Known(("libnone.so.2", "libnone.so"), "libnone2")
    monkeypatch.setitem(KNOWN, "jemalloc", missing)
    told = "jemalloc: looked for libnone.so.2, libnone.so: it does not load: libnone.so.2: cannot"
    for work in (Real("jemalloc").try_out, lambda: Real("jemalloc").replay(Trace([], [], []))):
        with pytest.raises(ParamError, match=re.escape(told)) as error:
            work()
        assert str(error.value).endswith("; the Debian package libnone2 has it")


def test_the_first_library_that_is_there_is_taken(monkeypatch):
    known = KNOWN["jemalloc"]
    usable("jemalloc")
    monkeypatch.setitem(
        KNOWN, "jemalloc", real._Known(("libnone.so", *known.libraries), known.package)
    )
    assert Real("jemalloc")._library() == known.libraries[0]


@needs_cc
def test_a_library_without_the_functions_is_refused(tmp_path):
    for name, source, told in (
        ("none", "int x;", "it has no malloc"),
    ):
        library = clibs.built(tmp_path, source, name=name)
        with pytest.raises(ParamError, match=f"{library}: looked for {library}: {told}"):
            Real(str(library)).try_out()


@needs_cc
def test_a_call_that_a_library_lacks_hinders_only_a_trace_that_needs_it(tmp_path):
    bump = """
        static char area[1 << 20]; static unsigned long top;
        void *malloc(unsigned long n) { top += (n + 15) & ~15ul; return area + top - ((n + 15) & ~15ul); }
    """
    free = "void free(void *at) { }"
    bare, more = (
        Real(str(clibs.built(tmp_path, source, name=name)))
        for name, source in (("bare", bump), ("more", bump + free))
    )
    bare.try_out()
    events = {"made": [], "freed": [], "resized": [], "aligned": []}
    for name in events:
        columns = Columns()
        block = columns.alloc(100, 64 if name == "aligned" else None)
        if name == "freed":
            columns.free(block)
        elif name == "resized":
            columns.realloc(block, 200)
        events[name] = columns.trace({})
    assert bare.replay(events["made"]).peak_live == 100
    assert more.replay(events["freed"]).failures == 0
    for contender, name, lacks in (
        (bare, "freed", "free"),
        (more, "resized", "realloc"),
        (more, "aligned", "posix_memalign"),
    ):
        with pytest.raises(CannotReplay, match=f"has no {lacks} of its own"):
            contender.replay(events[name])


def test_what_is_no_library_is_refused(tmp_path):
    with pytest.raises(ParamError, match="/none.so: found no such file, expected a library"):
        Real(str(tmp_path / "none.so")).try_out()
    text = tmp_path / "text.so"
    text.write_text(100 * "no library ")
    with pytest.raises(ParamError, match="it does not load: .*invalid ELF header"):
        Real(str(text)).try_out()


PATCHED = """
import ctypes, os, sys
from rangeland.traces.contenders import allocator, child
{}
child.main(-1, 0, -1, -1, 1, os.getppid(), "")
"""


@pytest.mark.parametrize(
    "patch, told",
    [
        ("", r"/.*libc.*\t\d+\.\d+\t\n"),
        (
            "child.os.open = lambda *_: open('/none')",
            r"\t\twhat is resident cannot be seen: \[Errno 2\] .*'/none'\n",
        ),
        (
            "allocator.hasattr = lambda *_: False",
            r"\t\tthe C library of this python is another one\n",
        ),
    ],
)
def test_the_process_says_first_whether_it_works(python, patch, told):
    result = python("-c", PATCHED.format(patch))
    assert re.fullmatch(told, result.stdout), (result.stdout, result.stderr)


def test_why_the_c_library_does_not_work_is_told(monkeypatch):
    monkeypatch.setattr(nursery, "_START", "import os, sys\n"
                        "os.write(int(sys.argv[1].split(',')[4]), b'\\t\\tit is broken\\n')")
    with pytest.raises(ParamError, match="^glibc: it is broken$"):
        Real("glibc").try_out()


def test_the_program_itself_took_what_glibc_takes():
    """Its addresses were recorded: the pages are the same but for a few."""
    for name in ("mt_sed.mtrace.gz", "lt_jq.ltrace.gz"):
        trace = read_trace(HERE / name)
        recorded, replayed = Recorded().replay(trace), usable("glibc").replay(trace)
        print(name, recorded.peak_resident, replayed.peak_resident, replayed.version)
        assert recorded.peak_resident - 4 * PAGE <= replayed.peak_resident
        assert replayed.peak_resident < 1.05 * recorded.peak_resident + 8 * PAGE


def test_memory_is_told_as_it_is_touched():
    memory = child_module.Memory()
    area = mmap.mmap(-1, 32 * MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    before = memory.sample()
    for page in range(0, 32 * MIB, PAGE):
        area[page] = 1
    after = memory.sample()
    assert 32 * MIB <= after[0] - before[0] < 33 * MIB
    assert after[2] - before[2] < MIB
    if after[1] >= 0:
        assert abs(after[1] - after[0]) < MIB
        area.close()
        assert memory.sample()[1] > before[0] + 31 * MIB
        assert memory.sample()[1] < before[0] + 2 * MIB


def test_without_a_high_water_mark_the_samples_count(monkeypatch):
    memory = child_module.Memory()
    os.close(memory.reset) if memory.reset >= 0 else None
    memory.reset = os.open(os.devnull, os.O_RDONLY)
    assert memory.sample()[1] == -1 and memory.reset == -1
    assert memory.sample()[1] == -1
    answers = [nursery.Answer(0, 0, -1, 0, 0, 0, at, high, 0) for at, high in
               ((100, -1), (300, -1), (200, -1), (200, 10 * MIB), (250, 260))]  # fmt: skip
    assert real._peaks(answers[0], answers[1:]).tolist() == [200, 200, 10 * MIB - 100, 150]


def test_a_merged_curve_keeps_the_peaks():
    ends, column = np.array([2, 4, 6, 9]), np.array([5, 3, 7, 1])
    merged = real._merged(ends, column, -column, 2)
    assert isinstance(merged, Curve)
    assert merged.event.tolist() == [4, 9]
    assert merged.live.tolist() == [5, 7] and merged.resident.tolist() == [-3, -1]
    assert len(real._merged(ends, column, column, 0).event) == 0
    assert real._merged(ends, column, column, 99).live.tolist() == column.tolist()


def test_the_process_runs_at_the_speed_that_is_told(speed):
    files = [nursery._file(name) for name in nursery._MODULES]
    assert [file for file in files if file.endswith("caller.py")] == (
        [nursery._file("rangeland.traces.contenders.caller")] if speed == "interpreted" else []
    )


def test_a_preloaded_library_of_ours_is_not_that_of_the_child(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "libjemalloc.so.2")
    assert "libc" in Path(usable("glibc").replay(Trace([], [], [])).library).name
