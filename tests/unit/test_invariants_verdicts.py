"""Where an arena takes grains: the judge, and what its client does on purpose."""

import random

import pytest

import rangeland as rl
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.client import HOLES, Client
from rangeland.invariants.finding import Broken
from rangeland.invariants.verdicts import LOWER, UPPER, expect_end, free_runs

GRAIN = 4096


@pytest.fixture
def arena():
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 28)) as made:
        yield made


def taken(arena, high):
    """The base of a grain that a pool has just taken, low or high."""
    pool = rl.MVFF(arena, align=GRAIN, extend_by=GRAIN, spare=0, arena_high=high)
    return pool.alloc(GRAIN)


@pytest.mark.parametrize("high", (False, True))
def test_grains_lie_at_the_end_asked_for_and_not_at_the_other(arena, high):
    base = taken(arena, high)
    expect_end(arena, base, GRAIN, high)
    with pytest.raises(Broken, match=f"and {'lower' if high else 'higher'}") as caught:
        expect_end(arena, base, GRAIN, not high)
    assert caught.value.invariant == "grain-placement"


def test_what_no_free_run_is_long_enough_for_is_no_fault(arena):
    base = taken(arena, True)
    longest = max(limit - start for start, limit in free_runs(arena, (UPPER,)))
    expect_end(arena, base, longest + GRAIN, False)


def test_memory_of_other_zones_is_taken_last_but_for_what_is_refused(arena):
    (start, _), *_ = free_runs(arena, (LOWER,))
    with pytest.raises(Broken, match="taken first"):
        expect_end(arena, start, GRAIN, True)
    arena.commit_limit = 1 << 30
    expect_end(arena, start, GRAIN, True)
    arena.commit_limit, arena.space.faults = None, rl.FaultPlan()
    expect_end(arena, start, GRAIN, True)
    with rl.Arena(1 << 20, zoned=False, space=rl.AddressSpace(1 << 28)) as plain:
        expect_end(plain, taken(plain, False), GRAIN, True)


def test_free_runs_are_what_nobody_has(arena):
    runs = free_runs(arena)
    assert all(arena.pool_of(start) is None for start, _ in runs)
    free = sum(limit - start for start, limit in runs)
    (chunk,) = arena.chunks
    mapped = sum(hi - lo for lo, hi, owner in chunk.runs() if owner != -1) * GRAIN
    overhead = chunk.alloc_base * GRAIN
    assert free == chunk.limit - chunk.base - mapped - overhead


def run_of(name):
    """A trial that has done one of the client's longer deeds, without refusals."""
    for seed in range(100):
        trial = ArenaTrial()
        trial.do(("begin", 1 << 20, GRAIN, True, 0.5, True))
        client = Client(random.Random(seed), trial)
        client.pending.clear()
        getattr(client, name)()
        steps = list(client.pending)
        if not any(step[0] == "refuse" for step in steps):
            break
    for step in steps:
        trial.do(step)
    trial.check()
    return trial, steps


def test_a_straddle_takes_from_the_middle_of_spare_memory():
    trial, steps = run_of("_straddle")
    assert len(trial.arena.chunks) == 2
    block = max(trial.blocks, key=lambda block: block.number)
    chunk = trial.arena.chunks[-1]
    spare = [(lo, hi) for lo, hi, owner in chunk.runs() if owner == -1]
    at = (block.address - chunk.base) // GRAIN
    assert any(hi <= at for _, hi in spare) and any(lo > at for lo, _ in spare)
    trial.end()


def test_a_brim_leaves_a_grain_alone_in_a_new_chunk():
    trial, steps = run_of("_brim")
    trial.end()
    assert [step[0] for step in steps[-2:]] == ["collect", "free"]
    assert steps[-3][0] == "alloc" and steps[-3][3] == 1


def test_a_comb_makes_more_holes_than_a_grain_has_nodes():
    trial, steps = run_of("_comb")
    assert sum(step[0] == "free" for step in steps) == 2 * HOLES + 1
    assert len(trial.blocks) == HOLES
    trial.end()


@pytest.mark.parametrize("name", ("_straddle", "_brim", "_comb"))
def test_without_an_arena_nothing_is_done_on_purpose(name):
    trial = ArenaTrial()
    client = Client(random.Random(5), trial)
    client.pending.clear()
    getattr(client, name)()
    assert not client.pending
