"""Nodes: when a land takes and gives them, refusals, and stealing."""

import pytest

from land.cbs import CBSFast
from land.nodes import CappedNodes, NodeSource, StackNodes
from support.lands import PAGE, machine, make, mapped
from vm import results as r
from vm.faults import FaultPlan
from vm.results import LimitError, MappingError, ProtocolError, ResourceError

CBSES = ("CBS", "CBSFast", "CBSZoned")


@pytest.fixture
def space():
    return machine()


@pytest.fixture(params=CBSES)
def name(request):
    return request.param


def test_a_node_for_each_range_and_no_more(space, name):
    land = make(name, space, cap=100)
    used = []
    for verb, base, limit in (
        ("insert", 64, 128),
        ("insert", 192, 256),
        ("insert", 128, 160),
        ("insert", 160, 192),
        ("delete", 128, 136),
        ("delete", 64, 72),
        ("delete", 72, 128),
        ("delete", 136, 256),
    ):
        getattr(land, verb)(base, limit)
        used.append(land.nodes.used)
        assert land.nodes.used == len(land)
        land.check()
    assert used == [1, 2, 2, 1, 2, 2, 1, 0]


@pytest.mark.parametrize(
    "code, error", [(r.LIMIT, LimitError), (r.MEMORY, MappingError), (r.RESOURCE, ResourceError)]
)
def test_a_refusal_changes_nothing_and_is_passed_on(space, name, code, error):
    land = make(name, space, cap=1, code=code)
    land.insert(64, 256)
    with pytest.raises(error, match="no node"):
        land.insert(512, 520)
    with pytest.raises(error, match="no node to split"):
        land.delete(128, 136)
    assert (land.found_base, land.found_limit) == (64, 256)
    assert list(land) == [(64, 256)] and land.size == 192 and land.nodes.used == 1
    land.check()
    land.insert(256, 264)
    assert list(land) == [(64, 264)], "a range that touches needs no node"


def test_a_find_in_zones_that_cannot_split_changes_nothing(space):
    land = make("CBSZoned", space, cap=1, zone_shift=6)
    land.insert(0, 640)
    with pytest.raises(LimitError):
        land.find_in_zones(64, 0b100)
    assert (land.old_base, land.old_limit) == (0, 640)
    assert list(land) == [(0, 640)]
    assert land.find_in_zones(64, 0b1) == ((0, 64), (0, 640)), "an end needs no node"
    land.check()


def test_the_fault_plan_refuses_nodes(space, name):
    land = make(name, space)
    space.faults = FaultPlan().fail("node", nth=2)
    land.insert(0, 8)
    with pytest.raises(MappingError):
        land.insert(64, 72)
    assert list(land) == [(0, 8)]
    land.insert(64, 72)
    assert space.faults.attempts["node"] == 3 and space.faults.refused["node"] == 1
    land.check()


def test_the_right_node_goes_when_neighbours_merge(space):
    # The node last freed is the one given out next: so it is seen which.
    land = make("CBSFast", space)
    land.insert(0, 8)
    land.insert(16, 24)
    left, right = land.tree.node_of(0), land.tree.node_of(16)
    land.insert(8, 16)
    assert land.tree.node_of(16) == left
    land.insert(64, 72)
    assert land.tree.node_of(64) == right


def test_nodes_are_given_out_in_ascending_order_at_first(space):
    base = mapped(space, PAGE)
    land = make("CBS", space)
    nodes = StackNodes(space, 32, base, base + 128)
    land = type(land).init(space, mapped(space, PAGE), nodes, 8)
    for i in range(4):
        land.insert(64 * i, 64 * i + 8)
    assert list(land.tree) == [base, base + 32, base + 64, base + 96]
    with pytest.raises(LimitError):
        land.insert(1024, 1032)


def test_a_bare_source_has_nothing(space):
    land = CBSFast.init(space, mapped(space, PAGE), NodeSource(space), 8)
    with pytest.raises(LimitError):
        land.insert(0, 8)
    with pytest.raises(LimitError):
        land.insert_steal(0, 8)
    assert list(land) == [] and land.stolen == 0


