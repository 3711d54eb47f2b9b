"""Whatever is refused, and when: creation leaves nothing, other operations
leave all as it was, and afterwards everything works."""

import pytest
from support.driver import Driver
from support.rawarena import audit

import rangeland as rl

RAISED = {"reservation": rl.ResourceError, "mapping": rl.MappingError, "node": rl.MappingError}
SIZES = {"small": (1 << 20, 4096), "wide": (1 << 26, 4096), "grains": (1 << 22, 16384)}


def attempts(kind, operation):
    """What `operation(plan)` gives for a plan that refuses the first attempt
    of `kind`, the second, and so on, until none is refused."""
    for n in range(1, 200):
        plan = rl.FaultPlan().fail(kind, nth=n)
        yield operation(plan)
        if not plan.refused[kind]:
            return
    raise AssertionError("every attempt so far was refused")


def left_nothing(space):
    space.faults = None
    space.check()
    assert space.reserved == space.mapped == 0
    assert not space.reservations
    assert space.stack.pointer == space.stack.limit


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("size, grain", SIZES.values(), ids=SIZES)
def test_creation_refused_anywhere_leaves_nothing(kind, size, grain):
    def create(plan):
        space = rl.AddressSpace(1 << 30, checked=True, faults=plan)
        try:
            arena = rl.Arena(size=size, grain_size=grain, space=space)
        except RAISED[kind]:
            left_nothing(space)
            space.faults = None
            arena = rl.Arena(size=size, grain_size=grain, space=space)
            failed = True
        else:
            space.faults = None
            failed = False
        arena.check()
        assert audit(space, arena.address).extra == 0
        arena.destroy()
        left_nothing(space)
        return failed

    failures = list(attempts(kind, create))
    assert any(failures) and not failures[-1]


@pytest.mark.parametrize("size, grain", SIZES.values(), ids=SIZES)
def test_every_commit_limit_below_what_creation_needs_leaves_nothing(size, grain):
    space = rl.AddressSpace(1 << 30, checked=True)
    needed = rl.Arena(size=size, grain_size=grain, space=rl.AddressSpace(1 << 30)).committed
    for limit in (*range(0, needed, 4096), needed - 1):
        with pytest.raises(rl.CommitLimitError):
            rl.Arena(size=size, grain_size=grain, commit_limit=limit, space=space)
        left_nothing(space)
    arena = rl.Arena(size=size, grain_size=grain, commit_limit=needed, space=space)
    assert arena.committed == arena.commit_limit == needed
    arena.check()


def used_arena():
    """A driver of an arena with two pools and some blocks."""
    driver = Driver.boot(size=1 << 19, space=1 << 26)
    arena = driver.arena
    for pool in (rl.MVFF(arena, spare=0.5, extend_by=8192), rl.MFS(arena, 600, extend_by=4096)):
        for size in (600,) * 40:
            address = pool.alloc(size)
            assert driver.judge.allocated(address, size, pool.serial, 8) == "ok"
            driver.live.append((pool.serial, address, size))
    for i in range(0, 60, 3):
        driver.free(i, 0)
    return driver


def accounts(driver):
    """What a failed operation may not change: chunks may have come, and
    spare memory may have gone."""
    arena = driver.arena
    grains = driver.check()["pools"]
    own = {serial: grains[serial] for serial in grains if serial > 1}
    return own, [(p.serial, p.total_size, p.free_size) for p in arena.pools]


OPERATIONS = {
    "pool": lambda arena: rl.MVFF(arena),
    "pool of units": lambda arena: rl.MFS(arena, 24),
    "alloc": lambda arena: arena.pools[0].alloc(100000),
    "alloc that grows the arena": lambda arena: arena.pools[0].alloc(1 << 20),
    "alloc of a unit": lambda arena: [arena.pools[1].alloc(600) for _ in range(40)],
    "first alloc": lambda arena: rl.MVFF(arena, arena_high=True).alloc(24),
}


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_refused_anywhere_changes_no_account(kind, operation):
    def attempt(plan):
        driver = used_arena()
        arena = driver.arena
        before = accounts(driver)
        last = arena.pools[-1].serial
        arena.space.faults = plan
        try:
            operation(arena)
            failed = False
        except (RAISED[kind], rl.ResourceError):
            # The last plan is to look everywhere, so no chunk is no address.
            failed = True
        arena.space.faults = None
        arena.check()
        found = audit(arena.space, arena.address)
        if failed and operation not in (OPERATIONS["alloc of a unit"], OPERATIONS["first alloc"]):
            assert accounts(driver) == before
            assert arena.pools[-1].serial == last
            operation(arena)
        assert found.extra == 0
        for pool in arena.pools:
            pool.destroy()
        assert set(audit(arena.space, arena.address).summary["pools"]) <= {0, 1, 2, 3}
        arena.destroy()
        left_nothing(arena.space)
        return failed

    list(attempts(kind, attempt))


@pytest.mark.parametrize("kind", RAISED)
def test_a_free_never_fails(kind, rng):
    driver = used_arena()
    order = rng.sample(range(1000), 60)
    driver.arena.space.faults = rl.FaultPlan().fail(kind, nth=range(1, 10**9))
    for x in order:
        driver.free(x, 0)
    for pool in driver.arena.pools:
        assert pool.total_size == 0 or isinstance(pool, rl.MFS)
    driver.arena.space.faults = None
    driver.check()
    driver.end()


@pytest.mark.parametrize("kind", RAISED)
def test_destruction_never_fails(kind):
    driver = used_arena()
    space = driver.arena.space
    space.faults = rl.FaultPlan().fail(kind, nth=range(1, 10**9))
    for pool in driver.arena.pools:
        pool.destroy()
    driver.arena.destroy()
    left_nothing(space)
