"""Damaged and hostile files of the other formats: what is told, what is counted."""

import gzip
import itertools
import os
import time

import pytest
import zstandard

from rangeland.traces.read import read_trace
from rangeland.traces.source import TraceError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

GOOD = {
    "valgrind": b"--7-- malloc(5) = 0x10\n",
    "mtrace": b"= Start\n@ x + 0x10 0x5\n",
    "heaptrack": b"v 10400 3\na 5 1\n+ 0\n",
    "heaptrack-raw": b"v 10400 3\nt 5 0\n+ 5 1 10\n",
    "ltrace": b"malloc(5) = 0x10\n",
    "android": b"1: malloc 0x10 5\n",
    "mps-telemetry": b"00000001 0029 PoolAlloc pool:01 pReturn:10 size:05\n",
    "rmm-csv": b"Thread,Time,Action,Pointer,Size,Stream\n1,0,allocate,0x10,5,0\n",
    "minimalloc-csv": b"id,lower,upper,size\na,0,9,5\n",
    "rep": b"0\n1\n1\n1\na 0 5\n",
}
# What a recording of each format must not be followed by.
DAMAGED = [
    ("mtrace", b"@ x + 0x10", "a WHERE + 0xP"[2:]),
    ("mtrace", b"@ x + 0xZZ 0x5", "@ WHERE + 0xP"),
    ("mtrace", b"@ x - 0x10 0x5", "@ WHERE + 0xP"),
    ("mtrace", b"@ x * 0x10 0x5", "@ WHERE + 0xP"),
    ("mtrace", b"= St", "@ WHERE + 0xP"),
    ("mtrace", b"@ x + 0x11112222333344445 0x5", "@ WHERE + 0xP"),
    ("mtrace", b"@ x + 0x20 0xffffffffffffffff", "one in 0..140737488355328"),
    ("mtrace", b"\0\0\0\0", "@ WHERE + 0xP"),
    ("heaptrack", b"+ 5", "one of the 1 infos so far"),
    ("heaptrack", b"- 5", "one of the 1 infos so far"),
    ("heaptrack", b"+ zz", "+ INFO or - INFO, in hexadecimal"),
    ("heaptrack", b"+ 0 1 10", "+ INFO or - INFO, in hexadecimal"),
    ("heaptrack", b"+0", "a letter and what belongs to it"),
    ("heaptrack", b"a 5", "a SIZE TRACE, in hexadecimal"),
    ("heaptrack", b"a ffffffffffff 1", "one in 0..140737488355328"),
    ("heaptrack", b"c x", "c MILLISECONDS, in hexadecimal"),
    ("heaptrack", b"q\0\1", "a letter and what belongs to it"),
    ("heaptrack-raw", b"+ 5 1", "+ SIZE TRACE ADDRESS, in hexadecimal"),
    ("heaptrack-raw", b"+ -5 1 20", "+ SIZE TRACE ADDRESS, in hexadecimal"),
    ("heaptrack-raw", b"- ", "- ADDRESS, in hexadecimal"),
    ("heaptrack-raw", b"- 11112222333344445", "- ADDRESS, in hexadecimal"),
    ("heaptrack-raw", b"+ ffffffffffff 1 20", "one in 0..140737488355328"),
    ("ltrace", b"malloc(6", "malloc@libc.so.6(N) = 0xP"),
    ("ltrace", b"malloc(6) = ", "malloc@libc.so.6(N) = 0xP"),
    ("ltrace", b"malloc(six) = 0x20", "arguments and a result that are numbers"),
    ("ltrace", b"malloc(6) = 0x11112222333344445", "arguments and a result that are numbers"),
    ("ltrace", b"malloc(6) = 0x20 0x30", "malloc@libc.so.6(N) = 0xP"),
    ("ltrace", b"malloc(" + b"6" * 5000 + b") = 0x20", "malloc@libc.so.6(N) = 0xP"),
    ("ltrace", b"<... malloc resumed> ", "malloc@libc.so.6(N) = 0xP"),
    ("ltrace", b"realloc(0x10) = 0x20", "a call with 2 arguments"),
    ("ltrace", b"x\0y", "malloc@libc.so.6(N) = 0xP"),
    ("android", b"1: malloc 0x20", "TID: malloc 0xP N"),
    ("android", b"1: malloc 0x20 5 1000", "TID: malloc 0xP N"),
    ("android", b"1: malloc 20 5", "TID: malloc 0xP N"),
    ("android", b"1: thread_done", "TID: malloc 0xP N"),
    ("android", b"1: melloc 0x20 5", "TID: malloc 0xP N"),
    ("android", b"1: malloc 0x20 -5", "TID: malloc 0xP N"),
    ("android", b"1: calloc 0x20 4294967296 4294967296", "one in 0..140737488355328"),
    ("mps-telemetry", b"00000001 0029 PoolAlloc pool:01 size:05", "the parameters of PoolAlloc"),
    ("mps-telemetry", b"00000001 0029 PoolAlloc pReturn:20 si", "the parameters of PoolAlloc"),
    ("mps-telemetry", b"00000001 0029 PoolAlloc pReturn:20 size:FFFFFFFFFFFF", "one in 0.."),
    ("mps-telemetry", b"0000\0", "as mpseventtxt prints it"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:20 size:5 size:6", "each once"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:20 pReturn:30 size:5", "each once"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:20 size:" + b"F" * 17, "parameters of Pool"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:20 size:" + b"F" * 5000, "parameters of"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:" + b"F" * 40 + b" size:5", "parameters of"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:20 size:-5", "parameters of PoolAlloc"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc pReturn:20 size:5g", "parameters of PoolAlloc"),
    ("mps-telemetry", b"00000002 0029 PoolAlloc", "parameters of PoolAlloc"),
    ("mps-telemetry", b"00000002 0029 PoolAlIoc pReturn:20 size:5", "'PoolAlloc', as before"),
    ("mps-telemetry", b"00000002 0029 PoolFree old:10 size:5", "'PoolAlloc', as before"),
    ("mps-telemetry", b"12 ArenaAlloc base=0x20 size=007", "parameters of ArenaAlloc"),
    ("mps-telemetry", b"12 ArenaAlloc base=0x20 size=08000", "parameters of ArenaAlloc"),
    ("mps-telemetry", b"12 ArenaAlloc base=0x20 size=" + b"9" * 5000, "parameters of ArenaAlloc"),
    ("mps-telemetry", b"12 ArenaAlloc base=0x20 size=" + b"9" * 20, "one in 0.."),
    ("mps-telemetry", b"12 ArenaAlloc base=0x" + b"f" * 17 + b" size=5", "parameters of Arena"),
    ("mps-telemetry", b"12 ArenaAlloc base=99999999999999999999 size=5", "at most 64 bits"),
    ("mps-telemetry", b"12 ArenaFree base=0x20 base=0x30 size=5", "each once"),
    ("mps-telemetry", b"12 ArenaAlloc base=0x20 size=0x", "parameters of ArenaAlloc"),
    ("rmm-csv", b"1,0,allocate,0x20,5", "Thread,Time,Action"),
    ("rmm-csv", b"1,0,allocate,0x20,-5,0", "Thread,Time,Action"),
    ("rmm-csv", b"1,0,allocate,zz,5,0", "Thread,Time,Action"),
    ("rmm-csv", b"1,0,alloc,0x20,5,0", "allocate, free, deallocate or allocate failure"),
    ("rmm-csv", b"1,0,allocate,0x20,999999999999999,0", "one in 0..140737488355328"),
    ("minimalloc-csv", b"b,0,9", "4 values, as the header has columns"),
    ("minimalloc-csv", b"b,0,9,5,6", "4 values, as the header has columns"),
    ("minimalloc-csv", b"b,0,9,-5", "a whole number in 0..140737488355328"),
    ("minimalloc-csv", b"b,0,9,1.5", "a whole number in 0..140737488355328"),
    ("minimalloc-csv", b"b,0,9," + b"9" * 5000, "a whole number in 0..140737488355328"),
    ("minimalloc-csv", b"b,0,99999999999999999999,5", "a whole number in -4611686018427387904.."),
    ("minimalloc-csv", b"b,9,0,5", "one that ends after its beginning"),
    ("minimalloc-csv", b'"b,0,9,5', "a line of CSV"),
]
# Headers that name a column twice: the lines, and what is told.
TWICE = [
    (b"id,lower,upper,size,size\na,0,9,5,5\n", "each once"),
    (b"id,lower,upper,end,size\na,0,9,8,5\n", "each once"),
    (b"id,buffer,lower,upper,size\na,a,0,9,5\n", "each once"),
    (b"id,start,lower,upper,size\na,0,0,9,5\n", "each once"),
    (b"id,id,lower,upper,size\na,a,0,9,5\n", "each once"),
    (b"id,lower,upper,size,offset,offset\na,0,9,5,0,64\n", "a column offset once, not 2 times"),
    (b"id,lower,upper,size,alignment,alignment\na,0,9,5,8,16\n", "a column alignment once"),
    (b"hint,hint,hint,id,lower,upper,size\n0,0,0,a,0,9,5\n", "a column hint once, not 3 times"),
    (b"id,gaps,lower,upper,gaps,size\na,,0,9,,5\n", "a column gaps once"),
    (b"id,lower,upper,size, offset,offset \na,0,9,5,0,64\n", "a column offset once"),
    (b"Thread,Time,Action,Pointer,Size,Stream,Size\n1,0,allocate,0x10,5,0,6\n", "Thread,Time,Act"),
    (b"Thread,Time,Action,Pointer,Size,Stream,Stream\n1,0,free,0x10,5,0,0\n", "Thread,Time,Act"),
    (b"Thread,Time,Action,Pointer,Size,Size\n1,0,allocate,0x10,5,5\n", "a trace of parquet"),
]
# What is counted, and with `strict` refused: the format, the lines, the count's name.
COUNTED = [
    ("valgrind", b"--7-- free(0x20)", "free_unknown"),
    ("valgrind", b"--7-- free(0x10)\n--7-- free(0x10)", "free_unknown"),
    ("valgrind", b"--7-- realloc(0x20,5) = 0x30", "realloc_unknown"),
    ("valgrind", b"--7-- malloc(6) = 0x10", "alloc_over_live"),
    ("valgrind", b"the program says", "unparsed"),
    ("mtrace", b"@ x - 0x20", "free_unknown"),
    ("mtrace", b"@ x + 0x10 0x6", "alloc_over_live"),
    ("mtrace", b"@ x < 0x20\n@ x > 0x30 0x5", "realloc_unknown"),
    ("mtrace", b"@ x > 0x30 0x5", "unparsed"),
    ("mtrace", b"@ x < 0x10\n@ x < 0x10\n@ x > 0x30 0x5", "unparsed"),
    ("mtrace", b"@ x < 0x10", "unparsed"),
    ("mtrace", b"hello", "unparsed"),
    ("heaptrack", b"- 0\n- 0", "free_unknown"),
    ("heaptrack", b"Q 5", "unparsed"),
    ("heaptrack-raw", b"- 20", "free_unknown"),
    ("heaptrack-raw", b"+ 6 1 10", "alloc_over_live"),
    ("heaptrack-raw", b"hello", "unparsed"),
    ("ltrace", b"free(0x20) = <void>", "free_unknown"),
    ("ltrace", b"malloc(6) = 0x10", "alloc_over_live"),
    ("ltrace", b"<... malloc resumed> ) = 0x20", "unparsed"),
    ("ltrace", b"hello", "unparsed"),
    ("ltrace", b"x" * 5000, "unparsed"),
    ("ltrace", b"posix_memalign(0x7f, 8, 8) = 0", "unparsed"),
    ("ltrace", b"malloc(-6) = 0x20", "unparsed"),
    ("ltrace", b"realloc(0x10, -6) = 0x20", "unparsed"),
    ("ltrace", b"memalign(99999999999999999999, 5) = 0x20", "unparsed"),
    ("android", b"2: free 0x20", "free_unknown"),
    ("android", b"hello", "unparsed"),
    ("mps-telemetry", b"00000002 002C PoolFree pool:01 old:20 size:05", "free_unknown"),
    ("mps-telemetry", b"hello", "unparsed"),
    ("rmm-csv", b"1,0,free,0x20,5,0", "free_unknown"),
    ("minimalloc-csv", b"b,5,5,5", "never_live"),
]


@pytest.mark.parametrize(("data", "expected"), TWICE)
def test_a_column_named_twice_is_told(tmp_path, data, expected):
    error = refusal(path_of(tmp_path, data))
    assert error.line == 1 and expected in error.expected


def path_of(tmp_path, data):
    path = tmp_path / "trace"
    path.write_bytes(data)
    return path


def refusal(path, **options):
    """The TraceError that reading the file gives."""
    with pytest.raises(TraceError) as caught:
        read_trace(path, **options)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("format", "line", "expected"), DAMAGED)
