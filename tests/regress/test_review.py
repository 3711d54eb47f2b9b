"""What reviewers broke, each in the fewest calls that did it."""

import warnings

import numpy as np
import pytest

import rangeland as rl
from rangeland.traces.read import read_trace
from rangeland.traces.trace import Trace
from vm.telemetry import stream


@pytest.fixture
def space():
    return rl.AddressSpace(1 << 31)


@pytest.fixture
def arena(space):
    return rl.Arena(size=1 << 20, space=space)


def test_a_failover_keeps_links_in_memory_only(arena):
    land = rl.Failover(arena)
    arena.space.faults = rl.FaultPlan().fail("node", nth=1)
    with pytest.raises(rl.ParamError, match="no memory"):
        land.insert(0x1000, 0x2000)
    unmapped = arena.chunks[0].limit - 4096
    with pytest.raises(rl.ParamError, match="not mapped"):
        land.insert(unmapped, unmapped + 4096)
    assert list(land) == []


def test_a_failover_that_cannot_be_made_leaves_nothing(arena):
    control = arena.system_pools[2]
    while control.largest_free >= 400:
        arena.control_alloc(200)
    arena.commit_limit = arena.committed - arena.spare_committed
    used = control.total_size - control.free_size
    with pytest.raises(rl.CommitLimitError):
        rl.Failover(arena)
    assert arena.pools == []
    assert control.total_size - control.free_size == used
    arena.check()


def test_system_pools_of_a_dead_arena_are_dead(space, arena):
    old = arena.system_pools
    arena.destroy()
    later = rl.Arena(size=1 << 28, space=space)
    for pool in old:
        assert not pool.alive
        with pytest.raises(rl.ProtocolError, match="has been destroyed"):
            pool.alloc(pool.unit_size if hasattr(pool, "unit_size") else 70000)
    later.check()
    later.destroy()


def test_embedded_pools_of_a_dead_pool_are_dead(space, arena):
    old = rl.MVFF(arena).blocks
    arena.pools[0].destroy()
    pool = rl.MVFF(arena)
    assert pool.blocks.address == old.address
    assert not old.alive and pool.blocks.alive
    arena.check()


def test_a_dead_pool_has_no_extents(arena):
    pool = rl.MFS(arena, 8)
    pool.alloc(8)
    units = pool.free_units()
    next(units)
    pool.destroy()
    others = [rl.MVFF(arena) for _ in range(3)]
    with pytest.raises(rl.ProtocolError, match="has been destroyed"):
        pool.extents()
    assert list(units) == list(pool.free_units()) == []
    assert len(others) == 3


@pytest.mark.parametrize("kinds", [1 << 63, 1 << 70, -1, 1 << 8])
def test_a_mask_of_no_kinds_is_refused_and_forgotten(kinds):
    with pytest.raises(rl.ParamError, match="kinds is"):
        with rl.record(kinds):
            pass
    with rl.record() as log:
        rl.Arena(size=1 << 20).destroy()
    assert len(log) > 0


def test_a_listener_that_raises_stops_nothing(arena):
    def listener(code, params):
        raise RuntimeError("no")

    stream.attach(listener, rl.ALL_KINDS)
    with pytest.warns(UserWarning, match="is detached: it raised RuntimeError"):
        pool = rl.MVFF(arena)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool.alloc(100000)
    arena.check()


@pytest.mark.parametrize("size", [0, -5, 1 << 64, "8"])
def test_control_memory_is_asked_for_in_bytes(arena, size):
    with pytest.raises(rl.ParamError, match="size is"):
        arena.control_alloc(size)
    with pytest.raises(rl.ParamError, match="size is"):
        arena.control_free(arena.address, size)
    arena.check()


def test_only_control_memory_is_freed_as_such(arena):
    with pytest.raises(rl.ProtocolError, match="is not in the memory"):
        arena.control_free(8, 4096)
    rl.MVFF(arena)
    arena.check()


@pytest.mark.parametrize("align", [1 << 63, 1 << 64, 1 << 70])
def test_an_alignment_has_an_end(arena, align):
    for kind in (rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover):
        with pytest.raises(rl.ParamError, match="align is"):
            kind(arena, align=align)
    assert arena.pools == []


@pytest.mark.parametrize("size, align", [(-4096, 4096), (5, 4096), (0, 4096), (4096, 3), (4096, 0)])
def test_a_reservation_is_of_whole_pages(space, size, align):
    with pytest.raises(rl.ParamError):
        space.reserve(size, align)
    space.check()
    assert space.reserved == 0


@pytest.mark.parametrize("plan", [5, "mapping", object()])
def test_faults_come_from_a_plan(space, plan):
    with pytest.raises(rl.ParamTypeError, match="expected a FaultPlan"):
        space.faults = plan
    with pytest.raises(rl.ParamTypeError, match="expected a FaultPlan"):
        rl.AddressSpace(1 << 20, faults=plan)


def test_placement_is_bases_or_a_function(space):
    with pytest.raises(rl.ParamTypeError, match="placement is 5"):
        rl.AddressSpace(1 << 20, placement=5)
    for wrong in ("x", space.base + 4096.0):
        space.placement = [wrong]
        with pytest.raises(rl.ParamTypeError, match="a base of placement"):
            rl.Arena(size=1 << 20, space=space)
    base = space.base + (1 << 24)
    space.placement = [base]
    assert rl.Arena(size=1 << 20, space=space).address == base


def test_a_trace_is_of_whole_numbers_and_stays_as_it_was_checked():
    for wrong in (np.zeros((1, 1), np.int8), "x", None, [0.5]):
        with pytest.raises((rl.ParamError, ValueError)):
            Trace(wrong, [0], [8])
    sizes = np.full(1, 8)
    trace = Trace([0], [0], sizes)
    sizes[0] = 1 << 62
    assert trace.size[0] == 8
    with pytest.raises(ValueError, match="read-only"):
        trace.size[0] = 1 << 62


def test_an_endless_id_is_an_error_of_the_line(tmp_path):
    path = tmp_path / "long.rep"
    path.write_text("1\n1\n1\n1\na " + "9" * 5000 + " 8\n")
    with pytest.raises(rl.ParamError, match="long.rep:5: .*at most 19 digits"):
        read_trace(path)


def test_an_unmapped_view_is_a_value_error(arena):
    with pytest.raises(ValueError, match="not mapped"):
        arena.view(arena.chunks[0].limit - 8, 8)
