"""Words of lands that cannot be what they are: each is told, with structure,
address and word, before it is followed (design/land.md#.sol.bounds)."""

import pytest

from land import fields as f
from land.land import write
from land.nodes import NodeSource, StackNodes
from land.sized import CBSSized
from land.zonedtree import ZonedTree
from support.lands import CLASSES, PAGE, machine, machine_for_speed, make, mapped
from vm.results import AccessError, DamageError

OURS = (DamageError, AccessError)


@pytest.fixture(params=["checked", "unchecked"])
def space(request):
    return machine() if request.param == "checked" else machine_for_speed(1 << 24)


@pytest.fixture
def base(space):
    return mapped(space, 4 * PAGE)


def filled(name, space, base, count=9):
    """A land of `count` ranges of 64 bytes and more, 256 bytes apart."""
    land = make(name, space)
    for i in range(count):
        land.insert(base + 256 * i, base + 256 * i + 64 + 8 * (i % 4))
    land.check()
    return land


def sized(space, base):
    """A sized land of nine ranges."""
    memory = mapped(space, 4 * PAGE)
    nodes = StackNodes(space, f.SIZED_NODE_SIZE, memory + PAGE, memory + 2 * PAGE)
    land = CBSSized.init(space, memory, nodes, 8)
    for i in range(9):
        land.insert(base + 256 * i, base + 256 * i + 64 + 8 * (i % 4))
    return land


def root(space, land):
    """The address of the node at the root."""
    return space.word(land.address + 8 * f.ROOT) & -2


WALKS = {
    "insert": lambda land, at: land.insert(at + 8 * PAGE, at + 8 * PAGE + 8),
    "delete": lambda land, at: land.delete(at + 256 * 8, at + 256 * 8 + 8),
    "iteration": lambda land, at: list(land),
    "find_last": lambda land, at: land.find_last(64),
    "find_next": lambda land, at: land.find_next(at, 64),
    "whole_size": lambda land, at: land.whole_size(8),
    "find_in_zones": lambda land, at: land.find_in_zones(64, 2, True),
    "check": lambda land, at: land.check(),
    "tree check": lambda land, at: land.tree.check(),
    "node_of": lambda land, at: land.tree.node_of(at + 4 * PAGE),
}


@pytest.mark.parametrize("walk", WALKS)
def test_a_link_that_leads_nowhere_is_told(space, base, walk):
    land = filled("CBSZoned", space, base)
    node = root(space, land)
    # In every zone, and so in the way of every walk
    write(space, node, f.ZONES, -1)
    top = space.limit + 16 * PAGE - 8
    for link in (0, -8, space.nil + 8, node + 4, 1 << 62, -(1 << 63), top):
        for side in (f.LEFT, f.RIGHT):
            write(space, node, side, link)
        with pytest.raises(OURS, match="0x"):
            WALKS[walk](land, base)
            # A misaligned link leads where it did: then check tells.
            land.check()


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_in_circles_ends(space, base, walk):
    land = filled("CBSZoned", space, base)
    node = root(space, land)
    write(space, node, f.ZONES, -1)
    for side in (f.LEFT, f.RIGHT):
        write(space, node, side, node)
    with pytest.raises(AssertionError):
        WALKS[walk](land, base)


def test_a_size_that_no_range_has_is_told(space, base):
    land = filled("CBSFast", space, base)
    write(space, root(space, land), f.MAX, 1 << 20)
    with pytest.raises(DamageError, match="word 4 is 0x100000: expected the size of a range"):
        land.find_first(1 << 19)


@pytest.mark.parametrize("field,more", [(f.LIMIT, 1 << 20), (f.LIMIT, 1 << 61), (f.BASE, -4 * PAGE)])
def test_a_range_that_grew_by_itself_is_told_and_does_not_become_its_max(space, base, field, more):
    land = filled("CBSFast", space, base, 3)
    node = root(space, land)
    write(space, node, field, space.word(node + 8 * field) + more)
    with pytest.raises(DamageError, match="word 4 is 0x[0-9a-f]+: expected the size"):
        # The largest is to go, so that MAX of the root is worked out anew.
        land.delete(base + 512, base + 512 + 80)


@pytest.mark.parametrize("word", [-1, 1, -(1 << 63), (1 << 63) - 1])
def test_a_node_whose_range_is_none_is_told(space, base, word):
    land = filled("CBSFast", space, base, 1)
    node = root(space, land)
    for field in (f.BASE, f.LIMIT):
        right = space.word(node + 8 * field)
        write(space, node, field, word)
        for act in (
            lambda: land.insert(base + 256, base + 264),
            lambda: land.delete(base, base + 8),
            lambda: land.find_first(8, "entire"),
            lambda: list(land),
        ):
            with pytest.raises(AssertionError):
                act()
                land.check()
            write(space, node, field, word)
        write(space, node, field, right)
    with pytest.raises(DamageError, match="word 2 is 0x9: expected a multiple of 8"):
        write(space, node, f.BASE, 9)
        land.find_first(8)


