"""Damaged traces: each is told with its file, its line, what was found and expected."""

import gzip
import random

import pytest

from rangeland.traces.read import open_trace, read_trace
from rangeland.traces.source import TraceError
from vm.results import ParamError, RangelandError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

GOOD = b"==7== Memcheck\n--7-- malloc(5) = 0x10\n"
REP = b"0\n2\n3\n1\n"


def fails(tmp_path, data, line, found, expected, name="trace"):
    """Assert the error that reading `data` gives."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    error = caught.value
    assert isinstance(error, ParamError)
    assert (error.path, error.line) == (str(path), line)
    assert found in error.found
    assert expected in error.expected
    where = str(path) if line is None else f"{path}:{line}"
    assert str(error) == f"{where}: found {error.found}, expected {error.expected}"
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        (b"--7-- malloc(abc) = 0x10", "malloc(abc)", "malloc(N) = 0xP"),
        (b"--7-- malloc(-5) = 0x10", "malloc(-5)", "malloc(N) = 0xP"),
        (b"--7-- malloc(5) = 0x10zz", "0x10zz", "malloc(N) = 0xP"),
        (b"--7-- malloc(5) = 0xabc", "0xabc", "malloc(N) = 0xP"),
        (b"--7-- malloc(5", "malloc(5", "malloc(N) = 0xP"),
        (b"--7-- mall", "mall", "malloc(N) = 0xP"),
        (b"--7-- mxlloc(5) = 0x20", "mxlloc(5)", "malloc(N) = 0xP"),
        (b"--7-- malloc(5)", "malloc(5)", "the result of the call"),
        (b"--7-- malloc(5) = ", "malloc(5) = ", "malloc(N) = 0xP"),
        (b"--7-- free(10)", "free(10)", "free(0xP)"),
        (b"--7-- free(0x10", "free(0x10", "free(0xP)"),
        (b"--7-- realloc(0x10,5)malloc(5) = 0x20", "realloc(0x10,5)malloc(5)", "malloc(N) = 0xP"),
        (b"--7-- realloc(0x0,5)malloc(6) = 0x20", "malloc(6)", "malloc(N) = 0xP"),
        (b"--7-- realloc(0x10,0)free(0x20)", "free(0x20)", "malloc(N) = 0xP"),
        (b"--7-- calloc(5) = 0x20", "calloc(5)", "malloc(N) = 0xP"),
        (b"--7-- memalign(size 5, al 8) = 0x20", "memalign(size", "malloc(N) = 0xP"),
        (b"-7-- malloc(5) = 0x20", "malloc(5) = 0x20", "after its process"),
        (b"--7- free(0x10)", "free(0x10)", "after its process"),
        (b" = 0x20", " = 0x20", "after its process"),
        (b"--7-- mall\x00\xff(5) = 0x20", "\\x00\\xff", "malloc(N) = 0xP"),
        (b"--7-- malloc(140737488355329) = 0x20", "140737488355329", "0..140737488355328"),
        (b"--7-- calloc(1099511627776,4096) = 0x20", "4503599627370496", "0..140737488355328"),
        (b"--7-- realloc(0x10,281474976710656) = 0x20", "281474976710656", "0..140737488355328"),
    ],
)
def test_a_garbled_call(tmp_path, line, found, expected):
    fails(tmp_path, GOOD + line + b"\n==7== bye\n", 3, found, expected)


@pytest.mark.parametrize("line", [b"==7== bye", b"--7-- free(0x10)", b""])
def test_a_gap_of_zero_bytes(tmp_path, line):
    data = GOOD + bytes(5000) + line + b"\n"
    fails(tmp_path, data, 3, "5000 zero bytes", "several processes that wrote this")
    shown = f"5000 zero bytes and '{line.decode()}'" if line else "5000 zero bytes"
    data = b"= Start\n@ x + 0x10 0x5\n" + bytes(5000) + line + b"\n"
    fails(tmp_path, data, 3, shown, "@ WHERE + 0xP")


def test_a_cut_call_told_after_learning_its_head(tmp_path):
    lines = b"--7-- malloc(5) = 0x20\n" * 3 + b"--7-- malloc(x) = 0x20\n"
    fails(tmp_path, GOOD + lines, 6, "malloc(x)", "malloc(N) = 0xP")


def test_a_log_that_ends_inside_a_call(tmp_path):
    fails(tmp_path, GOOD + b"--7-- malloc(1", 3, "malloc(1", "the file is cut short inside")
    fails(tmp_path, GOOD + b"--7-- malloc(1)", 3, "malloc(1)", "the file is cut short inside")
    fails(tmp_path, GOOD + b"--7-- malloc(1) = 0x", 3, "malloc(1) = 0x", "the file is cut short")


def test_a_log_without_a_call(tmp_path):
    text = b"==7== Memcheck\n==7== Command: ls\n--7-- REDIR: 0x1 (a:b) redirected to c\n"
    fails(tmp_path, text, 3, "3 lines without one event", "--trace-malloc=yes")


def test_a_line_without_end(tmp_path):
    fails(tmp_path, GOOD + b"x" * (2 << 20), 3, "more than 1 MB", "a text file")


@pytest.mark.parametrize(
    ("data", "name", "line", "found", "expected"),
    [
        (b"", "t", None, "an empty file", "a trace"),
        (gzip.compress(b"", mtime=0), "t.gz", None, "an empty file", "a trace"),
        (b"\x7fELF\x02\x00", "t", 1, "binary data that begins '\\x7fELF", "a trace of parquet, memray"),
        (b"hello\nworld\n", "t", 1, "a text that begins 'hello'", "a trace of parquet, memray"),
        (b"h" * 999, "t", 1, "h'...", "a trace of parquet, memray"),
        (GOOD, "t.gz", None, "a file that begins '==7='", "gzip, from its name"),
        (gzip.compress(GOOD, mtime=0)[:20], "t.gz", 1, "the end of the gzip file", "cut short"),
        (gzip.compress(GOOD, mtime=0)[:-8] + b"12345678", "t", 1, "bad gzip data", "gzip"),
        (gzip.compress(GOOD, mtime=0)[:10] + b"\xff" * 20, "t", 1, "bad gzip data", "gzip"),
    ],
)
def test_a_file_that_is_no_trace(tmp_path, data, name, line, found, expected):
    fails(tmp_path, data, line, found, expected, name)


def test_a_gzip_file_cut_after_the_head_names_the_line(tmp_path):
    rng = random.Random(1)
    lines = [b"--7-- malloc(%d) = 0x%X\n" % (i, rng.randrange(1 << 60)) for i in range(20000)]
    data = gzip.compress(GOOD + b"".join(lines))
    path = tmp_path / "cut.gz"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert caught.value.line > 1000
    assert "cut short" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "found", "expected"),
    [
        (REP + b"a 0 5\nf 0\n", 7, "after 2 operations", "3, as the header promises"),
        (REP + b"a 0 5\na 1 6\nf 0\nf 1\n", 8, "'f 1'", "promises 3 operations"),
        (REP + b"a 0 5\nr 0 6\nf 0\n", 8, "after 1 ids", "2, as the header promises"),
        (REP + b"a 0 5\na 2 6\nf 0\n", 6, "'a 2 6'", "an id below 2"),
        (REP + b"a 0 5\nf 0\nf 0\n", 7, "'f 0'", "not yet freed: 0 is"),
        (REP + b"a 0 5\nf 0\na 0 5\n", 7, "'a 0 5'", "not yet freed: 0 is"),
        (REP + b"a 0 5\na 0 6\nf 0\n", 6, "'a 0 6'", "not yet allocated: 0 is"),
        (REP + b"a 0 5\nf 1\nf 0\n", 6, "'f 1'", "is allocated: 1 is not"),
        (REP + b"a 0 -5\n", 5, "'-5'", "a size in 0.."),
        (REP + b"a 0 999999999999999999\n", 5, "'999999999999999999'", "a size in 0.."),
        (REP + b"a 0 " + b"9" * 5000 + b"\n", 5, "'9999", "a size in 0.."),
        (REP + b"a 0\n", 5, "'a 0'", "a ID SIZE"),
        (REP + b"a 0 5\nf 0 5\n", 6, "'f 0 5'", "f ID"),
        (REP + b"a 0 5\nf\n", 6, "'f'", "f ID"),
        (REP + b"a 0 5\nq 0\n", 6, "'q 0'", "a ID SIZE"),
        (REP + b"a x 5\n", 5, "'a x 5'", "a ID SIZE"),
        (REP + b"a 0 5\n\x00\x01\x02\n", 6, "\\x00\\x01", "a ID SIZE"),
    ],
)
def test_a_damaged_rep(tmp_path, text, line, found, expected):
    fails(tmp_path, text, line, found, expected, "t.rep")


@pytest.mark.parametrize(
    ("text", "line", "found", "expected"),
    [
        (b"0\n2\n", 3, "the end of the file", "the number of operations"),
        (b"0\nx\n", 2, "'x'", "the number of ids"),
        (b"0\n2\n3\n1 9\n", 4, "'9'", "the end of the header"),
    ],
)
def test_a_damaged_header_of_a_rep(tmp_path, text, line, found, expected):
    path = tmp_path / "t.rep"
    path.write_bytes(text)
    with pytest.raises(TraceError) as caught:
        read_trace(path, format="rep")
    assert caught.value.line == line
    assert found in caught.value.found
    assert expected in caught.value.expected


@pytest.mark.parametrize("path", [5, 1.5, None, True])
@pytest.mark.parametrize("read", [read_trace, open_trace])
def test_what_is_no_path_is_refused(read, path):
    with pytest.raises(ParamError, match=f"^path is {path}: expected the path of a file$"):
        read(path)


def test_an_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(ParamError, match="valgrnd.*rep, valgrind.*; did you mean valgrind"):
        read_trace(tmp_path / "t", format="valgrnd")
    with pytest.raises(ParamError, match="expected one of parquet, .*, mps-telemetry$"):
        read_trace(tmp_path / "t", format="zzz")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_trace(tmp_path / "nothing")


def test_a_log_with_a_byte_changed_is_read_or_told(tmp_path, rng):
    good = GOOD + b"".join(
        b"--7-- malloc(%d) = 0x%X\n--7-- free(0x%X)\n" % (i, 64 * i, 64 * i) for i in range(1, 40)
    )
    path = tmp_path / "t"
    told = 0
    for _ in range(300):
        at = rng.randrange(len(good))
        path.write_bytes(good[:at] + bytes([rng.randrange(256)]) + good[at + 1 :])
        try:
            read_trace(path)
        except RangelandError as error:
            told += 1
            assert isinstance(error, TraceError)
    assert told > 100


BEYOND = "99999999999999999999"
LOGS = {"ltrace": "malloc(5) = 0x10\n{}\n", "android": "1: malloc 0x10 5\n{}\n"}


@pytest.mark.parametrize(
    "format, line",
    [
        ("ltrace", "free(-1) = <void>"),
        ("ltrace", f"free({BEYOND}) = <void>"),
        ("ltrace", f"realloc({BEYOND}, 8) = 0"),
    ],
)
def test_what_is_no_address_is_that_of_no_live_block(tmp_path, format, line):
    path = tmp_path / "log"
    path.write_text(LOGS[format].format(line))
    figures = read_trace(path, format).figures()
    assert (figures["allocs"], figures["live_end"], figures["failed_realloc"]) == (1, 1, 0)
    assert figures["free_unknown"] + figures["failed"] == 1


@pytest.mark.parametrize(
    "format, line, found",
    [
        ("ltrace", "malloc(5) = -1", "a block at -0x1, expected an address of at most 64 bits"),
        ("ltrace", "realloc(0x10, 8) = -1", "a block at -0x1"),
        ("ltrace", f"realloc({BEYOND}, 8) = {BEYOND}", "a block at 0x56bc75e2d630fffff"),
        ("android", "1: memalign 0x20 1125899906842624 5", "an alignment of 1125899906842624"),
    ],
)
def test_what_no_machine_can_is_told_with_its_line(tmp_path, format, line, found):
    path = tmp_path / "log"
    path.write_text(LOGS[format].format(line))
    with pytest.raises(TraceError, match=f"log:2: found .*({found})"):
        read_trace(path, format)
