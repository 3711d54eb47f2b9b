"""Lands that find the best and the next range, against sorted lists.

Source: design/fits.md#.sol.sized, design/fits.md#.if.land
"""

import pytest

import rangeland as rl
from land.cbs import CBSFast
from land.failover import Failover
from land.freelist import Freelist
from land.nodes import StackNodes
from land.sized import CBSSized

SPAN = 1 << 16


@pytest.fixture
def place():
    """(space, the base of memory for descriptors and nodes, that for ranges)."""
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 28, checked=True)) as arena:
        pool = rl.MVFF(arena, align=4096, extend_by=1 << 18)
        yield arena.space, pool.alloc(SPAN), pool.alloc(SPAN)


def nodes_of(space, base, size=48, count=1000):
    """A source of `count` nodes."""
    return StackNodes(space, size, base + 4096, base + 4096 + size * count)


def sized(space, base):
    """A CBSSized."""
    return CBSSized.init(space, base, nodes_of(space, base), 8)


def freelist(space, base):
    """A Freelist."""
    return Freelist.init(space, base, 8)


def fast(space, base):
    """A CBSFast."""
    return CBSFast.init(space, base, nodes_of(space, base), 8)


def failover(space, base):
    """A Failover from a CBSSized."""
    primary, secondary = sized(space, base), freelist(space, base + 256)
    return Failover.init(space, base + 512, primary, secondary)


def filled(land, base, rng, count=80):
    """The ranges of `land`, ascending, once some were inserted and deleted."""
    for _ in range(count):
        low = base + rng.randrange(SPAN // 8 - 200) * 8
        high = low + 8 * rng.choice((1, 2, 5, rng.randint(1, 100)))
        try:
            (land.insert if rng.random() < 0.7 else land.delete)(low, high)
        except rl.ProtocolError:
            continue
    land.check()
    return sorted(land)


def size_of(span):
    """The bytes of a range."""
    return span[1] - span[0]


def cut(ranges, span, size, delete):
    """The part that a find with `delete` gives; `ranges` loses it."""
    base, limit = span
    if delete == "none":
        return span
    part = {"low": (base, base + size), "high": (limit - size, limit), "entire": span}[delete]
    i = ranges.index(span)
    ranges[i : i + 1] = [s for s in ((base, part[0]), (part[1], limit)) if s[0] < s[1]]
    return part


@pytest.mark.parametrize("make", (sized, freelist, failover), ids=lambda make: make.__name__)
def test_the_best_range_is_the_smallest_that_fits(make, place, rng):
    space, base, memory = place
    land = make(space, base)
    ranges = filled(land, memory, rng)
    for _ in range(150):
        size, delete = 8 * rng.randint(1, 60), rng.choice(("none", "low", "high", "entire"))
        fitting = [span for span in ranges if size_of(span) >= size]
        found = land.find_best(size, delete)
        if not fitting:
            assert found is None
            ranges = filled(land, memory, rng, 20)
            continue
        best = min(fitting, key=size_of)
        assert found == (cut(ranges, best, size, delete), best)
        assert sorted(land) == ranges
    land.check()


@pytest.mark.parametrize("make", (fast, freelist), ids=lambda make: make.__name__)
def test_the_next_range_ends_after_an_address(make, place, rng):
    space, base, memory = place
    land = make(space, base)
    ranges = filled(land, memory, rng)
    seen = 0
    for _ in range(200):
        size, delete = 8 * rng.randint(1, 40), rng.choice(("none", "low", "high", "entire"))
        address = rng.choice((0, memory + rng.randrange(SPAN), rng.choice(ranges)[rng.randrange(2)]))
        fitting = [span for span in ranges if size_of(span) >= size and span[1] > address]
        found = land.find_next(address, size, delete)
        if not fitting:
            assert found is None
            ranges = filled(land, memory, rng, 20)
            continue
        assert found == (cut(ranges, fitting[0], size, delete), fitting[0])
        assert sorted(land) == ranges
        seen += 1
    assert seen > 50
    land.check()


def test_the_largest_range_of_a_sized_land_and_its_grains(place, rng):
    space, base, memory = place
    land = sized(space, base)
    assert land.find_largest(8) is None and land.whole_size(64) == 0
    for _ in range(40):
        ranges = filled(land, memory, rng, 5)
        largest = max(map(size_of, ranges))
        span = next(span for span in ranges if size_of(span) == largest)
        assert land.find_largest(largest + 8) is None
        assert land.find_largest(8) == (span, span)
        for grain in (8, 64, 256):
            whole = sum(max(0, x // grain - -(-b // grain)) * grain for b, x in ranges)
            assert land.whole_size(grain) == whole
        part = land.find_largest(8, "low")[0]
        assert part == (span[0], span[0] + 8)


def test_a_sized_land_that_is_refused_a_node_is_as_before(place):
    space, base, memory = place
    land = CBSSized.init(space, base, nodes_of(space, base, count=2), 8)
    land.insert(memory, memory + 800)
    land.insert(memory + 1600, memory + 2400)
    before = list(land)
    for act in (
        lambda: land.insert(memory + 4000, memory + 4008),
        lambda: land.delete(memory + 80, memory + 160),
    ):
        with pytest.raises(rl.AllocationError):
            act()
        assert list(land) == before
        land.check()
    with pytest.raises(rl.ProtocolError, match="has no find_first"):
        land.find_first(8)
    with pytest.raises(rl.ProtocolError, match="has no find_next"):
        land.find_next(0, 8)
    with pytest.raises(rl.ParamError, match="address is -1"):
        land.find_next(-1, 8)
    again = CBSSized(space, land.address, land.nodes)
    assert list(again) == before and again.find_best(800) == (before[0], before[0])
    again.check()
    land.finish()
    with pytest.raises(rl.ProtocolError, match="finished"):
        land.find_best(8)


def test_lands_that_cannot_say_so(place):
    space, base, _ = place
    land = fast(space, base)
    with pytest.raises(rl.ProtocolError, match="has no find_best"):
        land.find_best(8)


def test_check_sees_a_tree_of_sizes_that_lies(place):
    space, base, memory = place
    land = sized(space, base)
    for i in range(5):
        land.insert(memory + i * 800, memory + i * 800 + 80 * (i + 1))
    node = next(iter(land.tree))
    word = space.words_at(node, 48)
    word[4], word[5] = word[5], word[4]
    root = space.words_at(land.address, 120)
    kept, root[8] = root[8], space.nil
    with pytest.raises(AssertionError, match="every range is in the tree of sizes"):
        land.check()
    root[8] = kept
