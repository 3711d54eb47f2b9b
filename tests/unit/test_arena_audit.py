"""The judges themselves: a word changed anywhere is found, by the raw checker
and, where it has a name for it, by the arena's own check."""

import pytest
from support import judge as verdicts
from support import layout as at
from support.driver import Driver
from support.judge import Judge
from support.rawarena import audit

import rangeland as rl


@pytest.fixture
def driver():
    made = Driver.boot(size=1 << 20, spare=1)
    arena = made.arena
    for pool in (rl.MVFF(arena, spare=1, extend_by=8192), rl.MFS(arena, 24)):
        made.blocks = [pool.alloc(24) for _ in range(40)]
        for address in made.blocks[::3]:
            pool.free(address, 24)
    big = rl.MVFF(arena, spare=0)
    keep = [(big.alloc(20000), 20000) for _ in range(5)]
    for block in keep[::2]:
        big.free(*block)
    audit(arena.space, arena.address)
    return made


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
    }
    return spots


def test_a_changed_word_is_found_by_the_raw_checker(driver):
    arena = driver.arena
    spots = structures(arena)
    assert len(spots) > 50
    for name, address in spots.items():
        words = arena.space.words_at(address, 8)
        kept = words[0]
        words[0] = kept ^ 1 << 13
        try:
            with pytest.raises((AssertionError, KeyError, rl.AccessError, rl.ParamError)):
                audit(arena.space, arena.address)
                raise SystemError(name)
        finally:
            words[0] = kept
    audit(arena.space, arena.address)


@pytest.mark.parametrize(
    "name, match",
    [
        ("arena committed", "committed is what is mapped"),
        ("arena reserved", "reserved is the sum"),
        ("arena spare_committed", "spare land is counted"),
        ("free land size", "size is the sum"),
        ("VM mapped", "mapped counts"),
        ("allocation table", "is free or allocated|overhead is not"),
    ],
)
def test_the_arenas_own_check_names_what_is_wrong(driver, name, match):
    arena = driver.arena
    words = arena.space.words_at(structures(arena)[name], 8)
    words[0] ^= 1 << 13
    with pytest.raises(AssertionError, match=match):
        arena.check()
    words[0] ^= 1 << 13
    arena.check()


def test_the_judge_has_a_verdict_for_each_fault():
    memory = bytearray(1 << 16)
    owners = {0: 4, 4096: 4, 8192: 5}
    judge = Judge(lambda a, s: memoryview(memory)[a : a + s], owners.get, 4096)
    assert judge.allocated(64, 100, 4, 8) == verdicts.OK
    assert judge.allocated(4000, 200, 4, 16) == verdicts.OK
    assert judge.allocated(100, 8, 4, 8) == verdicts.MISALIGNED
    assert judge.allocated(160, 8, 4, 8) == verdicts.OVERLAP
    assert judge.allocated(8000, 300, 4, 8) == verdicts.FOREIGN
    assert judge.allocated(20000, 8, 4, 8) == verdicts.FOREIGN
    assert judge.all() == verdicts.OK
    memory[70] ^= 1
    assert judge.all() == judge.freed(64, 100) == verdicts.CHANGED
    assert judge.freed(64, 100) == judge.freed(4000, 199) == verdicts.UNKNOWN
    assert judge.all() == verdicts.OK
    assert judge.allocated(8192, 8, 5, 8) == verdicts.OK
    owners[8192] = 6
    assert judge.all() == verdicts.FOREIGN
    judge.dropped(5)
    assert judge.all() == verdicts.OK and not judge.blocks
