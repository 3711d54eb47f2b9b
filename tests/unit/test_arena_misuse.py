"""Bad calls: each raises what says what was found and expected, changes no
byte, and does so alike in checked and unchecked spaces."""

import pytest

import rangeland as rl

try:
    import numpy as np
except ImportError:
    np = None

NO_INT = (1.5, 2.0, True, False, "8", None, [8], b"8")
TYPE = "expected an int, found"


@pytest.fixture(params=(False, True), ids=("unchecked", "checked"))
def space(request):
    return rl.AddressSpace(1 << 25, checked=request.param)


@pytest.fixture
def arena(space):
    return rl.Arena(size=1 << 20, space=space)


def state(space):
    """All that is mapped, byte for byte, and the machine's accounts."""
    pages = []
    for held in space.reservations.values():
        for page in range(held.base, held.base + held.size, 4096):
            if space.first_unmapped(page, page + 4096) != page:
                pages.append((page, bytes(space.view(page, 4096))))
    return space.reserved, space.mapped, hash(tuple(pages))


def refuses(space, error, match, call):
    """`call` raises `error` and has changed nothing in `space`."""
    before = state(space)
    with pytest.raises(error, match=match) as caught:
        call()
    assert type(caught.value) is error
    assert state(space) == before


@pytest.mark.parametrize("value", NO_INT, ids=repr)
def test_what_is_no_int_is_refused_by_name(arena, value):
    space = arena.space
    pool, units = rl.MVFF(arena), rl.MFS(arena, 64)
    block, unit = pool.alloc(64), units.alloc(64)
    for name, call in {
        "size": lambda: pool.alloc(value),
        "address": lambda: pool.free(value, 64),
        "unit_size": lambda: rl.MFS(arena, value),
        "extend_by": lambda: rl.MFS(arena, 8, extend_by=value),
        "mean_size": lambda: rl.MVFF(arena, mean_size=value),
        "align": lambda: rl.MVFF(arena, align=value),
        "grain_size": lambda: rl.Arena(size=1 << 20, grain_size=value, space=space),
    }.items():
        refuses(space, rl.ParamTypeError, rf"{name} is .*{TYPE}", call)
    for call in (
        lambda: pool.free(block, value),
        lambda: units.alloc(value),
        lambda: units.free(unit, value),
        lambda: rl.MVFF(arena, extend_by=value),
        lambda: rl.Arena(size=value, space=space),
        lambda: setattr(arena, "extend_by", value),
        lambda: setattr(arena, "extend_min", value),
        lambda: arena.pool_of(value),
        lambda: arena.view(value, 8),
        lambda: arena.view(block, value),
        lambda: rl.Arena.attach(space, value),
    ):
        refuses(space, rl.ParamTypeError, TYPE, call)
    if value is not None:
        refuses(space, rl.ParamTypeError, TYPE, lambda: setattr(arena, "commit_limit", value))
        call = lambda: rl.Arena(size=1 << 20, commit_limit=value, space=space)  # noqa: E731
        refuses(space, rl.ParamTypeError, TYPE, call)


@pytest.mark.parametrize("value", (0, -1, -(2**63), -(2**70)))
def test_what_must_be_positive_is(arena, value):
    space = arena.space
    pool, units = rl.MVFF(arena), rl.MFS(arena, 64)
    block = pool.alloc(64)
    for call in (
        lambda: pool.alloc(value),
        lambda: pool.free(value, 64),
        lambda: pool.free(block, value),
        lambda: units.alloc(value),
        lambda: rl.MFS(arena, value),
        lambda: rl.MFS(arena, 8, extend_by=value),
        lambda: rl.MVFF(arena, extend_by=value),
        lambda: rl.MVFF(arena, mean_size=value),
        lambda: rl.MVFF(arena, align=value),
        lambda: rl.Arena(size=value, space=space),
        lambda: rl.Arena(size=1 << 20, grain_size=value, space=space),
        lambda: setattr(arena, "extend_by", value),
    ):
        refuses(space, rl.ParamError, f"is {value}: expected", call)


