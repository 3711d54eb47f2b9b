"""The zoo: every mistake can be made, and the kit finds it (design/zoo.md)."""

import ast
import os

import pytest
from mutants.results import Results
from zoo.hatch import ROOT as SOURCES
from zoo import keeper
from zoo.keeper import BUGS, show

# All of them take many minutes, so by day only a few are shown (design/zoo.md#.lim.day).
NAMES = {
    "split-off-by-a-word",
    "mfs-free-forgets-the-account",
    "mvff-gives-back-too-much",
    "buddy-unites-once",
    "page-of-the-wrong-pool",
    "descriptors-not-counted",
}
QUICK = [bug for bug in BUGS if bug.name in NAMES]
SHOWN = BUGS if os.environ.get("RANGELAND_PROFILE") == "night" else QUICK


def name(bug):
    return bug.name


def test_there_are_many_mistakes_with_names_of_their_own():
    assert len(QUICK) == len(NAMES)
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 40
    assert {bug.room for bug in BUGS} == {"land", "pools", "arena", "vm"}


@pytest.mark.once
@pytest.mark.parametrize("bug", BUGS, ids=name)
def test_a_mistake_can_be_made(bug):
    text = (SOURCES / bug.file).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(bug.made(text))) != ast.dump(ast.parse(text))
    with pytest.raises(ValueError, match="times, not once"):
        bug.made("")


@pytest.mark.once
@pytest.mark.installed
@pytest.mark.parametrize("bug", SHOWN, ids=name)
def test_the_kit_finds_it(bug):
    (found,) = show(bug, [0])
    assert found is not None
    assert found["size"] <= 20, found["program"]


FOUND = {"invariant": "overlap", "steps": 40, "size": 3}


def test_the_table_tells_what_was_found_and_what_was_missed():
    bug = BUGS[0]
    assert keeper.row(bug, [FOUND, FOUND]) == f"| {bug.name} | {bug.what} | overlap | 40 | 3 |"
    assert "overlap (1 seeds missed)" in keeper.row(bug, [FOUND, None])
    assert keeper.row(bug, [None]).endswith("| **not found** | | |")
    told = keeper.summary(2, 2, [FOUND, None, FOUND, FOUND])
    assert told.startswith("2 mistakes, 2 seeds: 1 missed; the median counterexample has 3 steps")
    assert keeper.summary(1, 1, [None]) == "1 mistakes, 1 seeds: 1 missed."


def test_what_is_known_already_is_not_tried_again(tmp_path, monkeypatch):
    asked = []

    def show(bug, seeds):
        asked.append((bug.name, *seeds))
        return [FOUND]

    monkeypatch.setattr(keeper, "show", show)
    for seeds in ((0,), (0, 1)):
        results = Results(tmp_path / "zoo.jsonl", keeper.KIT)
        shown = list(keeper.show_all(BUGS[:2], seeds, 1, results))
        assert shown == [(bug, [FOUND] * len(seeds)) for bug in BUGS[:2]]
    assert sorted(asked) == sorted((bug.name, seed) for bug in BUGS[:2] for seed in (0, 1))
    # Another kit may find something else.
    assert not Results(tmp_path / "zoo.jsonl", keeper.KIT[1:]).known


def test_the_table_is_kept_between_its_marks(tmp_path, monkeypatch):
    document = tmp_path / "zoo.md"
    monkeypatch.setattr(keeper, "DOCUMENT", document)
    document.write_text(f"before\n{keeper.BEGIN}\nold\n{keeper.END}\nafter\n")
    keeper.write("new")
    assert document.read_text() == f"before\n{keeper.BEGIN}\nnew\n{keeper.END}\nafter\n"


WRONG = ["--only", "no-such"], ["--write", "--only", BUGS[0].name], ["--jobs", "0"]


@pytest.mark.parametrize("given", WRONG)
def test_the_keeper_refuses_what_makes_no_sense(given, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["keeper.py", *given])
    with pytest.raises(SystemExit) as ended:
        keeper.main()
    assert ended.value.code == 2 and "keeper.py: error:" in capsys.readouterr().err
