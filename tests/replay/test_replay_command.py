"""The command `rangeland replay`: its tables, its JSON, its errors."""

import gzip
import json
import re
from pathlib import Path

import pytest

TRACES = Path(__file__).resolve().parents[1] / "traces"
SORT = TRACES / "vg_memcheck_sort.log.gz"
PERL = TRACES / "perl.rep.gz"


def test_a_table_with_a_row_for_each_pool(rangeland):
    done = rangeland("replay", SORT, "--pool", "mvff", "--pool", "mfs", env={"COLUMNS": "140"})
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert f"{SORT} (valgrind): 508 events, 222 allocs, 206 frees, 1 reallocs" in text
    head = "peak peak largest total pool operations live committed free free ops/s"
    assert head in text
    lines = [line.split() for line in done.stdout.split("\n")]
    rows = [line for line in lines if line and line[0] in ("mvff", "mfs")]
    assert [row[:3] for row in rows] == [
        ["mvff", "429", "871,868"],
        ["mfs", "429", "871,868"],
    ]
    assert all(len(row) == 7 for row in rows)
    assert "when the trace has most bytes live" in text


def test_a_narrow_terminal_folds_the_spec_and_no_number(rangeland):
    spec = "mvff:slot_high=yes,first_fit=no,arena.grain_size=4K"
    done = rangeland("replay", PERL, "--pool", spec, env={"COLUMNS": "80"})
    lines = [line.rstrip() for line in done.stdout.split("\n")]
    assert max(map(len, lines)) <= 80
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("mvff"))
    assert lines[at].split()[1:3] == ["9,584", "474,068"]
    assert spec in "".join(line.split()[0] for line in lines[at:] if line)


@pytest.mark.parametrize("columns", ["1", "40", "60", "66"])
def test_below_its_least_width_the_table_stays_whole(rangeland, columns):
    spec = "mvff:slot_high=yes,first_fit=no"
    done = rangeland("replay", PERL, "--pool", spec, env={"COLUMNS": columns})
    assert "…" not in done.stdout
    lines = [line.split() for line in done.stdout.split("\n")]
    at = next(i for i, line in enumerate(lines) if line and line[0].startswith("mvff"))
    assert lines[at - 2] == "pool operations live committed free free ops/s".split()
    assert lines[at][1:3] == ["9,584", "474,068"] and len(lines[at]) == 7
    assert spec in "".join(line[0] for line in lines[at:] if line)
    assert "when the trace has most bytes live" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mvff:spare=2", "spare is 2.0: expected a number from 0 to 1"),
        ("mvff:arena.commit_limit=1", "(COMMIT_LIMIT)"),
        ("mfs:unit_size=0", "unit_size is 0: expected at least 1"),
    ],
)
def test_a_spec_that_is_refused_is_named_before_a_trace_is_read(rangeland, spec, message):
    done = rangeland("replay", "nothing.log", "--pool", "mvff", "--pool", spec)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"rangeland: pool spec '{spec}': ")
    assert done.stderr.endswith(f"{message}\n") and done.stderr.count("\n") == 1


def test_the_first_failure_is_told(rangeland):
    done = rangeland("replay", SORT, "--pool", "mfs:unit_size=100")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert re.search(r"mfs:unit_size=100: \d+ allocations failed, the first in event \d+, a", text)
    assert text.endswith("bytes: PARAM")


def test_json_and_nothing_else(rangeland):
    done = rangeland("replay", SORT, PERL, "--pool", "mvff:slot_high=yes", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    sections = json.loads(done.stdout)["traces"]
    assert [s["trace"] for s in sections] == [str(SORT), str(PERL)]
    assert [s["format"] for s in sections] == ["valgrind", "rep"]
    assert [s["figures"]["peak_bytes"] for s in sections] == [871868, 474068]
    (result,) = sections[1]["pools"]
    assert set(result) == {
        "pool",
        "operations",
        "failures",
        "first_failure",
        "peak_live",
        "peak_committed",
        "peak_total",
        "total_size",
        "free_size",
        "largest_free",
        "peak_free_size",
        "peak_largest_free",
        "seconds",
        "operations_per_second",
    }
    assert (result["pool"], result["operations"]) == ("mvff:slot_high=yes", 9584)
    assert result["first_failure"] is None
    assert result["peak_committed"] > result["peak_total"] > result["peak_live"] == 474068


def test_the_bundled_trace(rangeland):
    done = rangeland("replay", "--bundled", "--json")
    (section,) = json.loads(done.stdout)["traces"]
    assert section["figures"]["events"] == 27696
    assert [pool["pool"] for pool in section["pools"]] == ["mvff"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Missing argument 'TRACE...' (or --bundled); see"),
        (("nothing.log",), "nothing.log: No such file or directory"),
        ((".",), ".: Is a directory"),
        ((SORT, "--pool", "mvf"), "unknown pool class 'mvf'"),
        ((SORT, "--pool", "mvff:align=3"), "align is 3"),
        ((SORT, "--format", "rep"), "expected the heap size or weight"),
        ((SORT, "--format", "zip"), "'zip' is not one of"),
        ((SORT, "--pool", "mvff:arena.commit_limit=4K"), "COMMIT_LIMIT"),
    ],
)
def test_an_error_is_one_line_and_status_2(rangeland, args, message):
    done = rangeland("replay", *args, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rangeland: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_damaged_trace_names_the_line(rangeland, tmp_path):
    lines = gzip.decompress(SORT.read_bytes()).split(b"\n")
    at = next(i for i, line in enumerate(lines) if b"malloc(44)" in line)
    lines[at] = lines[at].replace(b"44", b"4x")
    path = tmp_path / "damaged.log"
    path.write_bytes(b"\n".join(lines))
    done = rangeland("replay", path)
    assert done.returncode == 2
    assert f"{path}:{at + 1}: found 'malloc(4x) = " in done.stderr


def test_the_help_names_the_options(rangeland):
    done = rangeland("replay", "--help")
    assert done.returncode == 0
    for option in ("--pool SPEC", "--format", "--bundled", "--json", "TRACE..."):
        assert option in done.stdout
