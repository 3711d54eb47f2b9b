"""MFS: units, extents, the free list, and what the real MPS was measured doing.

Source: design/pools.md#.req.mfs.check
"""

import pytest
from support.grains import PAGE, steady, take

import rangeland as rl
from pools import fields as p


@pytest.fixture
def arena():
    """A small arena without zones, so that no address matters."""
    return rl.Arena(size=1 << 20, zoned=False)


@pytest.mark.parametrize(
    "unit_size, unit", [(1, 8), (8, 8), (9, 16), (24, 24), (100, 104), (4096, 4096)]
)
def test_units_are_rounded_and_fill_their_extents(arena, unit_size, unit):
    pool = rl.MFS(arena, unit_size, extend_by=8192)
    assert (pool.unit_size, pool.extend_by, pool.align) == (unit, 8192, 8)
    count = (8192 - 16) // unit
    blocks = [pool.alloc(unit_size) for _ in range(count)]
    assert blocks == [blocks[0] + i * unit for i in range(count)], "ascending and disjoint"
    assert blocks[0] % PAGE == 16, "after the header of the extent"
    assert pool.total_size == 8192 - 16
    assert pool.free_size == 8192 - 16 - count * unit
    assert pool.largest_free == 0
    pool.alloc(unit_size)
    assert pool.total_size == 2 * (8192 - 16)
    assert pool.largest_free == (unit_size if count > 1 else 0)
    pool.check()


def test_an_extent_has_room_for_a_unit(arena):
    assert rl.MFS(arena, 4096, extend_by=1).extend_by == 8192
    assert rl.MFS(arena, 4080, extend_by=1).extend_by == 4096


def test_what_is_freed_last_is_allocated_first(arena):
    pool = rl.MFS(arena, 32, extend_by=4096)
    a, b, c = (pool.alloc(32) for _ in range(3))
    pool.free(a, 32)
    pool.free(c, 32)
    assert list(pool.free_units())[:2] == [c, a]
    assert [pool.alloc(32) for _ in range(3)] == [c, a, c + 32]
    assert b not in pool.free_units()


def test_a_random_trace_against_a_list(arena, rng):
    pool = rl.MFS(arena, 40, extend_by=4096)
    live, free = {}, []
    for step in range(3000):
        if live and rng.random() < 0.48:
            address = rng.choice(list(live))
            assert bytes(arena.view(address, 40)) == live.pop(address), "contents are kept"
            pool.free(address, 40)
            free.append(address)
        else:
            address = pool.alloc(40)
            if free:
                assert address == free.pop()
            content = step.to_bytes(4, "little") * 10
            arena.view(address, 40)[:] = content
            assert address not in live
            live[address] = content
        assert pool.total_size - pool.free_size == 40 * len(live)
    extents = pool.extents()
    assert pool.total_size == sum(limit - base - 16 for base, limit in extents)
    for address in live:
        assert any(base + 16 <= address and address + 40 <= limit for base, limit in extents)
    arena.check()


def test_a_pool_that_may_not_extend_itself(arena):
    pool = rl.MFS(arena, 64, extend_by=4096, extend_self=False)
    with pytest.raises(rl.LimitError):
        pool.alloc(64)
    assert (pool.total_size, pool.free_size, pool.largest_free) == (0, 0, 0)
    base = pool.add_extent()
    assert [pool.alloc(64) for _ in range(63)] == [base + 16 + 64 * i for i in range(63)]
    with pytest.raises(rl.LimitError):
        pool.alloc(64)
    second = pool.add_extent()
    assert pool.alloc(64) == second + 16
    assert pool.extents() == [(base, base + PAGE), (second, second + PAGE)]


def test_extents_go_back_when_the_pool_goes(arena):
    pool = rl.MFS(arena, 1000, extend_by=4096)
    blocks = [pool.alloc(1000) for _ in range(40)]
    for block in blocks:
        pool.free(block, 1000)
    extents = pool.extents()
    assert len(extents) == 10, "not before"
    assert all(arena.pool_of(base) is pool for base, _ in extents)
    pool.destroy()
    assert all(arena.pool_of(base) is not pool for base, _ in extents)
    assert arena.pools == []
    arena.check()


def test_no_memory_changes_nothing(arena):
    pool = rl.MFS(arena, 512, extend_by=65536)
    arena.commit_limit = arena.committed
    for _ in range(2):
        with pytest.raises(rl.CommitLimitError):
            pool.alloc(512)
        assert (pool.total_size, pool.free_size) == (0, 0)
        with pytest.raises(rl.CommitLimitError):
            pool.add_extent()
    arena.commit_limit = None
    assert pool.alloc(512) % PAGE == 16
    arena.check()


