"""Asking a pool changes nothing: neither its descriptor nor any other word of
the space, also while it would like a node and is refused one.

Source: design/pools.md#.req.ask
"""

import random

import pytest

import rangeland as rl
from rangeland.invariants.points import AtPoints

KINDS = {
    "MFS": lambda arena: rl.MFS(arena, 24, extend_by=4096),
    "MVFF": lambda arena: rl.MVFF(arena, extend_by=8192, spare=1),
    "Buddy": lambda arena: rl.Buddy(arena, extend_by=8192, spare=1),
    "SegFit": lambda arena: rl.SegFit(arena, extend_by=8192, spare=1),
    "Slab": lambda arena: rl.Slab(arena, spare=1),
    "MVT": lambda arena: AtPoints(rl.MVT(arena, max_size=4096, reserve_depth=8, frag_limit=1.0)),
}


def words(space):
    """All bytes that are mapped, by reservation and page."""
    return {
        page: bytes(space.view(page, 4096))
        for held in space.reservations.values()
        for page in range(held.base, held.base + held.size, 4096)
        if space.first_unmapped(page, page + 4096) != page
    }


@pytest.fixture(params=KINDS)
def fragmented(request):
    """A pool with as many free ranges as it has blocks, made while nodes were
    refused: those of MVFF and MVT lie in the secondary land."""
    arena = rl.Arena(1 << 20, zoned=False, space=rl.AddressSpace(1 << 28, checked=True))
    pool = KINDS[request.param](arena)
    blocks = [pool.alloc(24) for _ in range(400)]
    random.Random(1).shuffle(blocks)
    arena.space.faults = rl.FaultPlan().fail("node", nth=range(1, 1 << 20))
    for block in blocks[:200]:
        pool.free(block, 24)
    return pool


def asked(pool):
    """All that a pool tells."""
    told = pool.describe(), pool.largest_free, pool.total_size, pool.free_size, pool.points
    told += pool.slack_size, pool.whole_free_size
    pool.check()
    return str(told)


@pytest.mark.parametrize("relents", (False, True))
def test_asking_a_pool_changes_no_word(fragmented, relents):
    pool = fragmented
    space = pool.arena.space
    if hasattr(pool, "free_land"):
        assert len(pool.free_land.secondary) > 20
    if relents:
        space.faults = None
    before = words(space)
    told = asked(pool)
    pool.arena.describe()
    pool.arena.check()
    assert words(space) == before
    assert asked(pool) == told


def test_the_largest_free_range_is_told_of_either_land(fragmented):
    pool = fragmented
    if not hasattr(pool, "free_land"):
        pytest.skip("a pool of this class has no lands")
    lands = pool.free_land.primary, pool.free_land.secondary
    ranges = [limit - base for land in lands for base, limit in land]
    assert pool.largest_free == max(ranges)
