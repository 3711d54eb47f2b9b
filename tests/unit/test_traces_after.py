"""What is held after the peak: the figures of every contender, and what is said of them."""

import random

import pytest

from rangeland.traces.after import (
    Watched,
    after_peak,
    grows,
    kept_quarters,
    leaks,
    live_quarters,
    told_after,
)
from rangeland.traces.contenders.names import parse_contender
from rangeland.traces.ranking import verdict
from rangeland.traces.result import Result
from rangeland.traces.trace import Columns

KB, MB = 1 << 10, 1 << 20
CONTENDERS = "mvff", "slab", "glibc", "recorded"


def of(looks, peak=1, made=99):
    told = after_peak(looks, peak, made)
    return told["worst"], told["end"]


def test_the_worst_ratio_after_the_peak_and_the_end():
    looks = [(1, MB, 9 * MB), (2, 4 * MB, 5 * MB), (3, MB, 4 * MB), (4, 2 * MB, 4 * MB)]
    worst, end = of(looks, peak=2)
    assert worst == {"event": 3, "held": 4 * MB, "live": MB, "ratio": 4}
    assert end == {"event": 4, "held": 4 * MB, "live": 2 * MB, "ratio": 2}


def test_the_frees_of_an_end_with_nothing_live_say_nothing_of_the_worst():
    looks = [(1, 4 * MB, 4 * MB), (2, 3 * MB, 4 * MB), (3, MB, 4 * MB), (4, 0, 4 * MB)]
    worst, end = of(looks, made=2)
    assert (worst["event"], end["held"], end["live"], end["ratio"]) == (2, 4 * MB, 0, None)
    # What lives on is no end of that kind.
    worst, _ = of([*looks[:3], (4, MB, 5 * MB)], made=2)
    assert (worst["event"], worst["ratio"]) == (4, 5)


def test_of_little_it_is_the_bytes_that_decide():
    worst, _ = of([(1, 5 * KB, 9 * KB), (2, KB, 8 * KB), (3, 0, 2 * KB)])
    assert (worst["event"], worst["ratio"]) == (2, None)
    assert after_peak([], 0, 0) is None


def test_what_is_made_last_is_seen_in_pieces():
    watched = Watched()
    pieces = [([0, 1], "x"), ([0, 2, 1], "y"), ([1, 1], "z")]
    assert list(watched.pieces(pieces)) == pieces
    assert (watched.made, watched.done) == (4, 7)


def test_quarters_of_the_run():
    assert live_quarters([(n, 10 * n, 0) for n in range(1, 9)], 8) == [15, 35, 55, 75]
    assert live_quarters([(1, 1, 1)], 1) is None


@pytest.fixture(scope="module")
def kept():
    """The trace of a program that keeps every tenth of its blocks, in no order."""
    columns, rng = Columns(addressed=True), random.Random(7)
    blocks = [columns.alloc(rng.choice((64, 300, 900)), address=n << 10) for n in range(1, 20_001)]
    freed = [block for at, block in enumerate(blocks) if at % 10]
    rng.shuffle(freed)
    for block in freed:
        columns.free(block)
    for _ in range(500):
        columns.free(columns.alloc(5000, address=1 << 30))
    return columns.trace({})


