"""The answer: the order of the contenders, and the sentences that say it."""

from dataclasses import replace

from rangeland.traces.ranking import ranked, verdict
from rangeland.traces.result import Failure, Result, Witness

CAUSES = {"rounding": 5, "slack": 0, "external": 900, "unreturned": 0, "spare": 20}


def result(pool, peak, mean=None, **more):
    return Result(pool, 100_000, 500_000, peak, mean_committed=mean or peak / 2, **more)


def names(results):
    return [r.pool for r in results]


def test_the_least_peak_is_first_then_the_least_mean_and_failures_are_last():
    failed = result("d", 1, failures=3, first_failure=Failure(7, 9, "MEMORY"))
    results = [result("a", 900), result("b", 800, 700), failed, result("c", 800, 600)]
    bound = result("ideal", 500_000, measure="height")
    assert names(ranked([*results, bound])) == ["c", "b", "a", "d"]
    text = verdict(results)
    assert text.startswith("c served best: at its peak it had 800 bytes committed, 0.00 times")
    assert "b had as much at the peak, on average 17% more; a had 12% more." in text
    assert text.endswith(
        "d failed 3 allocations, the first, of 9 bytes, in operation 8 of 100,000 (MEMORY)."
    )


def test_what_is_beyond_is_told_with_its_largest_cause():
    text = verdict([result("a", 600_925, peak_causes=CAUSES)])
    assert text == (
        "a served: at its peak it had 600,925 bytes committed, 1.20 times the 500,000 that "
        "lived at most. At its peak a had 925 bytes beside the 600,000 that lived then, both "
        "blocks of a realloc among them, the most of it free memory between blocks: 900."
    )
    better = result("glibc", 500_000)
    text = verdict([better, replace(result("a", 600_925, peak_causes=CAUSES), peak_live=600_000)])
    assert "Of those with known causes a is the first: at its peak it had 925 bytes beside the " in text
    assert "600,000 that lived then, the most of it" in text


def test_fixed_costs_are_told_where_they_are_much():
    text = verdict([result("a", 1000, fixed=200), result("b", 1000, fixed=199), result("c", 1000)])
    assert (
        "Of what is held, fixed costs, there for one block, do not grow: 200 bytes of a."
    ) in text
    assert "fixed" not in verdict([result("b", 1000, fixed=199)])


def test_a_setting_that_does_better_is_named():
    tried = [result("mvff", 1000), result("mvff:spare=0", 750), result("bestfit", 740)]
    assert "Of mvff, spare=0 does best: 25% less than mvff." in verdict(tried)
    assert "Of mvff" not in verdict([result("mvff", 700), result("mvff:spare=0", 750)])
    close = [result("mvff", 10_000), result("mvff:spare=0", 9_999), result("mvff:spare=1", 9_960)]
    assert "spare=1 does best: 0.4% less than mvff." in verdict(close)
    assert "spare=0 does best: less than 0.1% less than mvff." in verdict(close[:2])


def test_what_is_the_same_or_nothing_is_told_as_such():
    alike = result("a", 700), result("b", 700)
    assert "b had as much at the peak, on average as much, too." in verdict(alike)
    none = [result("glibc", 0), result("mvff", 4096)]
    assert "mvff had 4,096 more." in verdict(none)
    few = replace(result("glibc", 0), peak_live=5)
    assert "it had 0 bytes committed, 5 less than the 5 that lived at most." in verdict([few])


def test_far_more_is_told_in_times():
    text = verdict([result("a", 1000), result("b", 5000), result("c", 4000)])
    assert "c had 4.0 times as much; b, the last, 5.0 times as much." in text


def test_with_little_live_no_ratio_is_told():
    tiny = Result("a", 10, 300, 8000)
    assert "8,000 bytes committed, 7,700 more than the 300 that lived at most" in verdict([tiny])


def test_where_all_failed_nothing_served():
    failed = result("a", 1, failures=1, first_failure=Failure(0, 9, "PARAM"))
    told = "a failed 1 allocation, the first, of 9 bytes, in operation 1 of 100,000 (PARAM)."
    assert verdict([failed]) == told
    witness = Witness(4, 90, 0, 400, 80, 70, 9000, [[0, 80]])
    assert verdict([replace(failed, witness=witness)]) == (
        f"{told} In operation 5 it had 400 bytes free, and none together for 90: the largest "
        f"range was of 80."
    )
    aligned = replace(witness, alignment=4096)
    assert "none together for 90 aligned to 4,096: " in verdict([replace(failed, witness=aligned)])
    assert verdict([]) == ""
