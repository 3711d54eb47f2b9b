"""What there is of a cut or damaged file, what is told of the rest; packings; marks; numbers."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import zipfile

import numpy as np
import pytest
import zstandard

from rangeland.traces.convert import convert
from rangeland.traces.read import open_trace, read_trace
from rangeland.traces.source import TraceError
from rangeland.traces.specs import parse_spec
from rangeland.traces.trace import Columns
from vm.results import ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

LINES = [b"@ x:[0x1] + 0x%x 0x%x\n" % (0x1000 + 512 * n, 1 + n * n % 97) for n in range(3000)]
TEXT = b"= Start\n" + b"".join(LINES)
TOTAL = sum(1 + n * n % 97 for n in range(3000))


def zipped(data, *names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("trace",):
            archive.writestr(name, data)
    return file.getvalue()


PACKERS = {
    "gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress, "xz": lzma.compress,
    "bz2": bz2.compress, "zip": zipped,
}  # fmt: skip
NAMES = {"gz": "gzip", "zst": "zstd", "xz": "xz", "bz2": "bzip2", "zip": "zip"}


@pytest.fixture
def rng(seed):
    """Chance, from the seed in the test's name."""
    return random.Random(seed)


def told(path, **options):
    return read_trace(path, **options).figures()


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_file_is_read_with_its_name_and_without(tmp_path, suffix):
    data = PACKERS[suffix](TEXT)
    for path in (tmp_path / "t", tmp_path / f"t.{suffix}"):
        path.write_bytes(data)
        assert told(path)["total_bytes"] == TOTAL
        assert told(path, partial=True) == told(path)
    path.write_bytes(TEXT)
    with pytest.raises(TraceError, match=f"expected {NAMES[suffix]}, from its name"):
        read_trace(path)


@pytest.mark.parametrize("suffix", ["xz", "bz2"])
def test_several_streams_are_one_file(tmp_path, suffix):
    path, half = tmp_path / "t", len(TEXT) // 2
    pack = PACKERS[suffix]
    padding = bytes(8) if suffix == "xz" else b""
    path.write_bytes(pack(TEXT[:half]) + padding + pack(b"") + pack(TEXT[half:]) + padding)
    assert told(path)["total_bytes"] == TOTAL


