"""The textbook fits, each beside the kit's model of what it promises.

Source: design/fits.md#.req.place, design/fits.md#.req.lifo.check
"""

import pytest

import rangeland as rl
from pools import fields as p

PAGE = 4096
RANGES = (rl.BestFit, rl.WorstFit, rl.NextFit)
ALL = (*RANGES, rl.LIFOFit)


@pytest.fixture(params=ALL, ids=lambda kind: kind.__name__)
def kind(request):
    """A class of pools."""
    return request.param


@pytest.fixture
def arena():
    """An arena in checked mode, which keeps a ledger of blocks."""
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30, checked=True)) as arena:
        yield arena


@pytest.mark.parametrize("kind", (*ALL, rl.MVFF, rl.MVT), ids=lambda kind: kind.__name__)
def test_all_is_as_the_model_of_the_class_says(kind, rng):
    result = rl.prove(kind, rng.randrange(1 << 30), examples=24)
    assert result.ok and result.steps > 300, result


def takes(pool, size):
    """The bytes that a block of `size` bytes takes."""
    step = pool.align
    if isinstance(pool, rl.LIFOFit):
        return max(-(-32 // step), -(-(size + 8) // step)) * step
    return -(-size // step) * step


@pytest.mark.parametrize("spare", (0, 0.3, 1))
def test_random_runs_with_aligned_and_resized_blocks(kind, spare, arena, rng):
    align = rng.choice((8, 16, 64))
    pool = kind(arena, align=align, spare=spare, extend_by=rng.choice((1, PAGE, 1 << 16)))
    live, grown, shrunk = {}, 0, 0
    for step in range(500):
        choice = rng.random()
        size = rng.randint(1, rng.choice((40, 400, 9000)))
        if choice < 0.5 or not live:
            wide = 1 << rng.randrange(14) if choice < 0.2 else 1
            address = pool.alloc(size, align=wide)
            assert address % wide == address % align == 0
            write(arena, live, address, size)
        elif choice < 0.7:
            address = rng.choice(sorted(live))
            old, mark = live[address]
            if pool.resize(address, old, size):
                kept = min(old, size)
                assert arena.view(address, kept) == bytes([mark]) * kept
                write(arena, live, address, size)
                grown, shrunk = grown + (size > old), shrunk + (size < old)
            else:
                assert size > old
        else:
            address = rng.choice(sorted(live))
            pool.free(address, live.pop(address)[0])
        taken = sum(takes(pool, size) for size, _ in live.values())
        assert taken + pool.free_size + pool.slack_size == pool.total_size
        if step % 25 == 0:
            judge(arena, pool, live)
    judge(arena, pool, live)
    assert grown > 3 and shrunk > 3
    for address in sorted(live):
        pool.free(address, live.pop(address)[0])
    assert pool.free_size + pool.slack_size == pool.total_size
    assert spare or pool.total_size == 0
    arena.check()


def write(arena, live, address, size):
    """Fill the block with a mark of its own."""
    mark = (address >> 3) % 251 + 1
    arena.view(address, size)[:] = bytes([mark]) * size
    live[address] = size, mark


def judge(arena, pool, live):
    """No two blocks overlap, each keeps its bytes, and the sums are those of the ranges."""
    previous = 0
    for address, (size, mark) in sorted(live.items()):
        assert previous <= address
        assert arena.view(address, size) == bytes([mark]) * size
        previous = address + size
    ranges = sorted(pool.free_ranges())
    assert sum(limit - base for base, limit in ranges) == pool.free_size
    assert max((limit - base for base, limit in ranges), default=0) == pool.largest_free
    whole = sum(max(0, x // PAGE - -(-b // PAGE)) * PAGE for b, x in ranges)
    assert whole == pool.whole_free_size
    pool.check()


def test_an_arena_attached_goes_on_in_the_same_places(kind, arena, rng):
    pool, twin = kind(arena, extend_by=PAGE), None
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as other:
        twin = kind(other, extend_by=PAGE)
        live = []
        for step in range(300):
            if live and rng.random() < 0.5:
                one, two, size = live.pop(rng.randrange(len(live)))
                pool.free(one, size)
                twin.free(two, size)
            else:
                size = rng.randint(1, 700)
                one, two = pool.alloc(size), twin.alloc(size)
                assert one - arena.address == two - other.address
                live.append((one, two, size))
            if step % 50 == 0:
                (twin,) = rl.Arena.attach(other.space, other.address).pools
                assert type(twin) is kind
        assert pool.total_size == twin.total_size
        twin.destroy()


def test_what_is_refused(kind):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 28)) as arena:
        pool = kind(arena)
        first, second = pool.alloc(100), pool.alloc(100)
        pool.alloc(100)
        pool.free(second, 100)
        before = pool.total_size, pool.free_size, pool.slack_size
        with pytest.raises(rl.ProtocolError, match="is already free"):
            pool.free(second, 100)
        with pytest.raises(rl.ProtocolError, match="not aligned to 8"):
            pool.free(first + 4, 100)
        with pytest.raises(rl.ProtocolError, match="not in the memory of"):
            pool.free(arena.address, 8)
        if kind is rl.LIFOFit:
            with pytest.raises(rl.ProtocolError, match="size 10: expected one that takes 112"):
                pool.free(first, 10)
            arena.view(first, 100)[:] = bytes(100)
            arena.view(first, 8)[:] = (801).to_bytes(8, "little")
            with pytest.raises(rl.ProtocolError, match="no block of .* begins at"):
                pool.free(first + 8, 8)
        assert (pool.total_size, pool.free_size, pool.slack_size) == before
        pool.check()
        for options in ({"align": 4}, {"align": 8192}, {"spare": 2}, {"extend_by": 0}):
            with pytest.raises(rl.ParamError, match=next(iter(options))):
                kind(arena, **options)


def test_a_pool_that_gets_no_memory_is_as_before(kind, arena):
    pool = kind(arena, extend_by=PAGE)
    address = pool.alloc(1000)
    before = pool.total_size, pool.free_size, pool.slack_size, pool.describe()
    arena.commit_limit = arena.committed
    with pytest.raises(rl.CommitLimitError):
        pool.alloc(1 << 16)
    with pytest.raises(rl.CommitLimitError):
        pool.alloc(1 << 16, align=512)
    assert not pool.resize(address, 1000, 1 << 16)
    assert (pool.total_size, pool.free_size, pool.slack_size, pool.describe()) == before
    arena.commit_limit = arena.committed + 2 * PAGE
    assert pool.alloc(5000) and pool.total_size == 3 * PAGE


@pytest.mark.parametrize("kind", RANGES, ids=lambda kind: kind.__name__)
def test_while_nodes_are_refused_blocks_still_come_and_go(kind, arena, rng):
    pool = kind(arena, extend_by=1 << 16, spare=1)
    live = {pool.alloc(48): 48 for _ in range(600)}
    arena.space.faults = rl.FaultPlan().fail("node", nth=range(1, 1 << 20))
    for address in rng.sample(sorted(live), 300):
        pool.free(address, live.pop(address))
    assert len(pool.free_land.secondary) > 20
    for size in rng.choices((8, 24, 48, 90), k=200):
        address = pool.alloc(size)
        assert not any(a < address + size and address < a + s for a, s in live.items())
        live[address] = size
    arena.space.faults = None
    arena.check()
    for address, size in live.items():
        pool.free(address, size)
    assert pool.free_size == pool.total_size
    arena.check()


def test_descriptors_and_descriptions(arena):
    texts = {
        rl.BestFit: "  best fit, high end of the arena\n",
        rl.WorstFit: "  worst fit, high end of the arena\n",
        rl.NextFit: "  next fit from 0x0, high end of the arena\n",
        rl.LIFOFit: "  first fit in LIFO order, high end of the arena\n",
    }
    for kind, text in texts.items():
        pool = kind(arena, arena_high=True, align=16, spare=0.5)
        lines = pool.describe().splitlines(keepends=True)
        assert lines[0] == f"{kind.__name__} pool {pool.serial} at {pool.address:#x}\n"
        assert lines[1] == "  extend by 65536 bytes, align 16, spare 0.5\n"
        assert lines[2] == text
        assert lines[3].startswith("  total 0, free 0 bytes in 0 ")
        assert lines[3].endswith("largest 0\n")
    assert p.LIFO_SIZE == 240 and p.FIT_SIZE == 752
    assert arena.pools[0].blocks.unit_size == 48


def test_extents_of_lifo_fit_go_back_and_leave_half_of_the_spare(arena):
    pool = rl.LIFOFit(arena, extend_by=PAGE, spare=0.5)
    blocks = [pool.alloc(4000) for _ in range(8)]
    assert pool.total_size == 8 * PAGE and len(pool.extents) == 8
    came = []
    for block in blocks:
        pool.free(block, 4000)
        came.append(pool.total_size // PAGE)
    assert came == [8, 8, 8, 6, 5, 4, 2, 1]
    again = pool.alloc(4000)
    total = pool.total_size
    for _ in range(5):
        pool.free(again, 4000)
        assert pool.total_size == total
        again = pool.alloc(4000)
    pool.free(again, 4000)


@pytest.mark.parametrize("word", ("tag", "footer", "link", "total", "rests"))
def test_check_sees_a_broken_word(word):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 28)) as arena:
        pool = rl.LIFOFit(arena)
        blocks = [pool.alloc(100) for _ in range(3)]
        pool.free(blocks[1], 100)
        at = {
            "tag": blocks[0] - 8,
            "footer": blocks[1] + 112 - 16,
            "link": blocks[1] + 8,
            "total": pool.address + 8 * p.LIFO_TOTAL,
            "rests": pool.address + 8 * p.LIFO_RESTS,
        }[word]
        kept = bytes(arena.space.view(at, 8))
        arena.space.view(at, 8)[:] = (-40).to_bytes(8, "little", signed=True)
        with pytest.raises(AssertionError):
            pool.check()
        arena.space.view(at, 8)[:] = kept
        pool.check()
