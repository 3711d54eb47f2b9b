"""The trials of the public face, of the machine's memory, and the models of our own
classes: nothing is found in them, and what they are shown is."""

import random

import pytest

import rangeland as rl
from rangeland.invariants.engine import examine
from rangeland.invariants.faces import KINDS, PROMISES, FaceTrial, values_of
from rangeland.invariants.finding import Broken
from rangeland.invariants.machine_memory import MemoryTrial
from rangeland.invariants.models.failover import FailoverModel
from rangeland.invariants.models.source import Source
from rangeland.invariants.policies import TRIALS
from rangeland.invariants.prove import trial_of
from rangeland.invariants.trial import tried


@pytest.mark.parametrize("make_trial", (FaceTrial, MemoryTrial))
def test_nothing_is_found_where_nothing_is_wrong(make_trial, rng):
    result = examine(make_trial, rng.randrange(1 << 30), 12, 60)
    assert result.ok and result.steps > 100, result.finding


def test_all_that_is_in_the_face_is_as_it_says(rng):
    trial = FaceTrial()
    count = len(trial.cards())
    assert count > 3000
    for i in range(count):
        tried(trial.do, trial.choose(rng))
        if i % 100 == 0:
            tried(trial.check)
    tried(trial.end)


def test_what_a_keyword_takes_is_tried_at_its_bounds():
    assert set(KINDS.values()) == {rl.MFS, *TRIALS}
    for kind, promises in PROMISES.items():
        for name, promise in promises.items():
            tried = [value for value, taken in values_of(promise) if taken]
            assert promise[0] in tried and promise[1] in tried, (kind, name)


class Misled(MemoryTrial):
    """Its machine tells of two pages that they lie a page higher."""

    def _ask(self, verb, *arguments):
        answer = super()._ask(verb, *arguments)
        return answer + 4096 if arguments[0] == 8192 and answer > 0 else answer


def test_a_reservation_elsewhere_is_found(rng):
    result = examine(Misled, rng.randrange(1 << 30), 40, 60)
    assert not result.ok and result.invariant == "vm-accounts"
    assert "space.reserve(8192" in result.counterexample


class Lax(rl.MVFF):
    """It takes any alignment, resizes by a word, and keeps what is at the end of a block."""

    def resize(self, address, old, new):
        return new == old + 8 or super().resize(address, old, new)


class Hasty(rl.Slab):
    """An aligned block is had by plain ones."""

    def alloc(self, size, align=None):
        return super().alloc(max(size, align or 1))


@pytest.mark.parametrize("kind", (Lax, Hasty))
def test_a_mistake_in_resize_or_alignment_is_found(kind, rng):
    result = rl.prove(kind, rng.randrange(1 << 30))
    assert not result.ok, result


def test_a_model_asks_what_the_pool_asked_and_no_more():
    source = Source([("alloc", 4096, 1 << 20), ("free", 4096, 1 << 20)])
    with pytest.raises(Broken, match="asks the arena for 4096 bytes: expected that it asks for 8192"):
        source.alloc(8192)
    assert source.alloc(4096) == 1 << 20
    with pytest.raises(Broken, match="expected nothing of the kind"):
        source.expect_no_more()
    assert source.is_undone(1 << 20, 4096) and source.undone
    source.expect_no_more()
    with pytest.raises(Broken, match="asks the arena for nothing"):
        source.free(1 << 20, 4096)


def test_of_a_failover_that_has_no_nodes_both_lands_are_known():
    model = FailoverModel()
    assert model.insert(0, 64) == (0, 64)
    model.refuse(1, 2)
    assert model.delete(16, 32) == (0, 64)
    assert (list(model.primary), list(model.secondary)) == ([(32, 64)], [(0, 16)])
    assert model.find("largest", 8, "low") == ((32, 40), (32, 64))
    assert model.find("next", 8, "none", 64) is None
    assert list(model.primary) == [(0, 16), (40, 64)] and not list(model.secondary)


@pytest.mark.parametrize("kind", TRIALS, ids=lambda kind: kind.__name__)
def test_all_operations_are_drawn_of_each_class(kind):
    drawn, rng = set(), random.Random(3)
    for _ in range(12):
        trial = trial_of(kind)()
        for _ in range(60):
            step = trial.choose(rng)
            trial.do(step)
            drawn.add(step[0])
        trial.abandon()
    assert drawn >= {"alloc", "free", "resize", "wrong"}
    assert "aligned" in drawn or kind is rl.MVT
