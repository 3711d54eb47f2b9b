"""Small files of each format, and what a reader must make of them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import zstandard

import rangeland as rl
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.read import FORMATS, read_trace

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

TRACES = Path(__file__).resolve().parents[1] / "traces"
LOG = "--7-- malloc(5) = 0x10\n--7-- free(0x10)\n"


@pytest.fixture
def trace(tmp_path):
    """The trace of a file of this text, which must be of this format."""

    def read(format, text, name="trace", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        told = read_trace(path, **options)
        assert told.format == format
        return told

    return read


def rows(told):
    """The trace's rows as (op, id, size)."""
    return list(zip(told.op.tolist(), told.id.tolist(), told.size.tolist(), strict=True))


def counts(told):
    """The figures that are not 0, without sums."""
    figures = told.figures()
    sums = ("total_bytes", "peak_bytes", "max_live", "live_end", "live_end_bytes")
    return {k: v for k, v in figures.items() if v and k not in sums}


def test_addresses_and_processes_of_valgrind(trace):
    told = trace(
        "valgrind",
        "--7-- malloc(5) = 0x10\n--7-- realloc(0x10,9) = 0x20\n--8-- calloc(2,4) = 0x20\n"
        "--7-- malloc(3) = 0xFFFF000000000010\n--8-- free(0x20)\n--7-- free(0xFFFF000000000010)\n",
    )
    assert told.address.tolist() == [0x10, 0x20, 0x20, 0x7FFF000000000010, 0, 0]
    assert told.thread.tolist() == [0, 0, 1, 0, 1, 0]
    assert trace("valgrind", LOG).thread is None


def test_plain_lines_are_read_as_all_others(tmp_path, rng, monkeypatch):
    """Many at a time or one by one, the rows are the same."""
    lines, live = [b"==1== Memcheck"], {1: [], 2: [], 30: []}
    for number in range(3000):
        pid = rng.choice(list(live))
        mine = live[pid]
        p, n = 16 * rng.randrange(1, 400), rng.choice([0, 1, 24, 10**13, 7])
        old = rng.choice(mine) if mine and rng.random() < 0.9 else 16 * rng.randrange(1, 400)
        lines.append(b"--%d-- " % pid + rng.choice([
            b"malloc(%d) = 0x%X" % (n, p),
            b"_ZnamRKSt9nothrow_t(%d) = 0x%X" % (n, p),
            b"calloc(%d,3) = 0x%X" % (n, p),
            b"calloc(3,%d) = 0x0" % n,
            b"realloc(0x%X,%d) = 0x%X" % (old, n + 1, rng.choice([old, p])),
            b"realloc(0x0,%d)malloc(%d) = 0x%X" % (n, n, p),
            b"realloc(0x%X,7) = 0x0" % old,
            b"free(0x%X)" % old,
            b"free(0x%X)" % old,
            b"_ZdlPvmSt11align_val_t(0x%X)" % old,
            b"free(0x0)",
            b"memalign(al 64, size %d) = 0x%X" % (n, p),
        ]))
        mine.append(p)
    path = tmp_path / "log"
    path.write_bytes(b"\n".join(lines))
    monkeypatch.setattr("rangeland.traces.source.HEAD", 999)
    monkeypatch.setattr("rangeland.traces.source.BLOCK", 20_000)
    many = read_trace(path)
    monkeypatch.setattr("rangeland.traces.formats.valgrind._FORMS", {})
    single = read_trace(path)
    assert many.figures() == single.figures()
    for column in ("op", "id", "size", "address", "thread", "alignment"):
        assert np.array_equal(getattr(many, column), getattr(single, column)), column
    assert many.figures()["free_unknown"] > 100 and many.figures()["alloc_over_live"] > 100


