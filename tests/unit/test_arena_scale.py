"""Many pools, large arenas, large grains: they take what they say.

Source: design/arena.md#.sol.check, design/arena.md#.sol.words.roster
"""

import pytest

import rangeland as rl
from arena import fields as a
from arena import roster
from arena.arena import Arena
from pools import fields as p


def with_pools(count):
    """An arena with so many pools of several classes, each with a block."""
    arena = rl.Arena(1 << 26)
    kinds = (rl.MVFF, rl.Slab, lambda arena: rl.MFS(arena, 32), rl.BestFit)
    pools = [kinds[i % len(kinds)](arena) for i in range(count)]
    return arena, pools, [pool.alloc(32) for pool in pools]


def never(*_):
    raise AssertionError("the pools are walked")


def test_a_check_asks_for_the_pools_once(monkeypatch):
    arena, _, _ = with_pools(40)
    walks = []
    addresses = roster.addresses
    monkeypatch.setattr(roster, "addresses", lambda *at: walks.append(at) or addresses(*at))
    monkeypatch.setattr(Arena, "pool_of", never)
    arena.check()
    assert len(walks) == 1


def test_the_pool_of_any_page_is_found_without_a_walk(monkeypatch):
    arena, pools, blocks = with_pools(12)
    monkeypatch.setattr(roster, "addresses", never)
    for pool, block in zip(pools, blocks):
        assert arena.pool_of(block) is pool
    for pool in (*pools, arena.system_pools[2]):
        if hasattr(pool, "blocks"):
            for base, _ in pool.blocks.extents():
                assert arena.pool_of(base).address == pool.blocks.address
    for base, _ in arena.system_pools[0].extents():
        assert arena.pool_of(base).address == arena.system_pools[0].address


def test_pools_are_made_and_destroyed_without_a_walk(monkeypatch):
    arena, pools, _ = with_pools(12)
    monkeypatch.setattr(roster, "addresses", never)
    rl.MVFF(arena).destroy()
    for pool in pools[::2]:
        pool.destroy()
    monkeypatch.undo()
    assert arena.pools == pools[1::2]
    arena.check()


@pytest.mark.parametrize("by_another", [False, True])
def test_a_page_is_known_after_pools_came_and_went_by_another_handle(by_another):
    arena, pools, blocks = with_pools(12)
    other = rl.Arena.attach(arena.space, arena.address)
    assert [other.pool_of(block).address for block in blocks] == [pool.address for pool in pools]
    gone = other.pools[5] if by_another else pools[5]
    gone.destroy()
    # Most likely where the last lay, and of another class.
    new = rl.NextFit(arena if by_another else other)
    block = new.alloc(100_000)
    nodes = [base for base, _ in new.blocks.extents()]
    for handle in (arena, other):
        assert handle.pool_of(block).serial == new.serial
        assert all(handle.pool_of(base).address == new.blocks.address for base in nodes)
    arena.check()
    other.check()


@pytest.mark.parametrize("name", ["FIRST_POOL", "LAST_POOL", "NEXT_POOL", "PREVIOUS_POOL"])
@pytest.mark.parametrize("value", ["self", "arena", "other", 0, 1, 8, -1, 1 << 61, -(1 << 63)])
@pytest.mark.parametrize("checked", [False, True])
def test_a_link_between_pools_is_held_against_what_it_names(name, value, checked):
    space = rl.AddressSpace(1 << 30, checked=checked)
    arena = rl.Arena(1 << 20, space=space)
    pools = [rl.MVFF(arena) for _ in range(5)]
    at = pools[2].address if hasattr(p, name) else arena.address
    field = getattr(p, name, None) or getattr(a, name)
    named = {"self": pools[2].address, "arena": arena.address, "other": pools[4].address}
    words = space.words_at(at + 8 * field, 8)
    if words[0] == named.get(value, value):
        value = "self"
    words[0] = named.get(value, value)
    for do in (lambda: arena.pools, arena.describe, arena.check, arena.destroy):
        with pytest.raises(rl.DamageError) as told:
            do()
        assert name in str(told.value)
    if name in ("NEXT_POOL", "PREVIOUS_POOL"):
        with pytest.raises(rl.DamageError, match=name):
            pools[2].destroy()


@pytest.mark.parametrize("signature", [0, 1, 0x4E4547, -1])
def test_a_pool_of_no_class_is_told(signature):
    arena, pools, _ = with_pools(3)
    other = rl.Arena.attach(arena.space, arena.address)
    arena.space.words_at(pools[1].address, 8)[0] = signature
    with pytest.raises(rl.DamageError):
        other.pools  # noqa: B018


@pytest.mark.parametrize("exponent", [36, 40, 44])
def test_a_large_arena_takes_memory_as_it_is_used(exponent, speed):
    if speed == "interpreted" and exponent > 40:
        pytest.skip("scanning half a gibibyte of bits takes a minute interpreted")
    arena = rl.Arena(1 << exponent)
    before = arena.space.resident()
    tables = arena.committed
    # A bit a page twice, and one for each page of the page table: all committed.
    assert tables > 2 * (1 << exponent - 15)
    pool = rl.MVFF(arena)
    block = pool.alloc(100)
    assert arena.pool_of(block) is pool and len(arena.chunks) == 1
    assert arena.committed - tables < 1 << 20
    arena.describe()
    if speed == "compiled" or exponent == 36:
        arena.check()
    pool.free(block, 100)
    pool.destroy()
    assert arena.space.resident() - before < 64 << 20
    arena.destroy()


@pytest.mark.parametrize("grain", [1 << 20, 16 << 20])
def test_large_grains_take_what_they_say(grain, speed):
    if speed == "interpreted" and grain > 1 << 20:
        pytest.skip("threading an extent of nodes takes a minute interpreted")
    arena = rl.Arena(64 * grain, grain_size=grain)
    pool = rl.LIFOFit(arena)
    block = pool.alloc(100)
    assert pool.total_size == grain
    pool.free(block, 100)
    pool.destroy()
    arena.collect()
    arena.destroy()