def test_a_damaged_line_is_told(tmp_path, format, line, expected):
    path = path_of(tmp_path, GOOD[format] + line + b"\n")
    error = refusal(path)
    assert error.line == GOOD[format].count(b"\n") + 1
    assert expected in error.expected
    path.write_bytes(GOOD[format])
    assert read_trace(path).format == format


@pytest.mark.parametrize(("format", "lines", "count"), COUNTED)
def test_what_cannot_be_is_counted_or_refused(tmp_path, format, lines, count):
    path = path_of(tmp_path, GOOD[format] + lines + b"\n")
    trace = read_trace(path)
    assert trace.format == format and trace.notes[count] == 1
    error = refusal(path, strict=True)
    assert error.line >= GOOD[format].count(b"\n") + 1 or "end of the file" in error.found
    path.write_bytes(GOOD[format])
    assert len(read_trace(path, strict=True)) >= 1


@pytest.mark.parametrize(
    ("format", "lines"),
    [
        ("valgrind", b"--7-- malloc(9) = 0x%X\n"),
        ("mtrace", b"@ x + 0x%x 0x9\n"),
        ("heaptrack-raw", b"+ 9 1 %x\n"),
        ("ltrace", b"malloc(9) = 0x%x\n"),
        ("android", b"1: malloc 0x%x 9\n"),
        ("mps-telemetry", b"00000001 0029 PoolAlloc pool:01 pReturn:%X size:9\n"),
        ("rmm-csv", b"1,0,allocate,0x%x,9,0\n"),
    ],
)
def test_overlapping_blocks_are_refused_if_strict(tmp_path, format, lines):
    # The block there is 0x10..0x15.
    first = GOOD[format].count(b"\n") + 1
    for address in (0x8, 0xF, 0x11, 0x14):
        path = path_of(tmp_path, GOOD[format] + lines % address)
        assert len(read_trace(path)) == 2
        error = refusal(path, strict=True)
        assert (error.line, error.found) == (first, f"a block of 9 bytes at {address:#x}")
        assert error.expected == "one that does not overlap that of 5 bytes at 0x10"
    for address in (0x7, 0x15):
        path = path_of(tmp_path, GOOD[format] + lines % address)
        assert len(read_trace(path, strict=True)) == 2


