"""What Buddy, SegFit and Slab waste by rounding is what theory says.

Source: design/classes.md#.sol.buddy.waste
"""

from math import log

import pytest

import rangeland as rl


def taken(pool):
    return pool.total_size - pool.free_size - pool.slack_size


def test_buddy_wastes_a_quarter_of_a_doubling():
    with rl.Arena(1 << 22) as arena:
        pool = rl.Buddy(arena)
        for k in (6, 9, 11):
            before, half = taken(pool), 1 << k - 1
            for size in range(half + 1, 2 * half + 1):
                pool.alloc(size)
            rounding = taken(pool) - before - sum(range(half + 1, 2 * half + 1))
            # 0 + 1 + ... + (half - 1)
            assert rounding == half * (half - 1) // 2
            assert rounding / (taken(pool) - before) == pytest.approx(0.25, abs=0.01)


def test_buddy_wastes_as_much_as_the_logarithm_says(rng):
    with rl.Arena(1 << 24) as arena:
        pool = rl.Buddy(arena)
        sizes = [round(2 ** rng.uniform(8, 13)) for _ in range(4000)]
        for size in sizes:
            pool.alloc(size)
        assert 1 - sum(sizes) / taken(pool) == pytest.approx(1 - 1 / (2 * log(2)), abs=0.02)


@pytest.mark.parametrize("align", (8, 16, 64))
def test_slabs_waste_a_fifth_at_most(align, rng):
    with rl.Arena(1 << 24) as arena:
        pool = rl.Slab(arena, align)
        for size in (4 * align + 1, 8 * align + 1, 1025, 5121, 40_961, *range(600, 1200)):
            before = taken(pool)
            pool.alloc(size)
            waste = taken(pool) - before - size
            assert 0 <= waste < (taken(pool) - before) / 5
        before, sizes = taken(pool), [round(2 ** rng.uniform(9, 13)) for _ in range(3000)]
        for size in sizes:
            pool.alloc(size)
        # Four classes a doubling: about a tenth, on average.
        assert 0.05 < 1 - sum(sizes) / (taken(pool) - before) < 0.12


def test_segregated_fits_waste_a_header_and_less_than_a_quantum():
    with rl.Arena(1 << 24) as arena:
        pool = rl.SegFit(arena, extend_by=1 << 20)
        sizes = range(24, 1064)
        for size in sizes:
            before = taken(pool)
            pool.alloc(size)
            assert 8 <= taken(pool) - before - size <= 8 + 15
        # Of each sixteen sizes that follow each other: a header, and 7.5 bytes.
        assert taken(pool) - sum(sizes) == len(sizes) * (8 + 7.5)
