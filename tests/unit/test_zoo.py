"""The zoo: every mistake can be made, and the kit finds it (design/zoo.md)."""

import ast
import os

import pytest
from zoo.hatch import ROOT as SOURCES
from zoo.keeper import BUGS, show

# All of them take many minutes, so by day only a few are shown (design/zoo.md#.lim.table).
QUICK = [bug for bug in BUGS if bug.room in ("land", "pools")][::12]
SHOWN = BUGS if os.environ.get("RANGELAND_PROFILE") == "night" else QUICK


def name(bug):
    return bug.name


def test_there_are_many_mistakes_with_names_of_their_own():
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
