"""Reading recorded traces: every figure is that of the recording tool."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from support.recordings import VIEWED

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.read import FORMATS, bundled, read_trace
from rangeland.traces.source import TraceError
from rangeland.traces.trace import Trace

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "traces"
SHARED = ROOT.parent / "shared" / "traces"

EXPECTED = json.loads((HERE / "expected.json").read_text())
BUNDLED = "sqlite3.rep.gz"


def shared_expected():
    """The figures of all recorded traces of our formats, where they are at hand."""
    path = SHARED / "expected.json"
    if not path.exists():
        return {}
    known = json.loads(path.read_text())
    return {n: f | VIEWED.get(n, {}) for n, f in known.items() if f["format"] in FORMATS}


def agrees(trace, expected):
    """Assert that the trace has all figures of `expected`, and the tool's summary."""
    figures = trace.figures()
    wanted = {k: v for k, v in expected.items() if k != "format"}
    assert {k: figures[k] for k in wanted} == wanted
    assert trace.format == expected["format"]
    assert trace.nbytes <= 40 * len(trace)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_figures_of_a_committed_trace(name):
    path = bundled() if name == BUNDLED else HERE / name
    agrees(read_trace(path), EXPECTED[name])


@pytest.mark.parametrize("name", shared_expected() or [None])
def test_the_figures_of_a_shared_trace(name):
    if name is None:
        pytest.skip("the shared traces are not here")
    agrees(read_trace(SHARED / name), shared_expected()[name])


def test_a_summary_that_does_not_agree_is_told(tmp_path):
    log = tmp_path / "sort.log"
    text = gzip.decompress((HERE / "vg_memcheck_sort.log.gz").read_bytes())
    log.write_bytes(text.replace(b"usage: 223 allocs", b"usage: 1,223 allocs"))
    figures = read_trace(log).figures()
    assert figures["tool_summary"] == [352, 16, 1223, 207, 883339]
    assert figures["tool_summary_agrees"] is False


def test_plain_and_packed_are_the_same(tmp_path):
    packed = HERE / "vg_memcheck_sort.log.gz"
    plain = tmp_path / "sort.log"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    one, two = read_trace(packed), read_trace(plain)
    assert one.figures() == two.figures()
    for column in ("op", "id", "size"):
        assert np.array_equal(getattr(one, column), getattr(two, column))


def test_lines_across_blocks_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("rangeland.traces.source.BLOCK", 37)
    monkeypatch.setattr("rangeland.traces.source.HEAD", 50)
    agrees(read_trace(HERE / "vg_memcheck_edge.log.gz"), EXPECTED["vg_memcheck_edge.log.gz"])


def log(tmp_path, *lines, end="\n"):
    """The trace of a log of these lines."""
    path = tmp_path / "valgrind.log"
    path.write_text("\n".join(("==7== Memcheck, a memory error detector", *lines)) + end)
    return read_trace(path)


def rows(trace):
    """The trace's rows as (op, id, size)."""
    return list(zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist(), strict=True))


def test_an_address_used_again_is_a_new_block(tmp_path):
    trace = log(tmp_path, *["--7-- malloc(5) = 0x10", "--7-- free(0x10)"] * 2)
    assert rows(trace) == [(ALLOC, 0, 5), (FREE, 0, 0), (ALLOC, 1, 5), (FREE, 1, 0)]


def test_the_sorts_of_calls(tmp_path):
    trace = log(
        tmp_path,
        "--7-- calloc(7,33) = 0x10",
        "--7-- realloc(0x0,70)malloc(70) = 0x20",
        "--7-- realloc(0x20,80) = 0x30",
        "--7-- memalign(al 64, size 1000) = 0x40",
        "--7-- _ZnwmSt11align_val_t(size 192, al 32) = 0x50",
        "--7-- _ZnamRKSt9nothrow_t(9) = 0x60",
        "--7-- __builtin_vec_new(3) = 0x70",
        "--7-- malloc_usable_size(0x10) = 231",
        "--7-- realloc(0x30,0)free(0x30)",
        "--7--  = 0",
        "--7-- _ZdlPvmSt11align_val_t(0x50)",
        "--7-- cfree(0x10)",
        "--7-- realloc(0x99,6) = 0xA0",
        "--7-- free(0x999)",
    )
    assert rows(trace) == [
        (ALLOC, 0, 231),
        (ALLOC, 1, 70),
        (REALLOC, 1, 80),
        (ALLOC, 2, 1000),
        (ALLOC, 3, 192),
        (ALLOC, 4, 9),
        (ALLOC, 5, 3),
        (FREE, 1, 0),
        (FREE, 3, 0),
        (FREE, 0, 0),
        (ALLOC, 6, 6),
    ]
    assert trace.alignment.tolist() == [0, 0, 0, 64, 32, 0, 0, 0, 0, 0, 0]
    figures = trace.figures()
    assert figures["realloc_unknown"] == figures["free_unknown"] == 1
    assert (figures["allocs"], figures["frees"], figures["events"]) == (6, 3, 12)


