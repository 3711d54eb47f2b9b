"""Freeing a unit whose first word the client made 1, or odd, took a walk
along the whole free list."""

import time

import pytest

import rangeland as rl


def seconds(word):
    """What it takes to free units that begin with `word`, in seconds, and
    the pool with two of the units."""
    arena = rl.Arena(size=1 << 24, space=rl.AddressSpace(1 << 26))
    pool = rl.MFS(arena, 8, extend_by=1 << 20)
    units = [pool.alloc(8) for _ in range(12000)]
    for unit in units[:10000]:
        pool.free(unit, 8)
    for unit in units[10000:]:
        arena.view(unit, 8)[:] = word.to_bytes(8, "little", signed=True)
    start = time.process_time()
    for unit in units[10000:]:
        pool.free(unit, 8)
    return time.process_time() - start, pool, (units[0], units[-1])


@pytest.mark.parametrize("word", (1, 2**62 + 1, -1), ids=hex)
def test_a_free_costs_the_same_whatever_the_unit_holds(word):
    taken, pool, units = seconds(word)
    # A walk of 10000 units takes some thousand times as long.
    assert taken < 50 * max(seconds(0)[0], 0.001)
    for unit in units:
        with pytest.raises(rl.ProtocolError, match="already free"):
            pool.free(unit, 8)


def test_what_looks_like_a_free_unit_is_told_from_one():
    arena = rl.Arena(size=1 << 20, space=rl.AddressSpace(1 << 24))
    pool = rl.MFS(arena, 8)
    unit, other = pool.alloc(8), pool.alloc(8)
    pool.free(other, 8)
    arena.view(unit, 8)[:] = bytes(arena.view(other, 8))
    pool.free(unit, 8)
    pool.check()