def test_an_address_beyond_all_is_told_as_such(space, base):
    land = filled("CBS", space, base, 1)
    node = root(space, land)
    for field in (f.BASE, f.LIMIT):
        write(space, node, field, space.word(node + 8 * field) | 1 << 62)
    with pytest.raises(DamageError, match="word 2 is 0x40.*: expected a multiple of 8 below 2"):
        land.insert(base + 4096, base + 4104)
        land.delete(base, base + 8)
        land.insert((1 << 62) + base + 256, (1 << 62) + base + 264)


@pytest.mark.parametrize("inner", [False, True])
def test_a_tag_on_a_side_that_is_nil_is_told(space, base, inner):
    land = filled("CBS", space, base, 3)
    node = root(space, land)
    if inner:
        write(space, node, f.RIGHT, space.word(node + 8 * f.RIGHT) | 1)
        write(space, space.word(node + 8 * f.RIGHT) & -2, f.LEFT, space.nil | 1)
    else:
        write(space, node, f.RIGHT, space.nil | 1)
    with pytest.raises(DamageError, match="expected a node: the side is the taller one"):
        land.delete(base, base + 64)
    with pytest.raises(AssertionError):
        land.check()


def test_a_child_without_a_tag_is_not_lost(space, base):
    land = make("CBS", space)
    for at in (256, 0):
        land.insert(base + at, base + at + 64)
    node = root(space, land)
    write(space, node, f.LEFT, space.word(node + 8 * f.LEFT) & -2)
    with pytest.raises(DamageError, match="one child at most"):
        land.delete(base + 256, base + 320)


@pytest.mark.parametrize("name", ["CBS", "CBSFast", "Freelist"])
@pytest.mark.parametrize("field", [f.SIZE, f.COUNT])
def test_a_count_that_can_be_none_is_told_before_anything_changes(space, base, name, field):
    land = filled(name, space, base)
    before = list(land)
    for word in (-1, -(1 << 63), (1 << 63) - 1):
        write(space, land.address, field, word)
        for change in (
            lambda: land.insert(base + 128, base + 136),
            lambda: land.insert(base + 64, base + 72),
            lambda: land.delete(base, base + 64),
            lambda: land.delete(base, base + 8),
        ):
            with pytest.raises(DamageError, match=f"word {field} is -?0x"):
                change()
        assert list(iter(land)) == before
        with pytest.raises(AssertionError):
            land.check()
        if field == f.COUNT or word < 0:
            with pytest.raises(DamageError):
                len(land) if field == f.COUNT else land.size


@pytest.mark.parametrize("name", [*CLASSES, "Freelist", "Failover"])
def test_an_alignment_that_is_none_is_told_when_a_handle_is_made(space, name):
    land = make(name, space)
    parts = {"Freelist": (), "Failover": ("primary", "secondary")}.get(name, ("nodes",))
    for word in (0, -8, 4, 24, (1 << 63) - 1):
        write(space, land.address, f.ALIGN, word)
        with pytest.raises(DamageError, match=f"{name} at .*: word 1 is"):
            type(land)(space, land.address, *(getattr(land, part) for part in parts))


@pytest.mark.parametrize("field", [f.ALIGN, f.NODES, f.ZONE_SHIFT])
def test_check_compares_the_descriptor_with_the_handle(space, base, field):
    land = filled("CBSZoned", space, base)
    write(space, land.address, field, 16)
    with pytest.raises(AssertionError, match="the one written"):
        land.check()


@pytest.mark.parametrize("shift", [-1, 57, 1 << 62])
def test_a_shift_of_zones_that_is_none_is_told(space, base, shift):
    land = filled("CBSZoned", space, base)
    write(space, land.address, f.ZONE_SHIFT, shift)
    with pytest.raises(DamageError, match="at most 56"):
        type(land)(space, land.address, land.nodes)
    with pytest.raises(DamageError):
        ZonedTree(space, land.address, f.ZONED_NODE_SIZE, shift)


def test_a_search_in_zones_that_comes_by_a_range_again_is_told(space, base):
    land = filled("CBSZoned", space, base, 3)
    node = root(space, land)
    left = space.word(node) & -2
    for side in (f.LEFT, f.RIGHT):
        write(space, node, side, left)
    # They say to be in all zones, and are in none that is wanted.
    write(space, left, f.ZONES, -1)
    write(space, node, f.ZONES, -1)
    zones = ((1 << 64) - 1) ^ (1 << (base >> 12 & 63))
    with pytest.raises(DamageError, match="range below"):
        land.find_in_zones(64, zones)
    with pytest.raises(DamageError, match="range above"):
        land.find_in_zones(64, zones, True)
    with pytest.raises(DamageError, match="range below"):
        land.whole_size(8)


class Giver(NodeSource):
    """A node source that gives out `address`."""

    address = 0

    def alloc_node(self):
        return self.address


