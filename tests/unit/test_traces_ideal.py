"""The ideal: its bound, its placements, and the judge that they are shown to."""

import re

import numpy as np
import pytest

from rangeland.traces.contenders import ideal as module
from rangeland.traces.contenders.curve import curve, limits
from rangeland.traces.contenders.ideal import Ideal, place
from rangeland.traces.contenders.lives import Lives, lives_of, powers
from rangeland.traces.contenders.placing import Packer
from rangeland.traces.contenders.verdict import check_placement
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.trace import Columns, Trace
from vm.results import ParamError


def lives(*rows):
    """The Lives of rows (lower, upper, size), or with an alignment."""
    columns = zip(*((*row, 1)[:4] for row in rows), strict=True)
    return Lives(*(np.array(column, np.int64) for column in columns))


def random_lives(rng, count, most=40):
    rows = []
    for _ in range(count):
        lower = rng.randrange(most)
        alignment = rng.choice((1, 1, 1, 2, 8, 32))
        rows.append((lower, lower + rng.randint(1, most), rng.randint(1, 100), alignment))
    return lives(*sorted(rows))


def random_trace(rng, count):
    """A trace of `count` events, some blocks of no bytes, some aligned."""
    columns, live = Columns(), []
    for _ in range(count):
        kind, size = rng.random(), rng.choice((0, rng.randrange(60), rng.randrange(3000)))
        if not live or kind < 0.5:
            live.append(columns.alloc(size, rng.choice((None, None, 64))))
        elif kind < 0.8:
            columns.free(live.pop(rng.randrange(len(live))))
        else:
            columns.realloc(rng.choice(live), size)
    return columns.trace({})


def paint(found, base, height):
    """Every byte of every block, painted: the slowest judge."""
    for event in range(int(found.upper.max())):
        row = bytearray(height)
        for block in range(len(found)):
            if found.lower[block] <= event < found.upper[block]:
                at, size = int(base[block]), int(found.size[block])
                assert at % found.alignment[block] == 0
                assert row[at : at + size] == bytes(size), (event, block)
                row[at : at + size] = b"x" * size


def sums(found):
    """The most bytes live at a time, counted life by life."""
    return max(
        sum(
            int(size)
            for lower, upper, size in zip(found.lower, found.upper, found.size, strict=True)
            if lower <= event < upper
        )
        for event in range(int(found.upper.max()))
    )


@pytest.mark.parametrize("round", range(12))
def test_a_placement_overlaps_nowhere_and_is_as_high_as_it_says(rng, round):
    found = random_lives(rng, rng.choice((1, 2, 5, 30)))
    placement = place(found, 50_000)
    paint(found, placement.base, placement.height)
    check_placement(found, placement.base, placement.height)
    assert placement.height == max(placement.base + found.size)
    assert placement.height >= sums(found)


def test_every_heuristic_places_without_overlap(rng):
    found = random_lives(rng, 30)
    packer = Packer(found.lower, found.upper, found.size, found.alignment)
    for name, order in module.orders(found).items():
        assert sorted(order) == list(range(30)), name
        np.asarray(packer.order)[:] = order
        for loop in (packer.first_fit, packer.skyline):
            height = loop(1 << 60)
            paint(found, np.asarray(packer.base), height)


def test_first_fit_takes_the_lowest_gap():
    # 0 and 2 leave a gap of 10 between them while 3 lives.
    found = lives((0, 9, 10), (0, 2, 10), (0, 9, 10), (3, 5, 10))
    packer = Packer(found.lower, found.upper, found.size, found.alignment)
    assert packer.first_fit(1 << 60) == 30
    assert list(packer.base) == [0, 10, 20, 10]


def test_the_skyline_places_next_what_can_lie_lowest():
    found = lives((0, 2, 10), (0, 9, 5), (3, 5, 12))
    packer = Packer(found.lower, found.upper, found.size, found.alignment)
    assert packer.first_fit(1 << 60) == 27
    assert list(packer.base) == [0, 10, 15]
    assert packer.skyline(1 << 60) == 17
    assert list(packer.base) == [0, 12, 0]