def test_mtrace(trace):
    told = trace(
        "mtrace",
        "= Start\n@ ./a b(main+0x1)[0x5] + 0x10 0x8\n@ x:[0x1] + 0x20 0\n@ [0x7] < 0x10\n"
        "@ [0x7] > 0x30 0x10\n- 0x20\n@ x - 0x99\n@ x + (nil) 0x100\n@ x ! 0x30 0x1000\n"
        "@ x ! (nil) 0x1000\n= End\n= Start\n@ x:(f+0x2)[0x1] < 0x77\n@ x > 0x40 0x5\n",
    )
    assert rows(told) == [
        (ALLOC, 0, 8), (ALLOC, 1, 0), (REALLOC, 0, 16), (FREE, 1, 0), (ALLOC, 2, 5),
    ]
    assert told.address.tolist() == [0x10, 0x20, 0x30, 0, 0x40]
    assert counts(told) == {
        "allocs": 2, "frees": 1, "reallocs": 1, "failed": 3, "failed_realloc": 1,
        "free_unknown": 1, "realloc_unknown": 1, "events": 9,
    }


HEAPTRACK = "v 10400 3\nX a program\ns 3 a\n+\ni 5 0\nt 1 0\na 10 1\na 20 1\n"


def test_heaptrack_frees_the_oldest_or_the_newest(trace):
    text = HEAPTRACK + "+ 0\n+ 1\n+ 0\n- 0\n+ 0\n- 0\nc 1f\nR 5\n- 1\n- 1\n# done\n"
    told = trace("heaptrack", text)
    frees = [id for op, id, _ in rows(told) if op == FREE]
    assert frees == [0, 2, 1]
    newest = trace("heaptrack", text, newest=True)
    assert [id for op, id, _ in rows(newest) if op == FREE] == [2, 3, 1]
    assert told.figures() == newest.figures()
    assert counts(told) == {
        "allocs": 4, "frees": 3, "free_unknown": 1, "guessed": 2, "events": 8, "last_timestamp_ms": 31,
    }
    assert (told.address, told.thread) == (None, None)


def test_older_heaptrack_does_not_tell_the_length_of_strings(trace):
    for version in ("v 10200 2", "v 10000"):
        told = trace("heaptrack", f"{version}\ns add one\na 10 1\n+ 0\ns f00\n+ 0\n- 0\n")
        assert rows(told) == [(ALLOC, 0, 16), (ALLOC, 1, 16), (FREE, 0, 0)]


def test_heaptrack_raw(trace):
    text = "v 10400 3\nx 3 a\n+\nm 1 -\nt 5 0\n+ 10 1 a0\n+ 0 1 b0\n- a0\n- c0\nc 2\n"
    text += "+ 8 1 ffff000000000010\n"
    told = trace("heaptrack-raw", text)
    assert rows(told) == [(ALLOC, 0, 16), (ALLOC, 1, 0), (FREE, 0, 0), (ALLOC, 2, 8)]
    assert told.address.tolist() == [0xA0, 0xB0, 0, 0x7FFF000000000010]
    assert counts(told)["free_unknown"] == 1


@pytest.mark.parametrize(
    "prefix", ["", "7 ", "[pid 7] ", "7 03:22:54.375502 ", "03:22:54 ", "7 1700000000.123456 ",
               "  0.000123 ", "7   0.000123 [0x4005d0] "],
)
@pytest.mark.parametrize("name", ["malloc@libc.so.6", "malloc", "prog->malloc", "libc.so->malloc"])
def test_ltrace_with_all_sorts_of_prefixes(trace, prefix, name):
    lines = [f"{name}(24)   = 0x5010", f"{name.replace('malloc', 'free')}(0x5010) = <void>",
             "+++ exited (status 0) +++"]
    for more in ("", " <0.000123>"):
        text = "".join(f"{prefix}{line}{more if '=' in line else ''}\n" for line in lines)
        told = trace("ltrace", text)
        assert rows(told) == [(ALLOC, 0, 24), (FREE, 0, 0)]
        assert told.notes["threads"] == 1 and told.notes["unparsed"] == 0