@pytest.mark.parametrize("size", (2**60 + 1, 2**61, 2**62, 2**63 - 1, 2**63, 2**64, 2**70))
def test_sizes_beyond_every_address_space(arena, size):
    space = arena.space
    pool = rl.MVFF(arena)
    block = pool.alloc(64)
    refuses(space, rl.ResourceError, f"size is {size}: no address space", lambda: pool.alloc(size))
    for call in (
        lambda: pool.free(block, size),
        lambda: pool.free(size, 64),
        lambda: rl.MFS(arena, size),
        lambda: rl.MFS(arena, 8, extend_by=size),
        lambda: rl.MVFF(arena, extend_by=size),
        lambda: rl.Arena(size=size, space=space),
        lambda: setattr(arena, "extend_by", size),
    ):
        refuses(space, rl.ParamError, f"is {size}: expected at most", call)


@pytest.mark.parametrize("size", (2**25, 2**40, 2**56, 2**60))
def test_sizes_beyond_this_address_space_are_wanted_in_vain(arena, size):
    pool = rl.MVFF(arena)
    pool.alloc(64)
    reserved = arena.reserved
    with pytest.raises(rl.ResourceError, match=f"no block of {size} bytes"):
        pool.alloc(size)
    with pytest.raises(rl.ResourceError, match=f"no chunk of {size} bytes"):
        rl.Arena(size=size, space=arena.space)
    assert arena.reserved == reserved
    arena.check()


@pytest.mark.parametrize("grain", (1, 2, 2048, 4095, 4097, 5000, 12288, 2**60))
def test_grains_are_powers_of_two_and_whole_pages(arena, grain):
    call = lambda: rl.Arena(size=1 << 20, grain_size=grain, space=arena.space)  # noqa: E731
    refuses(arena.space, rl.ParamError, f"grain_size is {grain}: expected", call)


@pytest.mark.parametrize("align", (1, 4, 7, 12, 24, 8192, 2**62))
def test_alignments_are_powers_of_two_from_a_word_to_a_grain(arena, align):
    match = f"align is {align}: expected a power of two from 8 to 4096"
    refuses(arena.space, rl.ParamError, match, lambda: rl.MVFF(arena, align=align))


@pytest.mark.parametrize("value", (-0.1, 1.1, float("nan"), float("inf"), "1", None, True))
def test_fractions_are_numbers_from_0_to_1(arena, value):
    error = rl.ParamError if isinstance(value, float) else rl.ParamTypeError
    for call in (
        lambda: rl.MVFF(arena, spare=value),
        lambda: rl.Arena(size=1 << 20, spare=value, space=arena.space),
        lambda: setattr(arena, "spare", value),
    ):
        refuses(arena.space, error, "spare is .*: expected a number from 0 to 1", call)


def test_an_address_space_is_whole_pages():
    for name in ("size", "base"):
        for value in (0, -4096, 100, 4097):
            with pytest.raises(rl.ParamError, match=f"{name} is .*: expected"):
                rl.AddressSpace(**{"size": 1 << 20, name: value})
        with pytest.raises(rl.ParamTypeError, match=f"{name} is .*{TYPE}"):
            rl.AddressSpace(**{"size": 1 << 20, name: 4096.0})


def test_unknown_keywords(arena):
    for call in (
        lambda: rl.Arena(grainsize=4096),
        lambda: rl.MVFF(arena, extendby=4096),
        lambda: rl.MFS(arena, 8, spare=0.5),
        lambda: rl.MFS(arena),
        lambda: rl.MVFF(),
    ):
        refuses(arena.space, TypeError, "argument", call)


