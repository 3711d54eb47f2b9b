"""Whatever is refused, and when: creation leaves nothing, other operations
leave all as it was, and afterwards everything works."""

import pytest

import rangeland as rl
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.raw import audit

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
    """A trial of an arena with two pools and some blocks."""
    trial = ArenaTrial()
    trial.do(("begin", 1 << 19, 4096, True, 0.75, True))
    trial.do(("mvff", 0, 8192, 8, 0.5, False, False, True))
    trial.do(("mfs", 1, 600, 4096))
    for number in range(80):
        trial.do(("alloc", number, number // 40, 600))
    for number in range(0, 60, 3):
        trial.do(("free", number))
    return trial


def accounts(trial):
    """What a failed operation may not change: chunks may have come, and
    spare memory may have gone."""
    grains = trial.check()["pools"]
    own = {serial: grains[serial] for serial in grains if serial > 1}
    return own, [(p.serial, p.total_size, p.free_size) for p in trial.arena.pools]


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
        trial = used_arena()
        arena = trial.arena
        before = accounts(trial)
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
            assert accounts(trial) == before
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
    trial = used_arena()
    numbers = [block.number for block in trial.blocks]
    assert len(numbers) == 60
    trial.do(("refuse", kind, 1, 10**9))
    for number in rng.sample(numbers, 60):
        assert trial.do(("free", number))
    for pool in trial.arena.pools:
        assert pool.total_size == 0 or isinstance(pool, rl.MFS)
    trial.do(("relent",))
    trial.check()
    trial.end()


@pytest.mark.parametrize("kind", RAISED)
def test_destruction_never_fails(kind):
    trial = used_arena()
    space = trial.space
    space.faults = rl.FaultPlan().fail(kind, nth=range(1, 10**9))
    for pool in trial.arena.pools:
        pool.destroy()
    trial.arena.destroy()
    left_nothing(space)
