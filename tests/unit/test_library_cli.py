"""`rangeland prove --library`: statuses, what people are told, and JSON."""

import json

import pytest
from support import clibs

pytestmark = pytest.mark.once
FEW = ("--seed", "1", "--examples", "3", "--steps", "200", "--threads", "1")
needs_cc = pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)")


def test_a_library_that_holds(rangeland):
    result = rangeland("prove", "--library", "libc.so.6", *FEW)
    assert (result.returncode, result.stderr) == (0, "")
    assert "every invariant held" in result.stdout
    assert "malloc(0): a block of its own" in result.stdout
    assert "checked operations per second" in result.stdout


def test_json_of_a_library_that_holds(rangeland):
    result = rangeland("prove", "--library", "libc.so.6", *FEW, "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["ok"], told["tried"]) == (0, True, True)
    assert told["seed"] == 1
    assert told["library"].endswith("libc.so.6")
    assert [16, 16] in told["promises"]["alignment"]


@needs_cc
def test_a_finding_is_told_with_its_program(rangeland, tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, "NOT_ZEROED")
    result = rangeland("prove", "--library", library, *FEW)
    assert (result.returncode, result.stderr) == (1, "")
    assert "zeroed broken" in result.stdout
    assert "int main(" in result.stdout
    told = json.loads(rangeland("prove", "--library", library, *FEW, "--json").stdout)
    assert told["finding"]["invariant"] == "zeroed"
    assert len(told["finding"]["steps"]) <= 3


@pytest.mark.parametrize(
    ("path", "expected"), [("./none.so", "no such file"), ("libm.so.6", "malloc")]
)
def test_what_cannot_be_tried(rangeland, path, expected):
    result = rangeland("prove", "--library", path, *FEW)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("rangeland: ") and expected in result.stderr
    assert result.stderr.count("\n") == 1
    result = rangeland("prove", "--library", path, *FEW, "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["ok"], told["tried"]) == (2, False, False)
    assert expected in told["reason"]


def test_a_library_or_a_factory_not_both(rangeland):
    both = ("rangeland:MVFF", "--library", "libc.so.6")
    for args in ((), both, ("--library", "x", "--steps", "0")):
        result = rangeland("prove", *args)
        assert result.returncode == 2
        assert result.stderr.startswith("rangeland: ")
    result = rangeland("prove", "rangeland:MVFF", "--threads", "3")
    assert result.returncode == 2
    assert "--library" in result.stderr
