"""What a client has beside alloc and free: words, labels, contexts, audits, events."""

import pydoc

import pytest

import rangeland as rl
from rangeland.traces.read import read_trace
from vm.log import record

POOLS = {
    "MFS": lambda arena, **more: rl.MFS(arena, 64, **more),
    "MVFF": rl.MVFF,
    "BestFit": rl.BestFit,
    "WorstFit": rl.WorstFit,
    "NextFit": rl.NextFit,
    "LIFOFit": rl.LIFOFit,
    "Buddy": rl.Buddy,
    "SegFit": rl.SegFit,
    "Slab": rl.Slab,
    "MVT": rl.MVT,
}
MANUAL = [name for name in POOLS if name != "MVT"]
WORDS = (0, 1, -1, 1 << 40, (1 << 63) - 1, -(1 << 63))


@pytest.fixture
def arena():
    with rl.Arena(size=1 << 20) as arena:
        yield arena
        arena.check()


# Words and views (design/arena.md#.sol.memory)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_stored_is_loaded(arena, word):
    block = rl.MVFF(arena).alloc(64)
    arena.store(block + 8, word)
    assert arena.load(block + 8) == word == arena.space.word(block + 8)
    assert bytes(arena.view(block + 8, 8)) == word.to_bytes(8, "little", signed=True)
    assert arena.load(block) == arena.load(block + 16) == 0


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, 1 << 64, 1 << 200, 1.5, None, "1", True])
def test_a_value_that_is_no_word_is_refused(arena, value):
    block = rl.MVFF(arena).alloc(64)
    arena.store(block, 7)
    with pytest.raises(rl.ParamError, match="value is"):
        arena.store(block, value)
    assert arena.load(block) == 7


def bad_addresses(arena):
    space = arena.space
    return {
        8: rl.AccessError,
        0: rl.AccessError,
        space.nil: rl.AccessError,
        space.base: rl.AccessError,
        space.limit + (1 << 20): rl.AccessError,
        arena.address + 4: rl.ParamError,
        -8: rl.ParamError,
        (1 << 61) - 8: rl.AccessError,
        1 << 61: rl.ParamError,
        1 << 62: rl.ParamError,
        1 << 70: rl.ParamError,
        1.0: rl.ParamTypeError,
        None: rl.ParamTypeError,
    }


def test_an_address_of_no_memory_is_refused(arena):
    for address, error in bad_addresses(arena).items():
        for call in (lambda: arena.load(address), lambda: arena.store(address, 1)):
            with pytest.raises(error):
                call()
        if address != arena.address + 4:
            with pytest.raises(error):
                arena.view(address, 8)


def test_a_view_crosses_pages_but_not_into_unmapped_ones(arena):
    pool = rl.MVFF(arena, extend_by=1 << 16, spare=0)
    block = pool.alloc(1 << 16)
    view = arena.view(block, 1 << 16)
    assert len(view) == 1 << 16 and not view.readonly
    assert len(arena.view(block, 0)) == 0
    limit = max(chunk.limit for chunk in arena.chunks)
    with pytest.raises(rl.AccessError):
        arena.view(block, limit - block + 4096)
    for size in (-1, 1.0, None):
        with pytest.raises(rl.ParamError):
            arena.view(block, size)


def test_a_destroyed_arena_has_no_words():
    space = rl.AddressSpace()
    arena = rl.Arena(space=space)
    address = arena.address
    arena.destroy()
    again = rl.Arena(space=space)
    for call in (lambda: arena.load(address), lambda: arena.store(address, 0)):
        with pytest.raises(rl.ProtocolError, match="has been destroyed"):
            call()
    with pytest.raises(rl.ProtocolError, match="has been destroyed"):
        arena.view(address, 8)
    again.check()


# Labels (design/vm.md#.sol.label)


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool_has_a_name_that_lies_in_its_bytes(arena, kind):
    pool = POOLS[kind](arena, label="strings")
    plain = POOLS[kind](arena)
    assert pool.label == "strings" and plain.label == ""
    again = rl.Arena.attach(arena.space, arena.address)
    assert [p.label for p in again.pools] == ["strings", ""]
    plain.label = "später"
    assert again.pools[1].label == "später"
    plain.label = ""
    assert plain.label == ""
    pool.check()


def test_a_label_moves_no_block():
    def places(**more):
        with rl.Arena(size=1 << 20) as arena:
            pool = rl.MVFF(arena, **more)
            return pool.address, [pool.alloc(size) for size in range(8, 800, 8)]

    assert places() == places(label="x" * 40)


