"""Stray words in Buddy, SegFit and Slab pools: an error of ours, or a right arena.

Each trial runs in a process of its own, under a limit of time. The suite tries a
sample; `python tests/support/garble_regions.py KIND` tries all.
Source: design/classes.md#.sol.damage
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import rangeland as rl
from pools import fields as p

SCRIPT = Path(__file__).parents[1] / "support" / "garble_regions.py"


@pytest.mark.parametrize("kind", ["Buddy", "SegFit", "Slab"])
@pytest.mark.parametrize("mode", ["checked", "unchecked"])
def test_no_stray_word_is_fatal(kind, mode, speed, seed, environment):
    one_in = 500 if speed == "compiled" else 2000
    command = [sys.executable, str(SCRIPT), kind, mode, str(one_in), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])["counts"]
    assert counts["DamageError"] > sum(counts.values()) // 10
    # What is not told of is right by all invariants, which each trial asserts.
    assert counts["right"] > 0


def written(arena, address, value):
    """Write over the word at `address`; returns what puts it back."""
    words = arena.space.words_at(address, 8)
    before = words[0]
    words[0] = value

    def back():
        words[0] = before

    return back


def two_free(arena, kind, **options):
    """A pool with live blocks and two free ones of a size, not side by side."""
    pool = getattr(rl, kind)(arena, **options)
    blocks = [pool.alloc(56) for _ in range(6)]
    pool.free(blocks[1], 56)
    pool.free(blocks[3], 56)
    return pool, blocks


VALUES = (1, -1, 8, 1 << 61, 1 << 62, -(1 << 63), (1 << 63) - 1)


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("word", [0, 1])
@pytest.mark.parametrize("kind", ["Buddy", "SegFit"])
def test_an_alloc_that_meets_a_stray_link_raises_and_names_it(kind, word, checked):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 30, checked=checked)) as arena:
        pool, blocks = two_free(arena, kind)
        own, other = blocks[3], blocks[0]
        for value in (*VALUES, own, other, other - 8, arena.space.base, arena.space.limit):
            before = pool.free_size
            back = written(arena, blocks[3] + 8 * word, value)
            # In checked mode a page that is not mapped is told of as such.
            unmapped = checked and value == arena.space.base
            error = rl.AccessError if unmapped and kind == "Buddy" else rl.DamageError
            told = "not mapped" if error is rl.AccessError else "word [0-9]+ is -?0x"
            with pytest.raises(error, match=f"at 0x[0-9a-f]+.*{told}"):
                pool.alloc(56)
            with pytest.raises((rl.DamageError, rl.AccessError)):
                pool.check()
            for ask in (pool.describe, lambda: pool.whole_free_size, arena.check):
                with contextlib.suppress(rl.DamageError, rl.AccessError):
                    ask()
            back()
            # What met the stray word has changed nothing.
            assert pool.free_size == before
            pool.check()


@pytest.mark.parametrize("value", [v for v in VALUES if v < 0] + [-8, -24])
def test_a_bin_that_names_what_is_below_zero_is_no_refusal(value):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 30)) as arena:
        pool, _ = two_free(arena, "SegFit")
        word = p.BINS + 64 // p.CHUNK_QUANTUM
        back = written(arena, pool.address + 8 * word, value)
        with pytest.raises(rl.DamageError, match=f"word {word} is -0x"):
            pool.alloc(56)
        back()
        pool.check()


@pytest.mark.parametrize("field", ["base", "limit", "bytes", "order", "pool", "signature"])
def test_a_free_that_meets_a_stray_word_of_a_region_raises(field):
    place = {"signature": 0, "pool": 1, "base": 4, "limit": 5, "bytes": 6, "order": 9}[field]
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 30)) as arena:
        for kind in ("Buddy", "SegFit", "Slab"):
            pool = getattr(rl, kind)(arena)
            address = pool.alloc(100)
            (region,) = pool.regions()
            if field == "order" and kind == "SegFit":
                continue
            known = arena.space.word(region + 8 * place)
            for value in {0, *VALUES, region, address} - {known}:
                back = written(arena, region + 8 * place, value)
                with pytest.raises(rl.DamageError, match=f"{region:#x}"):
                    pool.check()
                with pytest.raises((rl.DamageError, rl.ProtocolError)):
                    pool.resize(address, 100, 100)
                    pool.regions()
                back()
            pool.check()
            pool.free(address, 100)
            pool.destroy()


@pytest.mark.parametrize("kind", ["Buddy", "SegFit", "Slab"])
def test_spare_that_is_no_fraction_is_told(kind):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 30)) as arena:
        pool = getattr(rl, kind)(arena, spare=0.5)
        address = pool.alloc(100)
        spare = arena.space.floats_at(pool.address + 8 * 14, 8)
        for value in (float("nan"), float("inf"), -1.0, 1.5, 1e300):
            spare[0] = value
            with pytest.raises(rl.DamageError, match="word 14"):
                pool.check()
            with pytest.raises(rl.DamageError, match="word 14"):
                rl.Arena.attach(arena.space, arena.address).pools
        spare[0] = float("nan")
        # The region gets idle, and whether it goes the fraction decides.
        with pytest.raises(rl.DamageError, match="word 14"):
            pool.free(address, 100)
        spare[0] = 0.5
        pool.check()


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("bit", [0, 1, 5, 63, 64, 200])
def test_a_bit_of_a_slab_that_is_wrong_is_told_and_no_block_is_given_twice(bit, checked):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 30, checked=checked)) as arena:
        pool = rl.Slab(arena)
        blocks = [pool.alloc(16) for _ in range(201)]
        (region,) = pool.regions()
        at = region + 8 * (p.UNIT_TABLE + bit // 64)
        word = arena.space.words_at(at, 8)
        word[0] ^= 1 << bit if bit < 63 else -(1 << 63) if bit == 63 else 1 << bit % 64
        told = f"word {p.UNIT_TABLE + bit // 64} is .*: expected the bits that its complement tells"
        with pytest.raises(rl.DamageError, match=told):
            pool.alloc(16)
        with pytest.raises(rl.DamageError, match=f"{region:#x}"):
            pool.check()
        with pytest.raises((rl.DamageError, rl.ProtocolError)):
            pool.free(blocks[bit], 16)
