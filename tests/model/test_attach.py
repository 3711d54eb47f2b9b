"""Attach: at any moment every handle can be rebuilt from the bytes, and what
happens then is what would have happened anyway."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rangeland as rl
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.points import AtPoints

beginnings = st.tuples(
    st.just("begin"),
    st.sampled_from([1, 1 << 20]),
    st.sampled_from([4096, 16384]),
    st.booleans(),
    st.sampled_from([0, 0.25, 0.75, 1]),
    st.booleans(),
)


def events(log):
    """The log without its times, and without labels, which are numbered in
    the order in which this process gave them."""
    labels = ("Intern", "LabelPointer")
    return [(event.name, event.params) for event in log if event.name not in labels]


def step(trial, step):
    """One step and the events that it gave."""
    with rl.record(rl.ALL_KINDS) as log:
        trial.do(step)
    return events(log)


def accounts(arena):
    """What an arena says of itself."""
    return (
        arena.reserved, arena.committed, arena.spare_committed, arena.free_zones, arena.extend_by,
        [repr(chunk) for chunk in arena.chunks],
        [(pool.address, pool.serial, pool.total_size, pool.free_size) for pool in arena.pools],
        [(q.address, q.init_address, q.limit_address) for p in arena.pools for q in p.points],
    )  # fmt: skip


def words(space):
    """Every mapped page of the space: where, and a hash of it."""
    return [
        (page, hash(bytes(space.view(page, 4096))))
        for held in space.reservations.values()
        for page in range(held.base, held.base + held.size, 4096)
        if space.first_unmapped(page, page + 4096) != page
    ]


def reattach(trial):
    arena = trial.arena
    before = words(arena.space)
    with rl.record(rl.ALL_KINDS) as log:
        rl.Arena.attach(arena.space, arena.address)
    assert events(log) == [], "attaching is no event"
    assert words(arena.space) == before, "attaching writes nothing"
    trial.do_attach()
    assert trial.arena is not arena and trial.arena.grains is not arena.grains


def twins(begin):
    """Two trials that begin alike, and a client of the first."""
    one, two = ArenaTrial(), ArenaTrial()
    one.do(begin)
    two.do(begin)
    return one, two


def end_alike(one, two):
    assert words(one.space) == words(two.space)
    assert one.check() == two.check()
    reattach(one)
    one.end()
    two.end()


@given(beginnings, st.randoms(use_true_random=False), st.lists(st.booleans(), max_size=60))
def test_an_attached_arena_goes_on_as_its_twin(begin, rng, turns):
    one, two = twins(begin)
    for again in turns:
        if again:
            reattach(one)
        chosen = one.choose(rng)
        # Of one of the twins alone: the first attaches often enough.
        if chosen[0] not in ("attach", "begin"):
            assert step(one, chosen) == step(two, chosen)
            assert one.outcomes[-1:] == two.outcomes[-1:]
            assert accounts(one.arena) == accounts(two.arena)
    one.do(("relent",))
    two.do(("relent",))
    end_alike(one, two)


@pytest.mark.parametrize("checked", (False, True), ids=("unchecked", "checked"))
def test_a_long_run_that_attaches_at_every_turn(seed, checked):
    rng = random.Random(seed)
    one, two = twins(("begin", 1 << 20, 4096, True, 0.5, checked))
    for pool in (("mvt", -1, 32, 4096, 64, 0.3, 8), ("mvt", -2, 64, 8192, 1, 1, 16)):
        assert one.do(pool) and two.do(pool)
    for turn in range(12):
        for _ in range(40):
            chosen = one.choose(rng)
            if chosen[0] not in ("attach", "refuse"):
                assert one.do(chosen) == two.do(chosen), f"in turn {turn}"
                assert one.outcomes[-1] == two.outcomes[-1], f"in turn {turn}"
        reattach(one)
        assert accounts(one.arena) == accounts(two.arena)
    assert sum(kind == "alloc" for kind, _ in one.outcomes) > 50
    end_alike(one, two)


def test_what_is_attached_is_the_same_thing():
    space = rl.AddressSpace(1 << 28, checked=True)
    arena = rl.Arena(3 << 20, grain_size=16384, zoned=False, commit_limit=1 << 22, space=space)
    arena.extend_by, arena.extend_min, arena.spare = 1 << 21, 1 << 20, 0.125
    first, second = rl.MVFF(arena, align=64, first_fit=False), rl.MFS(arena, 100)
    third = AtPoints(rl.MVT(arena, max_size=4096))
    blocks = [first.alloc(1000), second.alloc(100), third.alloc(40), third.alloc(5000)]
    other = rl.Arena.attach(arena.space, arena.address)
    for name in (
        "address", "alive", "reserved", "committed", "spare_committed", "grain_size", "zone_shift",
        "zoned", "free_zones", "serial", "commit_limit", "spare", "extend_by", "extend_min",
    ):  # fmt: skip
        assert getattr(other, name) == getattr(arena, name), name
    assert other.describe() == arena.describe()
    assert [type(pool) for pool in other.pools] == [rl.MVFF, rl.MFS, rl.MVT]
    assert other.pools[0].align == 64 and other.pools[1].unit_size == second.unit_size
    assert [other.pool_of(block).serial for block in blocks] == [
        first.serial, second.serial, third.serial, third.serial,
    ]  # fmt: skip
    again = AtPoints(other.pools[2], turn=third.turn)
    assert list(map(repr, again.points)) == list(map(repr, third.points))
    assert again.alloc(16) == blocks[2] + 40
    other.check()