def test_an_arena_has_a_name_and_tells_it():
    with record("User") as log:
        arena = rl.Arena(label="heap")
        pool = rl.MVFF(arena, label="strings")
        arena.label = "the heap"
    assert log.labels == {
        **{a: n for a, n in log.labels.items() if a not in (arena.address, pool.address)},
        arena.address: "the heap",
        pool.address: "strings",
    }
    assert rl.Arena.attach(arena.space, arena.address).label == "the heap"
    arena.__exit__()


@pytest.mark.parametrize("label", ["x" * 41, "ä" * 21, "a\0b", 7, None, b"x", "\udc80"])
def test_a_label_that_does_not_fit_is_refused_and_nothing_is_made(arena, label):
    committed = arena.committed
    for make in (rl.MVFF, rl.Slab, rl.MVT):
        with pytest.raises(rl.ParamError, match="label is"):
            make(arena, label=label)
    with pytest.raises(rl.ParamError, match="label is"):
        rl.Arena(space=arena.space, label=label)
    with pytest.raises(rl.ParamError, match="label is"):
        arena.label = label
    assert not arena.pools and arena.committed == committed and arena.label == ""


# Contexts


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool_is_a_context(arena, kind):
    with POOLS[kind](arena) as pool:
        if kind == "MVT":
            point = pool.allocation_point()
            point.commit(point.reserve(64), 64)
        else:
            pool.alloc(64)
    assert not pool.alive and not arena.pools
    with pytest.raises(ZeroDivisionError), POOLS[kind](arena) as pool:
        pool.destroy() if kind != "MVT" else None
        1 / 0
    assert not pool.alive and not arena.pools


# Audits (design/pools.md#.sol.audit)


@pytest.mark.parametrize("kind", MANUAL)
def test_an_audited_pool_tells_every_wrong_free(arena, kind):
    pool = POOLS[kind](arena, audit=True)
    assert not arena.space.checked
    size = 64
    a, b, c = (pool.alloc(size) for _ in range(3))
    pool.free(b, size)
    wrong = [(b, size), (a + 8, size), (a, size - 8), (a, size + 8), (a, 2 * size), (c, 1)]
    wrong += [(a - 8, size), (c + size, size), (arena.address, size)]
    for address, bytes in wrong:
        for call in (pool.free, lambda at, old: pool.resize(at, old, 8)):
            with pytest.raises((rl.ProtocolError, rl.ParamError)):
                call(address, bytes)
            arena.check()
    again = rl.Arena.attach(arena.space, arena.address).pools[0]
    with pytest.raises((rl.ProtocolError, rl.ParamError)):
        again.free(a, size - 8)
    again.free(a, size)
    with pytest.raises(rl.ProtocolError):
        pool.free(a, size)
    pool.free(c, size)


@pytest.mark.parametrize("kind", MANUAL)
def test_an_audit_follows_resizes_and_moves_no_block(kind):
    def run(audit):
        with rl.Arena(size=1 << 20) as arena:
            pool = POOLS[kind](arena, audit=audit)
            blocks = [pool.alloc(64) for _ in range(20)]
            resized = [pool.resize(block, 64, 48) for block in blocks if kind != "MFS"]
            sizes = [48 if resized and resized[i] else 64 for i in range(20)]
            for i, block in enumerate(blocks):
                pool.free(block, sizes[i])
            return blocks, resized, arena.committed, pool.total_size, pool.free_size

    assert run(True) == run(False)


def test_a_point_of_an_audited_pool_has_its_blocks_in_the_table(arena):
    pool = rl.MVT(arena, audit=True)
    point = pool.allocation_point()
    block = point.reserve(64)
    point.commit(block, 64)
    with pytest.raises(rl.ProtocolError, match="with size 56: expected 64"):
        pool.free(block, 56)
    pool.free(block, 64)
    with pytest.raises(rl.ProtocolError, match="double free"):
        pool.free(block, 64)
    point.destroy()


# Events of blocks (design/telemetry.md#.sol.blocks)


@pytest.mark.parametrize("kind", MANUAL)
def test_blocks_are_told_when_asked_for(arena, kind):
    pool = POOLS[kind](arena)
    with record("Object") as log:
        a = pool.alloc(64)
        resized = kind != "MFS" and pool.resize(a, 64, 40)
        size = 40 if resized else 64
        pool.free(a, size)
        with pytest.raises((rl.ProtocolError, rl.ParamError)):
            pool.free(a, size)
    told = [(event.name, tuple(event.params.values())) for event in log]
    expected = [("PoolAlloc", (pool.address, a, 64))]
    expected += [("PoolResize", (pool.address, a, 64, 40))] * resized
    expected += [("PoolFree", (pool.address, a, size))]
    assert told == expected