# Stealing: what is inserted is memory, and its first grain becomes nodes


@pytest.fixture
def grains(space, name):
    """A land of grains, without a node, and four mapped grains."""
    sizes = {"CBS": 32, "CBSFast": 40, "CBSZoned": 48}
    base = mapped(space, 16 * PAGE)
    nodes = StackNodes(space, sizes[name], base, base)
    land = type(make(name, space)).init(space, mapped(space, PAGE), nodes, PAGE)
    return land, base


def nodes_of(land):
    return list(land.tree)


def test_an_insert_steals_its_first_grain(grains):
    land, base = grains
    assert land.insert_steal(base, base + 4 * PAGE) == (base + PAGE, base + 4 * PAGE)
    assert land.stolen == PAGE
    assert list(land) == [(base + PAGE, base + 4 * PAGE)]
    assert all(base <= node < base + PAGE for node in nodes_of(land))
    assert land.insert_steal(base + 8 * PAGE, base + 9 * PAGE) == (base + 8 * PAGE, base + 9 * PAGE)
    assert land.stolen == 0
    land.check()


def test_an_insert_may_be_stolen_whole(grains):
    land, base = grains
    assert land.insert_steal(base, base + PAGE) == (base + PAGE, base + PAGE)
    assert list(land) == [] and land.stolen == PAGE


def test_a_stealing_insert_still_refuses_overlaps(grains):
    land, base = grains
    land.insert_steal(base, base + 4 * PAGE)
    with pytest.raises(ProtocolError):
        land.insert_steal(base + 2 * PAGE, base + 3 * PAGE)
    with pytest.raises(ProtocolError):
        land.delete_steal(base + 8 * PAGE, base + 9 * PAGE)
    assert list(land) == [(base + PAGE, base + 4 * PAGE)]


def test_refused_again_an_insert_steals_again(grains, space):
    land, base = grains
    space.faults = FaultPlan().fail("node", nth=range(1, 3))
    assert land.insert_steal(base, base + 4 * PAGE) == (base + 2 * PAGE, base + 4 * PAGE)
    assert land.stolen == 2 * PAGE


def test_a_delete_steals_from_the_range_that_contains_it(space, name):
    base = mapped(space, 16 * PAGE)
    size = {"CBS": 32, "CBSFast": 40, "CBSZoned": 48}[name]
    room = mapped(space, PAGE)
    nodes = StackNodes(space, size, room, room + size)
    land = type(make(name, space)).init(space, mapped(space, PAGE), nodes, PAGE)
    land.insert(base, base + 8 * PAGE)
    found = land.delete_steal(base + 4 * PAGE, base + 5 * PAGE)
    assert found == (base + PAGE, base + 8 * PAGE) and land.stolen == PAGE
    assert list(land) == [
        (base + PAGE, base + 4 * PAGE),
        (base + 5 * PAGE, base + 8 * PAGE),
    ]
    land.check()


def test_a_delete_with_nothing_below_it_cannot_steal(space):
    base = mapped(space, 16 * PAGE)
    room = mapped(space, PAGE)
    nodes = StackNodes(space, 40, room, room + 40, grain=2 * PAGE)
    land = CBSFast.init(space, mapped(space, PAGE), nodes, PAGE)
    land.insert(base, base + 8 * PAGE)
    with pytest.raises(LimitError):
        land.delete_steal(base + PAGE, base + 2 * PAGE)
    assert list(land) == [(base, base + 8 * PAGE)] and land.stolen == 0


def test_a_capped_source_rises_by_what_it_adopts(space):
    base = mapped(space, 4 * PAGE)
    nodes = CappedNodes(StackNodes(space, 40, base, base), 0, r.RESOURCE)
    land = CBSFast.init(space, mapped(space, PAGE), nodes, PAGE)
    assert land.insert_steal(base, base + 4 * PAGE) == (base + PAGE, base + 4 * PAGE)
    assert nodes.limit == nodes.used == 1
