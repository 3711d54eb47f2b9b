"""Fault plans: what they refuse is what they say, the same in every run."""

import pytest

from vm import results as r
from vm.faults import KINDS, FaultPlan
from vm.results import ParamError, ParamTypeError, ResourceError
from vm.space import AddressSpace


def refusals(plan, kind, count=20):
    return [i for i in range(1, count + 1) if plan.refuses(kind)]


def test_the_nth_attempt_is_refused_and_no_other():
    plan = FaultPlan().fail("mapping", nth=3)
    assert refusals(plan, "node") == []
    assert refusals(plan, "mapping") == [3]
    assert plan.attempts == {"reservation": 0, "mapping": 20, "node": 20}
    assert plan.refused == {"reservation": 0, "mapping": 1, "node": 0}


def test_ranges_and_rules_add_up():
    plan = FaultPlan().fail("node", nth=range(3, 7)).fail("node", nth=6).fail("node", nth=9)
    assert refusals(plan, "node") == [3, 4, 5, 6, 9]


def test_probability_is_the_same_in_every_run_and_about_right(seed):
    runs = [
        refusals(FaultPlan().fail("node", probability=0.1, seed=seed), "node", 5000)
        for _ in range(2)
    ]
    assert runs[0] == runs[1] and 350 < len(runs[0]) < 650
    other = refusals(FaultPlan().fail("node", probability=0.1, seed=seed + 1), "node", 5000)
    assert other != runs[0]


@pytest.mark.parametrize("probability", [0, 1])
def test_probability_0_and_1_are_never_and_always(probability):
    plan = FaultPlan().fail("node", probability=probability)
    assert len(refusals(plan, "node")) == 20 * probability


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"kind": "pages", "nth": 1}, ParamError),
        ({"kind": "node"}, ParamError),
        ({"kind": "node", "nth": 1, "probability": 0.5}, ParamError),
        ({"kind": "node", "nth": 0}, ParamError),
        ({"kind": "node", "nth": range(0, 3)}, ParamError),
        ({"kind": "node", "nth": "1"}, ParamTypeError),
        ({"kind": "node", "probability": 1.5}, ParamError),
        ({"kind": "node", "probability": "0.5"}, ParamTypeError),
    ],
)
def test_odd_rules_are_refused(arguments, error):
    with pytest.raises(error):
        FaultPlan().fail(**arguments)


def test_a_machine_asks_its_plan_and_only_its_own():
    plan = FaultPlan().fail("reservation", nth=range(1, 3))
    space = AddressSpace(size=1 << 20, base=1 << 44, faults=plan)
    assert space.faults is plan
    assert space.reserve(4096) == -r.RESOURCE
    with pytest.raises(ResourceError):
        space.reserve_at(space.base, 4096)
    assert space.reserve(4096) > 0
    space.faults = None
    assert space.faults is None and space.reserve(4096) > 0
    assert plan.attempts["reservation"] == 3
    assert set(plan.attempts) == set(KINDS)