def test_what_is_gone_is_not_overlapped(tmp_path):
    lines = (
        b"malloc(90) = 0x10\nfree(0x10) = <void>\nmalloc(8) = 0x20\nrealloc(0x20, 50) = 0x100\n"
        b"malloc(8) = 0x24\n1 realloc(0x100, 8 <unfinished ...>\n2 malloc(9) = 0x104\n"
        b"1 <... realloc resumed> ) = 0x200\n--- Called exec() ---\n"
    )
    assert len(read_trace(path_of(tmp_path, lines), strict=True)) == 7
    text = (
        b"--7-- malloc(8) = 0x10\n==7== Command: ls\n"
        b"--7-- malloc(8) = 0x14\n--8-- malloc(8) = 0x10\n"
    )
    assert len(read_trace(path_of(tmp_path, text), strict=True)) == 4


@pytest.mark.parametrize(("format", "other"), list(itertools.permutations(GOOD, 2)))
def test_a_file_named_as_another_format_is_refused(tmp_path, format, other):
    error = refusal(path_of(tmp_path, GOOD[other] * 3), format=format)
    assert error.found and error.expected


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("mtrace", b"= Start\n= End\n"),
        ("heaptrack", b"v 10400 3\na 5 1\n"),
        ("heaptrack-raw", b"v 10400 3\nx 3 abc\n"),
        ("ltrace", b"+++ exited (status 0) +++\n"),
        ("android", b"1: thread_done 0x0\n"),
        ("mps-telemetry", b"00000001 002D PoolInit pool:01\n"),
        ("rmm-csv", b"Thread,Time,Action,Pointer,Size,Stream\n"),
        ("minimalloc-csv", b"id,lower,upper,size\n"),
    ],
)
def test_a_trace_without_events_is_told(tmp_path, format, text):
    error = refusal(path_of(tmp_path, text), format=format)
    assert "without one event" in error.found


