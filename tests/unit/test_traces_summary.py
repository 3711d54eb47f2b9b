"""Several traces: which contender is best over all."""

import pytest

from rangeland.traces.result import Result
from rangeland.traces.summary import over_all, summary, told_over_all

KB = 1 << 10


def result(pool, peak, end=0, failures=0, measure="committed"):
    after = {"end": {"held": end * KB}}
    return Result(
        pool, 9, 9, peak * KB, measure=measure, failures=failures, after_peak=after, curve=[]
    )


SECTIONS = [
    ("x", [result("a", 100, 7), result("b", 200), result("ideal", 10, measure="height")]),
    ("y", [result("a", 400, 8), result("b", 100, 3)]),
    ("z", [result("a", 100), result("b", 100), result("c", 50, failures=2)]),
]


def test_each_trace_counts_as_much_as_any_other():
    b, a, c = over_all(SECTIONS)
    assert (a.pool, a.done, a.undone, a.best_in) == ("a", 3, 0, 2)
    assert a.times_best == pytest.approx(4 ** (1 / 3))
    assert b.times_best == pytest.approx(2 ** (1 / 3))
    assert (a.worst_times, a.worst_trace, b.worst_times, b.worst_trace) == (4, "y", 2, "x")
    assert (a.sum_peaks, a.sum_ends) == (600 * KB, 15 * KB)
    assert (c.pool, c.done, c.undone, c.times_best, c.worst_trace) == ("c", 0, 3, None, None)


def test_the_best_over_all_is_told():
    told = summary(SECTIONS)
    assert (told["traces"], told["best"]) == (3, "b")
    assert [pool["pool"] for pool in told["pools"]] == ["b", "a", "c"]
    assert told["verdict"] == (
        "Over all 3 traces b is best: on average 1.26 times the least peak of each, at worst 2.00 "
        "times (x), and the least in 2. a comes next, with 1.59 times. Not all traces could be "
        "done, or not without a failure, by c (3)."
    )


def test_where_none_did_all_the_one_that_did_most_is_told():
    sections = [SECTIONS[0], ("y", [result("b", 1)]), ("z", [result("c", 1)])]
    assert told_over_all(over_all(sections), 3) == (
        "None did all 3 traces. b did most, 2 of them: on average 1.41 times the least peak of "
        "each, at worst 2.00 times (x), and the least in 1."
    )
    assert summary([("x", []), ("y", [])])["best"] is None
    failed = [("x", [result("a", 1, failures=1)])]
    assert told_over_all(over_all(failed), 1) == "No contender did any trace without a failure."


def test_a_peak_of_next_to_nothing_is_a_page():
    (first, _) = over_all([("x", [result("glibc", 0), result("mvff", 8)])])
    assert (first.pool, first.times_best) == ("glibc", 1)
