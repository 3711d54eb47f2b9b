"""Handles of what is gone, when something like it now lies at its address;
and two handles of one arena, of which each knows what the other did."""

import pytest

import rangeland as rl

GONE = "has been destroyed"


@pytest.fixture(params=(False, True), ids=("unchecked", "checked"))
def space(request):
    return rl.AddressSpace(1 << 24, checked=request.param)


def boot(space):
    return rl.Arena(size=1 << 18, space=space)


def expect_gone(pool):
    for use in (
        lambda: pool.alloc(8),
        lambda: pool.free(pool.address, 8),
        lambda: pool.total_size,
        lambda: pool.describe(),
        lambda: pool.check(),
        lambda: pool.destroy(),
    ):
        with pytest.raises(rl.ProtocolError, match=GONE):
            use()


@pytest.mark.parametrize("make", (rl.MVFF, lambda arena: rl.MFS(arena, 8)), ids=("MVFF", "MFS"))
def test_a_destroyed_pool_is_not_a_later_one_at_its_address(space, make):
    arena = boot(space)
    old = make(arena)
    old.destroy()
    new = make(arena)
    assert new.address == old.address and new.alive and not old.alive
    expect_gone(old)
    assert new.alloc(8)


def test_a_pool_of_a_destroyed_arena_is_not_one_of_a_later_arena(space):
    arena = boot(space)
    old = rl.MVFF(arena)
    rl.Arena.attach(space, arena.address).pools[0].destroy()
    rl.Arena.attach(space, arena.address).destroy()
    expect_gone(old)
    again = boot(space)
    new = rl.MVFF(again)
    assert (new.address, new.serial, again.address) == (old.address, 4, arena.address)
    expect_gone(old)
    for use in (lambda: arena.committed, lambda: arena.pools, arena.check, arena.destroy):
        with pytest.raises(rl.ProtocolError, match=GONE):
            use()
    assert not arena.alive and again.alive and again.pools == [new]


def test_two_handles_of_one_arena_have_the_same_pools(space):
    one = boot(space)
    two = rl.Arena.attach(space, one.address)
    a, b = rl.MVFF(one), rl.MFS(two, 24)
    serials = [a.serial, b.serial]
    assert [p.serial for p in one.pools] == [p.serial for p in two.pools] == serials
    unit = b.alloc(24)
    assert one.pool_of(unit).serial == two.pool_of(unit).serial == b.serial
    two.pools[0].destroy()
    assert not a.alive
    assert [p.serial for p in one.pools] == [b.serial]
    with pytest.raises(rl.ProtocolError, match="still has pools"):
        one.destroy()
    one.pools[0].destroy()
    one.destroy()
    assert space.reserved == space.mapped == 0


def test_two_handles_of_one_pool_keep_one_ledger():
    space = rl.AddressSpace(1 << 24, checked=True)
    arena = boot(space)
    one = rl.MVFF(arena)
    two = rl.Arena.attach(space, arena.address).pools[0]
    block = one.alloc(64)
    with pytest.raises(rl.ProtocolError, match="with size 32: expected 64"):
        two.free(block, 32)
    two.free(block, 64)
    with pytest.raises(rl.ProtocolError, match="double free"):
        one.free(block, 64)


def test_a_handle_that_was_never_made_does_no_harm():
    for kind in (rl.MVFF, rl.MFS):
        pool = kind.__new__(kind)
        with pytest.raises((rl.ProtocolError, AttributeError)):
            pool.alloc(8)


def test_a_copy_of_an_arena_descriptor_is_no_arena(space):
    arena = boot(space)
    block = rl.MVFF(arena, align=4096).alloc(8192)
    arena.view(block, 4096)[:] = bytes(space.view(arena.address, 4096))
    with pytest.raises(rl.ParamError, match=f"copy of the arena descriptor of {arena.address:#x}"):
        rl.Arena.attach(space, block)
    arena.check()
