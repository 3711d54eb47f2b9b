"""The raw judge itself: a word changed anywhere is found, by it and, where
it has a name for it, by the arena's own check."""

import pytest

import rangeland as rl
from rangeland.invariants.finding import Broken
from rangeland.invariants.points import AtPoints
from rangeland.invariants.raw import audit
from rangeland.invariants.raw import layout as at


@pytest.fixture
def arena():
    made = rl.Arena(1 << 20, spare=1, space=rl.AddressSpace(1 << 28, checked=True))
    for pool in (rl.MVFF(made, spare=1, extend_by=8192), rl.MFS(made, 24)):
        for address in [pool.alloc(24) for _ in range(40)][::3]:
            pool.free(address, 24)
    big = rl.MVFF(made, spare=0)
    for address in [big.alloc(20000) for _ in range(5)][::2]:
        big.free(address, 20000)
    pointed = AtPoints(rl.MVT(made, max_size=4096, mean_size=64, frag_limit=1.0))
    blocks = [pointed.alloc(4096) for _ in range(20)]
    for address in [*blocks[2:7], *blocks[10:13]]:
        pointed.free(address, 4096)
    for size in (5000, 9000, 3000, 3000, 3000, 3000):
        pointed.alloc(size)
    found = audit(made.space, made.address).clients[-1]
    assert found.queued and found.splinter and found.rests and len(found.held) == 2
    return made


def mvt_structures(arena):
    """Those of the MVT pool, and of what it has in control memory."""
    word, mvt = arena.space.word, arena.pools[3].address
    segment = word(mvt + at.MVT["first_segment"])
    other = word(segment + at.SEGMENT["next"])
    point = word(mvt + at.POOL["first_point"])
    root = word(mvt + at.MVT["primary"] + at.LAND["root"])
    ring = word(mvt + at.MVT["queue"] + at.QUEUE["ring"])
    dedicated = next(s for s in audit(arena.space, arena.address).clients[3].segments if s.block)
    spots = {f"MVT {key}": mvt + offset for key, offset in at.MVT.items() if key not in (
        "secondary", "queue", "mean_size",
    )}  # fmt: skip
    spots |= {f"segment {key}": other + offset for key, offset in at.SEGMENT.items()}
    spots |= {f"point {key}": point + offset for key, offset in at.POINT.items()}
    spots |= {f"queue {key}": mvt + at.MVT["queue"] + offset for key, offset in at.QUEUE.items()}
    spots |= {f"MVT node {i}": root + 8 * i for i in range(5)}
    spots |= {f"failover {key}": mvt + at.MVT["failover"] + offset for key, offset in (
        at.FAILOVER.items()
    )}  # fmt: skip
    return spots | {
        "queued base": ring,
        "queued limit": ring + 8,
        "MVT freelist": mvt + at.MVT["secondary"] + at.FREELIST["count"],
        "dedicated block": dedicated.address + at.SEGMENT["block"],
    }