def test_ltrace_counts_the_outermost_call_of_each_thread(trace):
    told = trace(
        "ltrace",
        "1 realloc@libc.so.6(0, 40 <unfinished ...>\n"
        "2 malloc@libc.so.6(5 <unfinished ...>\n"
        "1 malloc@libc.so.6(40) = 0x100\n"
        "2 <... malloc resumed> ) = 0x200\n"
        "1 <... realloc resumed> ) = 0x100\n"
        "1 reallocarray@libc.so.6(0x100, 10, 8, 99 <unfinished ...>\n"
        "1 realloc@libc.so.6(0x100, 80 <unfinished ...>\n"
        "2 calloc@libc.so.6(2, 6, 9) = 0x100\n"
        "1 <... realloc resumed> ) = 0x300\n"
        "1 <... reallocarray resumed> ) = 0x300\n"
        "2 free@libc.so.6(0x100 <unfinished ...>\n"
        "1 valloc@libc.so.6(7, 1, 2, 3) = 0x100\n"
        "2 <... free resumed> ) = <void>\n"
        "2 realloc@libc.so.6(0x200, 0 <unfinished ...>\n"
        "2 free@libc.so.6(0x200) = <void>\n"
        "2 <... realloc resumed> ) = 0\n"
        "2 realloc@libc.so.6(0x300, 9999 <unfinished ...>\n"
        "1 malloc@libc.so.6(1) = 0x400\n"
        "2 <... realloc resumed> ) = 0\n"
        "1 operator@x() = 3\n"
        "1 _Znwm@libstdc++.so.6(6, 2) = 0x500\n"
        "1 _ZnwmSt11align_val_t(6, 64) = 0x540\n"
        "1 _ZdlPvm@libstdc++.so.6(0x500, 6 <unfinished ...>\n"
        "1 free@libc.so.6(0x500) = <void>\n"
        "1 <... _ZdlPvm resumed> ) = <void>\n"
        "1 free@libc.so.6(0) = <void>\n"
        "1 memalign@libc.so.6(64, 9 <unfinished ...>\n",
    )
    assert rows(told) == [
        (ALLOC, 0, 5), (ALLOC, 1, 40), (ALLOC, 2, 12), (REALLOC, 1, 80), (FREE, 2, 0),
        (ALLOC, 3, 7), (FREE, 0, 0), (ALLOC, 4, 1), (ALLOC, 5, 6), (ALLOC, 6, 6), (FREE, 5, 0),
    ]
    assert told.thread.tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    assert told.alignment.tolist() == [0, 0, 0, 0, 0, 4096, 0, 0, 0, 64, 0]
    assert counts(told) == {
        "allocs": 7, "frees": 3, "reallocs": 1, "failed": 1, "failed_realloc": 1, "free_null": 1,
        "events": 13, "unparsed": 1, "nested_ignored": 4, "unfinished_at_end": 1, "threads": 2,
    }


def test_ltrace_whose_free_lost_its_end(trace):
    told = trace("ltrace", "malloc(8) = 0x10\nfree(0x10 <unfinished ...>\nmalloc(9) = 0x10\n")
    assert rows(told) == [(ALLOC, 0, 8), (FREE, 0, 0), (ALLOC, 1, 9)]


def test_ltrace_of_a_call_that_it_saw_no_return_of(trace):
    told = trace(
        "ltrace",
        "1 realloc@libc.so.6(0, 40 <no return ...>\n2 unexpected breakpoint at 0x559d\n"
        "2 free@libc.so.6(0 <unfinished ...>\n1 <... realloc resumed> ) = 0x100\n"
        "1 malloc@libc.so.6(20 <no return ...>\n2 +++ killed by SIGSEGV +++\n",
    )
    assert rows(told) == [(ALLOC, 0, 40)]
    assert counts(told) == {
        "allocs": 1, "free_null": 1, "events": 2, "unparsed": 1, "unfinished_at_end": 2,
        "threads": 2, "first_unparsed": {"line": 2, "text": "'2 unexpected breakpoint at 0x559d'"},
    }


def test_ltrace_exec_empties_the_only_process(trace):
    told = trace("ltrace", "malloc(8) = 0x10\n--- Called exec() ---\nmalloc(9) = 0x10\n")
    assert counts(told) == {"allocs": 2, "events": 2, "exec_dropped": 1, "threads": 1}


def test_ltrace_of_other_functions(trace):
    told = trace(
        "ltrace",
        'puts("a) = b") = "x y" <0.1>\nmalloc(8) = 0x10\nmain(1, 2 <unfinished ...>\n'
        "SYS_brk(0) = 0x55\n<... main resumed> ) = 0\nfree(0x10) = <void>\n",
        strict=True,
    )
    assert rows(told) == [(ALLOC, 0, 8), (FREE, 0, 0)]
    assert told.notes["unparsed"] == 3


