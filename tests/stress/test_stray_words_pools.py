"""Stray words in pools: an operation that meets one ends, with an error of ours or
none. Each run is a process, so that a crash or a walk without an end is a failure.

Source: design/pools.md#.req.damage
"""

import os
import subprocess
import sys

import pytest
from support import garble

import rangeland as rl
from pools import fields as p

SECONDS = 300


@pytest.fixture
def arena_of():
    """What makes an arena in a space of its own."""
    return lambda: rl.Arena(1 << 20, space=rl.AddressSpace(1 << 24))


def told(root, code, *arguments):
    """What a process that runs `code` prints."""
    path = os.pathsep.join([str(root / "tests"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.split()


@pytest.mark.parametrize("checked", (0, 1))
@pytest.mark.parametrize("kind", garble.KINDS)
def test_garbled_words_do_no_more_than_raise(kind, checked, root, seed):
    code = (
        "import sys; from support.garble import garble\n"
        "kind, seed, checked = sys.argv[1:]\n"
        "print(*garble(kind, int(seed), 30, bool(int(checked))))"
    )
    runs, found = map(int, told(root, code, kind, seed, checked))
    assert runs == 30 and found > 0


def test_a_link_that_is_none_is_named(arena_of):
    for garbage in (1, 8, -1, 1 << 44, 12345678, 0):
        arena = arena_of()
        pool = rl.MFS(arena, 32)
        first, second = pool.alloc(32), pool.alloc(32)
        view = arena.view(second, 8)
        pool.free(first, 32)
        pool.free(second, 32)
        view[:] = garbage.to_bytes(8, "little", signed=True)
        for ask in (pool.check, lambda: pool.alloc(32), lambda: list(pool.free_units())):
            with pytest.raises(rl.DamageError, match=f"free unit at {second:#x}: word 0 is"):
                ask()
        assert pool.space.word(pool.address + 8 * p.FREE_UNITS) == second, "nothing was done"


@pytest.mark.parametrize("word", range(4))
def test_lifo_fit_names_what_is_damaged_in_a_free_block(word, arena_of):
    for garbage in (1, 24, 1 << 20, -8, 1 << 44, 1 << 62):
        arena = arena_of()
        pool = rl.LIFOFit(arena)
        blocks = [pool.alloc(24) for _ in range(6)]
        for block in blocks[1::2]:
            pool.free(block, 24)
        found = arena.space.view(blocks[3] - 8 + 8 * word, 8)
        found[:] = garbage.to_bytes(8, "little", signed=True)
        with pytest.raises(AssertionError):
            pool.check()
        with pytest.raises((rl.DamageError, rl.ProtocolError)):
            for block in blocks[::2]:
                pool.free(block, 24)
