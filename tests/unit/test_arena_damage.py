"""Words of an arena that somebody wrote over: told, with structure, address and word."""

import re

import pytest

import rangeland as rl
from arena import fields as a
from arena.chunk import layout
from arena.chunks import Chunks
from land import fields as lf
from vm import fields as f
from vm.speed import interpreted_wanted

PAGE = 4096
POOLS = {
    "mfs": lambda arena: rl.MFS(arena, 32),
    "lifofit": rl.LIFOFit,
    "mvff": rl.MVFF,
    "slab": rl.Slab,
    "segfit": rl.SegFit,
    "buddy": rl.Buddy,
}


def grown(checked=False):
    """An arena with three chunks, and a pool that has grains in each."""
    space = rl.AddressSpace(1 << 32, checked=checked)
    arena = rl.Arena(1 << 20, space=space)
    pool = rl.MVFF(arena)
    blocks = [pool.alloc(600_000) for _ in range(4)]
    assert len(arena.chunks) >= 3
    return arena, pool, blocks


def chunk_words():
    """(field, name) of every word of a chunk descriptor that never changes."""
    arena, _, _ = grown()
    chunk = arena.chunks[1]
    held = arena.space.reservations.of(chunk.base)
    return [(field, name) for field, name, _ in layout(held, arena.address, PAGE)]


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("field,name", chunk_words(), ids=lambda value: str(value))
@pytest.mark.parametrize("change", [1, 8, -PAGE, 1 << 62])
def test_a_handle_of_a_damaged_chunk_is_not_made(checked, field, name, change):
    arena, _, _ = grown(checked)
    chunk = arena.chunks[1]
    at = chunk.address + field * f.WORD
    words = arena.space.words_at(at, f.WORD)
    words[0] += change
    with pytest.raises(rl.DamageError) as told:
        rl.Arena.attach(arena.space, arena.address).chunks  # noqa: B018
    if field not in (a.CHUNK_BASE, a.CHUNK_LIMIT):
        assert re.search(rf"chunk {chunk.address:#x}: the word {name} at {at:#x}", str(told.value))
    words[0] -= change
    arena.check()


@pytest.mark.parametrize("field", [a.SERIAL, a.CHUNK_VM_AT // 8 + f.VM_MAPPED])
@pytest.mark.parametrize("word", [-1, 1 << 40, 1 << 61, -(1 << 63)])
def test_a_count_of_a_chunk_is_held_against_what_it_can_be(field, word):
    arena, _, _ = grown()
    chunk = arena.chunks[2]
    arena.space.words_at(chunk.address, a.CHUNK_SIZE)[field] = word
    with pytest.raises(rl.DamageError, match=f"chunk {chunk.address:#x}"):
        rl.Arena.attach(arena.space, arena.address).chunks  # noqa: B018


@pytest.mark.parametrize("word", [1, -1, 8, 1 << 61, -(1 << 63)])
def test_a_base_of_grains_is_held_against_its_page(word):
    arena = rl.Arena(1 << 20)
    pool = rl.MFS(arena, 32)
    unit = pool.alloc(32)
    chunk = arena.chunks[0]
    entry = chunk.entry(chunk.index_of(unit))
    arena.space.words_at(entry, a.PAGE_DESC_SIZE)[a.PAGE_BASE] = word
    with pytest.raises(rl.DamageError, match="PAGE_BASE") as told:
        pool.free(unit, 32)
    assert f"page {unit & -PAGE:#x}" in str(told.value)


@pytest.mark.parametrize("kind", POOLS)
def test_blocks_of_all_chunks_are_known_by_their_pages(kind):
    arena = rl.Arena(1 << 20)
    pool = POOLS[kind](arena)
    size = 32
    blocks = [pool.alloc(size) for _ in range(100_000 if kind == "mfs" else 20_000)]
    other = rl.Arena.attach(arena.space, arena.address)
    for block in blocks[:: len(blocks) // 50]:
        assert arena.pool_of(block) is pool
        assert other.pool_of(block).address == pool.address
        assert arena.pool_of(arena.chunks[-1].base) is None
    for block in blocks[::7]:
        pool.free(block, size)
    arena.check()


def test_a_chunk_that_another_handle_destroyed_is_not_asked():
    arena, pool, blocks = grown()
    other = rl.Arena.attach(arena.space, arena.address)
    assert other.pool_of(blocks[-1]) is not None
    pool.destroy()
    assert arena.collect() > 0
    spans = [(chunk.base, chunk.limit) for chunk in arena.chunks]
    gone = [block for block in blocks if not any(lo <= block < hi for lo, hi in spans)]
    assert gone and all(other.pool_of(block) is None for block in gone)
    other.check()


@pytest.mark.skipif(not interpreted_wanted(), reason="compiled, nothing can be put in between")
@pytest.mark.parametrize("kind", POOLS)
def test_a_free_walks_no_tree_of_chunks(kind, monkeypatch):
    arena = rl.Arena(1 << 24)
    pool = POOLS[kind](arena)
    blocks = [pool.alloc(32) for _ in range(200)]
    walks = []
    turn_to = Chunks._turn_to
    monkeypatch.setattr(Chunks, "_turn_to", lambda self, at: walks.append(at) or turn_to(self, at))
    for block in blocks:
        pool.free(block, 32)
    assert not walks


@pytest.mark.parametrize("checked", [False, True])
def test_spare_memory_that_is_counted_and_not_there_is_told(checked):
    arena, pool, _ = grown(checked)
    arena.spare = 1.0
    pool.destroy()
    assert arena.spare_committed > 0
    root = arena.grains.spare_land.land.address + lf.ROOT * 8
    arena.space.words_at(root, 8)[0] = arena.space.nil
    with pytest.raises(rl.DamageError, match=r"word 2 is .*: expected what its ranges sum up to"):
        arena.spare = 0.0
