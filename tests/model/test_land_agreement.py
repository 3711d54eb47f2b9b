"""Lands of all classes, driven alike, agree (design/land.md#.test.agree)."""

import random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.lands import NAMES, machine, make, mapped
from vm.results import AllocationError, ProtocolError


WORD = 8
SPAN = 1 << 14
SHIFT = 8
ALL = (1 << 64) - 1
MODES = ("none", "low", "high", "entire")

edges = st.integers(0, 255).map(lambda i: i * 64) | st.integers(0, SPAN // WORD).map(
    lambda i: i * WORD
)
sizes = st.integers(1, 96).map(lambda i: i * WORD)
modes = st.sampled_from(MODES)
zone_sets = st.integers(0, ALL) | st.integers(0, 63).map(lambda i: 0xFFFF << i & ALL) | (
    st.just(ALL)
)


def outcome(operation):
    """What a call came to: its result, or the class of its exception."""
    try:
        return operation()
    except (ProtocolError, AllocationError) as error:
        return type(error).__name__


class Agreement(RuleBasedStateMachine):
    """One of each class of land, and the reference; ranges in one memory."""

    @initialize()
    def begin(self):
        self.space = machine()
        self.base = mapped(self.space, SPAN)
        self.lands = {name: make(name, self.space, zone_shift=SHIFT) for name in NAMES}
        self.reference = self.lands["SortedLand"]

    def agree(self, operation, names=NAMES):
        expected = outcome(lambda: operation(self.reference))
        for name in names:
            if name != "SortedLand":
                assert outcome(lambda: operation(self.lands[name])) == expected, name
        return expected

    def follow(self, names, found):
        """Delete in the lands `names` what the others deleted in a find."""
        part, _ = found
        for name in names:
            self.lands[name].delete(*part)

    @rule(base=edges, size=sizes)
    def insert(self, base, size):
        base += self.base
        limit = min(base + size, self.base + SPAN)
        if base < limit:
            self.agree(lambda land: land.insert(base, limit))

    @rule(base=edges, size=sizes)
    def delete(self, base, size):
        base += self.base
        limit = min(base + size, self.base + SPAN)
        if base < limit:
            self.agree(lambda land: land.delete(base, limit))

    @rule(pick=st.integers(0, 1 << 30), left=st.integers(0, 8), right=st.integers(0, 8))
    def delete_some(self, pick, left, right):
        ranges = list(self.reference)
        if ranges:
            base, limit = ranges[pick % len(ranges)]
            if base + left * WORD < limit - right * WORD:
                base, limit = base + left * WORD, limit - right * WORD
            self.agree(lambda land: land.delete(base, limit))

    @rule(size=sizes, mode=modes, last=st.booleans())
    def find(self, size, mode, last):
        name = "find_last" if last else "find_first"
        finding = [n for n in NAMES if n != "CBS"]
        found = self.agree(lambda land: getattr(land, name)(size, mode), finding)
        if found and mode != "none":
            self.follow(["CBS"], found)

    @rule(size=sizes, mode=modes)
    def find_largest(self, size, mode):
        names = ["CBSFast", "CBSZoned", "Failover"]
        found = self.agree(lambda land: land.find_largest(size, mode), names)
        highest = self.lands["Freelist"].find_largest(size)
        assert (highest is None) == (found is None)
        if found:
            (_, _), (base, limit) = found
            (_, _), (high_base, high_limit) = highest
            assert high_limit - high_base == limit - base and high_base >= base
            if mode != "none":
                self.follow(["CBS", "Freelist"], found)

    @rule(size=sizes, zones=zone_sets, high=st.booleans())
    def find_in_zones(self, size, zones, high):
        found = self.agree(lambda land: land.find_in_zones(size, zones, high), ["CBSZoned"])
        if found:
            self.follow([n for n in NAMES if n not in ("CBSZoned", "SortedLand")], found)

    @rule(modulus=st.integers(2, 5))
    def iterate_and_delete(self, modulus):
        seen = {name: [] for name in NAMES}
        for name, land in self.lands.items():

            def visit(base, limit, seen=seen[name]):
                seen.append((base, limit))
                return (base >> 3) % modulus == 0

            land.iterate_and_delete(visit)
        for name in NAMES:
            assert seen[name] == seen["SortedLand"], name

    @invariant()
    def same_ranges(self):
        if not hasattr(self, "lands"):
            return
        expected = list(self.reference)
        for name, land in self.lands.items():
            land.check()
            assert list(land) == expected, name
            assert len(land) == len(expected), name
            assert land.size == self.reference.size, name


TestAgreement = Agreement.TestCase


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
