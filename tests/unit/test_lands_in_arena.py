"""The lands of the public face: made in an arena, and gone without a trace."""

import pytest

import rangeland as rl

KINDS = (rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover)
GRAIN = 4096


@pytest.fixture
def arena():
    arena = rl.Arena(size=1 << 24)
    yield arena
    for pool in reversed(arena.pools):
        pool.destroy()
    arena.destroy()
    assert (arena.space.reserved, arena.space.mapped) == (0, 0)


def used(arena):
    """The bytes that the control pool has given out."""
    control = arena.system_pools[2]
    return control.total_size - control.free_size


@pytest.fixture
def block(arena):
    return rl.MVFF(arena, align=GRAIN).alloc(16 * GRAIN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_land_coalesces_splits_and_goes(arena, block, kind):
    pools, control = len(arena.pools), used(arena)
    land = kind(arena, align=16)
    assert land.insert(block, block + 64) == (block, block + 64)
    assert land.insert(block + 64, block + 128) == (block, block + 128)
    assert land.delete(block + 32, block + 64) == (block, block + 128)
    assert list(land) == [(block, block + 32), (block + 64, block + 128)]
    assert land.size == 96
    land.check()
    arena.check()
    land.destroy()
    assert len(arena.pools) == pools
    assert used(arena) == control
    arena.check()


@pytest.mark.parametrize("kind", KINDS)
def test_a_destroyed_land_refuses(arena, block, kind):
    land = kind(arena)
    land.destroy()
    with pytest.raises(rl.ProtocolError, match="has been finished"):
        land.insert(block, block + 64)
    with pytest.raises(rl.ProtocolError, match="has been finished"):
        land.destroy()


@pytest.mark.parametrize("kind", KINDS)
def test_a_land_that_cannot_be_made_leaves_nothing(arena, kind):
    pools, control = arena.pools, used(arena)
    for align in (0, 3, -8, "8"):
        with pytest.raises(rl.ParamError):
            kind(arena, align=align)
    assert arena.pools == pools
    assert used(arena) == control
    with pytest.raises(rl.ParamTypeError, match="expected an Arena"):
        kind(None)


def test_a_land_steals_nothing_that_is_no_grain(arena, block):
    land = rl.CBS(arena, align=16)
    arena.space.faults = rl.FaultPlan().fail("node", probability=1.0)
    for base in (block + 16, arena.chunks[0].limit, arena.chunks[0].limit - GRAIN):
        with pytest.raises(rl.AllocationError):
            land.insert_steal(base, base + 64)
    arena.space.faults = None
    assert list(land) == []
    land.check()


def test_zones_are_those_of_the_arena(arena, block):
    land = rl.CBSZoned(arena, align=GRAIN)
    land.insert(block, block + 4 * GRAIN)
    zone = block >> arena.zone_shift & 63
    assert land.find_in_zones(GRAIN, (1 << 64) - 1 & ~(1 << zone)) is None
    found, old = land.find_in_zones(GRAIN, 1 << zone, high=True)
    assert found == (block + 3 * GRAIN, block + 4 * GRAIN)
    assert old == (block, block + 4 * GRAIN)
