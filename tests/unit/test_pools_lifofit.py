"""LIFOFit: the lists of its levels, and what a tag knows of its block.

Source: design/fits.md#.sol.lifo.levels, design/fits.md#.sol.lifo.rest
"""

import time

import pytest

import rangeland as rl
from pools import fields as p


def pool_of(**options):
    """A LIFOFit pool in an arena of its own."""
    arena = rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30))
    return rl.LIFOFit(arena, **options)


def word(pool, field):
    """A word of the pool's descriptor."""
    return pool.space.word(pool.address + 8 * field)


def taken(pool, size):
    """What a block of `size` bytes takes of the pool, its header included."""
    least = max(32, pool.align)
    return max(least, -(-(size + 8) // pool.align) * pool.align)


def expected(pool, size):
    """Where a block of `size` bytes will lie: at the high end of the first free
    block that holds it, or None."""
    whole = taken(pool, size)
    for base, limit in pool.free_ranges():
        block = base - 8
        if limit - block >= whole:
            rest = limit - block - whole
            return block + 8 + (rest if rest >= max(32, pool.align) else 0)
    return None


@pytest.mark.parametrize("align", (8, 16, 64))
def test_with_levels_it_takes_the_first_block_that_holds(align, rng):
    pool = pool_of(align=align, spare=1.0)
    live, seen = [], set()
    for small in (3000, 0, 2800, 0):
        while len(live) < small:
            size = rng.choice((1, 24, 25, 40, 56, 120, rng.randint(1, 700), rng.randint(1, 9000)))
            live.append((pool.alloc(size), size))
        rng.shuffle(live)
        while len(live) > small // 2:
            pool.free(*live.pop())
        seen.add(word(pool, p.HAS_LEVELS))
        pool.check()
        for _ in range(25):
            size = rng.choice((1, 30, 60, rng.randint(1, 600), rng.randint(1, 9000)))
            where = expected(pool, size)
            address = pool.alloc(size)
            assert where in (None, address)
            live.append((address, size))
            if rng.random() < 0.3:
                address, size = live.pop(rng.randrange(len(live)))
                if pool.resize(address, size, size + 24):
                    live.append((address, size + 24))
                else:
                    pool.free(address, size)
        assert pool.largest_free == max(limit - base for base, limit in pool.free_ranges())
        pool.check()
    assert seen == {0, 1}, "the levels were made and forgotten"


def seconds(count):
    """What it takes to allocate 100 blocks behind so many that are too small."""
    pool = pool_of(extend_by=1 << 16, spare=1.0)
    rows = [pool.alloc(24) for _ in range(2 * count)]
    large = [pool.alloc(1000) for _ in range(100)]
    pool.alloc(1)
    for address in large:
        pool.free(address, 1000)
    for address in rows[::2]:
        pool.free(address, 24)
    start = time.process_time()
    for _ in range(100):
        pool.alloc(1000)
    return time.process_time() - start


def test_small_blocks_at_the_front_are_passed_over():
    # A walk along 4,000 blocks takes eighty times as long as one along 50.
    assert min(seconds(4000) for _ in range(3)) < 15 * max(seconds(50) for _ in range(3))


@pytest.mark.parametrize("align", (8, 16, 32))
@pytest.mark.parametrize("room", (40, 56, 96))
def test_the_rest_of_a_block_is_told_from_its_size(align, room):
    """A hole of `room` bytes is filled by whatever it holds, and is freed with just
    the sizes that take as much as was asked for."""
    for size in range(1, room - 7, 5):
        pool = pool_of(align=align)
        first, hole, last = (pool.alloc(room - 8) for _ in range(3))
        pool.free(hole, room - 8)
        block = pool.alloc(size)
        slack = pool.slack_size
        for wrong in range(1, 2 * room, 3):
            if taken(pool, wrong) == taken(pool, size):
                continue
            with pytest.raises(rl.ProtocolError, match=f"takes {taken(pool, size)} bytes"):
                pool.free(block, wrong)
            with pytest.raises(rl.ProtocolError, match=f"takes {taken(pool, size)} bytes"):
                pool.resize(block, wrong, size)
        assert pool.slack_size == slack
        pool.check()
        for address, held in ((block, size), (first, room - 8), (last, room - 8)):
            pool.free(address, held)
        assert word(pool, p.LIFO_RESTS) == 0
        pool.check()


def test_the_rests_add_up_through_resize_and_alignment(rng):
    pool = pool_of(align=8)
    live = []
    for _ in range(1500):
        if live and rng.random() < 0.5:
            address, size = live.pop(rng.randrange(len(live)))
            new = max(1, size + rng.randint(-40, 40))
            if pool.resize(address, size, new):
                live.append((address, new))
            else:
                pool.free(address, size)
        else:
            size = rng.randint(1, 120)
            live.append((pool.alloc(size, align=rng.choice((None, 16, 32, 128))), size))
        held = sum(taken(pool, size) for _, size in live)
        assert held + pool.free_size + pool.slack_size == pool.total_size
    pool.check()
    for block in live:
        pool.free(*block)
    assert word(pool, p.LIFO_RESTS) == 0
    pool.check()


@pytest.mark.parametrize("change", (1 << 60, 1 << 61, 3 << 60, 1 << 58, -1 << 63))
def test_check_sees_a_rest_that_is_none(change):
    pool = pool_of()
    block = pool.alloc(100)
    tag = pool.space.view(block - 8, 8).cast("q")
    tag[0] ^= change
    with pytest.raises(AssertionError):
        pool.check()
    with pytest.raises(rl.ProtocolError):
        pool.free(block, 100)
    tag[0] ^= change
    pool.free(block, 100)
    pool.check()