@pytest.mark.parametrize(
    "header", [b"id,lower,size", b"id,lower,upper,end,size", b"id,id,lower,upper,size"]
)
def test_a_header_that_is_none_of_minimallocs(tmp_path, header):
    error = refusal(path_of(tmp_path, header + b"\na,1,2,3\n"), format="minimalloc-csv")
    assert error.line == 1 and "each once" in error.expected


def test_a_file_of_blank_lines_has_no_header(tmp_path):
    error = refusal(path_of(tmp_path, b"\n\n"), format="minimalloc-csv")
    assert "no line of column names" in error.found


@pytest.mark.parametrize("format", GOOD)
def test_a_file_mostly_of_other_lines_is_refused(tmp_path, format):
    path = path_of(tmp_path, GOOD[format] + b"hello you\n" * 50)
    if format in ("valgrind", "ltrace"):
        assert read_trace(path, format).notes["unparsed"] == 50
    else:
        assert refusal(path, format=format).line is not None


@pytest.mark.parametrize("format", GOOD)
def test_every_beginning_of_a_file_is_read_or_told(tmp_path, format):
    data = GOOD[format] * (1 if format in ("rep", "minimalloc-csv") else 2)
    path = tmp_path / "t"
    for end in range(len(data)):
        path.write_bytes(data[:end])
        try:
            read_trace(path, format)
        except TraceError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("format", GOOD)
