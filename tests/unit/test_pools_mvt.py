"""MVT: where a point gets its memory, what comes back, and what is refused.

Source: design/pools.md#.req.mvt.check, design/pools.md#.sol.mvt
"""

import random

import pytest

import rangeland as rl
from pools import fields as p
from rangeland.invariants.blocks import Blocks, pattern

PAGE = 4096


@pytest.fixture
def arena():
    """A small arena without zones, in checked mode."""
    return rl.Arena(size=1 << 20, zoned=False, space=rl.AddressSpace(1 << 28, checked=True))


def take(point, size):
    """Reserve and commit `size` bytes. Returns their address."""
    address = point.reserve(size)
    assert point.commit(address, size) is True
    return address


def small(arena, **options):
    """A pool whose segments are one page, and a point of it."""
    pool = rl.MVT(arena, **{"max_size": PAGE, "mean_size": 64} | options)
    return pool, pool.allocation_point()


# Where a point gets its memory: one test for each place, in their order.


def test_a_block_beyond_the_fill_size_has_a_segment_of_its_own(arena):
    pool, point = small(arena)
    block = take(point, 5000)
    assert (pool.total_size, pool.free_size) == (8192, 8192 - 5000)
    assert pool.describe().count("unavailable 3192 bytes in 1 segments") == 1
    pool.check()
    pool.free(block, 5000)
    assert (pool.total_size, pool.free_size) == (0, 0)


def test_the_splinter_comes_first(arena):
    pool, point = small(arena)
    first = take(point, 3000)
    other = take(point, 4096)
    # What the first segment had left is the splinter now.
    assert take(point, 1000) == first + 3000
    assert take(point, 96) == first + 4000
    assert pool.total_size == 2 * PAGE and pool.free_size == 0
    assert other // PAGE != first // PAGE


def test_the_larger_of_two_splinters_is_kept(arena):
    pool, point = small(arena)
    first = take(point, 3000)
    second = take(point, 4000)
    take(point, 2000)
    # 1,096 bytes of the first segment against 96 of the second, which went
    # to the free land.
    assert list(pool.free_land) == [(second + 4000, second + PAGE)]
    point.destroy()
    assert (first + 3000, first + PAGE) in pool.free_land, "2,096 are more than 1,096"
    pool.check()


def test_what_is_less_than_the_least_block_goes_to_the_free_land(arena):
    pool, point = small(arena, min_size=64)
    first = take(point, PAGE - 56)
    take(point, 64)
    assert list(pool.free_land) == [(first + PAGE - 56, first + PAGE)]
    pool.check()


def test_the_oldest_queued_range_is_used_a_segment_at_a_time(arena):
    pool, point = small(arena, frag_limit=1.0)
    blocks = [take(point, PAGE) for _ in range(6)]
    assert [b - blocks[0] for b in blocks] == [i * PAGE for i in range(6)]
    for block in blocks[1:4]:
        pool.free(block, PAGE)
    assert pool.stock.queue.ranges() == [(blocks[1], blocks[4])]
    assert take(point, 104) == blocks[1]
    assert pool.stock.queue.ranges() == [(blocks[2], blocks[4])]
    assert point.limit_address == blocks[2]
    pool.check()


