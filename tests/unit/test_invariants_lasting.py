"""Frees that do nothing, lists that never coalesce and plain leaks are found; what
waits, skips or keeps sizes apart is left alone (design/invariants.md#.sol.lasting)."""

import os

import pytest
from support import leaking
from support.faulty import FirstFit
from support.leaking import LEAKING, NOTHING, SPLITTING
from support.patient import PATIENT

import rangeland as rl
from rangeland.cli.apart import apart
from rangeland.invariants import lasting
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.engine import replay
from rangeland.invariants.profiles import VARIABLE

pytestmark = pytest.mark.once

NIGHT = os.environ.get(VARIABLE) == "night"
# A step that finds each, of those that are tried every day.
STEPS = {
    "Nothing": ("last", "one", 16, 2000),
    "NothingRaises": ("last", "one", 16, 2000),
    "NothingEndless": ("last", "one", 100, 2048),
    "NothingSaid": ("last", "one", 16, 2000),
    "NothingUnits": ("last", "one", 64, 400),
    "LargeStay": ("last", "one", 1000, 200),
    "Headers": ("last", "zigzag", 512, 400),
    "Splits": ("last", "climb", 2048, 400),
    "Seventh": ("last", "one", 100, 400),
    "HundredthAccounted": ("last", "one", 100, 2000),
    "SmallOnly": ("last", "one", 16, 2000),
    "LargeOnly": ("last", "one", 5000, 200),
    "ResizeSometimes": ("last", "grow", 100, 400),
    "RefusalTakesHole": ("last", "refused", 24, 400),
    "ZerosLeak": ("last", "zeros", 24, 400),
    "AlignedLeaks": ("last", "aligned", 24, 400),
    "Endless": ("last", "one", 100, 2048),
    "InArenaLarge": ("last", "one", 2000, 200),
}
KINDS = {kind.__name__: kind for kind in (*NOTHING, *SPLITTING, *LEAKING)}
TRIED = (
    ("one", 16, 3000),
    ("one", 300, 400),
    ("aligned", 100, 400),
    ("grow", 100, 400),
    ("less", 300, 400),
    ("refused", 24, 400),
    ("zigzag", 1000, 400),
    ("climb", 2048, 400),
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(lasting, "SECONDS", 0.01)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_finds_what_is_lost_and_its_program_fails(name):
    def make():
        return AllocatorTrial(KINDS[name])

    broken = replay(make, [STEPS[name]])
    assert broken is not None and broken.invariant == "leak", broken
    program = make().program([STEPS[name]])
    assert program.count("\n") <= 25
    with pytest.raises((AssertionError, MemoryError)):
        exec(compile(program, "counterexample", "exec"), {})


@pytest.mark.parametrize("name", KINDS if NIGHT else ("NothingTold", "SplitsLatest", "Second"))
@pytest.mark.parametrize("seed", (1, 2, 3) if NIGHT else (1,))
def test_it_is_found_in_random_steps(name, seed):
    result = rl.prove(KINDS[name], seed)
    assert not result.ok and "leak" in result.scope.judged or result.invariant != "leak", result


@pytest.mark.parametrize("kind", PATIENT, ids=lambda kind: kind.__name__)
def test_what_waits_or_skips_is_left_alone(kind):
    for step in TRIED if NIGHT else TRIED[PATIENT.index(kind) % 2 :: 2]:
        broken = replay(lambda: AllocatorTrial(kind), [("last", *step)])
        assert broken is None, (step, broken)


@pytest.mark.skipif(not NIGHT, reason="takes minutes")
@pytest.mark.parametrize("kind", PATIENT, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("seed", (1, 2, 3))
def test_right_ones_are_left_alone_in_random_steps(kind, seed):
    assert rl.prove(kind, seed).ok


@pytest.mark.parametrize(
    "step",
    [
        ("last", "one", 0, 10),
        ("last", "one", 24, 0),
        ("last", "one", 5000, 10),
        ("last", "other", 24, 10),
        ("last", "zeros", 24, 10),
        ("last", "aligned", 24, 10),
        ("last", "grow", 24, 10),
    ],
)
def test_what_cannot_be_done_is_skipped(step):
    assert not AllocatorTrial(FirstFit).do(step)


def test_what_comes_back_with_time_is_no_leak(monkeypatch):
    clock = [0.0]

    class Timed(leaking.Nothing):
        def alloc(self, size):
            if clock[0]:
                self.top = 0
            return super().alloc(size)

    monkeypatch.setattr(lasting.time, "sleep", lambda seconds: clock.__setitem__(0, 1.0))
    assert replay(lambda: AllocatorTrial(Timed), [STEPS["Nothing"]]) is None


def test_only_what_was_done_was_judged():
    told = rl.prove(FirstFit, 1, examples=1, steps=1).to_dict()
    assert "leak" not in told["judged"] and "reunion" not in told["judged"]
    assert told["not_judged"]["leak"] == "no turns that leave nothing were done to their end"
    assert told["not_judged"]["unwound"] == "it has no free_size"
    told = rl.prove(FirstFit, 1, examples=60, steps=60).to_dict()
    assert {"leak", "reunion", "overlap", "contents", "hang"} <= set(told["judged"])
    land = rl.prove(rl.SortedLand, 1, examples=1, steps=1).to_dict()
    assert "find-in-zones" not in land["judged"]


@pytest.mark.parametrize("status", (None, 0, 1, "enough"))
def test_a_factory_that_exits_cannot_be_tried(status):
    def make():
        raise SystemExit(status)

    with pytest.raises(rl.CannotTry, match="raised SystemExit"):
        rl.prove(make)


def test_a_factory_that_exits_later_cannot_be_tried():
    made = []

    def make():
        made.append(1)
        if len(made) > 5:
            raise SystemExit(0)
        return FirstFit()

    with pytest.raises(rl.CannotTry, match="raised SystemExit"):
        rl.prove(make, 1)


def test_what_ends_its_process_does_not_end_the_command():
    with pytest.raises(rl.CannotTry, match="mine: the process ended with status 0"):
        apart("mine", lambda tell: os._exit(0), print)
    with pytest.raises(rl.CannotTry, match="mine: SIGKILL ended the process"):
        apart("mine", lambda tell: os.kill(os.getpid(), 9), print)
    with pytest.raises(rl.ParamError, match="no good"):
        apart("mine", lambda tell: (_ for _ in ()).throw(rl.ParamError("no good")), print)
    told = []
    assert apart("mine", lambda tell: [tell(n) for n in range(3)], told.append) == [None] * 3
    assert told == [0, 1, 2]
