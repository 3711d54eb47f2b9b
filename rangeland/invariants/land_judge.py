"""LandJudge: what judges the answers of a land, beside a naive model.

Source: design/invariants.md#.sol.land
"""

from land.cbs import CBS
from land.failover import Failover
from land.freelist import Freelist
from land.sorted import SortedLand
from pools.mfs import MFS
from rangeland.invariants.finding import Broken
from rangeland.invariants.models.failover import FailoverModel
from rangeland.invariants.models.model import whole_grains
from rangeland.invariants.ranges import Ranges, joined, part_of
from rangeland.invariants.scope import done_scope, land_scope
from rangeland.invariants.subjects import SubjectTrial
from rangeland.invariants.trial import described, own_check
from rangeland.invariants.watch import is_watched

# The mapped memory that ranges lie in: a stripe for each zone of an arena so
# small that its stripes are that wide.
STRIPE = 1 << 12
SPAN = STRIPE << 6
SMALL = 1
# Where ranges lie that are in no arena.
NOWHERE = 1 << 20

# What the answer to an operation is judged by, if not by what is found.
ASKED = {
    "insert": "insert",
    "insert_steal": "insert",
    "delete": "delete",
    "delete_steal": "delete",
    "find_in_zones": "find-in-zones",
}
FINDS = ("find_first", "find_last", "find_largest", "find_best")
ALL_ZONES = (1 << 64) - 1


class Refused(Exception):
    """The land had no node for it."""


class Wrong(Exception):
    """The land told that the request was wrong."""


def largest_promised(land):
    """What the class of `land` promises of `find_largest`: (which, all). Of
    several largest ranges it takes the "lowest" or the "highest"; `all` of
    it goes, whatever is to be deleted. (None, False) for other people's.
    Source: design/land.md#.lim.largest
    """
    tree = getattr(land, "primary", land)
    if isinstance(tree, SortedLand):
        return "highest" if tree.highest else "lowest", False
    if isinstance(tree, Freelist):
        return "highest", True
    return "lowest" if isinstance(tree, CBS) else None, False


