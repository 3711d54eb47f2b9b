"""Where reservations go: the highest gap that holds them, however many there are.

Source: design/vm.md#.sol.reserve, design/vm.md#.sol.gaps
"""

import random

import pytest

import rangeland as rl
from vm.gaps import Gaps
from vm.space import AddressSpace

PAGE = 4096
BASE = 1 << 44


def naive_gap(held, size, base, limit):
    """The limit of the highest `size` vacant bytes, found by looking at all."""
    top = limit
    for low, high in sorted(held, reverse=True):
        if top - high >= size:
            return top
        top = low
    return top if top - base >= size else None


def sizes_of(gap):
    """The largest gap below a node, with the tree's own word for it held against it."""
    if gap is None:
        return 0
    most = max(gap.limit - gap.base, sizes_of(gap.left), sizes_of(gap.right))
    assert gap.most == most
    return most


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("most", [1, 3, 40])
def test_the_highest_gap_is_the_one_found_by_looking_at_all(seed, most):
    rng = random.Random(seed)
    space = AddressSpace(size=600 * PAGE, base=BASE)
    held = {}
    for _ in range(500):
        if held and rng.random() < 0.45:
            base = rng.choice(list(held))
            space.release(base)
            del held[base]
        elif rng.random() < 0.2:
            base = BASE + rng.randrange(600) * PAGE
            size = rng.randint(1, most) * PAGE
            free = all(base + size <= low or high <= base for low, high in held.values())
            if free and base + size <= space.limit:
                assert space.reserve_at(base, size) == base
                held[base] = (base, base + size)
            else:
                with pytest.raises(rl.ResourceError):
                    space.reserve_at(base, size)
        else:
            size, align = rng.randint(1, most) * PAGE, PAGE << rng.choice((0, 0, 0, 1, 3))
            counted = size + align - PAGE
            top = naive_gap(held.values(), counted, space.base, space.limit)
            base = space.reserve(size, align)
            if top is None:
                assert base == -2
            else:
                assert base == (top - counted + align - 1) // align * align
                held[base] = (top - counted, top)
        sizes_of(space.reservations._gaps.root)
    space.check()
    for base in list(held):
        space.release(base)
    root = space.reservations._gaps.root
    assert (root.base, root.limit, root.left, root.right) == (space.base, space.limit, None, None)


def test_the_highest_gap_is_found_in_a_walk_and_not_by_looking_at_all():
    """Ten thousand gaps that are too small lie above the one that is not."""
    gaps = Gaps()
    for i in range(10_000):
        gaps.add(2 * i, 2 * i + 1 + (i == 17))
    steps, gap = 0, gaps.root
    while gap is not None:
        steps += 1
        gap = gap.right if gap.right is not None and gap.right.most >= 2 else gap.left
    assert gaps.highest(2).base == 34 and steps < 100
    assert gaps.highest(3) is None


def test_many_arenas_live_in_one_space():
    space = rl.AddressSpace(1 << 34)
    arenas = [rl.Arena(1 << 18, space=space) for _ in range(300)]
    for arena in arenas[::3]:
        arena.destroy()
    again = [rl.Arena(1 << 18, space=space) for _ in range(100)]
    # What was given back is taken again, from the top.
    assert again[0].address == arenas[0].address
    assert min(arena.address for arena in again) > arenas[-1].address
    large = rl.Arena(1 << 20, space=space)
    assert large.chunks[0].limit == large.address == arenas[-1].chunks[0].base - 4096
    space.check()
    for arena in (*again, *(arena for arena in arenas if arena.alive and arena not in again)):
        if arena.alive:
            arena.destroy()
    large.destroy()
    assert (space.reserved, space.mapped, len(space.reservations)) == (0, 0, 0)
