"""Faulty lands are found, each by what it breaks; lands that agree, agree."""

from functools import partial

import pytest
from land.sorted import SortedLand
from support.profile import SEEDS

import rangeland as rl
from rangeland.invariants.agreement import LANDS, AgreementTrial
from rangeland.invariants.engine import examine, replay
from rangeland.invariants.land import LandTrial


class ForgetsToCoalesce(SortedLand):
    """The range above is left as it is."""

    def insert(self, base, limit):
        if limit in self._limits and base not in self._limits.values():
            self._limits[base] = limit
            return base, limit
        return super().insert(base, limit)


class AnswersWithItsArgument(SortedLand):
    def insert(self, base, limit):
        super().insert(base, limit)
        return base, limit


class DeletesTooMuch(SortedLand):
    def _cut(self, whole, base, limit):
        super()._cut(whole, base, limit)
        if limit - base == 64 and limit in self._limits:
            del self._limits[limit]


class AcceptsOverlaps(SortedLand):
    def insert(self, base, limit):
        for low, high in list(self):
            if low <= base and limit <= high:
                return low, high
        return super().insert(base, limit)


class FindsTheSecond(SortedLand):
    def find_first(self, size, delete="none"):
        return self._find(lambda fitting: fitting[len(fitting) > 2], size, delete)


class MissesAnExactFit(SortedLand):
    def find_last(self, size, delete="none"):
        found = super().find_last(size)
        if found and found[1][1] - found[1][0] == size:
            return None
        return super().find_last(size, delete)


class TakesTheHighest(SortedLand):
    """Of several largest ranges another one than its class promises."""

    def find_largest(self, size, delete="none"):
        def highest(fitting):
            return max(fitting, key=lambda pair: (pair[1] - pair[0], pair[0]))

        return self._find(highest, size, delete)


class DeletesAllOfALargest(SortedLand):
    def find_largest(self, size, delete="none"):
        return super().find_largest(size, "entire" if delete == "high" else delete)


class SizeIsStale(SortedLand):
    @property
    def size(self):
        return super().size - 8 * (len(self) > 2)


class SkipsARange(SortedLand):
    def iterate_and_delete(self, visitor):
        for i, (base, limit) in enumerate(self):
            if i != 2 and visitor(base, limit):
                del self._limits[base]


class MayBeReentered(SortedLand):
    def _enter(self):
        pass


class RaisesOnDelete(SortedLand):
    def delete(self, base, limit):
        if len(self) > 2:
            raise IndexError("out of nodes")
        return super().delete(base, limit)


class WantsANode(SortedLand):
    def insert(self, base, limit):
        if len(self) > 2:
            raise MemoryError("out of nodes")
        return super().insert(base, limit)


class WrongZones(SortedLand):
    """The highest run is taken for the lowest."""

    def __init__(self):
        super().__init__(zone_shift=12)

    def find_in_zones(self, size, zones, high=False):
        return super().find_in_zones(size, zones, True)


BAD = {
    ForgetsToCoalesce: {"insert", "membership", "ranges", "own-check"},
    AnswersWithItsArgument: {"insert"},
    DeletesTooMuch: {"membership"},
    AcceptsOverlaps: {"wrong-range"},
    FindsTheSecond: {"find"},
    MissesAnExactFit: {"find"},
    TakesTheHighest: {"find"},
    SizeIsStale: {"land-size"},
    SkipsARange: {"iteration", "reentry", "raises"},
    MayBeReentered: {"reentry", "raises"},
    RaisesOnDelete: {"raises"},
    WantsANode: {"node-need"},
    WrongZones: {"find-in-zones"},
}


@pytest.mark.once
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BAD, ids=lambda kind: kind.__name__)
def test_a_faulty_land_is_found(kind, seed):
    result = rl.prove(kind, seed)
    assert result.invariant in BAD[kind], result
    assert len(result.finding.steps) <= 8, result
    with pytest.raises(Exception):
        exec(compile(result.counterexample, "counterexample", "exec"), {})


@pytest.mark.parametrize("seed", SEEDS)
def test_all_classes_agree(seed):
    result = examine(AgreementTrial, seed, 20, 200)
    assert result.ok and result.steps > 500, result


@pytest.mark.once
@pytest.mark.parametrize(
    "kind",
    (
        ForgetsToCoalesce,
        FindsTheSecond,
        SkipsARange,
        DeletesTooMuch,
        TakesTheHighest,
        DeletesAllOfALargest,
    ),
)
def test_a_faulty_land_disagrees(kind):
    def make(arena):
        return kind(zone_shift=arena.zone_shift)

    make.__qualname__ = kind.__name__
    trial = partial(AgreementTrial, (*LANDS, make))
    result = examine(trial, 1, 200, 200)
    assert result.invariant in ("agreement", "own-check"), result
    assert kind.__name__ in result.finding.message + result.finding.program
    assert len(result.finding.steps) <= 8


def test_any_part_of_a_run_is_a_run():
    steps = [("insert", 0, 64), ("insert", 8, 4), ("delete", 3, 5), ("find", "first", 7), ("relent",)]
    assert replay(partial(LandTrial, rl.CBS), steps) is None
    assert replay(partial(LandTrial, rl.SortedLand), [("refuse", 1, 1), ("visit", 0)]) is None
    assert replay(AgreementTrial, steps[:4]) is None


def test_a_want_of_nodes_is_hidden_or_told():
    steps = [("insert", 0, 64), ("refuse", 1, 1000)]
    steps += [("insert", 128 * n, 128 * n + 64) for n in range(1, 9)]
    steps += [("delete", 16, 32), ("find", "largest", 16, "low"), ("relent",), ("insert", 2048, 2056)]
    for kind in (rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover):
        assert replay(partial(LandTrial, kind), steps) is None, kind