@pytest.mark.parametrize("where", ["nil", "odd"])
def test_a_node_that_can_be_none_is_refused(space, base, where, speed):
    nodes = StackNodes(space, f.NODE_SIZE, base, base + 4 * f.NODE_SIZE)
    land = CLASSES["CBS"].init(space, mapped(space, PAGE), nodes, 8)
    # The free node names what is given next.
    write(space, base, 0, space.nil if where == "nil" else base + f.NODE_SIZE + 4)
    with pytest.raises(DamageError, match="a free node"):
        land.insert(base + PAGE, base + PAGE + 8)
    with pytest.raises(DamageError, match="nil page"):
        land.tree.insert(space.nil)
    assert speed in ("compiled", "interpreted")


def test_free_nodes_in_a_circle_are_not_given_out_for_ever(space, base):
    nodes = StackNodes(space, f.NODE_SIZE, base, base + 4 * f.NODE_SIZE)
    land = CLASSES["CBS"].init(space, mapped(space, PAGE), nodes, 8)
    write(space, base + f.NODE_SIZE, 0, base + f.NODE_SIZE)
    with pytest.raises(AssertionError):
        for i in range(8):
            land.insert(base + PAGE + 64 * i, base + PAGE + 64 * i + 8)
            land.check()


# The freelist: its words lie in memory that clients had


def test_a_link_of_free_memory_that_is_none_is_told(space, base):
    land = filled("Freelist", space, base)
    block = base + 256 * 3
    for link in (0, 8, -8, 1 << 62, -(1 << 63), block, block + 260, base, space.limit, space.nil + 8):
        write(space, block, 0, link)
        for act in (
            lambda: land.insert(base + 8192, base + 8200),
            lambda: land.delete(base + 256 * 8, base + 256 * 8 + 8),
            lambda: land.find_last(8),
            lambda: land.find_best(8),
            lambda: land.find_largest(8),
            lambda: land.find_next(base + 256 * 7, 8),
            lambda: land.whole_size(8),
            lambda: list(land),
            land.check,
        ):
            with pytest.raises(DamageError, match="block or the head of <Freelist"):
                act()


@pytest.mark.parametrize("limit", [0, -1, 1, 1 << 62, -(1 << 63)])
def test_a_limit_in_free_memory_that_is_none_is_told(space, base, limit):
    land = filled("Freelist", space, base)
    write(space, base, 1, limit)
    with pytest.raises(DamageError, match="word 1 is .*expected the limit"):
        land.find_first(8)


@pytest.mark.parametrize("word", [8, -8])
def test_a_secondary_that_counts_what_it_has_not_is_told(space, base, word):
    land = make("Failover", space)
    land.insert(base, base + 64)
    write(space, land.secondary.address, f.SIZE, word)
    with pytest.raises(DamageError, match="word 2 is .*expected 0"):
        land.find_first(8)


# The sized land, whose nodes hang in two trees


def test_a_range_that_only_one_tree_has_is_told(space, base):
    land = sized(space, base)
    write(space, land.address, f.SIZE_ROOT, space.nil)
    with pytest.raises(DamageError, match="the tree of sizes"):
        land.delete(base, base + 64)
    land = sized(space, base)
    write(space, land.address, f.ROOT, space.nil)
    with pytest.raises(DamageError, match="the tree of sizes"):
        land.find_largest(8, "entire")


@pytest.mark.parametrize("verb", ["find_best", "find_largest", "whole_size", "insert"])
@pytest.mark.parametrize("link", ["0", "itself", "nil + 16"])
def test_a_link_of_sizes_that_leads_nowhere_is_told(space, base, verb, link):
    land = sized(space, base)
    node = space.word(land.address + 8 * f.SIZE_ROOT) & -2
    word = {"0": 0, "itself": node, "nil + 16": space.nil + 16}[link]
    for side in (f.LEFT, f.RIGHT):
        write(space, node, side, word)
    with pytest.raises(OURS):
        if verb == "insert":
            land.insert(base + 8192, base + 8200)
        else:
            getattr(land, verb)(8)
    with pytest.raises(AssertionError):
        land.check()


@pytest.mark.parametrize("name", ["CBSFast", "CBSZoned"])
@pytest.mark.parametrize(
    "field,change", [(f.LIMIT, 8), (f.LIMIT, 1 << 61), (f.BASE, -8), (f.MAX, -8)]
)
@pytest.mark.parametrize(
    "ask", ["find_first", "find_last", "insert below", "insert above", "delete"]
)
def test_a_range_larger_than_the_largest_is_told(name, field, change, ask, space, base):
    """Before anything is changed, as a range that is put together with another hides it."""
    land = make(name, space)
    land.insert(base + 256, base + 320)
    asks = {
        "find_first": lambda: land.find_first(56, "low"),
        "find_last": lambda: land.find_last(56, "high"),
        "insert below": lambda: land.insert(base + 128, base + 256),
        "insert above": lambda: land.insert(base + 1024, base + 1032),
        "delete": lambda: land.delete(base + 264, base + 272),
    }
    at = root(space, land) + 8 * field
    known = space.word(at)
    write(space, at, 0, known + change)
    with pytest.raises(DamageError, match="word 4 is 0x[0-9a-f]+: expected"):
        asks[ask]()
    write(space, at, 0, known)
    land.check()
    assert list(land) == [(base + 256, base + 320)]
