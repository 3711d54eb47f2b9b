"""What a failover tells across both of its lands, against the two lists that it has."""

import random

import pytest

from land import fields as f
from land.land import Land
from support.lands import PAGE, machine, make, mapped

WAYS = {
    "first": lambda ranges, at: ranges[0],
    "last": lambda ranges, at: ranges[-1],
    "largest": None,
    "next": lambda ranges, at: next((r for r in ranges if r[1] > at), None),
}


def split(space, rng, cap):
    """A failover with ranges in both lands, and those of each."""
    base = mapped(space, PAGE)
    land = make("Failover", space, cap=cap)
    for i in rng.sample(range(24), 14):
        lo = base + 128 * i
        land.insert(lo, lo + 8 * rng.randint(1, 12))
    return land, base, list(land.primary), list(land.secondary)


def expected(which, primary, secondary, size, at):
    """The range that `which` takes: the primary's, or else the secondary's."""
    for ranges, highest in ((primary, False), (secondary, True)):
        fitting = [(lo, hi) for lo, hi in ranges if hi - lo >= size]
        if which == "largest" and fitting:
            sign = 1 if highest else -1
            return max(fitting, key=lambda r: (r[1] - r[0], sign * r[0]))
        found = fitting and WAYS[which](fitting, at)
        if found:
            return found
    return None


@pytest.mark.parametrize("which", WAYS)
def test_a_find_is_answered_by_the_primary_or_else_by_the_secondary(seed, which):
    rng = random.Random(f"{seed}/{which}")
    print(f"seed {seed}")
    lands = {"primary": 0, "secondary": 0, "neither": 0}
    for _ in range(60):
        land, base, primary, secondary = split(machine(), rng, rng.choice((1, 4, 7)))
        assert secondary and primary
        size, at = 8 * rng.randint(1, 13), base + rng.randrange(PAGE)
        want = expected(which, primary, secondary, size, at)
        arguments = (at, size) if which == "next" else (size,)
        found = getattr(land, f"find_{which}")(*arguments)
        assert found == (want and (want, want))
        lands["neither" if want is None else "primary" if want in primary else "secondary"] += 1
    assert lands["primary"] > 2 and lands["secondary"] > 2


def test_the_next_range_of_the_primary_comes_before_a_lower_one_of_the_secondary():
    space = machine()
    base = mapped(space, PAGE)
    land = make("Failover", space, cap=1)
    for at in (1024, 256, 512):
        land.insert(base + at, base + at + 64)
    assert list(land.primary) == [(base + 1024, base + 1088)]
    assert land.find_next(base, 64)[0] == (base + 1024, base + 1088)
    # An end is not after itself, and then the secondary is asked.
    assert land.find_next(base + 1088, 8) is None
    assert land.find_next(base + 1087, 8)[0] == (base + 1024, base + 1088)
    assert land.primary.find_next(base + 320, 8)[0] == (base + 1024, base + 1088)
    assert land.secondary.find_next(base + 319, 8)[0] == (base + 256, base + 320)
    assert land.secondary.find_next(base + 320, 8)[0] == (base + 512, base + 576)
    land.delete(base + 1024, base + 1088)
    assert land.find_next(base + 320, 64)[0] == (base + 512, base + 576)


def test_sums_and_iteration_are_of_both_lands(seed):
    rng = random.Random(seed)
    print(f"seed {seed}")
    for _ in range(30):
        land, _, primary, secondary = split(machine(), rng, 5)
        both = sorted(primary + secondary)
        assert list(land) == primary + secondary and len(land) == len(both) == 14
        assert land.size == sum(hi - lo for lo, hi in both)
        for grain in (8, 32, 128):
            whole = sum(max(0, hi // grain - -(-lo // grain)) * grain for lo, hi in both)
            assert land.whole_size(grain) == whole
        land.check()


def test_inside_the_lower_range_of_both_lands_comes_next(seed):
    print(f"seed {seed}")
    land, _, primary, secondary = split(machine(), random.Random(seed), 5)
    # The iteration that all lands have asks for the next range, and then the next.
    assert list(Land.ranges(land)) == sorted(primary + secondary)


def test_a_delete_without_a_node_puts_the_left_part_where_the_whole_was(seed):
    space = machine()
    base = mapped(space, PAGE)
    land = make("Failover", space, cap=1)
    land.insert(base, base + 512)
    land.delete(base + 64, base + 128)
    assert (list(land.primary), list(land.secondary)) == (
        [(base, base + 64)],
        [(base + 128, base + 512)],
    )
    assert space.word(land.secondary.address + 8 * f.SIZE) == 384