@pytest.mark.parametrize("other", (None, 4, "arena", [1]), ids=repr)
def test_an_arena_and_a_space_are_told_from_other_things(arena, other):
    for call in (lambda: rl.MVFF(other), lambda: rl.MFS(other, 8)):
        refuses(arena.space, rl.ParamTypeError, "expected an Arena", call)
    call = lambda: rl.Arena.attach(other, arena.address)  # noqa: E731
    refuses(arena.space, rl.ParamTypeError, "expected an AddressSpace", call)
    if other is not None:
        call = lambda: rl.Arena(space=other)  # noqa: E731
        refuses(arena.space, rl.ParamTypeError, "expected an AddressSpace", call)


@pytest.mark.skipif(np is None, reason="numpy is not installed")
@pytest.mark.parametrize("kind", ("int64", "uint8", "int16"))
def test_the_ints_of_numpy_are_ints(arena, kind):
    of = getattr(np, kind)
    pool, units = rl.MVFF(arena, align=of(16), spare=np.float64(0.5)), rl.MFS(arena, of(64))
    block, unit = pool.alloc(of(64)), units.alloc(of(64))
    assert type(block) is int and type(unit) is int
    pool.free(np.int64(block), of(64))
    units.free(np.int64(unit), of(64))
    arena.commit_limit = np.int64(1 << 24)
    assert arena.commit_limit == 1 << 24
    arena.check()


def test_frees_that_mvff_can_tell_from_a_good_one(arena):
    space, checked = arena.space, arena.space.checked
    pool, other = rl.MVFF(arena), rl.MVFF(arena)
    a, b, foreign = pool.alloc(64), pool.alloc(64), other.alloc(64)
    pool.free(b, 64)
    last = a + pool.total_size
    for address, size in ((b, 64), (foreign, 64), (a, 128), (last, 8), (last - 8, 16), (8, 8)):
        refuses(space, rl.ProtocolError, f"{address:#x}", lambda: pool.free(address, size))
    refuses(space, rl.ProtocolError, f"{a + 4:#x}", lambda: pool.free(a + 4, 8))
    if checked:
        refuses(space, rl.ProtocolError, "size 32: expected 64", lambda: pool.free(a, 32))
        refuses(space, rl.ProtocolError, "double free or foreign", lambda: pool.free(a + 8, 8))
    pool.free(a, 64)
    refuses(space, rl.ProtocolError, f"{a:#x}", lambda: pool.free(a, 64))


def test_frees_that_mfs_can_tell_from_a_good_one(arena):
    space = arena.space
    pool, other = rl.MFS(arena, 60), rl.MFS(arena, 60)
    a, b, foreign = pool.alloc(60), pool.alloc(60), other.alloc(60)
    pool.free(b, 60)
    for size in (1, 8, 59, 61, 64, 1 << 20):
        match = f"units of 60 bytes: found size {size}"
        refuses(space, rl.ParamError, match, lambda: pool.alloc(size))
        match = f"units of 60 bytes: found size {size}"
        refuses(space, rl.ParamError, match, lambda: pool.free(a, size))
    end = arena.chunks[0].limit
    beyond = a - 16 + 65536
    for address in (b, foreign, a + 8, a + 1, a - 16, a - 8, beyond, arena.address, end, 8, 1):
        refuses(space, rl.ProtocolError, f"{address:#x}", lambda: pool.free(address, 60))
    pool.free(a, 60)
    refuses(space, rl.ProtocolError, f"{a:#x}", lambda: pool.free(a, 60))


def test_the_tail_of_an_extent_is_no_unit(arena):
    pool = rl.MFS(arena, 1000, extend_by=4096)
    units = [pool.alloc(1000) for _ in range(4)]
    tail = units[-1] + 1000
    refuses(arena.space, rl.ProtocolError, f"{tail:#x}", lambda: pool.free(tail, 1000))


