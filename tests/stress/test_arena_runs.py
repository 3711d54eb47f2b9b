"""Long random runs over whole arenas, from the seed of the session."""

import random

import pytest
from support.driver import Driver, run

import rangeland as rl

SHAPES = {
    "64 grains": {"size": 1},
    "one MiB": {"size": 1 << 20},
    "flat": {"size": 1 << 20, "zoned": False},
    "grains of 16 KiB": {"size": 1, "grain_size": 16384},
    "grains of 64 KiB": {"size": 1, "grain_size": 65536},
    "no spare": {"size": 1 << 20, "spare": 0},
    "all spare": {"size": 1 << 20, "spare": 1},
}


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
def test_a_long_run(seed, options):
    driver = Driver.boot(**options)
    run(driver, seed, 400, every=40)
    outcomes = [outcome for kind, outcome in driver.log if kind == "alloc"]
    assert sum(isinstance(outcome, int) for outcome in outcomes) > 30
    driver.end()


@pytest.mark.parametrize("part", range(3))
def test_a_run_just_below_the_commit_limit(seed, part):
    driver = Driver.boot(size=1 << 19, spare=0.5)
    rng = random.Random(f"{seed}/{part}")
    for _ in range(4):
        driver.create(rng.getrandbits(20), rng.getrandbits(20))
    for turn in range(30):
        driver.arena.commit_limit = driver.arena.committed + rng.randrange(12) * 4096
        for _ in range(12):
            kind = rng.choice(("alloc", "alloc", "free"))
            driver.do(kind, rng.getrandbits(20), rng.getrandbits(20))
        if turn % 4 == 3:
            driver.check()
    assert any(outcome == "CommitLimitError" for _, outcome in driver.log)
    driver.arena.commit_limit = None
    run(driver, part, 40)
    driver.end()


@pytest.mark.parametrize("kinds", (["mapping"], ["node"], ["reservation", "mapping", "node"]))
@pytest.mark.parametrize("probability", (0.03, 0.3))
def test_a_run_in_which_attempts_are_refused(seed, kinds, probability):
    driver = Driver.boot(size=1 << 19)
    space, rng = driver.arena.space, random.Random(seed)
    plan = rl.FaultPlan()
    for kind in kinds:
        plan.fail(kind, probability=probability, seed=seed).fail(kind, nth=3)
    driver.create(1, 0)
    driver.create(3, 0)
    for _ in range(12):
        space.faults = plan
        for _ in range(25):
            driver.step(rng)
        space.faults = None
        driver.check()
    assert sum(plan.refused.values()) > 0
    run(driver, seed, 40)
    driver.end()


def test_destroying_everything_in_any_order_while_all_is_refused(seed):
    rng = random.Random(seed)
    for kind in ("mapping", "node", "reservation"):
        driver = Driver.boot(size=1 << 19)
        run(driver, seed, 150)
        space = driver.arena.space
        space.faults = rl.FaultPlan().fail(kind, nth=range(1, 10**9))
        while driver.live:
            driver.free(rng.getrandbits(20), 0)
        for pool in rng.sample(driver.arena.pools, len(driver.arena.pools)):
            pool.destroy()
        driver.check_empty()
        driver.arena.destroy()
        assert space.reserved == space.mapped == 0
