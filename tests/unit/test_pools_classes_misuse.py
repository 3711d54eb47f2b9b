"""Wrong frees and resizes of Buddy, SegFit and Slab: what can be told is told.

Source: design/classes.md#.lim.size
"""

import pytest

import rangeland as rl

GRAIN = 4096
POOLS = {
    "Buddy": lambda arena: rl.Buddy(arena, extend_by=8192),
    "SegFit": lambda arena: rl.SegFit(arena, direct_above=9000),
    "Slab": rl.Slab,
}
SIZES = (1, 16, 40, 100, 129, 700, 2000, 5000, 9000, 9001, 20_000, 70_000)


@pytest.fixture(params=POOLS)
def pool(request):
    """A pool of each class, in an arena that checks nothing beside it."""
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
        yield POOLS[request.param](arena)


def refused_both(pool, address, size, match=None):
    """A free and resizes with these arguments are refused, and nothing has changed."""
    before = pool.describe(), pool.free_size, pool.slack_size, list(pool.free_ranges())
    asked = [lambda: pool.free(address, size)]
    # Smaller, as large, a bit larger, of another class, with grains of its own, and too large
    for new in (1, size, size + 8, 2 * size, 9001, 100_000, 1 << 40):
        asked.append(lambda new=new: pool.resize(address, size, new))
    for ask in asked:
        with pytest.raises(rl.ProtocolError, match=match):
            ask()
    assert before == (pool.describe(), pool.free_size, pool.slack_size, list(pool.free_ranges()))
    pool.check()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("around", ["alone", "after a live one", "between live ones", "by turns"])
def test_a_freed_block_is_neither_freed_nor_resized(pool, size, around):
    before = pool.alloc(size) if around != "alone" else 0
    address = pool.alloc(size)
    after = pool.alloc(size) if around in ("between live ones", "by turns") else 0
    pool.alloc(size)
    if around == "by turns":
        # One neighbour goes before the block, and one after it.
        pool.free(before, size)
        before = 0
    pool.free(address, size)
    refused_both(pool, address, size)
    if after:
        pool.free(after, size)
        refused_both(pool, address, size)
        refused_both(pool, after, size)
    if before:
        pool.free(before, size)
        refused_both(pool, address, size)
        refused_both(pool, before, size)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_no_block_is_neither_freed_nor_resized(pool, size):
    address, other = pool.alloc(size), pool.alloc(size)
    base, limit = pool.spans()[0]
    taken = 8 + size if isinstance(pool, rl.SegFit) else size
    wrong = {base - GRAIN, limit, limit + GRAIN, 16, pool.address, 1 << 59}
    wrong |= {address + step for step in (-16, 16, 32, taken // 2 & -16, 1, 3, 8)}
    wrong |= {base, base + 16, limit - 16, pool.regions()[0], pool.arena.address}
    for at in sorted(wrong - {address, other}):
        refused_both(pool, at, size)
    pool.free(address, size)
    pool.free(other, size)


@pytest.mark.parametrize("size", SIZES)
def test_a_size_that_takes_another_block_is_refused(pool, size):
    address, other = pool.alloc(size), pool.alloc(size)
    total = pool.total_size

    def taken(wrong):
        before = pool.free_size + pool.slack_size
        with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
            twin = POOLS[type(pool).__name__](arena)
            twin.alloc(wrong)
            found = twin.total_size - twin.free_size - twin.slack_size
        assert before == pool.free_size + pool.slack_size
        return found

    right = taken(size)
    for wrong in (1, size // 8 + 1, size // 2 + 1, size - 1, size + 1, 2 * size, 3 * size, 10_000):
        if wrong > 0 and abs(taken(wrong) - right) >= 32:
            refused_both(pool, address, wrong)
            refused_both(pool, other, wrong)
    assert pool.total_size == total
    pool.free(address, size)
    pool.free(other, size)


def test_buddy_tells_the_order_found_and_expected():
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
        pool = rl.Buddy(arena, extend_by=8192)
        low, high = pool.alloc(64), pool.alloc(64)
        refused_both(pool, low, 128, "of the order 7: expected one of the order 6, of 64 bytes")
        refused_both(pool, low, 32, "of the order 5: expected one of the order 6, of 64 bytes")
        refused_both(pool, low + 32, 32, f"it lies in that of 64 bytes at {low:#x}")
        pool.free(high, 64)
        refused_both(pool, high, 64, "already free")
        refused_both(pool, high, 16, "already free")
        refused_both(pool, low, 128, "of the order 7: expected one of the order 6, of 64 bytes")
        assert pool.resize(low, 64, 128)
        refused_both(pool, low, 64, "of the order 6: expected one of the order 7")
        pool.free(low, 128)


@pytest.mark.parametrize("bit", ["free", "live"])
def test_check_of_buddy_proves_that_blocks_lie_side_by_side(bit):
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
        pool = rl.Buddy(arena, extend_by=8192, min_size=16)
        for _ in range(5):
            pool.alloc(100)
        (region,) = pool.regions()
        tree = arena.space.words_at(region + 80, 16 * 16)
        for word in range(bit == "live", 32, 2):
            for number in (0, 1, 17, 62):
                tree[word] ^= 1 << number
                with pytest.raises(rl.DamageError, match="at 0x[0-9a-f]+: word"):
                    pool.check()
                tree[word] ^= 1 << number
        pool.check()


def test_resizes_about_the_size_of_blocks_with_grains_of_their_own():
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
        pool = rl.SegFit(arena, direct_above=10_000)
        small, large = pool.alloc(9000), pool.alloc(10_001)
        for address, size in ((small, 10_001), (large, 9000), (large + GRAIN, 10_001)):
            refused_both(pool, address, size)
        refused_both(pool, large + 16, 10_001)
        refused_both(pool, large + 16, 100)
        assert not pool.resize(small, 9000, 10_001) and not pool.resize(large, 10_001, 10_000)
        assert pool.resize(large, 10_001, 12_000)
        pool.free(large, 12_000)
        refused_both(pool, large, 12_000)
        refused_both(pool, large, 100)