class LandJudge(SubjectTrial):
    """The part of a LandTrial that judges `land`: what it offers, each of its
    answers, and its ranges, which are those of `model`."""

    def __init__(self, factory):
        super().__init__(factory)
        self.land = None
        self.refusing = False
        self.seen = {}
        # The invariants that something was judged by.
        self.judged = set()

    @property
    def subject(self):
        """The land."""
        return self.land

    def _see_what_it_offers(self):
        self.model, self.exact = Ranges(), None
        align = getattr(self.land, "align", 8)
        self.align = align if type(align) is int and align > 0 else 1
        shift = getattr(self.land, "zone_shift", None)
        if type(shift) is int and shift >= 0:
            self.shift = shift
        # One of two lands hides a want of nodes, and may coalesce late.
        self.is_split = hasattr(self.land, "secondary")
        # Of ours it is known what is in which of the two.
        self.exact = FailoverModel() if isinstance(self.land, Failover) else None
        self.offers = {name for name in FINDS if self._has(name, self.align)}
        if self._has("find_next", 1, self.align):
            self.offers.add("find_next")
        if callable(getattr(self.land, "whole_size", None)) and self._has_whole():
            self.offers.add("whole_size")
        # Of a range of more than 64 stripes not all is searched, and may not be.
        if SPAN >> self.shift <= 64 and self._has("find_in_zones", self.align, ALL_ZONES):
            self.offers.add("find_in_zones")
        for name in ("insert_steal", "delete_steal", "iterate_and_delete", "__iter__"):
            if hasattr(self.land, name):
                self.offers.add(name)
        self.seen = land_scope(self)
        if is_watched():
            self.judged.add("hang")

    def scope(self):
        """What was judged of the land."""
        return done_scope(self.seen, self.judged)

    def _has(self, name, *arguments):
        """True if the land, which is empty, answers to `name`."""
        function = getattr(self.land, name, None)
        if not callable(function):
            return False
        try:
            return self._ask(function, *arguments) is None
        except Wrong:
            return False

    def _has_whole(self):
        try:
            return self._ask(self.land.whole_size, 4096) == 0
        except Wrong:
            return False

    def _is_loose(self):
        """True while ranges may touch each other in a land of two lands."""
        return self.is_split and self.refusing

    def _told(self, text, verb, *arguments):
        """Ask the land, and tell of it in the program."""
        self.script.begin(f"found = land.{text}")
        self.judged.update(("raises", ASKED.get(verb, "find")))
        return self._ask(getattr(self.land, verb), *arguments)

    def _attempts(self):
        """How often a node was asked for since nodes began to be refused."""
        plan = self.arena.space.faults if self.arena is not None else None
        return plan.attempts["node"] if plan is not None else 0

    def _ask(self, function, *arguments):
        if self.exact is not None:
            self.exact.attempts = self._attempts()
        try:
            return function(*arguments)
        except MemoryError as error:
            raise Refused(described(error)) from error
        except ValueError as error:
            self.judged.add("wrong-range")
            raise Wrong(described(error)) from error
        except Exception as error:
            raise Broken("raises", described(error)) from error

    # Judging one answer

    def _expect(self, invariant, answer, expected, base, limit):
        """The range that came of it, or contained it."""
        if answer == () or answer == expected:
            return
        if self._is_loose() and _is_pair(answer):
            # Part of it may lie in the other land until there are nodes.
            inside = expected[0] <= answer[0] and answer[1] <= expected[1]
            if inside and answer[0] <= base and limit <= answer[1]:
                return
        raise Broken(
            invariant,
            f"the answer is {self._pairs(answer)}: expected {self._shown(expected)}",
            f"assert found == {self._proof(expected)}, found",
        )

    def _expect_need(self, needs_node, verb, error):
        if not (needs_node and self.refusing) or self.is_split:
            raise Broken("node-need", f"{verb} needs no node, or there are nodes: {error}")
        self.script.refused("MemoryError")

    def _expect_none(self, name, fitting):
        if fitting:
            raise Broken(
                "find",
                f"{name} gives None: expected {self._shown(fitting[0])}",
                "assert found is not None",
            )

    def _expect_found(self, which, size, mode, answer, fitting, loose):
        """The first, the last or a largest range; of a land that coalesces
        late, one that is there."""
        wholes = fitting
        if loose:
            wholes = [(b, x) for b, x in self.model if x - b >= size]
        elif fitting and which == "largest":
            most = max(x - b for b, x in fitting)
            wholes = self._largest_that_may([(b, x) for b, x in fitting if x - b == most])
        elif fitting and which == "best":
            wholes = [min(fitting, key=lambda pair: pair[1] - pair[0])]
        elif fitting:
            wholes = [fitting[-1 if which == "last" else 0]]
        allowed = [(part_of(whole, size, mode), whole) for whole in wholes]
        if which == "largest" and mode != "none" and not hasattr(self.land, "nodes"):
            # A list takes all of a largest range (design/land.md#.lim.largest).
            allowed += [(whole, whole) for whole in wholes]
        if loose and _is_pair_of_pairs(answer):
            part, whole = answer
            inside = any(b <= whole[0] and whole[1] <= x for b, x in wholes)
            parts = [part_of(whole, size, mode), *([whole] if which == "largest" else [])]
            if inside and part in parts and whole[1] - whole[0] >= size:
                return
        if answer not in allowed:
            raise Broken(
                "find",
                f"find_{which} of {size} bytes gives {self._pairs(answer)}: "
                f"expected {' or '.join(map(self._pairs, allowed)) or None}",
                f"assert found in {[self._proof(pair) for pair in allowed]}".replace("'", ""),
            )

    def _expect_in_zones(self, text, answer, expected):
        if answer != expected:
            proof = "None" if expected is None else self._proof(expected)
            raise Broken(
                "find-in-zones",
                f"{text} gives {self._pairs(answer)}: expected {self._pairs(expected)}",
                f"assert found == {proof}",
            )

    def _expect_visited(self, seen):
        whole = joined(seen) if self.is_split else seen
        if whole != self.model.list:
            raise Broken(
                "iteration",
                f"visited {self._pairs(seen)}: expected {self._pairs(self.model)}",
                f"assert seen == [{', '.join(map(self._proof, self.model))}]",
            )

    def _largest_that_may(self, equals):
        """Of several largest ranges, those that may be found."""
        which, _ = largest_promised(self.land)
        return {"lowest": equals[:1], "highest": equals[-1:], None: equals}[which]

    def _expect_exact(self, verb, answer, *arguments):
        """Of a failover of ours: the answer, and what lies in which of its lands."""
        if self.exact is None:
            return
        expected = getattr(self.exact, verb)(*arguments)
        if self.exact.attempts != self._attempts() and self.refusing:
            # The arena asked for nodes of its own meanwhile.
            self.exact.primary.list = list(self.land.primary)
            self.exact.secondary.list = list(self.land.secondary)
            return
        if answer != expected:
            raise Broken(
                "find" if verb == "find" else verb,
                f"the answer is {self._pairs(answer)}: expected {self._pairs(expected)}",
                f"assert found == {self._proof(expected)}" if expected else "assert found is None",
            )
        for name in ("primary", "secondary"):
            found, expected = list(getattr(self.land, name)), list(getattr(self.exact, name))
            if found != expected:
                proof = f"assert list(land.{name}) == [{', '.join(map(self._proof, expected))}]"
                told = f"the {name} has {self._pairs(found)}: expected {self._pairs(expected)}"
                raise Broken("flushed", told, proof)

    def expect_whole(self, grain):
        """The bytes of whole grains, as the land tells them."""
        self.script.begin(f"found = land.whole_size({grain})")
        found = self._ask(self.land.whole_size, grain)
        ranges = self.model
        if self.exact is not None:
            ranges = [*self.exact.primary, *self.exact.secondary]
        expected = whole_grains(ranges, grain)
        if found != expected:
            told = f"whole_size({grain}) is {found}: expected {expected}"
            raise Broken("land-size", told, f"assert found == {expected}")

    # Judging all

    def expect_ranges(self, settled=True):
        """The ranges are those of the model. `settled`: after an operation
        that leaves nothing for later, if there are nodes."""
        if "__iter__" in self.offers:
            found = list(self._ask(iter, self.land))
            whole = found
            if self.is_split and (self.refusing or not settled):
                whole = joined(found)
            self.judged.update(("ranges", "membership"))
            if whole != self.model.list:
                self._tell_difference(found)
            if hasattr(type(self.land), "__len__") and len(self.land) != len(found):
                told = f"len is {len(self.land)}: expected {len(found)}"
                raise Broken("ranges", told, f"assert len(land) == {len(found)}")
        size = getattr(self.land, "size", None)
        self.judged.add("land-size")
        if type(size) is int and size != self.model.size:
            raise Broken(
                "land-size",
                f"size is {size}: expected {self.model.size}",
                f"assert land.size == {self.model.size}",
            )

    def _tell_difference(self, found):
        edges = [edge for pair in found for edge in pair]
        sound = all(_is_pair(pair) for pair in found) and edges == sorted(set(edges))
        invariant = "membership" if sound else "ranges"
        if self.is_split and joined(found) == self.model.list:
            invariant = "flushed"
        expected = [self._proof(pair) for pair in self.model]
        raise Broken(
            invariant,
            f"the ranges are {self._pairs(found)}: expected {self._pairs(self.model)}",
            f"assert list(land) == [{', '.join(expected)}]",
        )

    def check(self):
        """The ranges, the nodes, and the own checks."""
        if self.land is None:
            return
        self.expect_ranges(settled=False)
        self._expect_nodes()
        for thing, name in ((self.land, "land"), (self.arena, "arena")):
            own_check(thing, name)
        self.judged.add("own-check")

    def _expect_nodes(self):
        """Of our own trees: each node in use holds a range, and no other is."""
        tree = getattr(self.land, "primary", self.land)
        nodes = getattr(tree, "nodes", None)
        if not isinstance(nodes, MFS):
            return
        used = (nodes.total_size - nodes.free_size) // nodes.unit_size
        if used != len(tree):
            name = "land.primary" if tree is not self.land else "land"
            use = f"({name}.nodes.total_size - {name}.nodes.free_size)"
            raise Broken(
                "node-need",
                f"{used} nodes are in use for {len(tree)} ranges",
                f"assert {use} // {name}.nodes.unit_size == {len(tree)}",
            )

    # Ranges in words

    def _shown(self, pair):
        if not _is_pair(pair):
            return repr(pair)
        return f"[{pair[0] - self.base:#x}, {pair[1] - self.base:#x})"

    def _pairs(self, pairs):
        if pairs is None or _is_pair(pairs) or not isinstance(pairs, (tuple, list, Ranges)):
            return self._shown(pairs)
        return "[" + " ".join(self._shown(pair) for pair in pairs) + "]"

    def _proof(self, pair):
        """A range, or two, as a program writes it."""
        if _is_pair(pair):
            return f"(base + {pair[0] - self.base}, base + {pair[1] - self.base})"
        return f"({', '.join(map(self._proof, pair))})"


def _is_pair(value):
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(type(n) is int for n in value)
    )


def _is_pair_of_pairs(value):
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_pair, value))
