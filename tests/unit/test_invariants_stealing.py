"""The trial of lands that steal: ours hold, and it sees what goes wrong."""

from types import SimpleNamespace

import pytest

from land.cbs import CBS, CBSFast, CBSZoned
from rangeland.invariants.engine import examine, replay
from rangeland.invariants.finding import Broken
from rangeland.invariants.stealing import GRAINS, KINDS, StealingTrial
from vm.results import LimitError, ProtocolError


def fresh(kind="CBS", grain=64):
    trial = StealingTrial()
    trial.do(("begin", kind, grain))
    return trial


def with_land(trial, **answers):
    """The trial, with a land that answers otherwise."""

    class Land:
        NODE_SIZE = trial.land.NODE_SIZE
        stolen = 0

        def __getattr__(self, name):
            return getattr(true, name)

        def __iter__(self):
            return iter(true)

    true, trial.land = trial.land, Land()
    for name, value in answers.items():
        setattr(Land, name, value)
    return trial


def test_ours_hold():
    result = examine(StealingTrial, 5, 40, 200)
    assert result.ok, result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grain", GRAINS)
def test_a_grain_is_taken_when_a_node_is_needed_and_none_is_there(kind, grain):
    trial = fresh(kind, grain)
    assert trial.do(("insert_steal", 8, 12))
    assert trial.taken.list == [(trial.base + 8 * grain, trial.base + 9 * grain)]
    assert trial.do(("insert", 12, 14)) and trial.do(("delete_steal", 10, 11))
    trial.check()
    assert len(trial.model) <= grain // trial.land.NODE_SIZE * (trial.taken.size // grain)


def test_a_step_that_cannot_be_is_skipped():
    trial = fresh()
    trial.do(("insert_steal", 0, 4))
    for step in (("insert", 0, 2), ("insert", 3, 3), ("insert", 40, 50), ("begin", "CBS", 64)):
        assert not trial.do(step)
    assert not StealingTrial().do(("begin", "Freelist", 64))


def test_what_is_wrong_is_refused_and_that_is_right():
    trial = fresh()
    assert trial.do(("insert", 1, 2)) and trial.do(("delete", 1, 2))
    assert trial.do(("insert_steal", 1, 5)) and trial.do(("insert", 4, 6))
    assert list(trial.land) == list(trial.model)


@pytest.mark.parametrize(
    "invariant, answers",
    (
        ("insert", {"insert_steal": lambda *_: (0, 8)}),
        ("stolen", {"stolen": 7}),
        ("stolen", {"stolen": 64, "__iter__": lambda self: iter([(self.base, self.base + 64)])}),
        ("membership", {"stolen": 64, "__iter__": lambda self: iter([])}),
    ),
)
def test_what_is_told_wrongly_is_found(invariant, answers):
    trial = with_land(fresh(), **answers)
    type(trial.land).base = trial.base
    with pytest.raises(Broken) as caught:
        trial.do(("insert_steal", 0, 4))
        trial.check()
    assert caught.value.invariant == invariant


@pytest.mark.parametrize("error", (MemoryError, ValueError))
def test_a_refusal_that_is_wrong_is_found(error):
    def refuse(*_):
        raise {MemoryError: LimitError, ValueError: ProtocolError}[error]("no")

    trial = with_land(fresh(), insert_steal=refuse)
    with pytest.raises(Broken) as caught:
        trial.do(("insert_steal", 0, 4))
    assert caught.value.invariant == ("node-need" if error is MemoryError else "wrong-range")


def test_a_node_that_leaks_is_found():
    trial = fresh("CBS", 256)
    trial.do(("insert_steal", 0, 4))
    trial.nodes = SimpleNamespace(used=trial.nodes.used + 1)
    with pytest.raises(Broken) as caught:
        trial.check()
    assert caught.value.invariant == "node-need"


def test_a_program_repeats_the_steps():
    steps = [("begin", "CBSFast", 128), ("insert", 1, 2), ("insert_steal", 1, 5), ("delete_steal", 3, 4)]
    program = StealingTrial().program(steps)
    assert replay(StealingTrial, steps) is None
    names = {}
    exec(compile(program, "program", "exec"), names)
    assert names["land"].stolen == 0 and len(list(names["land"])) == 2
    assert {CBS, CBSFast, CBSZoned} == set(KINDS.values())