def test_a_height_too_low_is_told_with_the_block_that_did_not_fit():
    found = lives((0, 9, 10), (0, 2, 10), (0, 9, 10))
    packer = Packer(found.lower, found.upper, found.size, found.alignment)
    assert (packer.first_fit(29), packer.stuck) == (0, 2)
    assert (packer.skyline(10), packer.stuck) == (0, 1)
    assert packer.first_fit(30) == 30


def test_the_same_search_gives_the_same_placement(rng):
    found = random_lives(rng, 60)
    one, other = place(found, 60_000), place(found, 60_000)
    assert (one.height, one.order, one.steps) == (other.height, other.order, other.steps)
    assert (one.base == other.base).all()
    assert place(found, 600_000).height <= one.height <= place(found, 0).height
    assert place(found, 0).order == "first fit by size"


def test_a_repair_finds_what_no_order_does(rng):
    for _ in range(20):
        found = random_lives(rng, 40)
        if "repair" in place(found, 400_000).order:
            return
    pytest.fail("no placement of 20 was found by repair")


JUDGED = {
    (0, 10, 12): "blocks 1 and 2 overlap after event 2",
    (0, 10, 15): "block 2 lies at 15, no multiple of 2",
    (0, 10, -2): "block 2 lies at [-2, 8), not within [0, 30)",
    (0, 10, 22): "block 2 lies at [22, 32), not within [0, 30)",
    (0, 10): "2 places for 3 blocks",
    (2, 10, 20): "blocks 0 and 1 overlap after event 1",
}


@pytest.mark.parametrize("base", JUDGED, ids=str)
def test_the_judge_tells_what_is_wrong_with_a_placement(base):
    found = lives((0, 9, 10), (1, 9, 10), (2, 9, 10, 2))
    check_placement(found, [0, 10, 20], 30)
    with pytest.raises(AssertionError, match=re.escape(JUDGED[base])):
        check_placement(found, base, 30)


def test_the_example_of_minimalloc_is_placed_in_its_capacity():
    found = lives((0, 3, 4), (3, 9, 4), (0, 9, 4), (9, 21, 4), (0, 21, 4))
    placement = place(found)
    check_placement(found, placement.base, 12)
    assert placement.height == 12


def test_a_repair_takes_up_the_best_again(monkeypatch, rng):
    monkeypatch.setattr(module, "PATIENCE", 2)
    found = random_lives(rng, 25)
    placement = place(found, 100_000)
    check_placement(found, placement.base, placement.height)
    assert placement.height <= place(found, 0).height


def test_the_judge_lets_a_block_lie_where_another_was():
    check_placement(lives((0, 3, 8), (3, 9, 8)), [0, 0], 8)
    with pytest.raises(AssertionError, match="blocks 0 and 1 overlap after event 2"):
        check_placement(lives((0, 3, 8), (2, 9, 8)), [0, 0], 8)


def test_lives_begin_with_an_event_and_end_with_the_next_of_their_block():
    columns = Columns()
    one = columns.alloc(10, 48)
    other = columns.alloc(0)
    columns.realloc(one, 30)
    columns.free(other)
    columns.realloc(one, 0)
    found = lives_of(columns.trace({}))
    assert found.lower.tolist() == [0, 1, 2, 4]
    assert found.upper.tolist() == [2, 3, 4, 5]
    assert found.size.tolist() == [10, 0, 30, 0]
    assert found.alignment.tolist() == [64, 1, 1, 1]
    assert found.live(5).tolist() == [10, 10, 30, 30, 0]
    rounded = found.rounded(16)
    assert rounded.size.tolist() == [16, 0, 32, 0]
    assert rounded.alignment.tolist() == [64, 16, 16, 16]
    assert rounded.sized().lower.tolist() == [0, 2]


def test_alignments_become_powers_of_two():
    column = np.array([-5, 0, 1, 2, 3, 4096, 4097])
    assert powers(column).tolist() == [1, 1, 1, 2, 4, 4096, 8192]


@pytest.mark.parametrize("align", [1, 8, 64])
def test_the_ideal_of_a_trace_lies_between_its_bounds(rng, align):
    trace = random_trace(rng, 400)
    done = []
    figures = Ideal(align, effort=300_000).replay(trace, 10, done.append)
    told = trace.figures()
    live = np.cumsum(trace.deltas())
    assert figures.peak_live == told["peak_bytes"] == live[figures.peak_event]
    assert figures.mean_live == int(live.mean())
    assert figures.operations == len(trace) and done == [400]
    assert figures.peak_live <= figures.bound <= figures.height
    assert figures.bound < figures.peak_live + align * told["max_live"]
    assert figures.lives == np.count_nonzero((trace.op != FREE) & (trace.size > 0))
    assert len(figures.curve.event) == 10 and figures.curve.event[-1] == 400
    assert figures.curve.live.max() == figures.peak_live
    assert figures.curve.resident.max() == figures.height
    assert (figures.curve.live <= figures.curve.resident).all()


