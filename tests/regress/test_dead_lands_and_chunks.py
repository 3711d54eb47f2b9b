"""What is read through handles of lands and chunks that are gone, or far
beyond their end, was followed as if it were links: compiled, a crash."""

import pytest

import rangeland as rl

GONE = "has been finished"


@pytest.fixture(params=(False, True), ids=("unchecked", "checked"))
def arena(request):
    return rl.Arena(size=1 << 20, space=rl.AddressSpace(1 << 24, checked=request.param))


def uses(land):
    return (
        lambda: land.insert(1 << 20, 1 << 21),
        lambda: land.delete(4096, 8192),
        lambda: land.find_first(8),
        lambda: list(land),
        lambda: len(land),
        lambda: land.size,
        lambda: land.owner,
        land.describe,
        lambda: land.destroy(),
    )


def expect_gone(land, match):
    for use in uses(land):
        with pytest.raises(rl.ProtocolError, match=match):
            use()


@pytest.mark.parametrize("kind", (rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover))
def test_a_land_of_a_destroyed_arena(arena, kind):
    block = rl.MVFF(arena).alloc(8192)
    land = kind(arena)
    land.insert(block, block + 4096)
    suspended = iter(land)
    with arena:
        pass
    expect_gone(land, GONE)
    if kind is not rl.Freelist:
        with pytest.raises(rl.ProtocolError, match=GONE):
            next(suspended)


def test_a_destroyed_land_is_not_a_later_one_at_its_address(arena):
    old = rl.CBSFast(arena)
    old.destroy()
    new = rl.CBSFast(arena)
    assert new.address == old.address
    expect_gone(old, GONE)
    assert list(new) == []


def test_a_land_whose_nodes_are_gone(arena):
    land = rl.CBSFast(arena)
    for i in range(1, 50):
        land.insert(i * 64, i * 64 + 32)
    arena.pools[0].destroy()
    expect_gone(land, "pool of the nodes of .* has been destroyed")
    arena.check()


def test_a_land_of_a_destroyed_pool(arena):
    pool = rl.MVFF(arena)
    pool.alloc(8)
    lands = pool.total_land, pool.free_land.primary, pool.free_land.secondary
    pool.destroy()
    for turn in range(2):
        for land in lands:
            for use in uses(land)[:-1]:
                with pytest.raises((rl.ProtocolError, rl.ParamError), match=GONE):
                    use()
        if turn == 0:
            arena.destroy()


def test_pages_that_no_chunk_has_are_nobodys(arena):
    chunk = arena.chunks[0]
    for index in (-(2**40), -1, 0, chunk.pages, 2**40):
        assert chunk.owner(index) == 0
    arena.destroy()
    assert not chunk.alive


def test_pages_beyond_the_space_are_not_mapped(arena):
    space = arena.space
    assert space.mapped_pages(0, 1 << 60) * 4096 == space.mapped
    assert space.mapped_pages(0, 4096) == space.mapped_pages(1 << 50, 1 << 51) == 0
