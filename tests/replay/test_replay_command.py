"""The command `rangeland replay`: its tables, its JSON, its errors."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from rangeland.traces.result import Result

TRACES = Path(__file__).resolve().parents[1] / "traces"
SORT = TRACES / "vg_memcheck_sort.log.gz"
PERL = TRACES / "perl.rep.gz"
EDGE = TRACES / "lt_edge.ltrace.gz"


def rows_of(text):
    """The rows of the tables of pools, as lists of words."""
    lines = [line.split() for line in text.split("\n")]
    numbers = re.compile(r"±?[\d,.]+")
    rows = [line for line in lines if line and re.match(r"(mvff|mfs)\b", line[0])]
    return [row for row in rows if len(row) > 4 and numbers.fullmatch(row[-1])]


@pytest.mark.once
def test_two_tables_with_a_row_for_each_pool_and_the_answer(rangeland):
    pools = ("--pool", "mvff:extend_by=1M", "--pool", "mvff")
    done = rangeland("replay", SORT, *pools, env={"COLUMNS": "140"})
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert f"{SORT} (valgrind): 508 events, 222 allocs, 206 frees, 1 reallocs" in text
    assert "871,868 bytes live at the peak" in text
    assert "beyond times worst held at ns per pool peak peak live that after end mean call" in text
    assert "pool held fixed rounding slack external unreturned spare tables overhead" in text
    assert "What was held when 871,868 bytes lived, at the peak of the program" in text
    assert "pool then rounding slack external unreturned spare tables overhead" in text
    rows = rows_of(done.stdout)
    assert [row[0] for row in rows] == ["mvff", "mvff:extend_by=1M"] * 3
    peaks = [int(row[2].replace(",", "")) for row in rows[:2]]
    assert [int(row[3].replace(",", "")) for row in rows[:2]] == [peak - 871868 for peak in peaks]
    assert rows[0][4] == f"{peaks[0] / 871868:.2f}"
    assert f"mvff served best: at its peak it had {peaks[0]:,} bytes committed" in text


@pytest.mark.once
@pytest.mark.parametrize("columns", [1, 40, 80, 100])
def test_a_narrow_terminal_folds_the_spec_where_it_may_and_no_number(rangeland, columns):
    specs = ("--pool", "mvff:slot_high=yes,first_fit=no", "--pool", "ideal")
    done = rangeland("replay", PERL, *specs, env={"COLUMNS": str(columns)})
    assert "\u2026" not in done.stdout
    lines = done.stdout.split("\n")
    if columns > 1:
        assert max(map(len, lines)) <= columns
    cells = [line.replace(" ±", "±").split() for line in lines if line.startswith(" mvff:")]
    # What two tables say in a wide terminal, more say in a narrow one.
    assert sum(len(row) - 1 for row in cells) == 25
    assert len(cells) == 3 if columns in (1, 100) else len(cells) > 3
    assert len([line for line in lines if re.match("  +first_fit=no *$", line)]) == len(cells)


@pytest.mark.once
def test_the_version_of_each_library_is_told(rangeland):
    done = rangeland("replay", SORT, "--pool", "glibc", "--pool", "mvff")
    assert re.search(r"^The libraries: glibc \d+\.\d+\.$", done.stdout, re.M)
    assert "The libraries" not in rangeland("replay", SORT, "--pool", "mvff").stdout


@pytest.mark.once
def test_how_to_have_each_is_told_and_no_command_is_broken(rangeland):
    specs = ("glibc", "glibc:arena_max=1,trim_threshold=128K", "mvff", "slab")
    options = [word for spec in specs for word in ("--pool", spec)]
    done = rangeland("replay", SORT, *options, env={"COLUMNS": "60"})
    lines = done.stdout.split("\n")
    assert (
        "To have glibc:arena_max=1,trim_threshold=128K: GLIBC_TUNABLES=glibc.malloc.arena_max=1:"
        "glibc.malloc.trim_threshold=131072 ./my-program"
    ) in lines
    text = " ".join(done.stdout.split())
    assert "mvff, slab: a policy, simulated here" in text or "slab, mvff: a policy" in text
    assert len(re.findall("glibc [0-9]+[.][0-9]+", text[text.index("The libraries") :])) == 1


@pytest.mark.once
def test_large_sizes_are_in_larger_units(rangeland):
    done = rangeland("replay", SORT, "--pool", "mfs", "--pool", "mvff", env={"COLUMNS": "80"})
    assert "In KiB." in done.stdout and max(map(len, done.stdout.split("\n"))) <= 80
    assert "In bytes." in rangeland("replay", PERL).stdout


@pytest.mark.once
def test_what_was_not_followed_is_told(rangeland, tmp_path):
    log = tmp_path / "odd.log"
    log.write_text("--7-- malloc(9) = 0x10\n--7-- free(0x99)\nhello\n--7-- free(0x10)\n")
    done = rangeland("replay", log)
    assert "Not followed: 1 lines that are no calls, 1 frees of an unknown address." in done.stdout
    done = rangeland("replay", log, "--strict")
    assert (done.returncode, done.stdout) == (2, "") and f"{log}:2:" in done.stderr


def test_who_cannot_do_a_trace_does_not_hinder_the_others(rangeland):
    done = rangeland("replay", PERL, SORT, "--pool", "recorded", "--pool", "mvff", "--json")
    assert done.returncode == 0
    perl, sort = json.loads(done.stdout)["traces"]
    assert [pool["pool"] for pool in perl["pools"]] == ["mvff"]
    assert "has no addresses" in perl["refused"]["recorded"]
    assert [pool["pool"] for pool in sort["pools"]] == ["recorded", "mvff"]
    text = " ".join(rangeland("replay", PERL, SORT, "--pool", "recorded").stdout.split())
    assert "recorded: the trace of the form rep has no addresses" in text
    assert "recorded: what valgrind's allocator did, which took the place of the program's." in text


def test_pools_and_calls_of_threads_are_told(rangeland):
    pools = ("mvff", "mvff:threads=own", "glibc:threads=own")
    options = [word for pool in pools for word in ("--pool", pool)]
    done = rangeland("replay", EDGE, *options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    one, own, real = json.loads(done.stdout)["traces"][0]["pools"]
    assert "threads" not in one and (own["threads"], own["pools"]) == (3, 3)
    assert real["threads"] == 3 and real["operations_per_second"] is None
    assert own["peak_live"] == one["peak_live"]
    text = " ".join(rangeland("replay", EDGE, *options).stdout.split())
    assert "mvff:threads=own: 3 threads, 3 pools: one for each that allocates." in text
    assert "glibc:threads=own: 3 threads, which take turns, so that no time is told." in text
    text = " ".join(rangeland("replay", PERL, *options[2:]).stdout.split())
    for pool in pools[1:]:
        assert f"{pool}: the trace tells no threads, and was done as if by one." in text


@pytest.mark.once
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


@pytest.mark.once
def test_failures_are_told(rangeland):
    done = rangeland("replay", SORT, "--pool", "mfs:unit_size=100")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    told = r"mfs:unit_size=100 failed \d+ allocations, the first, of \d+ bytes, in operation \d+ of 429"
    assert re.search(told, text) and " failed " in text


def test_of_several_traces_there_is_a_summary(rangeland):
    pools = ("--pool", "mvff", "--pool", "slab", "--pool", "mfs:unit_size=100")
    done = rangeland("replay", SORT, PERL, *pools, "--json")
    told = json.loads(done.stdout)
    over = told["summary"]
    assert (over["traces"], over["best"], over["pools"][0]["done"]) == (2, "mvff", 2)
    assert over["pools"][2]["pool"] == "mfs:unit_size=100" and over["pools"][2]["undone"] == 2
    peaks = [pool["peak_committed"] for s in told["traces"] for pool in s["pools"][:1]]
    assert over["pools"][0]["sum_peaks"] == sum(peaks)
    text = " ".join(rangeland("replay", SORT, PERL, *pools).stdout.split())
    assert text.endswith(" ".join(over["verdict"].split()))
    assert "All 2 traces: least times at sum of held at not pool in least worst peaks ends" in text
    assert "summary" not in json.loads(rangeland("replay", SORT, "--json").stdout)


def test_json_and_nothing_else(rangeland):
    done = rangeland("replay", SORT, PERL, "--pool", "mvff:slot_high=yes", "--pool", "mvff", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    sections = json.loads(done.stdout)["traces"]
    assert [s["trace"] for s in sections] == [str(SORT), str(PERL)]
    assert [s["format"] for s in sections] == ["valgrind", "rep"]
    assert [s["figures"]["peak_bytes"] for s in sections] == [871868, 474068]
    result, plain = sections[1]["pools"]
    assert set(result) == {field.name for field in fields(Result)} - {"curve", "more"}
    assert (result["pool"], result["operations"]) == ("mvff:slot_high=yes", 9584)
    assert result["first_failure"] is None
    assert result["peak_committed"] > result["peak_total"] > result["peak_live"] == 474068
    beyond = result["committed_at_peak_live"] - result["peak_live"]
    assert sum(result["causes_at_peak_live"].values()) == beyond
    beyond = result["peak_committed"] - result["live_at_peak_committed"]
    assert sum(result["peak_causes"].values()) == beyond
    better = min((result, plain), key=lambda r: (r["peak_committed"], r["mean_committed"]))
    assert sections[1]["ranking"][0] == better["pool"]
    assert sections[1]["verdict"].startswith(f"{better['pool']} served best")


@pytest.mark.once
def test_a_curve_comes_with_the_json_only(rangeland):
    done = rangeland("replay", PERL, "--curve", "7", "--json")
    (section,) = json.loads(done.stdout)["traces"]
    curve = section["pools"][0]["curve"]
    assert 7 <= len(curve) <= 9 and curve[-1]["event"] == 9584
    assert max(sample["peak_live"] for sample in curve) == 474068
    done = rangeland("replay", PERL, "--curve", "7")
    assert (done.returncode, done.stderr) == (2, "rangeland: --curve is for --json; see rangeland replay --help\n")


def test_one_after_the_other_is_the_same_as_side_by_side(rangeland):
    specs = ("--pool", "mvff", "--pool", "mvff:spare=0", "--pool", "mvff:slot_high=yes")
    outcomes = []
    for jobs in ("1", "2", "8"):
        done = rangeland("replay", PERL, *specs, "--jobs", jobs, "--json")
        (section,) = json.loads(done.stdout)["traces"]
        for pool in section["pools"]:
            del pool["seconds"], pool["operations_per_second"], pool["times"]
        outcomes.append((section["pools"], section["ranking"]))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_the_bundled_trace(rangeland):
    done = rangeland("replay", "--bundled", "--json")
    (section,) = json.loads(done.stdout)["traces"]
    assert section["figures"]["events"] == 27696
    assert [pool["pool"] for pool in section["pools"]] == ["mvff"]


@pytest.mark.once
@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Missing argument 'TRACE...' (or --bundled); see"),
        (("nothing.log",), "nothing.log: No such file or directory"),
        ((".",), ".: Is a directory"),
        ((SORT, "--pool", "mvf"), "unknown pool or allocator 'mvf'"),
        ((SORT, "--pool", "mvff:align=3"), "align is 3"),
        ((SORT, "--format", "rep"), "expected the heap size or weight"),
        ((SORT, "--jobs", "0"), "0 is not in the range x>=1"),
        ((SORT, "--curve", "0"), "0 is not in the range 1<=x<=100000"),
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


@pytest.mark.once
def test_a_damaged_trace_names_the_line(rangeland, tmp_path):
    lines = gzip.decompress(SORT.read_bytes()).split(b"\n")
    at = next(i for i, line in enumerate(lines) if b"malloc(44)" in line)
    lines[at] = lines[at].replace(b"44", b"4x")
    path = tmp_path / "damaged.log"
    path.write_bytes(b"\n".join(lines))
    done = rangeland("replay", path)
    assert done.returncode == 2
    assert f"{path}:{at + 1}: found 'malloc(4x) = " in done.stderr


@pytest.mark.once
def test_the_help_names_the_options(rangeland):
    done = rangeland("replay", "--help")
    assert done.returncode == 0
    options = "--pool SPEC", "--format", "--strict", "--bundled", "--jobs N", "--curve ROWS", "--json"
    for option in (*options, "TRACE..."):
        assert option in done.stdout


@pytest.mark.once
def test_a_library_that_dies_does_not_take_the_others_with_it(rangeland, tmp_path):
    cc = shutil.which("cc")
    if cc is None:
        pytest.skip("there is no C compiler")
    source, library = tmp_path / "die.c", tmp_path / "die.so"
    source.write_text(
        "#include <stdlib.h>\nstatic int n;\nvoid *malloc(size_t s) { if (++n > 50) abort(); "
        "static char room[1 << 20]; static size_t at; at += (s + 31) & ~15ul; return room + at; }\n"
        "void free(void *p) { }\nvoid *realloc(void *p, size_t s) { return malloc(s); }\n"
        "int posix_memalign(void **p, size_t a, size_t s) { *p = malloc(s); return 0; }\n"
    )
    subprocess.run([cc, "-shared", "-fPIC", "-o", library, source], check=True)
    done = rangeland("replay", PERL, "--pool", library, "--pool", "mvff", "--json")
    assert done.returncode == 0, done.stderr
    (section,) = json.loads(done.stdout)["traces"]
    assert [pool["pool"] for pool in section["pools"]] == ["mvff"]
    assert "died of SIGABRT" in section["refused"][str(library)]


@pytest.mark.once
def test_a_file_that_is_not_there_is_told_before_any_is_replayed(rangeland, tmp_path):
    done = rangeland("replay", PERL, tmp_path / "none.log")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"rangeland: {tmp_path / 'none.log'}: No such file or directory\n"


@pytest.mark.once
@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_output_is_none(closed):
    command = [sys.executable, "-P", "-m", "rangeland", "info", str(PERL), "--json"]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}>&-', "sh", *command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout == "") == (closed == 1)


@pytest.mark.once
def test_a_trace_with_nothing_to_replay_is_refused(rangeland, tmp_path):
    (tmp_path / "x.rep").write_text("1\n0\n0\n1\n")
    done = rangeland("replay", tmp_path / "x.rep", "--pool", "mvff")
    assert (done.returncode, done.stdout) == (2, "")
    assert "x.rep: found no event that makes or frees a block, expected one at least" in done.stderr


@pytest.mark.once
@pytest.mark.parametrize("as_json", [False, True])
def test_what_came_of_the_others_stays_if_one_is_killed(python, tmp_path, as_json):
    (tmp_path / "kills.py").write_text(KILLS)
    names = ["--pool", "mvff", "--pool", "buddy", "--pool", "segfit", "--jobs", "2"]
    done = python("kills.py", "replay", "--bundled", *names, *["--json"] * as_json)
    why = "the replay in buddy ended with status -9, perhaps for want of memory: expected a result"
    assert (done.returncode, done.stderr) == (2, f"rangeland: {why}\n")
    if as_json:
        (section,) = json.loads(done.stdout)["traces"]
        assert section["refused"] == {"buddy": why}
        assert [pool["pool"] for pool in section["pools"]] == ["mvff", "segfit"]
    else:
        assert f"buddy: {why}." in " ".join(done.stdout.split())
        assert "\n mvff " in done.stdout and "\n segfit " in done.stdout


KILLS = """
import os, signal
from rangeland.traces.specs import PoolSpec
replay = PoolSpec.replay

def killed(self, *args, **options):
    if str(self) == "buddy":
        os.kill(os.getpid(), signal.SIGKILL)
    return replay(self, *args, **options)

PoolSpec.replay = killed
from rangeland.__main__ import main
main()
"""
