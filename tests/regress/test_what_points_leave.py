"""What allocation points and segments leave behind when they go."""

import pytest

import rangeland as rl
from rangeland.invariants.points import AtPoints
from rangeland.invariants.raw import audit

PAGE = 4096


@pytest.fixture
def arena():
    return rl.Arena(1 << 20, space=rl.AddressSpace(1 << 28, checked=True))


def test_a_segment_for_one_block_that_was_never_committed_goes_back(arena):
    pool = rl.MVT(arena, max_size=PAGE, mean_size=64)
    point = pool.allocation_point()
    point.reserve(5000)
    assert (pool.total_size, pool.free_size) == (2 * PAGE, 2 * PAGE - 5000)
    point.destroy()
    # It was left to the next point as a splinter, and no block of it could be freed.
    assert (pool.total_size, pool.free_size) == (0, 0)
    point = pool.allocation_point()
    block = point.reserve(96)
    point.commit(block, 96)
    pool.free(block, 96)
    pool.check()
    audit(arena.space, arena.address)


@pytest.mark.parametrize("nth", range(1, 12))
def test_a_page_that_is_kept_for_nodes_names_no_segment(arena, nth):
    pool = AtPoints(rl.MVT(arena, mean_size=8, max_size=8, reserve_depth=1, frag_limit=0.1))
    pool.alloc(8)
    pool.alloc(8)
    arena.space.faults = rl.FaultPlan().fail("node", nth=range(nth, nth + 20))
    pool.destroy()
    arena.space.faults = None
    audit(arena.space, arena.address)
    arena.check()