@pytest.mark.parametrize("suffix", ["gz", "zst", "xz", "bz2"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_of_a_cut_packed_file_all_before_the_cut_is_read(tmp_path, suffix, part):
    path = tmp_path / "t"
    # Small blocks, as of a tool that writes now and then.
    if suffix == "bz2":
        data = b"".join(bz2.compress(TEXT[at : at + 9000]) for at in range(0, len(TEXT), 9000))
    elif suffix == "zst":
        data = b"".join(PACKERS["zst"](TEXT[at : at + 9000]) for at in range(0, len(TEXT), 9000))
    else:
        data = PACKERS[suffix](TEXT)
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(TraceError, match=f"the end of the {NAMES[suffix]} file, expected more"):
        read_trace(path)
    figures = told(path, partial=True)
    got = figures["allocs"]
    # Of the packed bytes a part, of the unpacked ones about the same.
    assert len(LINES) * part * 0.6 < got < len(LINES)
    assert figures["total_bytes"] == sum(1 + n * n % 97 for n in range(got))
    assert figures["lost"] == f"the end of the {NAMES[suffix]} file, expected more: it is cut short"
    assert ("cut_short" in figures) == (figures["unparsed"] == 1)


@pytest.mark.parametrize("suffix", ["gz", "zst", "xz", "bz2"])
def test_of_a_damaged_packed_file_all_before_the_damage_is_read(tmp_path, suffix):
    path = tmp_path / "t"
    data = b"".join(PACKERS[suffix](TEXT[at : at + 9000]) for at in range(0, len(TEXT), 9000))
    at = len(data) * 2 // 3
    path.write_bytes(data[:at] + b"\xff" * 300 + data[at + 300 :])
    with pytest.raises(TraceError, match=f"bad {NAMES[suffix]} data"):
        read_trace(path)
    figures = told(path, partial=True)
    assert len(LINES) / 3 < figures["allocs"] < len(LINES) * 0.75
    assert figures["lost"].startswith(f"bad {NAMES[suffix]} data")


def test_a_file_of_which_nothing_can_be_unpacked(tmp_path):
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(TEXT)[:5])
    with pytest.raises(TraceError, match="the end of the gzip file"):
        read_trace(path, partial=True)


@pytest.mark.parametrize("names", [("a", "b"), ("a/",)])
def test_a_zip_file_of_several_or_none_is_told(tmp_path, names):
    path = tmp_path / "t"
    path.write_bytes(zipped(b"" if names == ("a/",) else TEXT, *names))
    count = len([name for name in names if not name.endswith("/")])
    with pytest.raises(TraceError, match=rf"cannot be read \({count} files in it; unzip it"):
        read_trace(path)


def test_a_cut_zip_file_is_told(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(zipped(TEXT)[:-50])
    with pytest.raises(TraceError, match="a zip file that cannot be read"):
        read_trace(path)


@pytest.mark.parametrize("format", [None, "mtrace"])
def test_lz4_is_named_and_what_to_do(tmp_path, format):
    path = tmp_path / "t.lz4"
    path.write_bytes(b"\x04\x22\x4d\x18\x64\x40\xa7" + TEXT)
    with pytest.raises(TraceError, match="a file packed by lz4, expected one that is not: unpack it"):
        read_trace(path, format)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "= Start\n@ x + 0x10 0x5\n", "--7-- malloc(5) = 0x10\n", "malloc(5) = 0x10\n", "1: malloc 0x10 5\n",
        "v 10400 3\na 5 1\n+ 0\n", "v 10400 3\nt 5 0\n+ 5 1 10\n", "0\n1\n1\n1\na 0 5\n",
        "00000001 0029 PoolAlloc pool:01 pReturn:10 size:05 \n", "id,lower,upper,size\na,0,9,5\n",
        "Thread,Time,Action,Pointer,Size,Stream\n1,0,allocate,0x10,5,0\n", "1,0,allocate,0x10,5,0\n",
    ],
)  # fmt: skip
def test_marks_of_byte_order_are_no_part_of_a_text(tmp_path, text, encoding):
    path = tmp_path / "t"
    path.write_text(text)
    plain = told(path, strict=True)
    for data in (text, text.replace("\n", "\r\n")):
        path.write_bytes(data.encode(encoding))
        assert told(path, strict=True) == plain
        path.write_bytes(lzma.compress(data.encode(encoding)))
        assert told(path, strict=True) == plain
    path.write_bytes((text * 1).encode("utf-16-be").join([b"\xfe\xff", b""]))
    assert told(path) == plain