def test_the_top_of_the_live_blocks_is_that_of_a_naive_look(rng):
    found = random_lives(rng, 30)
    base = place(found, 0).base
    count = int(found.upper.max()) + 3
    naive = [
        max(
            (int(base[i] + found.size[i]) for i in range(30)
             if found.lower[i] <= event < found.upper[i]),
            default=0,
        )
        for event in range(count)
    ]
    assert module.tops(found, base, count).tolist() == naive


def test_more_lives_than_the_limit_are_bounded_and_not_placed(rng):
    trace = random_trace(rng, 100)
    placed = Ideal(effort=0).replay(trace)
    exactly = Ideal(limit=placed.lives, effort=0).replay(trace)
    over = Ideal(limit=placed.lives - 1, effort=0).replay(trace, 7)
    assert exactly.height == placed.height and exactly.order == placed.order
    assert (over.height, over.order, over.limit) == (None, None, placed.lives - 1)
    assert (over.peak_live, over.bound) == (placed.peak_live, placed.bound)
    assert over.curve.resident.max() == over.bound


def test_a_trace_without_events_needs_nothing():
    figures = Ideal().replay(Trace([], [], []), 5)
    assert (figures.peak_live, figures.bound, figures.height, figures.lives) == (0, 0, 0, 0)
    assert len(figures.curve.event) == 0


def test_a_block_of_no_bytes_needs_none():
    figures = Ideal().replay(Trace([ALLOC, REALLOC, FREE], [0, 0, 0], [0, 0, 0]))
    assert (figures.height, figures.bound, figures.lives, figures.order) == (0, 0, 0, "none")


def test_a_realloc_needs_no_room_for_both(rng):
    figures = Ideal().replay(Trace([ALLOC, REALLOC], [0, 0], [800, 1600]))
    assert figures.height == 1600


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"align": 12}, "align is 12: expected a power of two"),
        ({"align": 0}, "align is 0: expected at least 1"),
        ({"limit": -1}, "limit is -1: expected at least 0"),
        ({"effort": 1.5}, "effort is 1.5: expected an int, found float"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(wrong, told):
    with pytest.raises(ParamError, match=re.escape(told)):
        Ideal(**wrong)


def test_the_contender_tells_its_name_and_works_everywhere():
    assert (str(Ideal()), str(Ideal(align=1))) == ("ideal", "ideal:align=1")
    assert Ideal().try_out() is None


def test_a_broken_placement_does_not_pass(monkeypatch):
    wrong = module.Placement(np.zeros(2, np.int64), 8, "none", 0)
    monkeypatch.setattr(module, "place", lambda lives, effort: wrong)
    with pytest.raises(AssertionError, match="blocks 0 and 1 overlap"):
        Ideal().replay(Trace([ALLOC, ALLOC], [0, 1], [8, 8]))


@pytest.mark.parametrize("count, rows", [(10, 3), (10, 10), (10, 99), (10, 1), (10, 0), (0, 5)])
def test_a_curve_keeps_the_peak_of_each_interval(rng, count, rows):
    live = np.array([rng.randrange(100) for _ in range(count)], np.int64)
    resident = np.array([rng.randrange(100) for _ in range(count)], np.int64)
    ends = limits(count, rows).tolist()
    assert len(ends) == min(count, rows) and ends == sorted(set(ends))
    assert not ends or ends[-1] == count
    found = curve(live, resident, rows)
    assert found.event.tolist() == ends
    starts = [0, *ends][: len(ends)]
    for column, kept in ((live, found.live), (resident, found.resident)):
        assert kept.tolist() == [max(column[a:b]) for a, b in zip(starts, ends, strict=True)]


def test_the_loops_run_at_the_speed_that_is_told(speed):
    assert (type(Packer.first_fit).__name__ == "function") == (speed == "interpreted")
