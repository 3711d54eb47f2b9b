"""The machines: the real classes hold, and faulty ones are found.

Source: design/machines.md
"""

import os

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from support import faulty, odd
from support.faulty import BAD, GOOD, FirstFit
from support.profile import part

import rangeland as rl
from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.machines import (
    AllocatorMachine,
    ArenaMachine,
    BootstrapMachine,
    LandMachine,
    PointMachine,
    PoolAgreement,
    PoolMachine,
    TelemetryMachine,
)
from rangeland.invariants.machines import base as base_of_machines
from rangeland.invariants.machines.base import TrialMachine
from rangeland.invariants.profiles import VARIABLE

EXAMPLES = part(25, of=2)
LANDS = (rl.SortedLand, rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover)


def small_units(arena):
    """An MFS pool, by a function."""
    return rl.MFS(arena, 24, extend_by=4096)


SUBJECTS = [
    *((AllocatorMachine, make) for make in GOOD),
    (PoolMachine, rl.MVFF),
    *((PoolMachine, kind) for kind in (rl.BestFit, rl.WorstFit, rl.NextFit, rl.LIFOFit)),
    *((PoolMachine, kind) for kind in (rl.Buddy, rl.SegFit, rl.Slab)),
    (PoolMachine, small_units),
    (PointMachine, rl.MVT),
    *((LandMachine, make) for make in LANDS),
]
WHOLE = (PoolAgreement, ArenaMachine, TelemetryMachine, BootstrapMachine)


def run(machine, examples=EXAMPLES, phases=tuple(Phase)):
    """Run a machine, as its TestCase does, with so many examples.

    One mistake can be found in two places at once: one of them is told.
    """
    chosen = settings(
        machine.TestCase.settings,
        max_examples=examples,
        stateful_step_count=25,
        report_multiple_bugs=False,
        phases=phases,
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.parametrize("base, make", SUBJECTS, ids=lambda value: value.__name__)
def test_what_is_right_holds(base, make):
    run(type("Machine", (base,), {"make": make}))


@pytest.mark.parametrize("machine", WHOLE, ids=lambda machine: machine.__name__)
def test_arenas_and_lands_hold(machine):
    run(machine)


@pytest.mark.once
@pytest.mark.parametrize("name", ("overlap", "alignment", "nonsense", "contents"))
def test_what_is_wrong_is_found(name):
    make, invariants = next(each for each in BAD.items() if name in each[1])
    # What is found is not made small: that is not our work, and takes up to minutes.
    with pytest.raises(Broken) as caught:
        run(type("Machine", (AllocatorMachine,), {"make": make}), 400, [Phase.generate])
    assert caught.value.invariant in invariants


def test_a_machine_without_a_subject_says_so():
    with pytest.raises(CannotTry, match="has no make: expected"):
        AllocatorMachine()
    with pytest.raises(CannotTry, match="is tried by"):
        type("Machine", (AllocatorMachine,), {"make": rl.CBS})()


class TwoFaults(FirstFit):
    """Two things are wrong with it, in different places."""

    def alloc(self, size):
        return str(super().alloc(size)) if size > 3000 else super().alloc(size)

    def free(self, address, size):
        if len(self.holes) > 2:
            raise KeyError("lost")
        super().free(address, size)


FOUND = (
    TwoFaults, faulty.RoundsDown, faulty.FreesTooMuch, faulty.Clobbers, faulty.CountsTwice,
    faulty.Negative, faulty.RaisesInFree, faulty.Outside, faulty.FailsItsCheck, odd.GivesForEver,
)  # fmt: skip
# The others at night: a run of Hypothesis takes a second or more.
TRIED = FOUND if os.environ.get(VARIABLE) == "night" else FOUND[:3]


@pytest.mark.once
@pytest.mark.parametrize("kind", TRIED, ids=lambda kind: kind.__name__)
def test_one_finding_is_told_for_a_bounded_number_of_steps(kind, monkeypatch):
    monkeypatch.setattr(base_of_machines, "SHRINKING", 500)
    monkeypatch.setattr(TrialMachine, "told", lambda self, broken: "a program")
    done = []

    class Machine(AllocatorMachine):
        make = kind

        def do(self, *step):
            done.append(step)
            return super().do(*step)

    found = settings(Machine.TestCase.settings, database=None, derandomize=True, max_examples=200)
    with pytest.raises(Broken) as caught:
        run_state_machine_as_test(Machine, settings=found)
    assert any("a program" in note for note in caught.value.__notes__)
    # Hypothesis notices it when it has done a run more.
    assert Machine.shrinking.steps < 500 + 3000
    assert Machine.shrinking.since is None
