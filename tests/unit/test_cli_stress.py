"""The command `rangeland stress`: figures, findings, and what it refuses."""

import json
from functools import partial

import pytest
from click.testing import CliRunner
from support import clibs

from rangeland.cli import stress as module
from rangeland.invariants.columns import Columns
from rangeland.invariants.finding import Broken, Finding
from rangeland.invariants.stress import Stress


@pytest.fixture
def run():
    """Run the command with the arguments given."""
    return partial(CliRunner().invoke, module.stress)


def test_it_tells_how_fast_every_operation_was_judged(run):
    result = run(["--operations", "3000", "--pool", "mvff:spare=0", "--pool", "mfs:unit_size=24"])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    head, _, *rows = [line.split() for line in lines[:-1]]
    assert lines[-1] == "mfs:unit_size=24: each block has the one size of the pool, 24 bytes."
    assert head == ["pool", "operations", "refused", "ops/s", "broken"]
    assert [row[0] for row in rows] == ["mvff:spare=0", "mfs:unit_size=24"]
    assert {(row[1], row[2], row[4]) for row in rows} == {("3,000", "0", "nothing")}


def test_json(run):
    options = "--operations 2000 --sizes 1K --lifetime fifo --live 50 --seed 3 --json".split()
    result = run(options)
    pools = json.loads(result.stdout)["pools"]
    assert list(pools) == ["mvff", "mfs:unit_size=64"]
    for told in pools.values():
        assert told["ok"] and told["steps"] == 2000 and told["seed"] == 3
        assert told["operations_per_second"] > 0 and told["finding"] is None


def test_a_finding_is_printed_and_the_status_is_1(run, monkeypatch):
    def drive(self, *_):
        raise Broken("overlap", "as the test says")

    def finding(self, broken):
        return Finding(broken.invariant, broken.message, [("alloc", 0, 1)], "text\n", 0, 0, 1)

    monkeypatch.setattr(Stress, "drive", drive)
    monkeypatch.setattr(Stress, "finding", finding)
    result = run(["--pool", "mvff"])
    assert result.exit_code == 1
    assert "overlap: as the test says" in result.stdout and result.stdout.endswith("text\n\n")
    result = run(["--pool", "mvff", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)["pools"]["mvff"]
    assert told["finding"]["steps"] == [["alloc", 0, 1]] and not told["ok"]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--sizes", "huge"], "'huge': expected small, lognormal"),
        (["--sizes", "1G"], "sizes is 1073741824"),
        (["--pool", "mvf"], "did you mean mvff"),
        (["--pool", "mvff:spare=2"], "pool spec 'mvff:spare=2'"),
        (["--pool", "mvff:threads=own"], "a run is that of one pool: expected threads=one"),
        (["--operations", "0"], "--operations"),
        (["--lifetime", "long"], "--lifetime"),
    ],
)
def test_what_it_refuses(run, arguments, told):
    result = run(arguments)
    assert result.exit_code != 0
    assert told in result.output + str(result.exception)


TRACED = "drawn: expected no --trace beside it"


@pytest.mark.parametrize(
    "option, value",
    [("seed", "0"), ("seconds", "9"), ("sizes", "small"),
     ("lifetime", "fifo"), ("live", "5")],
)  # fmt: skip
def test_what_says_how_to_draw_is_refused_beside_a_trace(run, option, value):
    result = run(["--trace", "none.log", f"--{option}", value])
    assert result.exit_code == 2 and f"--{option} is for what is {TRACED}" in result.output


def test_a_realloc_of_a_trace_is_one_operation_and_the_unit_is_told(run, tmp_path):
    path = tmp_path / "x.rep"
    path.write_text("0\n2\n5\n0\na 0 10\na 1 20\nr 0 30\nf 1\nf 0\n")
    options = ["--trace", str(path), "--pool", "mfs", "--pool", "mvff", "--every", "2"]
    result = run(options)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert [line.split()[-4] for line in lines if "nothing" in line] == ["5", "5"]
    assert f"mfs, {path}: each block has the one size of the pool, 30 bytes." in lines
    told = json.loads(run([*options, "--json"]).stdout)["pools"]
    assert [(t["steps"], t["events"], t["unit"]) for t in told.values()] == [(6, 5, 30), (6, 5, None)]


