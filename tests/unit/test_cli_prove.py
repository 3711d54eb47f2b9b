"""`rangeland prove` and `rangeland invariants`, run as a user runs them."""

import json

import pytest

MINE = """
class Good:
    def __init__(self):
        self.top, self.freed = 0, {}

    def alloc(self, size):
        if self.freed.get(size):
            return self.freed[size].pop()
        self.top += size
        return self.top - size

    def free(self, address, size):
        self.freed.setdefault(size, []).append(address)


class Bad(Good):
    def alloc(self, size):
        return 0


class Fails:
    def __init__(self):
        raise OSError("no\\nmemory")


def wants(one, two):
    pass


class Inner:
    Good = Good


number = 3
"""


@pytest.fixture
def mine(tmp_path):
    """A module that a user wrote."""
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize("name", ("mine:Good", "mine.py:Good", "mine:Inner.Good"))
def test_what_holds_exits_with_0(rangeland, mine, name):
    result = rangeland("prove", name, "--examples", 5, "--seed", 3)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{name}: every invariant held in ")


def test_a_finding_exits_with_1_and_its_program_fails(rangeland, mine, python):
    result = rangeland("prove", "mine:Bad", "--json", "--profile", "dev")
    assert (result.returncode, result.stderr) == (1, "")
    told = json.loads(result.stdout)
    assert told["subject"] == "mine:Bad" and told["finding"]["invariant"] == "overlap"
    failed = python("-c", told["finding"]["program"])
    assert failed.returncode == 1 and "AssertionError" in failed.stderr
    shown = rangeland("prove", "mine:Bad").stdout
    assert "overlap: " in shown and told["finding"]["program"] in shown


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mine", "'mine' names no factory: expected module:factory or path/to/file.py:factory"),
        ("mine:", "'mine:' names no factory"),
        ("mine:Nothing", "mine has no Nothing"),
        ("mine:number", "the subject is 3: expected a callable"),
        ("mine:wants", "wants wants one, two: expected a callable of no argument"),
        ("mine:Fails", "Fails raised OSError: no memory"),
        ("none:Good", "none cannot be imported: ModuleNotFoundError: No module named 'none'"),
        ("none.py:Good", "none.py: No such file or directory"),
        ("wrong.py:Good", "wrong.py cannot be imported: SyntaxError"),
        ("leaves.py:Good", "leaves.py cannot be imported: SystemExit: 7"),
        (".:Good", ". cannot be imported"),
        ("", "'' names no factory"),
    ],
)
def test_what_cannot_be_tried_exits_with_2(rangeland, mine, name, line):
    (mine.parent / "wrong.py").write_text("def (")
    (mine.parent / "leaves.py").write_text("import sys\nsys.exit(7)\n")
    result = rangeland("prove", name)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"rangeland: {line}") and result.stderr.count("\n") == 1


@pytest.mark.once
def test_wrong_options_exit_with_2(rangeland, mine):
    for options in (("--examples", 0), ("--steps", "x"), ("--profile", "day"), ("--seed", "?")):
        result = rangeland("prove", "mine:Good", *options)
        assert result.returncode == 2 and result.stderr.count("\n") == 1
    result = rangeland("prove", "mine:Good", env={"RANGELAND_PROFILE": "day"})
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "rangeland: no profile is named 'day': expected dev, ci, night\n"


@pytest.mark.once
def test_the_catalogue_is_listed(rangeland):
    shown = rangeland("invariants")
    assert (shown.returncode, shown.stderr) == (0, "")
    told = json.loads(rangeland("invariants", "--json").stdout)["invariants"]
    names = [entry["name"] for entry in told]
    assert names[:3] == ["nonsense", "raises", "hang"] and len(set(names)) == len(names)
    assert all(f" {name} " in shown.stdout for name in names)
    assert {entry["kind"] for entry in told} == {"own check", "results", "raw memory"}
    assert told[3]["tag"] == "design/invariants.md#" + ".inv.overlap"