def test_a_long_text_of_16_bits(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(TEXT.decode().encode("utf-16"))
    assert told(path)["total_bytes"] == TOTAL


DAMAGED = {
    "mtrace": (b"= Start\n", b"@ x + 0x%x 0x5\n", b"@ x + 0xZZ 0x5\n"),
    "ltrace": (b"", b"malloc(5) = 0x%x\n", b"malloc(6\n"),
    "valgrind": (b"", b"--7-- malloc(5) = 0x%X\n", b"--7-- malloc(5 = 0x40\n"),
    "android": (b"", b"1: malloc 0x%x 5\n", b"1: melloc 0x20\n"),
    "rmm-csv": (b"Thread,Time,Action,Pointer,Size,Stream\n", b"1,0,allocate,0x%x,5,0\n", b"1,0,alloc,0x1\n"),
    "mps-telemetry": (b"", b"00000001 0029 PoolAlloc pool:01 pReturn:%X size:05 \n",
                      b"00000001 0029 PoolAlloc pool:01 size:05 \n"),
    "heaptrack-raw": (b"v 10400 3\nt 5 0\n", b"+ 5 1 %x\n", b"+ 5 1\n"),
    "heaptrack": (b"v 10400 3\na 5 1\n", b"+ 0\n# %x\n", b"+ 7\n"),
    "minimalloc-csv": (b"id,lower,upper,size\n", b"%d,0,9,5\n", b"a,0,x,5\n"),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("format", DAMAGED)
def test_a_partial_reading_goes_on_behind_what_is_damaged(tmp_path, rng, format, seed):
    head, line, bad = DAMAGED[format]
    good = [line % (4096 + 64 * number) for number in range(40)]
    path = tmp_path / "t"
    count = seed + 1
    lines = list(good)
    for _ in range(count):
        lines.insert(rng.randrange(1, len(lines)), bad)
    path.write_bytes(head + b"".join(lines))
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    first = caught.value
    figures = told(path, partial=True)
    assert (figures["allocs"], figures["total_bytes"], figures["damaged"]) == (40, 200, count)
    assert figures["first_damaged"] == {
        "line": first.line, "found": first.found, "expected": first.expected,
    }  # fmt: skip
    path.write_bytes(head + b"".join(good))
    assert "damaged" not in told(path, partial=True)


def test_a_gap_of_zero_bytes_is_left_out(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(TEXT + bytes(4096) + b"\n@ x + 0x10 0x5\n")
    figures = told(path, partial=True)
    assert (figures["total_bytes"], figures["damaged"]) == (TOTAL + 5, 1)


def test_a_damaged_size_of_heaptrack_keeps_its_number(tmp_path):
    path = tmp_path / "t"
    path.write_text("v 10400 3\na 5 1\na x 1\na 7 1\n+ 0\n+ 1\n+ 2\n")
    assert told(path, partial=True)["total_bytes"] == 12


def test_of_a_rep_what_there_is(tmp_path):
    path = tmp_path / "t"
    path.write_text("0\n3\n6\n1\na 0 5\nf 7\na 1 6\nf 0\n")
    figures = told(path, partial=True)
    # An id beyond the header's, and less operations, and less ids, than it promises.
    assert (figures["allocs"], figures["frees"], figures["damaged"]) == (2, 1, 3)


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.99])
@pytest.mark.parametrize("first", ["segments", "device_traces"])
def test_of_a_cut_snapshot_what_there_is(tmp_path, protocol, part, first):
    def event(n):
        return {"action": "alloc", "addr": 64 * n, "size": n + 1, "stream": 0, "time_us": n, "frames": [{}]}

    traces = [[event(n) for n in range(2500)], [event(n) for n in range(2500)]]
    snapshot = {"device_traces": traces, "segments": [{"blocks": [{"state": "inactive"}]}]}
    if first == "segments":
        snapshot = dict(reversed(snapshot.items()))
    data = pickle.dumps(snapshot, protocol)
    path = tmp_path / "t"
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(TraceError, match="the end"):
        read_trace(path)
    figures = told(path, partial=True)
    assert part * 5000 * 0.85 < figures["allocs"] <= 5000
    assert figures["first_damaged"]["found"].startswith("the end")


def test_strict_and_partial_exclude_each_other(tmp_path):
    with pytest.raises(ParamError, match="strict and partial: expected at most one"):
        read_trace(tmp_path / "t", strict=True, partial=True)


def test_the_commands_tell_what_is_missing(rangeland, tmp_path):
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(TEXT[:5000] + b"@ x + 0xZZ 0x5\n" + TEXT[8:])[:-2000])
    assert rangeland("info", path).returncode == 2
    done = rangeland("info", "--partial", path)
    words = " ".join(done.stdout.split())
    assert done.returncode == 0
    assert "Lost: all that comes after the end of the gzip file" in words
    assert "Damaged: 1 places were left out, the first in line" in words
    assert json.loads(rangeland("info", "--partial", "--json", path).stdout)["t.gz"]["damaged"] == 1
    done = rangeland("replay", "--partial", path)
    assert done.returncode == 0 and "Lost: all that comes" in done.stdout
    out = tmp_path / "t.rep"
    done = rangeland("convert", "--partial", path, out)
    assert done.returncode == 0 and "Lost: all that comes" in done.stdout and out.exists()
    done = rangeland("info", "--partial", "--strict", path)
    assert done.returncode == 2 and "strict and partial" in done.stderr


# Numbers


ZEROS = {
    "mtrace": "@ x + 0x10 0x{}\n", "ltrace": "malloc({}) = 0x10\n", "android": "1: malloc 0x10 {}\n",
    "rmm-csv": "Thread,Time,Action,Pointer,Size,Stream\n1,0,allocate,0x10,{},0\n",
    "mps-telemetry": "00000001 0029 PoolAlloc pool:01 pReturn:10 size:{} \n",
    "heaptrack-raw": "v 10400 3\nt 5 0\n+ {} 1 10\n", "heaptrack": "v 10400 3\na {} 1\n+ 0\n",
    "minimalloc-csv": "id,lower,upper,size\na,0,9,{}\n", "rep": "0\n1\n1\n1\na 0 {}\n",
}  # fmt: skip


