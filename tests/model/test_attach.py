"""Attach: at any moment every handle can be rebuilt from the bytes, and what
happens then is what would have happened anyway."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.driver import KINDS, Driver

import rangeland as rl

steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 2**30 - 1),
        st.integers(0, 2**30 - 1),
        st.booleans(),
    ),
    max_size=60,
)
options = st.fixed_dictionaries(
    {
        "size": st.sampled_from([1, 1 << 20]),
        "grain_size": st.sampled_from([4096, 16384]),
        "zoned": st.booleans(),
        "spare": st.sampled_from([0, 0.25, 0.75, 1]),
    }
)


def events(log):
    """The log without its times."""
    return [(event.name, event.params) for event in log]


def step(driver, kind, x, y):
    """One step and the events that it gave."""
    with rl.record(rl.ALL_KINDS) as log:
        driver.do(kind, x, y)
    return events(log)


def accounts(arena):
    """What an arena says of itself."""
    return (
        arena.reserved, arena.committed, arena.spare_committed, arena.free_zones, arena.extend_by,
        [repr(chunk) for chunk in arena.chunks],
        [(pool.address, pool.serial, pool.total_size, pool.free_size) for pool in arena.pools],
    )  # fmt: skip


def words(space):
    """Every mapped page of the space: where, and a hash of it."""
    return [
        (page, hash(bytes(space.view(page, 4096))))
        for held in space.reservations.values()
        for page in range(held.base, held.base + held.size, 4096)
        if space.first_unmapped(page, page + 4096) != page
    ]


def reattach(driver):
    arena = driver.arena
    before = words(arena.space)
    with rl.record(rl.ALL_KINDS) as log:
        driver.bind(rl.Arena.attach(arena.space, arena.address))
    assert events(log) == [], "attaching is no event"
    assert words(arena.space) == before, "attaching writes nothing"
    assert driver.arena is not arena and driver.arena.grains is not arena.grains


@given(options, steps)
def test_an_attached_arena_goes_on_as_its_twin(options, steps):
    one, two = Driver.boot(**options), Driver.boot(**options)
    for kind, x, y, again in steps:
        if again:
            reattach(one)
        assert step(one, kind, x, y) == step(two, kind, x, y)
        assert one.log[-1] == two.log[-1]
        assert accounts(one.arena) == accounts(two.arena)
    assert words(one.arena.space) == words(two.arena.space)
    assert one.check() == two.check()
    reattach(one)
    one.end()
    two.end()


@pytest.mark.parametrize("checked", (False, True), ids=("unchecked", "checked"))
def test_a_long_run_that_attaches_at_every_turn(seed, checked):
    rng = random.Random(seed)
    one, two = (Driver.boot(checked=checked, spare=0.5) for _ in range(2))
    for turn in range(12):
        for _ in range(40):
            kind, x, y = rng.choice(KINDS), rng.getrandbits(30), rng.getrandbits(30)
            assert one.do(kind, x, y) == two.do(kind, x, y), f"in turn {turn}"
        reattach(one)
        assert accounts(one.arena) == accounts(two.arena)
    assert words(one.arena.space) == words(two.arena.space)
    assert one.check() == two.check()
    assert sum(kind == "alloc" for kind, _ in one.log) > 100


def test_what_is_attached_is_the_same_thing():
    driver = Driver.boot(size=3 << 20, grain_size=16384, zoned=False, commit_limit=1 << 22)
    arena = driver.arena
    arena.extend_by, arena.extend_min, arena.spare = 1 << 21, 1 << 20, 0.125
    first, second = rl.MVFF(arena, align=64, first_fit=False), rl.MFS(arena, 100)
    blocks = [first.alloc(1000), second.alloc(100)]
    other = rl.Arena.attach(arena.space, arena.address)
    for name in (
        "address", "alive", "reserved", "committed", "spare_committed", "grain_size", "zone_shift",
        "zoned", "free_zones", "serial", "commit_limit", "spare", "extend_by", "extend_min",
    ):  # fmt: skip
        assert getattr(other, name) == getattr(arena, name), name
    assert other.describe() == arena.describe()
    assert [type(pool) for pool in other.pools] == [rl.MVFF, rl.MFS]
    assert other.pools[0].align == 64 and other.pools[1].unit_size == second.unit_size
    assert [other.pool_of(block).serial for block in blocks] == [first.serial, second.serial]
    other.check()
