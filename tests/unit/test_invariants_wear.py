"""Leaks that show in no account are found by what can be had after turns
(design/invariants.md#.sol.wear); policies that look like them are left alone."""

import pytest
from support.faulty import FirstFit
from support.wearing import LOSING, RIGHT, Lists, LosesWord, RefusalRaises

import rangeland as rl
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.engine import replay
from rangeland.invariants.wear import Wear
from rangeland.invariants.workload import COUNTS

pytestmark = pytest.mark.once

# A step that finds each.
STEPS = {
    "LosesWord": ("wear", "plain", 120, 1),
    "LosesTail": ("wear", "shrink", 120, 1),
    "LosesFront": ("wear", "aligned", 24, 2),
    "LosesRest": ("wear", "plain", 4096, 1),
    "RefusalLoses": ("wear", "refused", 24, 4),
    "RefusalRaises": ("wear", "refused", 24, 4),
    "RefusalEnds": ("wear", "refused", 24, 4),
    "RefusalDrops": ("wear", "refused", 24, 4),
    "Forgets": ("wear", "several", 8, 70),
}


def fails(program):
    """True if the program fails by its assert, and is short."""
    assert program.count("\n") <= 20 and "for turn in range(" in program
    with pytest.raises(AssertionError):
        exec(compile(program, "counterexample", "exec"), {})
    return True


@pytest.mark.parametrize("kind", LOSING, ids=lambda kind: kind.__name__)
def test_a_step_finds_a_leak_and_its_program_fails(kind):
    step = STEPS[kind.__name__]
    broken = replay(lambda: AllocatorTrial(kind), [step])
    assert broken is not None and broken.invariant == "leak", broken
    assert "with nothing alive, they cannot" in broken.message
    assert fails(AllocatorTrial(kind).program([step]))


@pytest.mark.parametrize("kind", (LosesWord, RefusalRaises), ids=lambda kind: kind.__name__)
def test_a_leak_is_found_in_random_steps(kind):
    result = rl.prove(kind, 1)
    assert result.invariant == "leak" and result.finding.reproducible, result
    assert len(result.finding.steps) == 1 and fails(result.counterexample)


@pytest.mark.parametrize("kind", RIGHT, ids=lambda kind: kind.__name__)
def test_a_policy_is_no_leak(kind):
    for name, counts in COUNTS.items():
        for count in {*counts}:
            for size in (24, 300, 16384 // (2 * count)):
                step = "wear", name, size, count
                broken = replay(lambda: AllocatorTrial(kind), [step])
                assert broken is None, (step, broken)


@pytest.mark.parametrize("kind", (FirstFit, Lists), ids=lambda kind: kind.__name__)
def test_right_ones_are_left_alone_in_random_steps(kind):
    assert rl.prove(kind, 2, examples=60, steps=60).ok


@pytest.mark.parametrize(
    "step",
    [
        ("wear", "plain", 0, 1),
        ("wear", "plain", 24, 0),
        ("wear", "plain", 5000, 1),
        ("wear", "other", 24, 1),
        ("wear", "shrink", 24, 1),
        ("wear", "aligned", 24, 1),
        ("wear", "several", 4000, 2),
    ],
)
def test_what_cannot_be_done_is_skipped(step):
    assert not AllocatorTrial(FirstFit).do(step)


def test_in_an_arena_nothing_is_tried():
    trial = AllocatorTrial(rl.MVFF)
    assert not trial.do(("wear", "plain", 24, 1))
    trial.end()


@pytest.mark.parametrize("name", ("alloc", "free", "realloc"))
@pytest.mark.parametrize("answer", ("raises", "nonsense"))
def test_what_is_judged_elsewhere_is_not_judged(name, answer):
    def method(self, *arguments):
        if answer == "raises":
            raise ValueError(arguments)
        return -1

    kind = type("Kind", (LosesWord,), {"realloc": lambda *_: None, name: method})
    Wear(kind, "shrink", 120, 1, 16384, 1).expect()
