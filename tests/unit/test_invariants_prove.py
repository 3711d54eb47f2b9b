"""rl.prove: what it takes, what it refuses, what it gives back."""

import json

import pytest
from support.faulty import Clobbers, FirstFit, Strings

import rangeland as rl
from rangeland.invariants.catalogue import CATALOGUE
from rangeland.invariants.engine import examine, replay
from rangeland.invariants.finding import Broken
from rangeland.invariants.profiles import PROFILES, profile
from rangeland.invariants.prove import trial_of
from rangeland.invariants.shrink import shrink

EXAMPLES = {"compiled": 24, "interpreted": 6}
KEYWORDS = (
    {},
    {"slot_high": True, "arena_high": True},
    {"first_fit": False, "align": 64},
    {"spare": 0, "extend_by": 4096},
    {"spare": 1, "slot_high": True, "first_fit": False, "align": 4096},
)
LANDS = (rl.SortedLand, rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover)


@pytest.fixture
def few(speed):
    """So few examples that it takes a second."""
    return {"examples": EXAMPLES[speed], "steps": 200}


def expect_to_hold(result):
    assert result.ok, result
    assert result.steps > 50 and result.examples in EXAMPLES.values()
    assert str(result).startswith("every invariant held in")


@pytest.mark.parametrize("kind", (rl.MVFF, *LANDS), ids=lambda kind: kind.__name__)
def test_our_own_classes_hold(kind, seed, few):
    expect_to_hold(rl.prove(kind, seed, **few))


@pytest.mark.parametrize("keywords", KEYWORDS, ids=str)
def test_mvff_holds_with_any_keywords(keywords, seed, few):
    expect_to_hold(rl.prove(lambda arena: rl.MVFF(arena, **keywords), seed, **few))


@pytest.mark.parametrize("unit", (24, 100, 5000))
def test_mfs_holds_with_any_unit(unit, seed, few):
    expect_to_hold(rl.prove(lambda arena: rl.MFS(arena, unit), seed, **few))


def test_the_same_seed_does_the_same():
    one, two = (rl.prove(Clobbers, 7) for _ in range(2))
    assert one.finding == two.finding and one.steps == two.steps
    assert any(rl.prove(Clobbers, n).steps != one.steps for n in range(8, 12))


def test_a_result_is_plain_data():
    result = rl.prove(Strings, 1)
    told = json.loads(json.dumps(result.to_dict()))
    assert told["ok"] is False and told["finding"]["invariant"] == result.invariant == "nonsense"
    assert told["finding"]["program"] == result.counterexample
    assert "nonsense: the answer is '" in str(result)
    held = rl.prove(FirstFit, 1, examples=3)
    assert held and held.counterexample is None and held.to_dict()["finding"] is None


class Raising:
    def __init__(self):
        raise KeyError("no\nroom")


class NoFree:
    def alloc(self, size):
        return 0


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (Raising, "Raising raised KeyError: 'no.*room'"),
        (lambda arena: 1 // 0, "raised ZeroDivisionError: .* was given an Arena as 'arena'"),
        (lambda: None, "returned None: expected a subject"),
        (lambda one, two: None, "wants one, two: expected a callable of no argument"),
        (NoFree, "NoFree made .*: expected something with alloc and free"),
        (3, "the subject is 3: expected a callable"),
        (None, "the subject is None"),
    ],
)
def test_what_cannot_be_tried_is_told_in_a_line(subject, message):
    with pytest.raises(rl.CannotTry, match=message) as caught:
        rl.prove(subject)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "wrong", [{"examples": 0}, {"steps": 0}, {"examples": "3"}, {"seed": "x"}, {"seed": None}]
)
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(rl.ParamError):
        rl.prove(FirstFit, **wrong)


def test_the_profile_is_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("RANGELAND_PROFILE", raising=False)
    assert profile() == PROFILES["dev"] == profile("dev")
    monkeypatch.setenv("RANGELAND_PROFILE", "ci")
    assert profile() == PROFILES["ci"]
    monkeypatch.setenv("RANGELAND_PROFILE", "day")
    with pytest.raises(rl.ParamError, match="no profile is named 'day'"):
        rl.prove(FirstFit)


def test_sizes_can_be_told():
    class OnlySmall(FirstFit):
        def alloc(self, size):
            if size > 64:
                raise ValueError("too large")
            return super().alloc(size)

    assert rl.prove(OnlySmall, 1).invariant == "raises"
    assert rl.prove(OnlySmall, 1, sizes=(1, 64)).ok
    OnlySmall.max_size = 64
    assert rl.prove(OnlySmall, 1).ok


def test_progress_is_told_and_time_is_kept():
    told = []
    assert rl.prove(FirstFit, 1, examples=5, progress=told.append).ok
    assert told == [1, 2, 3, 4, 5]
    assert rl.prove(FirstFit, 1, examples=10**6, seconds=0.05).examples < 10**6


def test_any_part_of_a_run_is_a_run():
    make = trial_of(FirstFit)
    assert replay(make, [("free", 3), ("alloc", 1, 8), ("alloc", 1, 8), ("free", 1)]) is None
    assert replay(make, [("relent",), ("limit", None), ("collect",), ("refuse", "node", 1, 1)]) is None
    assert replay(make, [("alloc", 1, 10**9), ("cycle", 0, 1), ("realloc", 1, 8)]) is None
    assert replay(make, []) is None


def test_shrinking_keeps_the_invariant():
    make = trial_of(Clobbers)
    steps = [("alloc", n, 24) for n in range(20)] + [("free", n) for n in range(0, 20, 2)]
    broken = replay(make, steps)
    assert broken.invariant == "contents"
    few, last = shrink(make, steps, "contents")
    assert len(few) == 2 and last.invariant == "contents"
    kept, nothing = shrink(trial_of(FirstFit), steps, "contents")
    assert kept == steps and nothing is None


def test_what_a_trial_does_not_foresee_is_a_finding():
    make = trial_of(FirstFit)

    class Odd(make.func):
        def do_free(self, number):
            raise LookupError("odd")

    result = examine(lambda: Odd(FirstFit), 1, 20, 100)
    assert result.invariant == "raises" and "LookupError: odd" in result.finding.message


def test_only_the_catalogue_names_what_is_broken():
    with pytest.raises(KeyError, match="no invariant is named 'spelling'"):
        Broken("spelling", "wrong")
    assert all(entry.name == name for name, entry in CATALOGUE.items())
    assert all(entry.sentence.endswith(".") for entry in CATALOGUE.values())


def test_every_invariant_is_defined_in_the_document(root):
    text = (root / "design/invariants.md").read_text(encoding="utf-8")
    missing = [name for name in CATALOGUE if f"\n`.inv.{name}`: " not in text]
    assert not missing
