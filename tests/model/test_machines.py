"""The machines: the real classes hold, and faulty ones are found.

Source: design/machines.md
"""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from support.faulty import BAD, GOOD
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

EXAMPLES = part(25, of=2)
LANDS = (rl.SortedLand, rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover)


def small_units(arena):
    """An MFS pool, by a function."""
    return rl.MFS(arena, 24)


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
