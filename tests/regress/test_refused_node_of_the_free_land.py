"""A node refused to the free land right after its pool got a page for nodes:
the page must leave the free land, and a bootstrap must give it back."""

import pytest

import rangeland as rl
from rangeland.invariants.raw import audit


def test_a_refused_second_node_of_the_bootstrap_leaves_nothing():
    space = rl.AddressSpace(1 << 24, checked=True, faults=rl.FaultPlan().fail("node", nth=2))
    with pytest.raises(rl.MappingError, match="first nodes of the free land"):
        rl.Arena(size=1 << 20, space=space)
    assert space.reserved == space.mapped == 0
    space.check()


def test_the_page_for_nodes_leaves_the_free_land_when_the_node_is_refused():
    space = rl.AddressSpace(1 << 24, checked=True)
    arena = rl.Arena(size=1 << 20, space=space)
    pools = [rl.MFS(arena, 4000, extend_by=4096) for _ in range(3)]
    for pool in pools:
        pool.alloc(4000)
    nodes = arena.system_pools[0]
    drained = [nodes.alloc(48) for _ in range(nodes.free_size // nodes.unit_size)]
    space.faults = plan = rl.FaultPlan().fail("node", nth=2)
    pools[1].destroy()
    space.faults = None
    assert plan.refused["node"] == 1
    for address in drained:
        nodes.free(address, 48)
    arena.check()
    assert audit(space, arena.address).summary["pools"][0] == 2