def test_ltrace_posix_memalign_and_failures(trace):
    told = trace(
        "ltrace",
        "malloc(1152921504606846976) = 0\nposix_memalign(0x7ff0, 4096, 50, 3) = 0\n"
        "posix_memalign(0x7ff0, 3, 50, 3) = 22\ncalloc(4611686018427387904, 64) = nil\n"
        "aligned_alloc(48, 10) = 0x40\nrealloc(0x99, 5) = 0x50\nrealloc(0x50, 0) = 0\n",
    )
    assert rows(told) == [(ALLOC, 0, 10), (ALLOC, 1, 5), (FREE, 1, 0)]
    assert told.alignment.tolist() == [64, 0, 0]
    assert counts(told) == {
        "allocs": 1, "frees": 1, "failed": 3, "realloc_unknown": 1, "unparsed": 1, "events": 6,
        "threads": 1,
    }


@pytest.mark.parametrize("times", ["", " 1000 2000"])
def test_android(trace, times):
    lines = [
        "186: malloc 0xb400007f01 20", "187: calloc 0xb400000000000010 3 8",
        "186: realloc 0x30 0xb400007f01 12", "186: memalign 0x40 16 104", "186: free 0x40",
        "187: realloc 0x50 0x0 7", "187: realloc 0x0 0x50 0", "187: malloc 0x0 99", "187: free 0x0",
        "187: free 0x77", "187: realloc 0x0 0x30 999",
    ]
    done = "187: thread_done 0x0" + times[:5] + "\n"
    told = trace("android", "".join(f"{line}{times}\n" for line in lines) + done)
    assert rows(told) == [
        (ALLOC, 0, 20), (ALLOC, 1, 24), (REALLOC, 0, 12), (ALLOC, 2, 104), (FREE, 2, 0),
        (ALLOC, 3, 7), (FREE, 3, 0),
    ]
    assert told.thread.tolist() == [0, 1, 0, 0, 0, 1, 1]
    assert told.address.tolist()[1] == 0x3400000000000010
    assert counts(told) == {
        "allocs": 4, "frees": 2, "reallocs": 1, "failed": 2, "failed_realloc": 1, "free_null": 1,
        "free_unknown": 1, "events": 11, "threads": 2,
    }


MPS = """\
12F8E7C7A300 002D PoolInit            pool:7F0000001000 arena:7F0000000000 serial:2
12F8E7C7A310 0006 ArenaAlloc          arena:7F0000000000 base:7F0000010000 size:001000
12F8E7C7A320 0029 PoolAlloc           pool:7F0000001000["my pool"] pReturn:7F0000010010 size:0028
12F8E7C7A330 002C PoolFree            pool:7F0000001000 old:7F0000010010["x y"] size:0028
12F8E7C7A340 FFFF [Unknown]           Unknown event.
"""
OURS = """\
           0 ArenaCreateVM      arena=0x7f00 userSize=4096 grainSize=4096 serial=0
         120 ArenaAlloc         arena=0x7f00 baseTract=0x1 base=0x8000[a b] size=8192 pool=0x9
         130 ArenaAllocFail     arena=0x7f00 size=99 pool=0x9 res=COMMIT_LIMIT
         140 ArenaFree          arena=0x7f00 base=0x8000 size=8192 pool=0x9
"""


def test_telemetry_of_clients_or_else_of_the_arena(trace):
    told = trace("mps-telemetry", MPS)
    assert rows(told) == [(ALLOC, 0, 0x28), (FREE, 0, 0)]
    assert told.address.tolist() == [0x7F0000010010, 0]
    assert (told.notes["level"], told.notes["unparsed"]) == ("client", 0)
    ours = trace("mps-telemetry", OURS)
    assert rows(ours) == [(ALLOC, 0, 8192), (FREE, 0, 0)]
    assert counts(ours) == {"allocs": 1, "frees": 1, "failed": 1, "events": 3, "level": "arena"}


def test_our_own_log_is_read(trace):
    with rl.record() as log, rl.Arena(size=1 << 20) as arena:
        pool = rl.MVFF(arena)
        pool.free(pool.alloc(100), 100)
        pool.destroy()
    told = trace("mps-telemetry", log.text())
    allocs = [event for event in log if event.name == "ArenaAlloc"]
    assert told.figures()["allocs"] == len(allocs) > 0


RMM = "Thread,Time,Action,Pointer,Size,Stream\n"