def test_changed_bytes_are_read_or_told(tmp_path, format, rng):
    path = tmp_path / "t"
    data = GOOD[format] * (1 if format in ("rep", "minimalloc-csv") else 3)
    for _ in range(150):
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :])
        try:
            read_trace(path, format)
        except TraceError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize(
    "text", [b"\n", b" ", b"1 ", b"1\n", b"@ ", b"malloc(", b"v 1\n", b"0x1,", b") = x"]
)
def test_no_file_takes_the_square_of_its_length(tmp_path, text):
    path = path_of(tmp_path, b"x(" + text * (100_000 // len(text)))
    start = time.process_time()
    for format in GOOD:
        refusal(path, format=format)
    refusal(path)
    assert time.process_time() - start < 10


def packed(data):
    """The data as both packers pack them, with the names of those."""
    return [("gzip", gzip.compress(data)), ("zstd", zstandard.ZstdCompressor().compress(data))]


@pytest.mark.parametrize("which", [0, 1])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, which):
    monkeypatch.setattr("rangeland.traces.source.MOST_SPARE", 1 << 22)
    line = b"--7-- free(0x0)\n"
    count = (1 << 25) // len(line)
    path = tmp_path / "bomb"
    with open(path, "wb") as raw:
        if which:
            file = zstandard.ZstdCompressor().stream_writer(raw, closefd=False)
        else:
            file = gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=9)
        for _ in range(64):
            file.write(line * (count // 64))
        file.close()
    error = refusal(path)
    assert "bytes unpacked of" in error.found and "unpack it beforehand" in error.expected
    assert error.line < count


@pytest.mark.parametrize("which", [0, 1])
def test_a_packed_line_without_end_is_refused(tmp_path, which):
    _, data = packed(b"x" * (1 << 24))[which]
    error = refusal(path_of(tmp_path, data), format="valgrind")
    assert (error.line, error.found) == (1, "a line of more than 1 MB")


@pytest.mark.parametrize("which", [0, 1])
def test_a_packed_file_that_is_damaged(tmp_path, which):
    name, data = packed(b"--7-- malloc(5) = 0x10\n" + os.urandom(9000).hex().encode())[which]
    path = path_of(tmp_path, data[:-200])
    assert (refusal(path).found, refusal(path).expected) == (
        f"the end of the {name} file", "more: it is cut short",
    )
    path.write_bytes(data[:30] + bytes(100) + data[130:])
    assert f"bad {name} data" in refusal(path).found
    path.write_bytes(data + b"some bytes more")
    assert f"bad {name} data" in refusal(path).found


def test_many_empty_frames_take_little_time(tmp_path):
    frames, start = zstandard.ZstdCompressor().compress, time.process_time()
    path = path_of(tmp_path, frames(b"") * 500_000 + frames(b"0\n1\n1\n0\na 0 8\n"))
    assert read_trace(path).figures()["events"] == 1
    assert time.process_time() - start < 5
    path.write_bytes(frames(b"") * 100)
    assert refusal(path).found == "an empty file"


def test_a_frame_to_skip_that_is_cut_short(tmp_path):
    path = path_of(tmp_path, b"\x50\x2a\x4d\x18\x40\x00\x00\x00skip")
    assert refusal(path).found == "the end of the zstd file"


def test_a_name_that_promises_zstd(tmp_path):
    path = tmp_path / "t.zst"
    path.write_bytes(GOOD["valgrind"])
    assert "zstd, from its name" in refusal(path).expected
    path.write_bytes(b"")
    assert "an empty file" in refusal(path).found


def test_progress_is_told_in_bytes_of_the_file(tmp_path):
    path = path_of(tmp_path, gzip.compress(GOOD["valgrind"] * 100_000))
    told = []
    read_trace(path, progress=lambda done, total: told.append((done, total)))
    size = path.stat().st_size
    assert told[-1] == (size, size) and told == sorted(told)


def test_line_ends_alone_take_no_time(tmp_path):
    path = tmp_path / "ends.log.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"--1-- malloc(100) = 0x1000\n")
        for _ in range(200):
            file.write(b"\n" * (1 << 20))
        file.write(b"--1-- free(0x1000)\n--1-- free(0x100\n")
    # Line by line it would be ten minutes; and the lines are counted.
    with pytest.raises(TraceError, match=f"{200 * (1 << 20) + 3}: found"):
        read_trace(path)
