"""The tree: order, balance, caches, at every size and every shape of removal."""

import random

import pytest

from land import fields as f
from land.land import write
from land.tree import Tree
from support.lands import machine, make, mapped
from vm.results import ProtocolError


@pytest.fixture
def space():
    return machine()


def plain_tree(space):
    root_at = mapped(space, 4096)
    write(space, root_at, 0, space.nil)
    return Tree(space, root_at, f.NODE_SIZE)


def nodes_of(space, ranges):
    """Nodes with the `ranges`, in memory of their own: their addresses."""
    base = mapped(space, 1 << 16)
    for i, (lo, hi) in enumerate(ranges):
        write(space, base + i * f.NODE_SIZE, f.BASE, lo)
        write(space, base + i * f.NODE_SIZE, f.LIMIT, hi)
    return [base + i * f.NODE_SIZE for i in range(len(ranges))]


def levels(tree, space, link):
    link &= -2
    if link == space.nil:
        return 0
    return 1 + max(levels(tree, space, space.word(link + 8 * side)) for side in (0, 1))


@pytest.mark.parametrize("order", ["up", "down", "shuffled"])
def test_a_tree_keeps_nodes_in_order_and_in_balance(space, order):
    ranges = [(1000 + 10 * i, 1005 + 10 * i) for i in range(500)]
    nodes = nodes_of(space, ranges)
    turn = {"up": nodes, "down": nodes[::-1], "shuffled": random.Random(7).sample(nodes, 500)}
    tree = plain_tree(space)
    for count, node in enumerate(turn[order], 1):
        tree.insert(node)
        assert tree.check() == count
    assert list(tree) == nodes
    # An AVL tree of 500 nodes has at most 1.44 log2(502) levels.
    assert levels(tree, space, space.word(tree.root_at)) <= 12


@pytest.mark.parametrize("seed", range(4))
def test_nodes_come_out_whatever_is_below_them(space, seed):
    print(f"seed {seed}")
    chance = random.Random(seed)
    nodes = nodes_of(space, [(64 * i, 64 * i + 64) for i in range(200)])
    tree, held = plain_tree(space), set()
    for _ in range(1500):
        node = chance.choice(nodes)
        if node in held:
            tree.take_out(node)
            held.remove(node)
        else:
            tree.insert(node)
            held.add(node)
        assert tree.check() == len(held)
    assert list(tree) == sorted(held)


def test_a_tree_finds_the_node_that_contains_an_address(space):
    nodes = nodes_of(space, [(100, 200), (200, 300), (400, 500)])
    tree = plain_tree(space)
    assert tree.node_of(100) is None
    for node in nodes:
        tree.insert(node)
    found = [tree.node_of(a) for a in (99, 100, 199, 200, 299, 300, 399, 499, 500)]
    assert found == [None, nodes[0], nodes[0], nodes[1], nodes[1], None, None, nodes[2], None]


def test_a_tree_refuses_overlaps_and_strangers(space):
    a, b, c, d = nodes_of(space, [(100, 200), (150, 160), (90, 101), (300, 400)])
    tree = plain_tree(space)
    tree.insert(a)
    for overlapping in (b, c, a):
        with pytest.raises(ProtocolError, match="overlaps"):
            tree.insert(overlapping)
    with pytest.raises(ProtocolError, match="no node at"):
        tree.take_out(d)
    with pytest.raises(ProtocolError, match="no node at"):
        plain_tree(space).take_out(a)
    assert list(tree) == [a] and tree.check() == 1


def test_a_tree_is_rebuilt_from_its_bytes(space):
    nodes = nodes_of(space, [(64 * i, 64 * i + 32) for i in range(50)])
    tree = plain_tree(space)
    for node in nodes:
        tree.insert(node)
    again = Tree(space, tree.root_at, f.NODE_SIZE)
    assert list(again) == nodes and again.check() == 50
    again.take_out(nodes[25])
    assert tree.check() == 49


@pytest.mark.parametrize("name", ["CBSFast", "CBSZoned"])
def test_the_caches_are_right_after_every_operation(space, name):
    seed = 11
    print(f"seed {seed}")
    chance = random.Random(seed)
    land = make(name, space, zone_shift=4)
    for _ in range(2500):
        base = chance.randrange(512) * 8
        limit = base + chance.choice((8, 8, 16, 24, 64))
        if chance.random() < 0.3:
            find = chance.choice((land.find_first, land.find_last))
            find(16, chance.choice(("low", "high")))
        verb = chance.choice((land.insert, land.insert, land.delete))
        try:
            verb(base, limit)
        except ProtocolError:
            land.find_first(limit - base, chance.choice(("low", "high", "entire")))
        land.tree.check()
    assert len(land) > 20


@pytest.mark.parametrize("field", [f.MAX, f.ZONES, f.LIMIT, f.LEFT])
def test_check_sees_a_damaged_node(space, field):
    land = make("CBSZoned", space)
    for i in range(9):
        land.insert(0x10000 + 64 * i, 0x10000 + 64 * i + 8 * (i % 4 + 1))
    land.check()
    node = list(land.tree)[4]
    write(space, node, field, space.word(node + 8 * field) ^ (1 if field == f.LEFT else 8))
    with pytest.raises(AssertionError):
        land.check()