def test_an_arena_with_pools_is_not_destroyed(arena):
    pools = [rl.MVFF(arena), rl.MFS(arena, 8)]
    for left in (2, 1):
        match = f"expected none, found .*{pools[left - 1].address:#x}"
        refuses(arena.space, rl.ProtocolError, match, arena.destroy)
        pools[left - 1].destroy()
    arena.destroy()
    assert arena.space.mapped == 0


def test_the_arenas_own_pools_are_not_destroyed(arena):
    for pool in arena.system_pools:
        refuses(arena.space, rl.ProtocolError, "the arena's own", pool.destroy)


def test_nothing_is_done_with_what_is_destroyed(arena):
    space = arena.space
    pool, units = rl.MVFF(arena), rl.MFS(arena, 8)
    block = pool.alloc(8)
    later = rl.Arena.attach(space, arena.address)
    twin = later.pools[0]
    pool.destroy()
    units.destroy()
    for gone in (pool, units, twin):
        for call in (
            lambda: gone.alloc(8),
            lambda: gone.free(block, 8),
            lambda: gone.serial,
            lambda: gone.free_size,
            lambda: gone.largest_free,
            lambda: gone.align,
            gone.describe,
            gone.check,
            gone.destroy,
        ):
            refuses(space, rl.ProtocolError, "has been destroyed", call)
    arena.destroy()
    calls = [
        lambda: rl.MVFF(arena), lambda: rl.MFS(arena, 8), arena.collect, arena.check,
        arena.describe, arena.destroy, lambda: arena.view(block, 8), lambda: arena.pool_of(block),
        lambda: later.pools, lambda: later.chunks, lambda: later.committed, later.destroy,
        lambda: setattr(arena, "spare", 0.5), lambda: setattr(arena, "commit_limit", None),
        lambda: setattr(arena, "extend_by", 4096), lambda: setattr(arena, "extend_min", 0),
        lambda: arena.system_pools, lambda: arena.control_alloc(8),
    ]  # fmt: skip
    for call in calls:
        refuses(space, rl.ProtocolError, "has been destroyed", call)
    refuses(space, rl.ParamError, "arena descriptor", lambda: rl.Arena.attach(space, arena.address))


def test_attach_where_no_arena_is(arena):
    space = arena.space
    pool = rl.MVFF(arena)
    block = pool.alloc(8)
    chunk = arena.chunks[0]
    unmapped = chunk.limit - 4096
    for address in (
        arena.address + 8, arena.address + 1, arena.address - 8, block, pool.address, unmapped,
        chunk.base, space.base, space.limit, space.limit - 8, space.base - 8, 0, -8,
    ):  # fmt: skip
        refuses(space, rl.ParamError, "expected", lambda: rl.Arena.attach(space, address))


def test_two_arenas_in_one_space_are_apart(space):
    one, two = (rl.Arena(size=1 << 19, grain_size=g, space=space) for g in (4096, 16384))
    a, b = rl.MVFF(one), rl.MVFF(two)
    mine, theirs = a.alloc(1 << 20), b.alloc(1 << 20)
    assert one.pool_of(theirs) is None and two.pool_of(mine) is None
    refuses(space, rl.ProtocolError, f"{theirs:#x}", lambda: a.free(theirs, 1 << 20))
    assert space.reserved == one.reserved + two.reserved
    assert space.mapped == one.committed + two.committed
    b.destroy()
    two.destroy()
    one.check()
    assert (space.reserved, space.mapped) == (one.reserved, one.committed)


def test_an_arena_outlives_the_name_of_its_space():
    arena = rl.Arena(size=1 << 20, space=rl.AddressSpace(1 << 24))
    pool = rl.MVFF(arena)
    block = pool.alloc(1 << 16)
    view = arena.view(block, 1 << 16)
    view[:] = b"\x5a" * (1 << 16)
    pool.free(block, 1 << 16)
    pool.destroy()
    arena.destroy()
    del arena, pool
    assert len(bytes(view)) == 1 << 16