@pytest.mark.parametrize("format", ZEROS)
def test_zeros_in_front_of_a_number_do_not_matter(tmp_path, format):
    path = tmp_path / "t"
    path.write_text(ZEROS[format].format("0" * 12 + "9"))
    assert told(path)["total_bytes"] == 9


@pytest.mark.parametrize("format", ZEROS)
@pytest.mark.parametrize("number", ["9" * 5000, "0" * 5000 + "9", "-" + "9" * 5000, "0" * 5000])
def test_a_number_of_5000_digits_is_read_or_told(tmp_path, format, number):
    path = tmp_path / "t"
    path.write_text(ZEROS[format].format(number))
    try:
        total = told(path, format=format)["total_bytes"]
        assert number[0] == "0" and total == int(number[-1])
    except TraceError as error:
        assert str(path) in str(error) and len(str(error)) < 400


# Gaps


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("upper", ["upper", "end"])
def test_buffers_with_gaps_are_as_a_naive_reading_has_them(tmp_path, rng, seed, upper):
    more = int(upper == "end")
    lines, uses = [f"id,lower,{upper},size,gaps"], np.zeros(64, int)
    for number in range(20):
        size, lower = rng.randrange(1, 99), rng.randrange(40)
        limit = rng.randrange(lower + 1, 64)
        used, gaps, at = np.full(64, size), [], lower
        while at < limit and rng.random() < 0.6:
            begin = rng.randrange(at, limit)
            end = rng.randrange(begin + 1, limit + 1)
            first = rng.randrange(size)
            last = rng.randrange(first, size + 1)
            window = rng.random() < 0.5
            gaps.append(f"{begin}-{end - more}" + (f"@{first}:{last}" if window else ""))
            used[begin:end] = last - first if window else 0
            at = end
        rng.shuffle(gaps)
        uses[lower:limit] += used[lower:limit]
        lines.append(f"b{number},{lower},{limit - more},{size},{' '.join(gaps)}")
    path = tmp_path / "t"
    path.write_text("\n".join([*lines, ""]))
    assert told(path, strict=True)["peak_bytes"] == uses.max()


@pytest.mark.parametrize("gap", ["5", "5-", "a-b", "1-2@3", "1-2@3:x", "1-2@" + "9" * 5000 + ":5"])
def test_a_gap_that_is_none_is_told(tmp_path, gap):
    path = tmp_path / "t"
    path.write_text(f"id,lower,upper,size,gaps\na,0,9,5,{gap}\n")
    with pytest.raises(TraceError, match="t:2: found gaps"):
        read_trace(path)


# Through Parquet


@pytest.mark.parametrize("text", [
    "--7-- malloc(0) = 0x1010\n--7-- malloc(0) = 0x1040\n--7-- free(0x1010)\n",
    "--7-- malloc(5) = 0x1010\n--7-- malloc(0) = 0x1040\n--7-- malloc(9) = 0x1060\n--7-- free(0x1010)\n",
    "malloc(0) = 0x1010\n", "1: malloc 0x1010 5\n2: malloc 0x2010 0\n",
])  # fmt: skip
def test_a_trace_through_parquet_is_the_same(tmp_path, text):
    pytest.importorskip("pyarrow")
    from rangeland.traces.contenders.recorded import Recorded

    path = tmp_path / "t"
    path.write_text(text)
    trace = read_trace(path)
    for name in ("a.parquet", "b.parquet"):
        convert(read_trace(path), tmp_path / name)
        path = tmp_path / name
        again, pieces = read_trace(path), open_trace(path)
        assert again.figures() == trace.figures() == pieces.figures()
        assert again.peak_event == trace.peak_event == pieces.peak_event
        assert (again.format, again.origin, pieces.format) == ("parquet", trace.format, trace.format)
        mine, told = (Recorded().replay(t) for t in (trace, again))
        assert (mine.allocator, mine.touched) == (told.allocator, told.touched)
        for spec in ("mvff", "mfs:unit_size=16"):
            mine, told = (parse_spec(spec).replay(t) for t in (trace, pieces))
            assert mine.peak_committed == told.peak_committed


def test_where_nothing_ever_lives_the_peak_is_before_all_events():
    columns = Columns()
    columns.alloc(0)
    assert columns.trace({}).peak_event == 0
