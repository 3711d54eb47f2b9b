"""Long random runs over whole arenas, from the seed of the session."""

import random

import pytest

import rangeland as rl
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.client import OPTIONAL, Client
from rangeland.invariants.whole import expect_gone

SHAPES = {
    "64 grains": (1, 4096, True, 0.75),
    "one MiB": (1 << 20, 4096, True, 0.75),
    "flat": (1 << 20, 4096, False, 0.75),
    "grains of 16 KiB": (1, 16384, True, 0.75),
    "grains of 64 KiB": (1, 65536, True, 0.75),
    "no spare": (1 << 20, 4096, True, 0),
    "all spare": (1 << 20, 4096, True, 1),
}


def booted(*options, checked=True):
    """A trial that has begun."""
    trial = ArenaTrial()
    trial.do(("begin", *options, checked))
    return trial


def run(trial, rng, steps, every=50):
    """Do so many random steps, of every kind, with a check after each `every`."""
    if trial.client is None:
        trial.client = Client(rng, trial)
        trial.client.weights[2:] = [1] * len(OPTIONAL) + [0.02]
    for count in range(1, steps + 1):
        trial.do(trial.choose(rng))
        if count % every == 0:
            trial.check()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_long_run(seed, shape):
    trial = booted(*shape)
    run(trial, random.Random(seed), 400, every=40)
    outcomes = [outcome for kind, outcome in trial.outcomes if kind == "alloc"]
    assert sum(isinstance(outcome, int) for outcome in outcomes) > 9
    trial.end()


@pytest.mark.parametrize("part", range(3))
def test_a_run_just_below_the_commit_limit(seed, part):
    rng = random.Random(f"{seed}/{part}")
    trial = booted(1 << 19, 4096, True, 0.5)
    for number in range(3):
        trial.do(("mvff", number, rng.choice((1, 4096, 65536)), 8, 0.5, False, False, True))
    trial.do(("mfs", 3, 40, 4096))
    number = 0
    for turn in range(30):
        trial.do(("limit", rng.randrange(12)))
        for _ in range(12):
            number += 1
            if rng.random() < 0.65:
                pool = rng.randrange(4)
                size = 40 if pool == 3 else 1 + rng.randrange(rng.choice((64, 600, 40000)))
                trial.do(("alloc", number, pool, size))
            elif trial.blocks:
                trial.do(("free", rng.choice(trial.blocks.ascending()).number))
        if turn % 4 == 3:
            trial.check()
    assert any(outcome == "CommitLimitError" for _, outcome in trial.outcomes)
    trial.do(("limit", None))
    trial.end()


@pytest.mark.parametrize("kinds", (["mapping"], ["node"], ["reservation", "mapping", "node"]))
@pytest.mark.parametrize("probability", (0.03, 0.3))
def test_a_run_in_which_attempts_are_refused(seed, kinds, probability):
    trial = booted(1 << 19, 4096, True, 0.75)
    rng = random.Random(seed)
    plan = rl.FaultPlan()
    for kind in kinds:
        plan.fail(kind, probability=probability, seed=seed).fail(kind, nth=3)
    run(trial, rng, 10)
    for _ in range(12):
        trial.space.faults = plan
        for _ in range(25):
            trial.do(trial.choose(rng))
        trial.space.faults = None
        trial.check()
    assert sum(plan.refused.values()) > 0
    run(trial, rng, 40)
    trial.end()


def test_destroying_everything_in_any_order_while_all_is_refused(seed):
    rng = random.Random(seed)
    for kind in ("mapping", "node", "reservation"):
        trial = booted(1 << 19, 4096, True, 0.75)
        run(trial, rng, 150)
        space = trial.space
        space.faults = rl.FaultPlan().fail(kind, nth=range(1, 10**9))
        for block in rng.sample(list(trial.blocks), len(trial.blocks)):
            trial.do(("free", block.number))
        for number in rng.sample(list(trial.pools), len(trial.pools)):
            trial.do(("destroy", number))
        for number in list(trial.others):
            trial.do(("close", number))
        trial.check()
        trial.arena.destroy()
        expect_gone(space)