def test_rmm(trace):
    told = trace(
        "rmm-csv",
        RMM + "11,10:00:00:000001,allocate,0x7f00,1024,0x0\n"
        "12,1.5,allocate failure,(nil),9999,0\n\n" + RMM + "12,1.6,allocate,7f10,2048,0\n"
        "12,1.7,free,0x7f00,1024,0\n11,1,deallocate,0x7f10,2048,0\n"
        "11,1,free,0x0,0,0\n11,1,free,0x55,0,0\n",
    )
    assert rows(told) == [(ALLOC, 0, 1024), (ALLOC, 1, 2048), (FREE, 0, 0), (FREE, 1, 0)]
    assert told.thread.tolist() == [0, 1, 1, 0]
    assert counts(told) == {
        "allocs": 2, "frees": 2, "failed": 1, "free_null": 1, "free_unknown": 1, "events": 7,
        "threads": 2,
    }


def test_minimalloc(trace):
    text = "id,lower,upper,size\na,0,3,4\n\"b, c\",3,9,5\nc,0,9,6\n\nrest\n"
    told = trace("minimalloc-csv", text, name="x.12.csv")
    assert rows(told) == [
        (ALLOC, 0, 4), (ALLOC, 1, 6), (FREE, 0, 0), (ALLOC, 2, 5), (FREE, 2, 0), (FREE, 1, 0),
    ]
    figures = told.figures()
    assert (figures["peak_bytes"], figures["columns"]) == (11, ["id", "lower", "upper", "size"])
    assert figures["capacity"] == 12 and told.address is None


def test_minimalloc_of_other_names(trace):
    told = trace(
        "minimalloc-csv",
        b"\xef\xbb\xbfsize, end ,start,buffer_id,alignment,gaps,offset,hint\r\n"
        b"4,1,-2,x,64,0-1@2:3 ,8,-1\r\n5,9,2,y,0,,0,0\r\n6,4,5,z,,0,0,0",
    )
    # In the gap, which is inclusive, too, one byte of the buffer is in use.
    assert rows(told) == [
        (ALLOC, 0, 4), (FREE, 0, 0), (ALLOC, 1, 1), (FREE, 1, 0), (ALLOC, 2, 5), (FREE, 2, 0),
    ]  # fmt: skip
    assert told.alignment.tolist() == [64, 0, 1, 0, 0, 0]
    assert told.address.tolist() == [8, 0, 10, 0, 0, 0]
    assert told.notes["gaps"] == 1
    assert told.notes["never_live"] == 1


@pytest.mark.parametrize("name", json.loads((TRACES / "expected.json").read_text()))
def test_each_format_is_recognised_as_itself_only(name):
    path = TRACES / name
    if not path.exists():
        return
    data = path.read_bytes()
    if name.endswith(".gz"):
        head = gzip.decompress(data)
    else:
        head = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    expected = json.loads((TRACES / "expected.json").read_text())[name]["format"]
    known = [name for name, module in FORMATS.items() if module.recognises(head[: 1 << 16])]
    assert known == [expected]


@pytest.mark.parametrize("text", [MPS, OURS, RMM + "1,1,free,0x5,1,0\n", HEAPTRACK + "+ 0\n", LOG,
                                  "= Start\n@ x + 0x1 0x1\n", "1: malloc 0x1 5\n",
                                  "id,lower,upper,size\n1,2,3,4\n", "malloc(5) = 0x1\n"])
def test_line_ends_and_packing_do_not_matter(tmp_path, text):
    path = tmp_path / "t"
    path.write_text(text)
    plain = read_trace(path)
    data = text.encode()
    frames = zstandard.ZstdCompressor().compress
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    returns, cut = data.replace(b"\n", b"\r\n"), data.rstrip(b"\n")
    for packed in (
        returns,
        cut,
        returns.removesuffix(b"\n"),
        gzip.compress(data[:9]) + gzip.compress(data[9:]),
        frames(data[:9]) + skipped + frames(data[9:]),
        skipped + frames(data),
        b"\x5f\x2a\x4d\x18" + bytes(4) + skipped + frames(b"") + frames(data) + skipped,
    ):
        path.write_bytes(packed)
        told = read_trace(path)
        assert told.figures() == plain.figures()
        assert rows(told) == rows(plain)