def test_a_range_that_straddles_two_segments_gives_the_first_part_that_fits(arena):
    pool, point = small(arena, frag_limit=1.0)
    blocks = [take(point, PAGE // 2) for _ in range(12)]
    for block in blocks[1:7]:
        pool.free(block, PAGE // 2)
    # Three pages, half a page into the first segment.
    assert pool.stock.queue.ranges() == [(blocks[1], blocks[7])]
    assert take(point, 3000) == blocks[2], "the second segment, for the first part is too small"
    assert point.limit_address == blocks[4]
    assert pool.stock.queue.ranges() == []
    pool.check()


def test_a_full_queue_gives_segments_back_to_the_arena(arena):
    pool, point = small(arena, reserve_depth=1, frag_limit=1.0)
    assert pool.stock.queue.depth() == 3
    blocks = [take(point, PAGE) for _ in range(15)]
    for i in range(0, 9, 3):
        pool.free(blocks[i], PAGE)
        pool.free(blocks[i + 1], PAGE)
    assert pool.stock.queue.count() == 3 and pool.total_size == 15 * PAGE
    pool.free(blocks[9], PAGE)
    pool.free(blocks[10], PAGE)
    assert pool.total_size == 13 * PAGE, "the oldest range is gone"
    assert pool.stock.queue.ranges()[0] == (blocks[3], blocks[5])
    assert pool.stock.queue.ranges()[-1] == (blocks[9], blocks[11])
    pool.check()


def test_a_queue_that_overflowed_is_filled_again_when_it_is_empty(arena):
    pool, point = small(arena, reserve_depth=1, frag_limit=1.0)
    half = PAGE // 2
    blocks = [take(point, half) for _ in range(40)]
    # Ranges of two pages that hold one whole segment each give that back;
    # such as begin in mid-segment and hold none cannot be.
    for first in (1, 9, 17, 25):
        for block in blocks[first : first + 4]:
            pool.free(block, half)
    pool.check()
    assert pool.stock.queue.count() == 3
    for _ in range(40):
        take(point, half)
        pool.check()


def test_much_free_memory_makes_the_pool_look_for_the_first_range_that_fits(arena):
    pool, point = small(arena, frag_limit=0.25)
    half = PAGE // 2
    blocks = [take(point, half) for _ in range(8)]
    for block in blocks[1::2]:
        pool.free(block, half)
    total = pool.total_size
    assert take(point, half) == blocks[1], "half is free: first fit"
    assert pool.total_size == total
    lazy, other = small(arena, frag_limit=1.0)
    blocks = [take(other, half) for _ in range(8)]
    for block in blocks[1::2]:
        lazy.free(block, half)
    total = lazy.total_size
    take(other, half)
    assert lazy.total_size == total + PAGE, "not all is free: a new segment"


def test_without_more_memory_the_first_range_that_fits_is_used_after_all(arena):
    pool, point = small(arena, frag_limit=1.0)
    half = PAGE // 2
    blocks = [take(point, half) for _ in range(8)]
    arena.control_alloc(20000)
    pool.free(blocks[3], half)
    arena.spare = 0
    arena.commit_limit = arena.committed
    assert take(point, half) == blocks[3]
    with pytest.raises(rl.CommitLimitError, match="has no memory for 2048 bytes"):
        point.reserve(half)
    pool.check()
    with pytest.raises(rl.CommitLimitError):
        point.reserve(2 * PAGE)
    pool.check()


# A naive judge over long runs


def contents(block):
    """What a block is written with: its own as far as that can be told."""
    return (pattern(block.stamp, 0, 251) * (block.size // 251 + 1))[: block.size]


@pytest.mark.parametrize("frag_limit", (0, 0.3, 1.0))
@pytest.mark.parametrize("grain", (4096, 16384))
def test_a_long_run(seed, frag_limit, grain, speed):
    rng = random.Random(seed)
    space = rl.AddressSpace(1 << 28, checked=True)
    arena = rl.Arena(size=1 << 20, grain_size=grain, space=space)
    pool = rl.MVT(arena, max_size=4096, mean_size=200, reserve_depth=64, frag_limit=frag_limit)
    points = [pool.allocation_point() for _ in range(3)]
    blocks = Blocks()
    steps = 2000 if speed == "compiled" else 600
    for step in range(steps):
        shrinking = step // 100 % 2
        if blocks.live and rng.random() < (0.7 if shrinking else 0.35):
            block = blocks.remove(rng.choice(list(blocks.live)))
            assert arena.view(block.address, block.size) == contents(block)
            pool.free(block.address, block.size)
        else:
            size = 8 * rng.choice((1, 3, 20, 100, 400, rng.randrange(1, 600)))
            address = take(rng.choice(points), size)
            assert address % 8 == 0 and blocks.in_the_way(address, size) is None
            assert arena.pool_of(address) is arena.pool_of(address + size - 1) is pool
            arena.view(address, size)[:] = contents(blocks.add(step, address, size))
        if step % 100 == 0:
            pool.check()
            arena.check()
            assert all(arena.view(b.address, b.size) == contents(b) for b in blocks)
            held = sum(point.limit_address - point.init_address for point in points)
            assert pool.total_size - pool.free_size == blocks.bytes + held
    live = [(block.address, block.size) for block in blocks]
    for point in points:
        point.destroy()
    for address, size in live:
        pool.free(address, size)
    splinter = pool.free_size - pool.free_land.size
    assert pool.total_size == pool.free_size and splinter >= 0
    pool.check()
    pool.destroy()
    arena.check()
    arena.destroy()
    assert space.reserved == space.mapped == 0


@pytest.mark.parametrize("kind", ("node", "mapping", "reservation"))
def test_whatever_is_refused_no_free_fails(kind, seed):
    rng = random.Random(seed)
    space = rl.AddressSpace(1 << 28, checked=True)
    arena = rl.Arena(size=1 << 19, space=space)
    pool, point = small(arena, reserve_depth=8)
    live = []
    for step in range(200):
        space.faults = rl.FaultPlan().fail(kind, probability=0.4, seed=step)
        try:
            if live and rng.random() < 0.5:
                pool.free(*live.pop(rng.randrange(len(live))))
            else:
                size = 8 * rng.randrange(1, 700)
                live.append((take(point, size), size))
        except rl.AllocationError:
            pass
        space.faults = None
        pool.check()
        if step % 20 == 0:
            arena.check()
    point.destroy()
    pool.destroy()
    arena.check()


# Making, attaching, ending


def test_creation_refused_anywhere_leaves_control_memory_as_it_was(arena):
    control = arena.system_pools[2]
    arena.spare = 0
    # Fill the control pool up, so that a descriptor makes it grow.
    filled = []
    while control.largest_free >= 64:
        size = min(control.largest_free, 192)
        filled.append((arena.control_alloc(size), size))
    arena.commit_limit = arena.committed
    before = control.free_size
    for hole in (0, p.MVT_SIZE, p.MVT_SIZE + p.MFS_SIZE):
        gone = []
        while sum(size for _, size in gone) < hole:
            gone.append(filled.pop(0))
            arena.control_free(*gone[-1])
        free = control.free_size
        with pytest.raises(rl.CommitLimitError):
            rl.MVT(arena, reserve_depth=100000)
        assert control.free_size == free and arena.pools == []
        control.check()
    assert control.free_size > before
    arena.check()


def test_an_attached_pool_goes_on_where_it_was(arena):
    pool, point = small(arena, min_size=16, reserve_depth=8, frag_limit=0.5, align=16)
    blocks = [take(point, 48) for _ in range(300)]
    for block in blocks[::3]:
        pool.free(block, 48)
    other = rl.Arena.attach(arena.space, arena.address)
    again = other.pools[0]
    assert again.describe() == pool.describe()
    assert [q.address for q in again.points] == [point.address]
    assert repr(again.points[0]) == repr(point)
    assert take(again.points[0], 48) == blocks[-1] + 48
    assert take(point, 48) == blocks[-1] + 96
    again.check()
    other.check()
    again.points[0].destroy()
    assert not point.alive
    again.destroy()
    assert not pool.alive and not point.alive
    other.destroy()


def test_the_arena_ends_points_and_pools_at_the_end_of_its_context():
    with rl.Arena() as arena:
        pool, point = small(arena)
        point.reserve(64)
        space = arena.space
    assert space.reserved == space.mapped == 0
    assert not pool.alive and not point.alive


def test_the_events_are_those_of_the_mps(arena):
    with rl.record() as log:
        pool, point = small(arena)
        block = take(point, 64)
        point.destroy()
        pool.free(block, 64)
        pool.destroy()
    names = [event.name for event in log]
    wanted = ["PoolInitMVT", "BufferInit", "SegAlloc", "BufferFill", "BufferEmpty", "BufferFinish"]
    wanted += ["SegFree", "PoolFinish"]
    assert [name for name in names if name in wanted][: len(wanted) - 1] == wanted[:-1]
    fill = next(event for event in log if event.name == "BufferFill")
    assert fill.params == {"buffer": point.address, "size": 64, "base": block, "filled": PAGE}


def test_the_largest_block_that_needs_no_more_memory(arena):
    pool, point = small(arena)
    assert pool.largest_free == 0
    block = take(point, 96)
    assert pool.largest_free == 0, "what a point has is the point's"
    point.destroy()
    assert pool.largest_free == PAGE - 96
    pool.free(block, 96)
    assert pool.largest_free == PAGE - 96, "the splinter is apart"


# What is refused


@pytest.mark.parametrize(
    "options, why",
    [
        ({"min_size": 0}, "min_size is 0: expected at least 1"),
        ({"min_size": 1.5}, "min_size is 1.5: expected an int"),
        ({"min_size": 64, "mean_size": 32}, "mean_size is 32: expected at least 64"),
        ({"mean_size": 9000}, "max_size is 8192: expected at least 9000"),
        ({"max_size": 1 << 60}, "max_size is 1152921504606846976: expected at most"),
        ({"reserve_depth": 0}, "reserve_depth is 0: expected at least 1"),
        ({"frag_limit": 1.01}, "frag_limit is 1.01: expected a number from 0 to 1"),
        ({"frag_limit": "x"}, "frag_limit is 'x': expected a number from 0 to 1"),
        ({"align": 12}, "align is 12: expected a power of two from 8 to 4096"),
    ],
)
def test_wrong_keywords_are_refused(arena, options, why):
    free = arena.system_pools[2].free_size
    with pytest.raises(rl.ParamError) as caught:
        rl.MVT(arena, **options)
    assert str(caught.value).startswith(why)
    assert arena.system_pools[2].free_size == free and arena.pools == []
    with pytest.raises(rl.ParamTypeError, match="expected an Arena"):
        rl.MVT(None)


@pytest.mark.parametrize(
    "size, error, why",
    [
        (0, rl.ParamError, "size is 0: expected at least 1"),
        (-8, rl.ParamError, "size is -8"),
        ("8", rl.ParamTypeError, "size is '8': expected an int"),
        (12, rl.ParamError, "size is 12: expected a multiple of 8"),
        (1 << 61, rl.ParamError, "expected at most"),
        (1 << 57, rl.ResourceError, "has no memory for"),
    ],
)
def test_wrong_sizes_are_refused(arena, size, error, why):
    pool, point = small(arena)
    with pytest.raises(error, match=why):
        point.reserve(size)
    pool.check()


def test_the_protocol_of_a_point(arena):
    pool, point = small(arena)
    with pytest.raises(rl.ProtocolError, match="has nothing reserved"):
        point.commit(4096, 8)
    address = point.reserve(64)
    for wrong in ((address, 56), (address + 8, 64)):
        with pytest.raises(rl.ProtocolError, match="has .* reserved"):
            point.commit(*wrong)
    with pytest.raises(rl.ProtocolError, match="expected its commit first"):
        point.reserve(8)
    assert point.commit(address, 64)
    with pytest.raises(rl.ProtocolError, match="has nothing reserved"):
        point.commit(address, 64)
    with pytest.raises(rl.ProtocolError, match="still has <AllocationPoint"):
        pool.destroy()
    with pytest.raises(rl.ProtocolError, match="expected the reserve of an allocation point"):
        pool.alloc(64)
    point.destroy()
    for operation in (point.destroy, point.check, lambda: point.reserve(8)):
        with pytest.raises(rl.ProtocolError, match="has been destroyed"):
            operation()
    pool.destroy()
    with pytest.raises(rl.ProtocolError, match="has been destroyed"):
        pool.allocation_point()
    with pytest.raises(rl.ProtocolError, match="has no allocation points"):
        rl.MVFF(arena).allocation_point()


@pytest.mark.parametrize("checked", (True, False))
def test_frees_of_what_is_no_block_are_refused(checked):
    arena = rl.Arena(size=1 << 20, space=rl.AddressSpace(1 << 28, checked=checked))
    pool, point = small(arena)
    block, large = take(point, 96), take(point, 5000)
    end = take(point, 104)
    wrongs = [
        (block + 4, 96), (block + PAGE * 100, 96), (large, 4992), (large + 8, 96), (large, 96),
        (point.init_address, 8), (end, 5000), (end, PAGE),
    ]  # fmt: skip
    before = pool.describe()
    for address, size in wrongs:
        with pytest.raises((rl.ProtocolError, rl.ParamError)):
            pool.free(address, size)
        assert pool.describe() == before
    pool.free(block, 96)
    pool.free(large, 5000)
    for address, size in ((block, 96), (large, 5000)):
        with pytest.raises(rl.ProtocolError):
            pool.free(address, size)
    pool.check()
    arena.check()