def test_calls_that_fail_leave_no_row(tmp_path):
    huge = 1 << 60
    trace = log(
        tmp_path,
        "--7-- malloc(64) = 0x10",
        f"--7-- realloc(0x10,{huge}) = 0x0",
        f"--7-- malloc({huge}) = 0x0",
        f"--7-- calloc({huge},64)malloc({huge}) = 0x0",
        f"--7-- calloc({huge},64)",
        "--7-- free(0x10)",
    )
    assert rows(trace) == [(ALLOC, 0, 64), (FREE, 0, 0)]
    figures = trace.figures()
    assert (figures["failed"], figures["failed_realloc"], figures["events"]) == (5, 1, 7)


def test_calls_whose_result_is_never_told(tmp_path):
    trace = log(
        tmp_path,
        "--7-- malloc(64) = 0x10",
        "--7-- posix_memalign(al 64, size 100)",
        "--7-- aligned_alloc(al 64, size 128)malloc(6) = 0x20",
        "--7-- malloc_usable_size(0x0)mallinfo()",
        "--7-- malloc_trim(0)--8-- free(0x0)",
        "--7-- aligned_alloc(al 8, size 9)malloc(7)--8-- free(0x0)",
        " = 0x30",
    )
    assert rows(trace) == [(ALLOC, 0, 64), (ALLOC, 1, 6), (ALLOC, 2, 7)]
    assert trace.notes["unparsed"] == 6
    assert trace.figures()["events"] == 5


def test_lines_cut_by_other_processes_are_joined(tmp_path):
    trace = log(
        tmp_path,
        "--1-- realloc(0x0,16)--2-- malloc(47) = 0x10",
        "malloc(16)--2-- malloc(72) = 0x20",
        " = 0x10",
        "--1-- calloc(4,2)==3== Memcheck, a memory error detector",
        " = 0x30",
        "--1-- realloc(0x30,0)--2-- free(0x10)",
        "free(0x30)",
        "--1--  = 0",
    )
    assert rows(trace) == [
        (ALLOC, 0, 47),
        (ALLOC, 1, 72),
        (ALLOC, 2, 16),
        (ALLOC, 3, 8),
        (FREE, 0, 0),
        (FREE, 3, 0),
    ]
    assert trace.notes["cut_lines_joined"] == 3
    assert trace.notes["open_at_end"] == 0


def test_parts_of_others_may_stand_behind_the_beginning_of_a_call(tmp_path):
    trace = log(
        tmp_path,
        "--1-- realloc(0x0,1600)--2-- realloc(0x0,16)--3-- free(0x0)",
        "--4-- malloc(5)malloc(1600) = 0x10",
        "malloc(16) = 0x20",
        " = 0x30",
        "--1-- realloc(0x0,8)malloc(8)--2-- realloc(0x0,9) = 0x40",
        "malloc(9) = 0x40",
        "--1-- realloc(0x0,6)--2-- realloc(0x0,7)malloc(6)malloc(7) = 0x50",
        " = 0x60",
    )
    sizes = list(zip(trace.size.tolist(), trace.address.tolist(), strict=True))
    assert sizes == [
        (1600, 0x10), (16, 0x20), (5, 0x30), (8, 0x40), (9, 0x40), (7, 0x50), (6, 0x60),
    ]
    assert trace.thread.tolist() == [0, 1, 3, 0, 1, 1, 0]
    assert (trace.notes["cut_lines_joined"], trace.notes["open_at_end"]) == (7, 0)


def test_a_thread_may_cut_a_line_of_its_own_process(tmp_path):
    trace = log(tmp_path, "--1-- malloc(5)--1-- malloc(6) = 0x10", " = 0x20", "--1-- free(0x20)")
    assert rows(trace) == [(ALLOC, 0, 6), (ALLOC, 1, 5), (FREE, 1, 0)]


