"""Lands of all classes, driven alike, agree; and a failover that is refused
nodes agrees with the reference (design/land.md#.test.agree)."""

import random

import pytest
from support.lands import machine, make, mapped

from rangeland.invariants.machines import LandAgreement
from vm.results import AllocationError, ProtocolError


SPAN = 1 << 14


def outcome(operation):
    """What a call came to: its result, or the class of its exception."""
    try:
        return operation()
    except (ProtocolError, AllocationError) as error:
        return type(error).__name__


TestAgreement = LandAgreement.TestCase


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cap", (0, 1, 5))
def test_a_failover_hides_want_of_nodes(seed, cap):
    """Whatever the primary is refused, the union is as in the reference."""
    print(f"seed {seed}, at most {cap} nodes")
    chance = random.Random(seed)
    space = machine()
    base = mapped(space, SPAN)
    land, reference = make("Failover", space, cap=cap), make("SortedLand", space)
    both = 0
    for step in range(1500):
        lo = base + chance.randrange(SPAN // 8) * 8
        hi = min(lo + chance.choice((8, 16, 64, 256)), base + SPAN)
        if lo < hi:
            verb = chance.choice(("insert", "delete"))
            expected = outcome(lambda: getattr(reference, verb)(lo, hi))
            found = outcome(lambda: getattr(land, verb)(lo, hi))
            if verb == "delete" and isinstance(expected, tuple) and isinstance(found, str):
                # It spans ranges of both lands, which only touch.
                reference.insert(lo, hi)
                both += 1
            else:
                assert isinstance(found, str) == isinstance(expected, str), step
        if step % 10 == 0:
            land.check()
            assert joined(land) == list(reference), step
        assert land.size == reference.size
    assert len(land.primary) <= cap
    print(f"{both} deletions spanned both lands")


def joined(land):
    """The ranges of a failover, coalesced across its two lands."""
    ranges = []
    for base, limit in sorted(land):
        if ranges and ranges[-1][1] == base:
            base = ranges.pop()[0]
        ranges.append((base, limit))
    return ranges
