"""The freelist in raw memory, and the failover to it."""

import random

import pytest

from land import fields as f
from land.failover import Failover
from land.land import write
from support.lands import PAGE, machine, make, mapped
from vm import results as r
from vm.results import LimitError, ParamError, ProtocolError


@pytest.fixture
def space():
    return machine()


@pytest.fixture
def base(space):
    return mapped(space, 4 * PAGE)


def walk(space, land):
    """The ranges, decoded word by word from memory as the design says."""
    ranges = []
    link = space.word(land.address + 8 * f.HEAD)
    while link != space.nil:
        word = space.word(link)
        ranges.append((link, link + 8 if word & 1 else space.word(link + 8)))
        link = word & -2
    return ranges


@pytest.mark.parametrize("align", [8, 16])
def test_the_blocks_are_the_ranges(space, base, align):
    seed = 5
    print(f"seed {seed}")
    chance = random.Random(seed)
    land = make("Freelist", space, align)
    for _ in range(800):
        lo = base + chance.randrange(2 * PAGE // align) * align
        hi = lo + chance.choice((1, 1, 2, 3, 7)) * align
        try:
            chance.choice((land.insert, land.delete))(lo, hi)
        except ProtocolError:
            land.find_last(align, "high")
        ranges = walk(space, land)
        assert ranges == list(land) == sorted(ranges)
        assert len(land) == len(ranges)
        assert land.size == sum(hi - lo for lo, hi in ranges)
        assert [space.word(lo) & 1 for lo, hi in ranges] == [hi - lo == 8 for lo, hi in ranges]
        land.check()


def test_a_small_block_may_end_with_its_memory(space, base):
    land = make("Freelist", space)
    end = base + 4 * PAGE
    land.insert(end - 8, end)
    assert list(land) == [(end - 8, end)]
    assert land.find_last(8, "low") == ((end - 8, end), (end - 8, end))


def test_ranges_outside_memory_are_refused(space):
    land = make("Freelist", space)
    with pytest.raises(ParamError, match="no memory"):
        land.insert(8, 16)
    with pytest.raises(ParamError, match="no memory"):
        land.insert(space.limit - 8, space.limit + 8)
    with pytest.raises(ParamError, match="not mapped"):
        land.insert(space.base, space.base + 8)
    assert list(land) == []


@pytest.mark.parametrize("damage", [f.SIZE, f.COUNT])
def test_check_sees_a_wrong_count(space, base, damage):
    land = make("Freelist", space)
    land.insert(base, base + 64)
    land.check()
    write(space, land.address, damage, 8)
    with pytest.raises(AssertionError):
        land.check()


def test_check_sees_a_tag_that_does_not_say_the_size(space, base):
    land = make("Freelist", space)
    land.insert(base, base + 8)
    write(space, base, 0, space.nil)
    write(space, base, 1, base + 8)
    with pytest.raises(AssertionError, match="tag"):
        land.check()


# Failover


def test_what_the_primary_is_refused_goes_to_the_secondary(space, base):
    land = make("Failover", space, cap=2)
    for i in range(4):
        assert land.insert(base + 64 * i, base + 64 * i + 8) == (base + 64 * i, base + 64 * i + 8)
    assert len(land.primary) == 2 and len(land.secondary) == 2 and len(land) == 4
    assert land.size == 32
    land.check()


def test_ranges_move_to_the_primary_up_to_the_first_refused(space, base):
    land = make("Failover", space, cap=2)
    for i in range(5):
        land.insert(base + 64 * i, base + 64 * i + 8)
    land.delete(base, base + 8)
    assert len(land.primary) == 1 and len(land.secondary) == 3
    assert land.find_first(16) is None
    assert list(land.primary) == [(base + 64, base + 72), (base + 128, base + 136)]
    assert list(land.secondary) == [(base + 192, base + 200), (base + 256, base + 264)]
    land.delete(base + 64, base + 72)
    land.delete(base + 128, base + 136)
    land.delete(base + 192, base + 200)
    assert land.find_largest(8) == ((base + 256, base + 264),) * 2
    assert len(land.secondary) == 0, "with nodes to be had the secondary empties"


@pytest.mark.parametrize("code", [r.LIMIT, r.MEMORY, r.RESOURCE, r.COMMIT_LIMIT])
def test_a_split_without_a_node_places_both_parts_anew(space, base, code):
    land = make("Failover", space, cap=1, code=code)
    land.insert(base, base + 256)
    assert land.delete(base + 64, base + 72) == (base, base + 256)
    assert list(land.primary) == [(base, base + 64)]
    assert list(land.secondary) == [(base + 72, base + 256)]
    assert land.find_first(128, "low") == (
        (base + 72, base + 200),
        (base + 72, base + 256),
    ), "what the primary has not is found in the secondary"
    land.check()


def test_an_insert_that_overlaps_the_secondary_is_refused(space, base):
    land = make("Failover", space, cap=0)
    land.insert(base + 64, base + 128)
    for lo, hi in ((64, 128), (0, 72), (120, 200), (0, 256)):
        with pytest.raises(ProtocolError, match="overlaps"):
            land.insert(base + lo, base + hi)
    assert land.size == 64
    assert land.insert(base + 128, base + 136) == (base + 64, base + 136)


def test_the_ranges_of_both_lands_are_seen_in_turn(space, base):
    land = make("Failover", space, cap=1)
    land.insert(base + 256, base + 264)
    land.insert(base, base + 8)
    land.insert(base + 512, base + 520)
    assert list(land) == [(base + at, base + at + 8) for at in (256, 0, 512)]
    seen = []
    land.iterate_and_delete(lambda lo, hi: seen.append(lo - base) or lo == base)
    assert seen == [256, 0, 512] and land.size == 16


def test_a_failover_is_never_refused_nor_steals(space, base):
    land = make("Failover", space, cap=0)
    assert land.insert_steal(base, base + 64) == (base, base + 64)
    assert land.delete_steal(base + 8, base + 16) == (base, base + 64)
    assert land.stolen == 0 and len(land.primary) == 0
    with pytest.raises(LimitError):
        land.primary.insert(base + 128, base + 136)


def test_check_sees_lands_that_are_not_those_written(space, base):
    land = make("Failover", space)
    land.insert(base, base + 64)
    other = make("Failover", space)
    mixed = Failover(space, land.address, other.primary, land.secondary)
    with pytest.raises(AssertionError, match="primary"):
        mixed.check()
    land.secondary.insert(base + 8, base + 16)
    with pytest.raises(AssertionError, match="one land only"):
        land.check()