def test_threads_that_cut_calls_go_on_in_turn(tmp_path):
    trace = log(
        tmp_path,
        "--1-- malloc(9) = 0x90",
        "--1-- _Znwm(52)_Znwm(24) = 0x10",
        "--1-- realloc(0x90,7)_ZdlPvm(0x10)",
        "--1-- calloc(3,4)malloc_usable_size(0x90)free(0x0)",
        "--1-- malloc(5) = 0x10",
        "--1--  = 0x20",
        "--1-- free(0x20)",
        "--1--  = 0x30",
        "--1--  = 0x40",
        "--1--  = 24",
    )
    assert rows(trace) == [
        (ALLOC, 0, 9), (ALLOC, 1, 24), (FREE, 1, 0), (ALLOC, 2, 5), (ALLOC, 3, 52), (FREE, 3, 0),
        (REALLOC, 0, 7), (ALLOC, 4, 12),
    ]
    assert trace.address.tolist() == [0x90, 0x10, 0, 0x10, 0x20, 0, 0x30, 0x40]
    assert (trace.notes["cut_lines_joined"], trace.notes["open_at_end"]) == (4, 0)


def test_a_realloc_cut_before_its_inner_call_waits_for_that(tmp_path):
    trace = log(
        tmp_path,
        "--1-- free(0x0)",
        "--1-- malloc(8) = 0x80",
        "--1-- realloc(0x0,16)free(0x0)",
        "--1-- malloc(8) = 0x10",
        "--1-- malloc(16)malloc(3) = 0x20",
        "--1-- realloc(0x80,0)free(0x0)",
        "--1--  = 0x30",
        "--1-- free(0x80)",
        "--1--  = 0",
        "--1-- realloc(0x0,32)calloc(1,1) = 0x40",
        "--1-- malloc(32) = 0x50",
    )
    assert rows(trace) == [
        (ALLOC, 0, 8), (ALLOC, 1, 8), (ALLOC, 2, 3), (ALLOC, 3, 16), (FREE, 0, 0),
        (ALLOC, 4, 1), (ALLOC, 5, 32),
    ]
    assert (trace.notes["cut_lines_joined"], trace.notes["open_at_end"]) == (3, 0)


def test_a_result_of_no_bytes_may_be_that_of_another_call(tmp_path):
    lines = "--2-- realloc(0x10,385)--1-- realloc(0x20,0) = 0x30", "free(0x20)"
    trace = log(tmp_path, "--1-- malloc(8) = 0x20", "--2-- malloc(9) = 0x10", *lines)
    assert rows(trace) == [(ALLOC, 0, 8), (ALLOC, 1, 9), (REALLOC, 1, 385), (FREE, 0, 0)]
    assert trace.thread.tolist() == [0, 1, 1, 0]


def test_a_thread_that_never_goes_on_is_counted_or_refused(tmp_path):
    lines = "--1-- _Znwm(5)free(0x0)", "--1-- malloc(6) = 0x10"
    assert log(tmp_path, *lines).notes["open_at_end"] == 1
    trace = log(tmp_path, *lines, "==1== Command: ls", "--1-- _Znwm(7)free(0x0)", "--1--  = 0x10")
    assert (trace.notes["open_at_end"], trace.notes["exec_dropped"]) == (1, 1)
    assert trace.size.tolist() == [6, 0, 7]
    with pytest.raises(TraceError, match=r":2: found '_Znwm\(5\)', expected the result"):
        read_trace(tmp_path / "valgrind.log", strict=True)


def test_a_call_without_a_result_at_the_end_is_counted(tmp_path):
    trace = log(tmp_path, "--1-- malloc(5)--2-- malloc(6) = 0x10")
    assert rows(trace) == [(ALLOC, 0, 6)]
    assert trace.notes["open_at_end"] == 1


def test_processes_have_address_spaces_of_their_own_and_exec_empties_one(tmp_path):
    trace = log(
        tmp_path,
        "==1== Command: make",
        "--1-- malloc(5) = 0x10",
        "--2-- malloc(6) = 0x10",
        "--2-- free(0x20)",
        "==2== Command: mkdir",
        "--1-- free(0x10)",
    )
    assert rows(trace) == [(ALLOC, 0, 5), (ALLOC, 1, 6), (FREE, 1, 0), (FREE, 0, 0)]
    figures = trace.figures()
    names = ("exec_dropped", "free_unknown", "frees", "processes", "live_end")
    assert [figures[n] for n in names] == [1, 1, 1, 2, 0]


