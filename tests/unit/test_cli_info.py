"""The command `rangeland info`: its figures, its histograms, its JSON, its errors."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.histograms import Bin, lifetimes, sizes
from rangeland.traces.read import read_trace
from rangeland.traces.trace import Trace

pytestmark = pytest.mark.once

TRACES = Path(__file__).resolve().parents[1] / "traces"
SORT = TRACES / "vg_memcheck_sort.log.gz"
VALGRIND = TRACES / "vg_memcheck_edge.log.gz"
EDGE = TRACES / "lt_edge.ltrace.gz"
PERL = TRACES / "ht_perl.gz"


def test_the_json_is_the_figures_by_the_files_name(rangeland):
    done = rangeland("info", SORT, EDGE, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    expected = json.loads((TRACES / "expected.json").read_text())
    assert list(told) == [SORT.name, EDGE.name]
    for name, figures in told.items():
        assert {k: figures[k] for k in expected[name]} == expected[name]


def test_threads_are_told_where_the_format_does_not(rangeland, tmp_path):
    pytest.importorskip("pyarrow")
    made = tmp_path / "made.parquet"
    assert rangeland("generate", "queue", "--events", 90, "--threads", 4, "--out", made).returncode == 0
    told = json.loads(rangeland("info", made, EDGE, SORT, "--json").stdout)
    assert [figures.get("threads") for figures in told.values()] == [4, 3, None]
    # Those of a log of valgrind are processes, and told as such.
    make = json.loads(rangeland("info", TRACES / "vg_memcheck_make.log.gz", "--json").stdout)
    assert all("threads" not in f and f["processes"] == 16 for f in make.values())


def test_files_of_one_name_go_by_their_paths(rangeland, tmp_path):
    copy = tmp_path / SORT.name
    shutil.copy(SORT, copy)
    told = json.loads(rangeland("info", SORT, copy, EDGE, SORT, "--json").stdout)
    assert list(told) == [str(SORT), str(copy), EDGE.name]


def test_the_tables_fit_80_columns(rangeland):
    done = rangeland("info", SORT, EDGE, "--bundled", env={"COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.rstrip() for line in done.stdout.split("\n")]
    assert max(map(len, lines)) <= 80
    words = [line.split() for line in lines]
    assert f"{SORT} (valgrind): 508 events" in lines
    assert ["allocs", "222", "failed_realloc", "0"] in words
    assert "sizes asked for, from bytes" in done.stdout
    never = next(line for line in lines if "never freed" in line)
    assert never.split()[-1] == "16"


def test_newest_changes_lifetimes_and_no_figure(rangeland):
    oldest = rangeland("info", PERL, "--json").stdout
    assert rangeland("info", PERL, "--json", "--newest").stdout == oldest
    assert lifetimes(read_trace(PERL, newest=True)) != lifetimes(read_trace(PERL))


def test_newest_is_taken_by_replay_and_convert(rangeland, tmp_path):
    log = tmp_path / "x.ht"
    # Of two blocks of one sort one is freed, and it makes a difference where the other lies.
    log.write_text("v 10400 3\ns 1 a\ni 1 1\nt 1 0\na 100 1\na 200 1\n+ 0\n+ 1\n+ 0\n- 0\n")
    for name, more in (("old.rep", []), ("new.rep", ["--newest"])):
        assert rangeland("convert", log, tmp_path / name, *more).returncode == 0
    assert (tmp_path / "old.rep").read_text().splitlines()[-1] == "f 0"
    assert (tmp_path / "new.rep").read_text().splitlines()[-1] == "f 2"
    told = [
        json.loads(rangeland("replay", log, "--json", *more).stdout)["traces"][0]["pools"][0]
        for more in ([], ["--newest"])
    ]
    assert told[0]["largest_free"] != told[1]["largest_free"]


def test_the_first_line_that_is_none_of_the_format_is_told(rangeland, tmp_path):
    log = tmp_path / "mixed.log"
    log.write_bytes(gzip.decompress(VALGRIND.read_bytes()) + b"@ a:[0x1] + 0x5 0x8\n" * 2)
    line = gzip.decompress(VALGRIND.read_bytes()).count(b"\n") + 1
    text = rangeland("info", log).stdout
    example = f"such as in line {line}: '@ a:[0x1] + 0x5 0x8' "
    assert f"Unparsed: 2 remarks that are no calls, {example}" in " ".join(text.split())
    assert "first_unparsed" not in text
    told = json.loads(rangeland("info", log, "--json").stdout)["mixed.log"]
    assert told["first_unparsed"] == {"line": line, "text": "'@ a:[0x1] + 0x5 0x8'"}
    assert "Unparsed" not in rangeland("info", VALGRIND).stdout


def test_strict_refuses_with_the_line(rangeland):
    done = rangeland("info", EDGE, "--strict")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"rangeland: {EDGE}:25: found a block of posix_memalign, expected a call that tells "
        "where its block is\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'TRACE...' (or --bundled)"),
        (("nothing.log",), "nothing.log: No such file or directory"),
        ((SORT, "--format", "mtrace"), f"{SORT}:1: found "),
        ((SORT, "--format", "mtraze"), "'mtraze' is not one of"),
    ],
)
def test_errors_are_a_line_and_status_2(rangeland, arguments, message):
    done = rangeland("info", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_bins_are_powers_of_two():
    op = [ALLOC, ALLOC, REALLOC, FREE, ALLOC, FREE]
    trace = Trace(op, [0, 1, 1, 1, 2, 0], [0, 7, 8, 0, 9, 0])
    assert sizes(trace) == [Bin(0, 0, 1), Bin(1, 1, 0), Bin(2, 3, 0), Bin(4, 7, 1), Bin(8, 15, 2)]
    assert lifetimes(trace) == ([Bin(2, 3, 1), Bin(4, 7, 1)], 1)
    empty = Trace([], [], [])
    assert (sizes(empty), lifetimes(empty)) == ([], ([], 0))


def test_histograms_are_those_of_a_naive_reading(rng):
    trace = read_trace(TRACES / "perl.rep.gz")
    born, naive, asked = {}, {}, {}
    for row, (op, id, size) in enumerate(zip(trace.op, trace.id, trace.size, strict=True)):
        if op == FREE:
            bits = int(row - born[id]).bit_length()
            naive[bits] = naive.get(bits, 0) + 1
            continue
        born.setdefault(id, row)
        bits = int(size).bit_length()
        asked[bits] = asked.get(bits, 0) + 1
    found, never = lifetimes(trace)
    assert {b.limit.bit_length(): b.count for b in found if b.count} == naive
    assert {b.limit.bit_length(): b.count for b in sizes(trace) if b.count} == asked
    assert never == trace.blocks - np.count_nonzero(trace.op == FREE)
