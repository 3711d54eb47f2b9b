"""How an arena grows and shrinks: sizes of chunks, zones, spare memory, the
commit limit, and who owns an address."""

import pytest

import rangeland as rl
from rangeland.invariants.raw import audit
from arena.chunk import least_chunk, overhead_tables
from arena.grains import chunk_sizes

PAGE = 4096


def boot(size=1 << 20, space=1 << 28, **options):
    return rl.Arena(size=size, space=rl.AddressSpace(space, checked=True), **options)


def overhead(pages, grain):
    """The bytes of descriptor, tables and page table of a chunk."""
    page_table = -(-pages * 24 // grain)
    tables = 272 + 2 * (-(-pages // 64) * 8) + -(-page_table * (grain // PAGE) // 64) * 8
    return -(-tables // grain) * grain + page_table * grain


@pytest.mark.parametrize("grain", (4096, 16384, 65536))
def test_the_least_chunk_is_the_least_with_room(grain):
    wanted = {*range(1, 200), *range(15000, 15100), *(1 << i for i in range(18))}
    for grains in wanted:
        pages = grains
        while pages - overhead(pages, grain) // grain < grains:
            pages += 1
        assert least_chunk(grains * grain, grain) == pages * grain


@pytest.mark.parametrize("grain", (4096, 65536))
def test_the_tables_of_a_chunk_lie_where_the_mps_has_them(grain):
    for pages in (64, 256, 4096, 65536):
        size, table = overhead_tables(pages, grain)
        assert -(-size // grain) * grain + table * grain == overhead(pages, grain)
    assert overhead_tables(65536, 4096) == (16704, 384)


def test_the_sizes_tried_fall_by_eighths_of_the_half():
    tried = list(chunk_sizes(1 << 20, 1 << 18))
    assert tried[:9] == [(1 << 20) - i * (1 << 16) for i in range(8)] + [1 << 19]
    assert tried[8:16] == [(1 << 19) - i * (1 << 15) for i in range(8)]
    assert tried[-1] == 1 << 18 and len(tried) == 17
    for size, least in ((10**6, 10**6), (10**6, 700000), (12345678, 54321), (8192, 8193)):
        tried = list(chunk_sizes(size, least))
        assert all(least <= s <= size for s in tried)
        assert tried == sorted(set(tried), reverse=True)
        assert tried[:1] == ([size] if size >= least else [])
        for larger, smaller in zip(tried, tried[1:]):
            assert smaller >= 8 * larger // 9 - 8


def test_growth_tries_smaller_chunks_until_one_fits():
    space = rl.AddressSpace(1 << 24, checked=True)
    arena = rl.Arena(size=1 << 20, space=space)
    arena.extend_by = 1 << 26
    with rl.record(("Arena",)) as log:
        rl.MVFF(arena).alloc(3 << 20)
    done = [event.params for event in log if event.name == "VMArenaExtendDone"]
    least, room = least_chunk(3 << 20, PAGE), (1 << 24) - (1 << 20) - PAGE
    expected = next(s for s in chunk_sizes(1 << 26, least) if -(-s // PAGE) * PAGE <= room)
    assert [params["chunkSize"] for params in done] == [expected]
    assert arena.chunks[1].limit - arena.chunks[1].base == -(-expected // PAGE) * PAGE
    audit(space, arena.address)


def test_growth_fails_when_not_even_the_least_fits():
    arena = boot(space=1 << 22)
    pool = rl.MVFF(arena)
    pool.alloc(8)
    reserved = arena.reserved
    with pytest.raises(rl.ResourceError):
        pool.alloc(3 << 20)
    assert arena.reserved == reserved and len(arena.chunks) == 1
    audit(arena.space, arena.address)


def test_extend_min_is_the_least_that_growth_takes():
    arena = boot(space=1 << 23)
    arena.extend_by = 1 << 24
    arena.extend_min = 5 << 20
    pool = rl.MVFF(arena)
    pool.alloc(900 << 10)
    sizes = [chunk.limit - chunk.base for chunk in arena.chunks]
    assert len(sizes) == 2 and sizes[1] >= 5 << 20
    arena.collect()
    with pytest.raises(rl.ParamError, match="extend_min is 16777217: expected at most 16777216"):
        arena.extend_min = (1 << 24) + 1
    with pytest.raises(rl.ParamError, match="extend_by is 5242879: expected at least 5242880"):
        arena.extend_by = (5 << 20) - 1
    assert (arena.extend_by, arena.extend_min) == (1 << 24, 5 << 20)


def zone(arena, address):
    return address >> arena.zone_shift & 63


def test_manual_pools_go_to_the_upper_zones_first():
    arena = boot(size=1 << 22, space=1 << 30)
    pool = rl.MVFF(arena, extend_by=PAGE)
    assert arena.zone_shift == 16
    free_zones = arena.free_zones
    blocks = []
    while len(arena.chunks) == 1:
        blocks.append(pool.alloc(1 << 14))
        assert arena.free_zones & ~free_zones == 0, "free zones are only lost"
        free_zones = arena.free_zones
    first = arena.chunks[0]
    inside = [zone(arena, b) for b in blocks if first.base <= b < first.limit]
    upper = [z >= 32 for z in inside]
    assert upper[0] and not upper[-1], "the wanted zones, then those never used"
    assert upper == sorted(upper, reverse=True)
    assert audit(arena.space, arena.address)


def test_without_zones_the_lowest_address_is_taken():
    arena = boot(size=1 << 22, zoned=False)
    blocks = [rl.MVFF(arena, extend_by=PAGE).alloc(PAGE) for _ in range(2)]
    chunk = arena.chunks[0]
    assert blocks[0] < blocks[1] < chunk.base + (1 << 20)
    high = rl.MVFF(arena, extend_by=PAGE, arena_high=True).alloc(PAGE)
    assert high == chunk.limit - PAGE


@pytest.mark.parametrize("fraction", (0, 0.1, 0.5, 0.9, 1))
def test_spare_memory_stays_below_its_fraction(rng, fraction):
    arena = boot(spare=fraction)
    pool = rl.MVFF(arena, spare=0, extend_by=PAGE)
    live, most = [], 0
    for _ in range(300):
        if len(live) < 5 or rng.random() < 0.5:
            size = rng.randrange(1, 60000)
            live.append((pool.alloc(size), size))
        else:
            pool.free(*live.pop(rng.randrange(len(live))))
            assert arena.spare_committed <= int(arena.committed * fraction)
        most = max(most, arena.spare_committed)
    assert (most > 0) == (fraction > 0)
    arena.spare = 0
    assert arena.spare_committed == 0
    assert audit(arena.space, arena.address).is_spare_bounded()


def test_the_commit_limit_is_set_if_what_is_not_spare_fits():
    arena = boot()
    pool = rl.MVFF(arena, spare=0)
    assert arena.commit_limit is None
    keep = pool.alloc(1 << 16)
    pool.free(pool.alloc(1 << 17), 1 << 17)
    committed, spare = arena.committed, arena.spare_committed
    assert spare >= 1 << 16
    with pytest.raises(rl.ParamError, match=f"expected at least {committed - spare}, "):
        arena.commit_limit = committed - spare - 1
    assert (arena.commit_limit, arena.committed) == (None, committed)
    arena.commit_limit = committed
    assert (arena.commit_limit, arena.committed) == (committed, committed)
    arena.commit_limit = committed - PAGE
    assert arena.committed <= arena.commit_limit == committed - PAGE
    with pytest.raises(rl.CommitLimitError):
        pool.alloc(1 << 19)
    assert arena.committed <= arena.commit_limit
    arena.commit_limit = None
    pool.free(keep, 1 << 16)
    audit(arena.space, arena.address)


def test_collect_gives_back_chunks_that_are_empty():
    arena = boot()
    base = (arena.reserved, len(arena.chunks))
    pool, keeper = rl.MVFF(arena, spare=0), rl.MVFF(arena, spare=0)
    # What is freed first gives a grain to the nodes of spare land, for good.
    pool.free(pool.alloc(8), 8)
    blocks = [pool.alloc(1 << 20) for _ in range(3)]
    kept = keeper.alloc(1 << 20)
    assert len(arena.chunks) >= 5 and arena.collect() == 0
    for block in blocks:
        pool.free(block, 1 << 20)
    before, runs = arena.reserved, audit(arena.space, arena.address).runs
    unused = [s for s in runs if s and all(owner == -1 for _, _, owner in runs[s])]
    empty = [chunk for chunk in arena.chunks if chunk.serial in unused]
    expected = sum(chunk.limit - chunk.base for chunk in empty)
    gone = arena.collect()
    assert gone == before - arena.reserved == expected > 2 << 20
    assert not any(chunk.serial in unused for chunk in arena.chunks)
    holder = next(c for c in arena.chunks if c.base <= kept < c.limit)
    assert not holder.is_empty() and arena.chunks[0].serial == 0
    audit(arena.space, arena.address)
    pool.destroy()
    keeper.destroy()
    arena.collect()
    assert (arena.reserved, len(arena.chunks)) == base


def test_pool_of_says_what_a_search_says(rng):
    arena = boot()
    pools = [rl.MVFF(arena, extend_by=PAGE), rl.MFS(arena, 100, extend_by=PAGE), rl.MVFF(arena)]
    for _ in range(60):
        rng.choice(pools[::2]).alloc(rng.randrange(1, 50000))
        pools[1].alloc(100)
    found = audit(arena.space, arena.address)
    names = {owner: serial for pool in found.pools for owner, serial in pool.own.items()}
    spans = [
        (page, page + PAGE, names[owner])
        for owner, ranges in found.pages_of.items()
        if owner in names
        for base, limit in ranges
        for page in range(base, limit, PAGE)
    ]
    assert len({serial for _, _, serial in spans}) >= 7
    low, high = arena.chunks[-1].base - PAGE, arena.chunks[0].limit + PAGE
    low, high = min(low, high), max(low, high)
    edges = [edge for base, limit, _ in spans for edge in (base, base - 1, limit - 1, limit)]
    for address in (*edges, *(rng.randrange(low, high) for _ in range(300)), 0, 1 << 60):
        owner = next((s for base, limit, s in spans if base <= address < limit), None)
        pool = arena.pool_of(address)
        assert (pool.serial if pool else None) == owner, f"{address:#x}"