@pytest.mark.parametrize(
    "wrong, why",
    [
        (lambda a, s: (a, 31), "has units of 32 bytes: found size 31"),
        (lambda a, s: (a + 8, 32), "no unit of .* begins at"),
        (lambda a, s: (a // PAGE * PAGE + 8, 32), "no unit of .* begins at"),
        (lambda a, s: (a // PAGE * PAGE + 16 + 32 * 127, 32), "no unit of .* begins at"),
        (lambda a, s: (a // PAGE * PAGE - 4096, 32), "is in no extent of"),
        (lambda a, s: (s, 32), "is already free"),
    ],
    ids="size inside header tail foreign twice".split(),
)
@pytest.mark.parametrize("checked", [False, True])
def test_a_free_that_is_wrong_is_refused(wrong, why, checked):
    arena = rl.Arena(size=1 << 20, space=rl.AddressSpace(checked=checked))
    pool = rl.MFS(arena, 32, extend_by=4096)
    second, address = pool.alloc(32), pool.alloc(32)
    pool.free(second, 32)
    before = (pool.free_size, list(pool.free_units()))
    with pytest.raises(ValueError, match="no live block" if checked and why[0] != "h" else why):
        pool.free(*wrong(address, second))
    assert (pool.free_size, list(pool.free_units())) == before
    pool.free(address, 32)
    pool.check()


def test_a_block_whose_contents_look_free_can_be_freed(arena):
    pool = rl.MFS(arena, 16)
    address = pool.alloc(16)
    arena.view(address, 8)[:] = b"\1" + bytes(7)
    pool.free(address, 16)
    with pytest.raises(rl.ProtocolError, match="already free"):
        pool.free(address, 16)


@pytest.mark.parametrize(
    "field, why",
    [
        (p.MFS_TOTAL, "total counts"),
        (p.MFS_FREE, "free counts"),
    ],
)
def test_check_finds_a_wrong_account(arena, field, why):
    pool = rl.MFS(arena, 16)
    pool.alloc(16)
    arena.space.words_at(pool.address, p.MFS_SIZE)[field] += 16
    with pytest.raises(AssertionError, match=why):
        pool.check()


def test_check_finds_a_stray_free_unit(arena):
    pool = rl.MFS(arena, 16)
    address = pool.alloc(16)
    arena.space.words_at(pool.address, p.MFS_SIZE)[p.FREE_UNITS] = address + 8
    arena.space.words_at(address + 8, 8)[0] = p.FREE_KEY << 32
    with pytest.raises(AssertionError, match="lies in an extent"):
        pool.check()


def test_check_finds_a_free_list_without_an_end(arena):
    pool = rl.MFS(arena, 24, extend_by=4096)
    first, second = (pool.alloc(24) for _ in range(2))
    pool.free(second, 24)
    pool.free(first, 24)
    link = arena.space.view(first, 8)
    arena.space.view(second, 8)[:] = bytes(link)
    with pytest.raises(AssertionError, match="a unit is free once"):
        pool.check()


def test_describe(arena):
    pool = rl.MFS(arena, 20, extend_by=4096)
    base = pool.alloc(20) - 16
    assert pool.describe() == (
        f"MFS pool 4 at {pool.address:#x}\n"
        "  unit size 24, extend by 4096 bytes, extends itself: yes\n"
        "  total 4080, free 4056 bytes\n"
        f"  extent [{base:#x}, {base + 4096:#x})\n"
    )
    closed = rl.MFS(arena, 8, extend_self=False)
    assert closed.describe().endswith("extends itself: no\n  total 0, free 0 bytes\n")
    pool.destroy()
    with pytest.raises(rl.ProtocolError, match="destroyed"):
        pool.describe()


class Steps:
    """Pages of a 1 MiB arena without zones, numbered from its chunk's base.

    The pool of the two pages at the high end needs 16 pages for its nodes,
    which the measured program did not: so all comes that much later.
    """

    def __init__(self, arena):
        self.arena = steady(arena)
        self.chunk = arena.chunks[0]
        self.high = rl.MVFF(arena, extend_by=2 * PAGE, arena_high=True)

    def page(self, address):
        """The measured number of the page at `address`."""
        page = (address - self.chunk.base) // PAGE
        return page if page >= 254 else page - 16

    def ranges(self, land):
        """The ranges of `land`."""
        return [(self.page(base), self.page(limit)) for base, limit in land]

    def state(self):
        """Committed and spare pages, the free land, the spare land."""
        grains = self.arena.grains
        committed, spare = self.arena.committed // PAGE, self.arena.spare_committed // PAGE
        free, spared = self.ranges(grains.free_land.land), self.ranges(grains.spare_land.land)
        return committed - 16, spare, free, spared

    def first(self, pool):
        """The page where the memory of `pool` begins."""
        return self.page(pool.extents()[0][0])


def test_the_pages_that_the_mps_was_measured_to_use(arena):
    assert arena.reserved == 257 * PAGE
    assert arena.committed == 28 * PAGE
    steps = Steps(arena)
    assert steps.page(steps.high.alloc(2 * PAGE)) == 254
    assert steps.state() == (31, 0, [(28, 254)], [])
    four = take(arena, 4)
    assert steps.first(four) == 28
    eight = take(arena, 8)
    assert steps.first(eight) == 32
    assert steps.state() == (43, 0, [(40, 254)], [])
    sixteen = take(arena, 16)
    assert steps.first(sixteen) == 40
    assert steps.state() == (59, 0, [(56, 254)], [])
    eight.destroy()
    assert steps.state() == (59, 7, [(33, 40), (56, 254)], [(33, 40)])
    assert steps.first(take(arena, 3)) == 33
    assert steps.state() == (59, 4, [(36, 40), (56, 254)], [(36, 40)])
    four.destroy()
    assert steps.state() == (59, 8, [(28, 32), (36, 40), (56, 254)], [(28, 32), (36, 40)])
    sixteen.destroy()
    assert steps.state() == (59, 24, [(28, 32), (36, 254)], [(28, 32), (36, 56)])
    arena.commit_limit = arena.committed - 8 * PAGE
    assert steps.state() == (35, 0, [(28, 32), (36, 254)], [])
    with pytest.raises(rl.CommitLimitError):
        take(arena, 64)
    assert steps.state() == (35, 0, [(28, 32), (36, 254)], [])
    arena.commit_limit = None
    arena.spare = 0
    base = take(arena, 512).extents()[0][0]
    second = arena.chunks[1]
    assert (second.pages, second.alloc_base) == (517, 5)
    assert base == second.base + 5 * PAGE
    assert (arena.committed, arena.reserved) == ((552 + 16) * PAGE, 774 * PAGE)
    arena.check()
