"""Faults of kinds that are hard to find: bitmaps, refused reallocs, accounts that
drift, rests that are lost, memory that is not fresh; and right policies like them."""

import os

import pytest
from support.kinds import (
    KINDS, RIGHT, WRONG, FullOneEarly, KeepsAFooter, LosesTheOddRest, MovedIsFresh, MovesAndForgets,
)  # fmt: skip
from support.policies import RIGHT as POLICIES

import rangeland as rl
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.brim import Brim
from rangeland.invariants.engine import replay

pytestmark = pytest.mark.once
# All take minutes, so by day some are shown only, and fewer examples of right ones.
NIGHT = os.environ.get("RANGELAND_PROFILE") == "night"
EXAMPLES, STEP = (200, 1) if NIGHT else (24, 4)
SHOWN = WRONG if NIGHT else tuple(kinds[0] for kinds in KINDS.values())
QUIET = (*RIGHT, *POLICIES)[::STEP]


def name(kind):
    return kind.__name__


def test_there_are_many_of_each():
    assert len(WRONG) >= 40 and len(RIGHT) + len(POLICIES) >= 40
    assert all(kinds for kinds in KINDS.values())


@pytest.mark.parametrize("kind", SHOWN, ids=name)
def test_a_fault_is_found_and_its_program_fails(kind):
    result = rl.prove(kind, seed=1)
    assert not result.ok, result
    with pytest.raises(Exception):
        exec(compile(result.counterexample, "counterexample", "exec"), {})


@pytest.mark.parametrize("kind", (MovesAndForgets, LosesTheOddRest), ids=name)
@pytest.mark.parametrize("size", (618, 968))
def test_a_fill_to_the_brim_moves_blocks_and_leaves_rests(kind, size):
    broken = replay(lambda: AllocatorTrial(kind), [("brim", size)])
    assert broken is not None and broken.invariant == "leak", broken
    program = AllocatorTrial(kind).program([("brim", size)])
    with pytest.raises(AssertionError):
        exec(compile(program, "counterexample", "exec"), {})


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_memory_that_a_block_moved_to_is_asked_for_as_zeros(seed):
    assert rl.prove(MovedIsFresh, seed, examples=50).invariant == "zeroed"


@pytest.mark.parametrize("kind", QUIET, ids=name)
def test_nothing_is_found_where_nothing_is_wrong(kind):
    assert rl.prove(kind, seed=1, examples=EXAMPLES).ok


@pytest.mark.parametrize("kind", (*RIGHT, *POLICIES), ids=name)
@pytest.mark.parametrize("size", (8, 40, 100))
def test_a_fill_to_the_brim_tells_nothing_of_a_right_policy(kind, size):
    whole = 8192 if kind in POLICIES else 512
    if size <= whole // 2 and getattr(kind, "unit_size", size) == size:
        Brim(kind, size, whole).expect()


def test_a_unit_never_given_is_as_a_word_that_the_slab_keeps(rng):
    """Why nobody can find it (design/invariants.md#.lim.early)."""
    one, other = FullOneEarly(), KeepsAFooter()
    blocks, refused = [], 0
    for _ in range(5000):
        if blocks and rng.random() < 0.45:
            address = blocks.pop(rng.randrange(len(blocks)))
            one.free(address)
            other.free(address)
            continue
        size = rng.choice((8, 8, 16, 40, 64, 200, 512))
        address = one.alloc(size)
        assert address == other.alloc(size)
        refused += address is None
        blocks += [] if address is None else [address]
    assert refused and blocks