def structures(arena):
    """Where to strike: {name: address of a word}."""
    head, chunk = arena.address, arena.chunks[0]
    mvff, mfs = arena.pools[0].address, arena.pools[1].address
    root = arena.space.word(head + at.ARENA["free_land"] + at.LAND["root"])
    total = arena.space.word(mvff + at.MVFF["primary"] + at.LAND["root"])
    page = arena.space.word(chunk.address + at.CHUNK["page_table"])
    spots = {f"arena {key}": head + at.ARENA[key] for key in (
        "sig", "first_pool", "last_pool", "reserved", "committed", "spare_committed", "primary",
        "zone_shift", "root",
    )}  # fmt: skip
    spots |= {f"free land {key}": head + at.ARENA["free_land"] + at.LAND[key] for key in (
        "sig", "size", "root", "count", "nodes",
    )}  # fmt: skip
    spots |= {f"spare land {key}": head + at.ARENA["spare_land"] + at.LAND[key] for key in (
        "size", "count",
    )}  # fmt: skip
    spots |= {f"chunk {key}": chunk.address + at.CHUNK[key] for key in (
        "base", "limit", "sig", "serial", "arena", "pages", "alloc_base", "alloc_table",
        "page_table", "reserved",
    )}  # fmt: skip
    spots |= {f"node {i}": root + 8 * i for i in range(6)}
    spots |= {f"fast node {i}": total + 8 * i for i in range(5)}
    spots |= {f"MVFF {key}": mvff + at.MVFF[key] for key in ("sig", "serial", "next", "arena")}
    spots |= {f"MFS {key}": mfs + at.MFS[key] for key in (
        "sig", "serial", "previous", "arena", "unit", "free_units", "total", "free", "first",
        "last",
    )}  # fmt: skip
    spots |= {
        "VM mapped": chunk.address + at.CHUNK["vm"] + at.VM["mapped"],
        "VM limit": chunk.address + at.CHUNK["vm"] + at.VM["limit"],
        "allocation table": chunk.address + at.CHUNK_BYTES,
        "page's pool": page + at.ENTRY_BYTES * chunk.alloc_base,
        "page's segment": page + at.ENTRY_BYTES * chunk.alloc_base + 8,
    }
    return spots | mvt_structures(arena)


def test_a_changed_word_is_found_by_the_raw_judge(arena):
    spots = structures(arena)
    assert len(spots) > 100
    for name, address in spots.items():
        words = arena.space.words_at(address, 8)
        kept = words[0]
        words[0] = kept ^ 1 << 13
        try:
            with pytest.raises(Broken):
                audit(arena.space, arena.address)
                raise SystemError(name)
        finally:
            words[0] = kept
    audit(arena.space, arena.address)


@pytest.mark.parametrize(
    "name, match",
    [
        ("arena committed", "the word COMMITTED"),
        ("arena reserved", "the word RESERVED"),
        ("arena spare_committed", "spare land is counted"),
        ("free land size", "size is the sum"),
        ("VM mapped", "mapped counts"),
        ("allocation table", "is free or allocated|overhead is not"),
    ],
)
def test_the_arenas_own_check_names_what_is_wrong(arena, name, match):
    words = arena.space.words_at(structures(arena)[name], 8)
    words[0] ^= 1 << 13
    with pytest.raises(AssertionError, match=match):
        arena.check()
    words[0] ^= 1 << 13
    arena.check()


@pytest.mark.parametrize(
    "name, invariant",
    [
        ("arena committed", "committed-accounts"),
        ("arena reserved", "reserved-accounts"),
        ("arena spare_committed", "spare-accounts"),
        ("free land size", "land-size"),
        ("free land root", "links"),
        ("node 4", "links"),
        ("MFS free", "accounts"),
        ("MFS free_units", "links"),
        ("MVFF arena", "links"),
        ("chunk pages", "chunks"),
        ("VM mapped", "vm-descriptor"),
        ("page's pool", "owners"),
        ("allocation table", "owners"),
        ("page's segment", "owners"),
        ("MVT total", "accounts"),
        ("MVT available", "accounts"),
        ("MVT unavailable", "accounts"),
        ("MVT splinter_limit", "accounts"),
        ("MVT first_segment", "links"),
        ("MVT first_point", "links"),
        ("MVT blocks", "links"),
        ("segment previous", "links"),
        ("dedicated block", "accounts"),
        ("point limit", "outside"),
        ("queued limit", "links"),
        ("failover primary", "links"),
    ],
)
def test_the_raw_judge_names_the_invariant(arena, name, invariant):
    arena.space.words_at(structures(arena)[name], 8)[0] ^= 1 << 13
    with pytest.raises(Broken) as caught:
        audit(arena.space, arena.address)
    assert caught.value.invariant == invariant


def test_where_no_arena_is_the_raw_judge_says_so(arena):
    for address in (arena.address + 4096, arena.address + 8, 1, arena.chunks[0].base):
        with pytest.raises(Broken, match="links"):
            audit(arena.space, address)