def test_of_a_trace_the_first_operations_are_done(run, tmp_path):
    path = tmp_path / "x.rep"
    path.write_text("0\n2\n6\n0\na 0 10\na 1 20\nr 0 30\nf 1\nr 0 40\nf 0\n")
    for operations, steps in ((2, 2), (3, 4), (4, 5), (5, 7), (6, 8), (99, 8)):
        options = ["--trace", str(path), "--pool", "mvff", "--operations", str(operations)]
        (told,) = json.loads(run([*options, "--json"]).stdout)["pools"].values()
        assert (told["events"], told["steps"]) == (min(operations, 6), steps)


OWN = """
import rangeland as rl

class Bump:
    top = 16

    def alloc(self, size):
        if self.top > 1 << 20:
            return None
        self.top += size
        return self.top - size

    def free(self, address, size):
        if address + size == self.top:
            self.top = address

class Twice(Bump):
    kept = None

    def alloc(self, size):
        kept, self.kept = self.kept, None
        return super().alloc(size) if kept is None else kept

    def free(self, address, size):
        self.kept = address

def pool(arena):
    return rl.MVFF(arena)
"""


def test_an_allocator_of_ones_own_is_judged(run, tmp_path):
    path, trace = tmp_path / "own.py", tmp_path / "x.rep"
    path.write_text(OWN)
    trace.write_text("0\n2\n5\n0\na 0 10\na 1 20\nr 0 30\nf 1\nf 0\n")
    names = [f"{path}:Bump", f"{path}:pool"]
    pools = [word for name in names for word in ("--pool", name)]
    told = json.loads(run([*pools, "--operations", "3000", "--json"]).stdout)["pools"]
    assert list(told) == names
    for name in names:
        assert (told[name]["ok"], told[name]["steps"]) == (True, 3000)
    assert 0 < told[names[0]]["refused"] < 3000 and told[names[1]]["refused"] == 0
    told = json.loads(run([*pools, "--trace", str(trace), "--json"]).stdout)["pools"]
    assert [(t["ok"], t["events"], t["steps"]) for t in told.values()] == [(True, 5, 6)] * 2
    result = run(["--pool", f"{path}:Twice", "--operations", "3000"])
    assert result.exit_code == 1 and "overlap" in result.stdout
    assert "from own import Twice" in result.stdout or "Twice()" in result.stdout
    result = run(["--pool", f"{path}:None"])
    assert "has no None" in result.output + str(result.exception)


@pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)")
def test_a_library_in_c_is_judged(run, tmp_path):
    good = clibs.built(tmp_path, clibs.ALLOCATOR, name="good")
    bad = clibs.built(tmp_path, clibs.ALLOCATOR, "NOT_ZEROED", name="bad")
    result = run(["--pool", str(good), "--pool", "mvff", "--operations", "5000", "--json"])
    told = json.loads(result.stdout)["pools"]
    assert list(told) == ["mvff", str(good)] and told[str(good)]["ok"]
    assert told[str(good)]["events"] == told[str(good)]["steps"] >= 5000
    result = run(["--pool", str(bad), "--operations", "5000"])
    assert result.exit_code == 1 and "zeroed" in result.stdout and "int main(" in result.stdout
    for option in (["--live", "5"], ["--trace", "none.log"]):
        result = run(["--pool", str(good), *option])
        assert f"{option[0]} is for pools: expected no library in C" in result.output


def test_the_columns_take_what_the_command_offers():
    for sizes in (*module.SIZES, 4096):
        for lifetime in module.LIFETIMES:
            Columns(0, sizes, lifetime)
