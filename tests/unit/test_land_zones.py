"""Zone sets of ranges, and runs of stripes inside a zone set."""

import random

import pytest

import rangeland as rl
from land.zones import first_run, is_never, is_single, last_run, zone_set

SHIFT = 4
STRIPE = 1 << SHIFT


def signed(zones):
    return zones - (1 << 64) if zones >> 63 else zones


def has(zones, address):
    return zones >> (address >> SHIFT & 63) & 1


@pytest.mark.parametrize("seed", range(3))
def test_the_zone_set_of_a_range_is_that_of_its_addresses(seed):
    chance = random.Random(seed)
    for _ in range(300):
        base = chance.randrange(4096)
        limit = base + chance.randrange(1, 1300)
        expected = 0
        for address in range(base, limit):
            expected |= 1 << (address >> SHIFT & 63)
        assert zone_set(base, limit, SHIFT) == signed(expected), (base, limit)


def test_the_largest_zone_set_wraps_without_being_universal():
    assert zone_set(5 * STRIPE, 68 * STRIPE, SHIFT) == ~(1 << 4)
    assert zone_set(5 * STRIPE, 69 * STRIPE, SHIFT) == -1


def test_single_zones_are_told_from_others():
    assert all(is_single(signed(1 << i)) for i in range(64))
    assert not is_single(3) and not is_single(signed(1 << 63 | 1)) and not is_single(-1)


def test_what_can_never_be_found():
    assert is_never(8, 0, SHIFT)
    assert is_never(64 * STRIPE, -2, SHIFT) and not is_never(63 * STRIPE, -2, SHIFT)
    assert is_never(STRIPE + 1, signed(1 << 63), SHIFT)
    assert not is_never(STRIPE, signed(1 << 63), SHIFT)


@pytest.mark.parametrize("seed", range(4))
def test_runs_are_those_of_a_search_address_by_address(seed):
    print(f"seed {seed}")
    chance = random.Random(seed)
    hits = 0
    for _ in range(400):
        zones = chance.getrandbits(64) | chance.getrandbits(64)
        base = chance.randrange(0, 2048, 4)
        limit = base + chance.randrange(4, 40 * STRIPE, 4)
        size = chance.randrange(4, 5 * STRIPE, 4)
        inside = [all(has(zones, a) for a in range(s, s + size, 4)) for s in
                  range(base, limit - size + 1, 4)]
        starts = [base + 4 * i for i, ok in enumerate(inside) if ok]
        low = first_run(base, limit, size, signed(zones), SHIFT)
        high = last_run(base, limit, size, signed(zones), SHIFT)
        assert low == (starts[0] if starts else -1)
        assert high == (starts[-1] + size if starts else -1)
        hits += bool(starts)
    assert 50 < hits < 400


def test_one_set_of_stripes_is_searched_and_no_more():
    # Zones 63 and 0 lie side by side, but where one search has ended.
    zones = signed(1 << 63 | 1)
    assert first_run(0, 128 * STRIPE, 2 * STRIPE, zones, SHIFT) == -1
    assert first_run(STRIPE, 128 * STRIPE, 2 * STRIPE, zones, SHIFT) == 63 * STRIPE
    assert last_run(0, 128 * STRIPE, 2 * STRIPE, zones, SHIFT) == -1
    assert last_run(0, 127 * STRIPE, 2 * STRIPE, zones, SHIFT) == 65 * STRIPE


@pytest.mark.parametrize("wider", [1, 20, 21, 22, 26, 27, 28, 29, 40, 50])
def test_wide_zones_are_as_narrow_ones(wider):
    """From a shift of 25 on a compiled search once found nothing."""
    chance = random.Random(wider)
    for _ in range(200):
        base = chance.randrange(64)
        limit = base + chance.randrange(1, 1300)
        size = chance.randrange(1, 1300)
        zones = signed(chance.choice((1 << 5, 0xFF << 60 & (1 << 64) - 1, chance.getrandbits(64))))
        ends = base << wider, limit << wider
        large = size << wider
        shift = SHIFT + wider
        assert zone_set(*ends, shift) == zone_set(base, limit, SHIFT)
        assert is_never(large, zones, shift) == is_never(size, zones, SHIFT)
        for search in (first_run, last_run):
            found = search(base, limit, size, zones, SHIFT)
            expected = found if found == -1 else found << wider
            if wider <= 26:
                assert search(*ends, large, zones, shift) == expected


@pytest.mark.parametrize("exponent", [26, 30, 31, 32, 33, 36, 40])
def test_a_large_arena_has_room_for_its_first_pool(exponent):
    arena = rl.Arena(1 << exponent)
    pool = rl.MVFF(arena)
    assert pool.alloc(100) >= arena.chunks[0].base
    assert len(arena.chunks) == 1 and arena.free_zones == (1 << 64) - 1 - (1 << 32)
