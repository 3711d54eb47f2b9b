"""Times in rounds, less the loop itself, and what is said of the fastest."""

import pytest

from rangeland.traces import times
from rangeland.traces.contenders.names import parse_contender
from rangeland.traces.ranking import verdict
from rangeland.traces.result import CannotReplay, Result
from rangeland.traces.times import nanoseconds, take_times, told_fastest, told_times
from rangeland.traces.trace import Columns

COUNT = 200_000


class Clock:
    """A contender whose runs take what it is told; `order` is who ran."""

    loop, start = "calls", 0.0

    def __init__(self, name, taken, order, empty=0.25):
        self.name, self.taken, self.order, self.none = name, iter(taken), order, empty

    def timer(self, trace):
        def once():
            self.order.append(self.name)
            seconds = next(self.taken)
            if seconds is None:
                raise CannotReplay("it died")
            return seconds

        return once

    def empty(self, trace):
        return lambda: self.none

    def __str__(self):
        return self.name


def timed(*taken, seconds=0.5, count=COUNT):
    order = []
    contenders = [Clock(name, rounds, order) for name, rounds in zip("abc", taken, strict=False)]
    results = [Result(str(c), count, 1, 1, seconds=seconds) for c in contenders]
    return take_times(contenders, results, [0] * count), order


def test_a_warm_up_and_five_rounds_in_turn_less_the_loop():
    (a, b), order = timed([9, 1, 2, 3, 4, 5], [9, 7, 7, 7, 7, 7], seconds=0.1)
    assert a.times == {
        "rounds": [1, 2, 3, 4, 5], "warm_up": 9, "harness": 0.25, "low": 0.75, "high": 4.75,
    }  # fmt: skip
    assert (a.seconds, a.operations_per_second) == (2.75, COUNT / 2.75)
    assert b.times["low"] == b.times["high"] == b.seconds == 6.75
    # Interleaved, and each begins at times.
    assert [sorted(order[at : at + 2]) for at in range(0, 12, 2)] == [["a", "b"]] * 6
    assert {order[at] for at in range(0, 12, 2)} == {"a", "b"}


def test_what_would_take_long_is_run_once():
    (a, b), order = timed([], [], seconds=times.BUDGET / 6)
    assert order == [] and a.times["warm_up"] is None
    assert a.times["rounds"] == [times.BUDGET / 6]
    assert a.seconds == times.BUDGET / 6 - 0.25
    assert told_fastest([a, b]) is None
    assert "of one run each" in told_times([a, b])


def test_who_fails_then_keeps_its_one_time():
    (a, b), _ = timed([1, 1, None], [9, 7, 7, 7, 7, 7], seconds=0.5)
    assert a.times["rounds"] == [0.5] and len(b.times["rounds"]) == 5


def test_nobody_is_fastest_within_the_spread():
    (a, b, c), _ = timed([9, 1, 1, 1, 1, 3], [9, 2, 3, 3, 3, 3], [9, 8, 8, 8, 8, 8])
    assert told_fastest([a, b, c]) == (
        "Which is fastest is within the spread of a (3,750 to 13,750), b (8,750 to 13,750) "
        "ns an operation."
    )
    assert told_fastest([b, c]) == "The fastest was b, 13,750 ns an operation (8,750 to 13,750)."
    assert told_fastest([b]) is None
    assert nanoseconds(c) == (38750, 38750, 38750)
    (a, b), _ = timed([1] * 6, [2] * 6, count=99)
    assert told_fastest([a, b]) is None
    assert told_times([a]).startswith("Times are the medians of 5 rounds in turn, after one to")
    assert told_times([Result("ideal", 1, 1, 1)]) is None


@pytest.fixture(scope="module")
def trace():
    columns = Columns()
    for _ in range(600):
        columns.free(columns.alloc(100, 64))
        columns.alloc(10)
    return columns.trace({})


def test_pools_and_real_allocators_are_timed(trace):
    pools = [parse_contender(text) for text in ("mvff", "mvff:threads=own", "glibc", "ideal")]
    results = take_times(pools, [pool.replay(trace) for pool in pools], trace)
    for result in results[:3]:
        told = result.times
        assert len(told["rounds"]) == 5 and told["warm_up"] > 0 < told["harness"]
        assert told["low"] <= result.seconds <= told["high"]
        assert result.to_dict()["times"] == told
        # Nothing is much less work than something.
        assert told["harness"] < min(told["rounds"])
    assert results[3].times is None
    assert "an operation" not in verdict(results)