def test_blocks_of_points_are_told(arena):
    pool = rl.MVT(arena)
    point = pool.allocation_point()
    with record("Object") as log:
        block = point.reserve(64)
        point.commit(block, 64)
        pool.free(block, 64)
    told = [(event.name, tuple(event.params.values())) for event in log]
    assert told == [
        ("BufferReserve", (point.address, block, 64)),
        ("BufferCommit", (point.address, block, 64, 0)),
        ("PoolFree", (pool.address, block, 64)),
    ]
    point.destroy()


def test_blocks_are_not_told_by_default(arena):
    pool = rl.MVFF(arena)
    with record() as log:
        pool.free(pool.alloc(64), 64)
    assert not {event.name for event in log} & {"PoolAlloc", "PoolFree"}


def test_what_a_log_tells_of_blocks_is_what_lives(arena, rng):
    pool = rl.BestFit(arena)
    live = {}
    with record(rl.ALL_KINDS) as log:
        for _ in range(300):
            if not live or rng.random() < 0.6:
                size = rng.randrange(1, 500)
                live[pool.alloc(size, rng.choice([None, 64]))] = size
            else:
                address = rng.choice(list(live))
                if rng.random() < 0.4:
                    new = rng.randrange(1, 500)
                    if pool.resize(address, live[address], new):
                        live[address] = new
                else:
                    pool.free(address, live.pop(address))
    told = {}
    for event in log:
        params = event.params
        if event.name == "PoolAlloc":
            told[params["pReturn"]] = params["size"]
        elif event.name == "PoolResize":
            assert told[params["old"]] == params["oldSize"]
            told[params["old"]] = params["newSize"]
        elif event.name == "PoolFree":
            assert told.pop(params["old"]) == params["size"]
    assert told == live


def test_a_log_of_blocks_is_a_trace(arena, tmp_path):
    pool, points = rl.MVFF(arena), rl.MVT(arena)
    point = points.allocation_point()
    with record("Object") as log:
        a, b = pool.alloc(100), pool.alloc(50)
        assert pool.resize(a, 100, 60)
        c = point.reserve(32)
        point.commit(c, 32)
        pool.free(a, 60)
        points.free(c, 32)
    path = tmp_path / "blocks.log"
    path.write_text(log.text())
    trace = read_trace(path)
    assert trace.format == "mps-telemetry"
    assert [tuple(row) for row in zip(trace.op.tolist(), trace.size.tolist())] == [
        (0, 100), (0, 50), (2, 60), (0, 32), (1, 0), (1, 0)
    ]  # fmt: skip
    point.destroy()


@pytest.mark.parametrize("kind", MANUAL)
def test_a_label_shares_no_word_with_what_the_pool_remembers(arena, kind):
    pool = POOLS[kind](arena, label="x" * 40)
    blocks = [pool.alloc(64) for _ in range(3000)]
    for block in blocks[::2]:
        pool.free(block, 64)
    assert pool.label == "x" * 40
    pool.label = "y" * 40
    arena.check()
    for block in blocks[1::2]:
        pool.free(block, 64)
    arena.check()


def test_a_unit_of_an_audited_mfs_is_freed_with_the_size_of_units_whatever_it_was_resized_to(arena):
    pool = rl.MFS(arena, 96, audit=True)
    block = pool.alloc(96)
    assert pool.resize(block, 96, 40) and not pool.resize(block, 96, 97)
    with pytest.raises(rl.ParamError):
        pool.free(block, 40)
    pool.free(block, 96)


def test_all_that_is_public_is_in_help():
    text = pydoc.render_doc(rl, renderer=pydoc.plaintext)
    for name in rl.__all__:
        thing = getattr(rl, name)
        assert name in text, name
        if isinstance(thing, type) or callable(thing):
            assert thing.__doc__, name


def test_what_attach_needs_is_public(arena):
    pool = rl.MVT(arena)
    point = pool.allocation_point()
    again = rl.Arena.attach(arena.space, arena.address)
    assert isinstance(arena.space, rl.AddressSpace) and isinstance(again.pools[0], rl.MVT)
    assert isinstance(again.pools[0], rl.Pool) and isinstance(again.chunks[0], rl.Chunk)
    assert isinstance(again.pools[0].points[0], rl.AllocationPoint)
    assert again.pools[0].points[0].address == point.address
    assert isinstance(rl.CBS(arena), rl.Land)
    with rl.record(rl.DEFAULT_KINDS) as log:
        point.destroy()
    assert isinstance(log, rl.Log) and isinstance(next(iter(log)), rl.Event)