@pytest.mark.parametrize("name", CONTENDERS)
def test_every_contender_tells_what_it_held(kept, name):
    result = parse_contender(name).replay(kept)
    lives = kept.deltas().cumsum().tolist()
    worst, end = (result.after_peak[when] for when in ("worst", "end"))
    for told in (worst, end):
        assert told["live"] == lives[told["event"] - 1]
        assert told["ratio"] == told["held"] / told["live"]
    assert end["event"] == len(kept) and worst["event"] >= kept.peak_event
    assert worst["ratio"] >= end["ratio"]
    assert worst["ratio"] > (4 if name != "recorded" else 1)
    if name == "mvff":
        assert result.after_peak == parse_contender(name).replay(kept, rows=3).after_peak
    assert result.to_dict()["after_peak"] == result.after_peak
    for quarter, told in enumerate(result.live_quarters):
        part = lives[quarter * len(lives) // 4 : (quarter + 1) * len(lives) // 4]
        assert told == pytest.approx(sum(part) / len(part), rel=0.1)


def test_of_what_stays_high_the_worst_and_the_least_are_told(kept):
    results = [parse_contender(name).replay(kept) for name in ("mvff", "glibc")]
    text = verdict(results)
    worst = max(results, key=lambda result: result.after_peak["worst"]["ratio"])
    told = worst.after_peak["worst"]
    assert (
        f"After the peak {worst.pool} held up to {told['ratio']:.2f} times what lived: "
        f"{told['held']:,} bytes for {told['live']:,}, after operation {told['event']:,}"
    ) in text
    assert "none of these gives back what was freed." in text


def made(pool, worst, end, live, peak=8 * MB, quarters=None):
    told = after_peak([(1, peak, peak), (2, live, worst), (3, live, end)], 1, 9)
    return Result(pool, 9, 8 * MB, peak, after_peak=told, live_quarters=quarters)


def test_who_gives_back_is_named():
    high, low = made("a", 8 * MB, 8 * MB, MB), made("b", 3 * MB, 2 * MB, MB)
    text = " ".join(told_after([high, low]))
    assert text.endswith(
        "; b at most 3.00 times. At the end 1,048,576 bytes lived, and b held 2,097,152, the "
        "least; a 8,388,608, the most: b gives back what a keeps."
    )
    gone = [made("a", 8 * MB, 8 * MB, 0), made("b", 3 * MB, MB, 0)]
    assert "At the end nothing lived, and b held 1,048,576, the least" in told_after(gone)[-1]
    # It had no more at its peak, so that there was nothing to give.
    same = [high, made("b", 2 * MB, 2 * MB, MB, peak=2 * MB)]
    assert "b gives back" not in told_after(same)[-1]
    alone = told_after([high])
    assert alone[-1].endswith("a held 8,388,608: none gives back what was freed.")


def test_a_program_that_keeps_what_it_makes_hears_of_a_fix():
    leak = made("a", 8 * MB, 8 * MB, 7 * MB, quarters=[MB, 3 * MB, 5 * MB, 7 * MB])
    assert grows(leak)
    assert told_after([leak]) == [
        "The program keeps what it makes: at its end 7,340,032 of the 8,388,608 bytes that lived "
        "at most still live, 2,097,152 more in the last quarter than in the one before. If it "
        "does not need them it leaks, and no allocator helps, but a fix: 7,340,032 bytes."
    ]
    for other in (None, [MB, 7 * MB, 7 * MB, 7 * MB], [MB, 7 * MB, 5 * MB, 7 * MB]):
        assert not grows(made("a", 8 * MB, 8 * MB, 7 * MB, quarters=other))
    assert not grows(made("a", 8 * MB, 8 * MB, MB, quarters=leak.live_quarters))


def test_a_recorded_leak_is_seen():
    columns = Columns(addressed=True)
    for _ in range(5000):
        columns.alloc(200, address=1 << 20)
        columns.free(columns.alloc(100, address=1 << 24))
    trace = columns.trace({})
    for name in ("mvff", "glibc", "recorded"):
        text = verdict([parse_contender(name).replay(trace)])
        assert "and no allocator helps, but a fix: 1,000,000 bytes." in text


def test_a_leak_beside_what_is_freed_at_the_end_is_seen():
    columns, cache = Columns(), []
    base = [columns.alloc(1000) for _ in range(1000)]
    for _ in range(4000):
        columns.alloc(100)
        cache.append(columns.alloc(100))
        if len(cache) > 500:
            columns.free(cache.pop(0))
    for block in base:
        columns.free(block)
    trace = columns.trace({})
    kept = kept_quarters(trace)
    assert sum(kept) == trace.deltas().sum() == 450_000
    assert leaks(kept, 1_450_000)
    result = parse_contender("mvff").replay(trace)
    assert not grows(result)
    text = verdict([result], kept)
    assert (
        f"All along the program makes blocks that it never frees: 450,000 bytes of them live at "
        f"its end, {kept[3]:,} of those made in the last quarter of its events. If it does not need "
        "them it leaks, and for these no allocator helps, but a fix. After the peak mvff held"
    ) in text
    assert "never frees" not in verdict([result])


def test_a_cache_and_what_is_set_up_are_no_leaks():
    for kept in ([900, 0, 0, 0], [0, 0, 0, 900], [900, 1, 0, 100], [0, 0, 0, 0], [0, 1, 1, 1]):
        assert not leaks(kept, 1000)
    assert leaks([0, 20, 20, 20], 1000)
    columns = Columns()
    first = columns.alloc(10)
    columns.free(columns.alloc(5))
    columns.alloc(7)
    columns.realloc(first, 30)
    columns.alloc(3)
    columns.free(columns.alloc(5))
    assert kept_quarters(columns.trace({})) == [30, 7, 3, 0]


def test_of_little_nothing_is_said():
    columns = Columns()
    for block in [columns.alloc(200) for _ in range(100)]:
        columns.free(block)
    assert told_after([parse_contender("mvff").replay(columns.trace({}))]) == []
    assert told_after([Result("ideal", 1, 1, 1)]) == []