def test_a_block_over_a_live_one_drops_it(tmp_path):
    trace = log(
        tmp_path,
        "--1-- malloc(5) = 0x10",
        "--1-- malloc(6) = 0x10",
        "--1-- malloc(7) = 0x20",
        "--1-- realloc(0x20,8) = 0x10",
    )
    ops = [(ALLOC, 0, 5), (FREE, 0, 0), (ALLOC, 1, 6), (ALLOC, 2, 7), (FREE, 1, 0), (REALLOC, 2, 8)]
    assert rows(trace) == ops
    figures = trace.figures()
    assert (figures["alloc_over_live"], figures["frees"], figures["live_end_bytes"]) == (2, 0, 8)


def test_remarks_and_program_output_are_skipped_and_counted(tmp_path):
    trace = log(
        tmp_path,
        "--1-- REDIR: 0x40 (libc.so.6:malloc) redirected to 0x50 (malloc)",
        "--1-- Reading syms from /lib/ld.so",
        "malloc(100) failed, says the program",
        "hello--1-- malloc(5) = 0x10",
    )
    assert rows(trace) == [(ALLOC, 0, 5)]
    assert trace.notes["unparsed"] == 4
    text = "'malloc(100) failed, says the program'"
    assert trace.notes["first_unparsed"] == {"line": 4, "text": text}


def test_what_valgrind_tells_of_itself_is_no_example_of_remarks(tmp_path):
    usual = "--1-- ", "--1-- Valgrind options:", "--1--    -v", "--1-- REDIR: 0x40 (a:b)", ""
    trace = log(tmp_path, *usual, "--1-- malloc(5) = 0x10")
    assert trace.notes["unparsed"] == 4 and "first_unparsed" not in trace.notes
    trace = log(tmp_path, *usual, "--1-- malloc(5) = 0x10", "--1-- run: out of luck")
    assert trace.notes["first_unparsed"] == {"line": 8, "text": "'run: out of luck'"}


def test_times_are_taken_off(tmp_path):
    time = "00:00:00:01.806 "
    lines = "==7== Memcheck", "--7-- malloc(5)--8-- free(0x0)", " = 0x10", "--7-- free(0x10)"
    text = "\n".join(lines).replace("--7", f"--{time}7").replace("--8", f"--{time}8") + "\n"
    path = tmp_path / "valgrind.log"
    path.write_text(text.replace("==7", f"=={time}7"))
    assert rows(read_trace(path)) == [(ALLOC, 0, 5), (FREE, 0, 0)]


def test_line_ends_of_other_systems(tmp_path):
    path = tmp_path / "valgrind.log"
    path.write_bytes(b"==1== Memcheck\r\n--1-- malloc(5) = 0x10\r\n--1-- free(0x10)\r\n")
    assert len(read_trace(path)) == 2


def test_a_last_line_without_end_is_read_if_whole(tmp_path):
    assert len(log(tmp_path, "--1-- malloc(5) = 0x10", "--1-- free(0x10)", end="")) == 2


def test_rep_of_loose_form(tmp_path):
    path = tmp_path / "loose.rep"
    path.write_text("0\n2\n6\n1\n\na 0 12\nr 1 8\nf -1\nr 1 16\nf 0\nf 1\n")
    trace = read_trace(path)
    assert rows(trace) == [
        (ALLOC, 0, 12),
        (ALLOC, 1, 8),
        (REALLOC, 1, 16),
        (FREE, 0, 0),
        (FREE, 1, 0),
    ]
    assert trace.notes["free_null"] == 1
    assert trace.figures()["events"] == 6


def test_rep_without_operations(tmp_path):
    path = tmp_path / "none.rep"
    path.write_text("0 0 0 1\n")
    trace = read_trace(path)
    assert len(trace) == 0
    assert (trace.figures()["peak_bytes"], trace.figures()["events"], trace.largest) == (0, 0, 0)


def test_the_names_of_the_ids_do_not_matter(tmp_path):
    path = tmp_path / "turned.rep"
    path.write_text("0\n2\n3\n1\na 1 10\na 0 20\nf 1\n")
    assert rows(read_trace(path)) == [(ALLOC, 0, 10), (ALLOC, 1, 20), (FREE, 0, 0)]
    assert isinstance(read_trace(path, format="rep"), Trace)
