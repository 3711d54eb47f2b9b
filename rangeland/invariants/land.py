"""LandTrial: any set of address ranges under a naive model.

Source: design/invariants.md#.sol.land
"""

import inspect

from pools.mvff import MVFF
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import Broken
from rangeland.invariants.programs import Script, visit_text
from rangeland.invariants.ranges import Ranges, joined, part_of
from rangeland.invariants.ranging import Ranging
from rangeland.invariants.trial import Trial, described, play
from vm.faults import FaultPlan

# The mapped memory that ranges lie in: a stripe for each zone of an arena so
# small that its stripes are that wide.
STRIPE = 1 << 12
SPAN = STRIPE << 6
SMALL = 1
# Where ranges lie that are in no arena.
NOWHERE = 1 << 20

FINDS = ("find_first", "find_last", "find_largest")
ALL_ZONES = (1 << 64) - 1


class Refused(Exception):
    """The land had no node for it."""


class Wrong(Exception):
    """The land told that the request was wrong."""


class LandTrial(Trial):
    """One run of the land that `factory` makes; addresses in steps count
    from the beginning of memory that is mapped, where the land has an arena.

    Steps: begin, insert, delete, insert_steal, delete_steal, find (first,
    last, largest), zones, visit, refuse, relent.
    """

    def __init__(self, factory):
        self.factory = factory if isinstance(factory, Factory) else Factory(factory)
        self.land = self.arena = None
        self.ranging = None
        self.refusing = False
        self.script = Script()

    # What there is

    @property
    def cost(self):
        """A step is dear where there is an arena to be judged with it."""
        return 12 if self.factory.in_arena else 1

    def do(self, step):
        """Do and judge one step; whatever it is, there is a land."""
        if self.land is None and step[0] != "begin":
            self.do_begin()
        return super().do(step)

    def do_begin(self, align=8, checked=False):
        """Make the land, in an arena if it wants one."""
        if self.land is not None:
            return False
        self.base, self.shift = NOWHERE, STRIPE.bit_length() - 1
        if self.factory.in_arena:
            self.arena = self.factory.arena(4096, checked, True, SMALL)
            self.shift = self.arena.zone_shift
            self.base = MVFF(self.arena, align=4096).alloc(SPAN)
        keywords = {"align": align} if align != 8 and self.takes_align() else {}
        self.land = self.factory.subject(self.arena, **keywords)
        lines = self.factory.text("land", (4096, checked, True, SMALL), keywords)
        memory = f"rl.MVFF(arena, align=4096).alloc({SPAN})" if self.arena else NOWHERE
        self.script.add(*lines[:-1], f"base = {memory}", lines[-1])
        self._see_what_it_offers()
        return True

    def takes_align(self):
        """True if the land can be made with another alignment."""
        try:
            return "align" in inspect.signature(self.factory.make).parameters
        except (TypeError, ValueError):
            return False

    def _see_what_it_offers(self):
        self.model = Ranges()
        align = getattr(self.land, "align", 8)
        self.align = align if type(align) is int and align > 0 else 1
        shift = getattr(self.land, "zone_shift", None)
        if type(shift) is int and shift >= 0:
            self.shift = shift
        # One of two lands hides a want of nodes, and may coalesce late.
        self.is_split = hasattr(self.land, "secondary")
        self.offers = {name for name in FINDS if self._has(name, self.align)}
        # Of a range of more than 64 stripes not all is searched, and may not be.
        if SPAN >> self.shift <= 64 and self._has("find_in_zones", self.align, ALL_ZONES):
            self.offers.add("find_in_zones")
        for name in ("insert_steal", "delete_steal", "iterate_and_delete", "__iter__"):
            if hasattr(self.land, name):
                self.offers.add(name)

    def _has(self, name, *arguments):
        """True if the land, which is empty, answers to `name`."""
        function = getattr(self.land, name, None)
        if not callable(function):
            return False
        try:
            return self._ask(function, *arguments) is None
        except Wrong:
            return False

    def choose(self, rng):
        """The next step at random."""
        if self.ranging is None:
            if self.land is None:
                return ("begin", rng.choice((8, 8, 16, 64)), rng.random() < 0.5)
            self.ranging = Ranging(rng, self, SPAN)
        return self.ranging.next()

    # Steps

    def do_insert(self, lo, hi):
        """Insert a range, or be refused what overlaps."""
        return self._insert("insert", lo, hi)

    def do_insert_steal(self, lo, hi):
        """Insert a range that may become nodes; none is wanted here."""
        return not self.refusing and self._insert("insert_steal", lo, hi)

    def do_delete(self, lo, hi):
        """Delete a range, or be refused what is not inside one."""
        return self._delete("delete", lo, hi)

    def do_delete_steal(self, lo, hi):
        """Delete a range of what may become nodes; none is wanted here."""
        return not self.refusing and self._delete("delete_steal", lo, hi)

    def _insert(self, verb, lo, hi):
        if not self._is_range(lo, hi) or not hasattr(self.land, verb):
            return False
        base, limit = self.base + lo, self.base + hi
        wrong = self.model.overlaps(base, limit)
        near = self.model.touching(base, limit)
        answer = self._edit(verb, lo, hi, wrong, not near)
        if answer is not None:
            whole = self.model.insert(base, limit)
            if verb != "insert_steal" or answer != (base, limit):
                self._expect("insert", answer, whole, base, limit)
        self.expect_ranges()
        return True

    def _delete(self, verb, lo, hi):
        if not self._is_range(lo, hi) or not hasattr(self.land, verb):
            return False
        base, limit = self.base + lo, self.base + hi
        whole = self.model.around(base, limit)
        mine = self._is_loose() and not any(b <= base and limit <= x for b, x in self.land)
        needs = whole is not None and whole[0] < base and limit < whole[1]
        answer = self._edit(verb, lo, hi, whole is None, needs, mine)
        if answer is not None:
            self.model.delete(base, limit)
            self._expect("delete", answer, whole, base, limit)
        self.expect_ranges()
        return True

    def _edit(self, verb, lo, hi, wrong, needs_node, either=False):
        """Insert or delete. The answer; () for none; None if it was refused
        as it must be. If `either`, it may be told wrong and still be right."""
        try:
            answer = self._told(f"{verb}(base + {lo}, base + {hi})", verb, self.base + lo, self.base + hi)
        except Refused as error:
            return self._expect_need(needs_node, verb, error)
        except Wrong as error:
            if wrong or either:
                self.script.refused("ValueError")
                return None
            raise Broken("wrong-range", f"{verb}({lo:#x}, {hi:#x}) is refused: {error}") from error
        if wrong:
            raise Broken(
                "wrong-range",
                f"{verb}({lo:#x}, {hi:#x}) gives {answer!r}: expected a ValueError",
                f"assert False, 'this {verb} is wrong, and was not refused'",
            )
        return () if answer is None else answer

    def _expect_need(self, needs_node, verb, error):
        if not (needs_node and self.refusing) or self.is_split:
            raise Broken("node-need", f"{verb} needs no node, or there are nodes: {error}")
        self.script.refused("MemoryError")

    def do_find(self, which, size, mode="none"):
        """Find a range, and delete what the mode says of it."""
        name = f"find_{which}"
        if name not in self.offers or not self._is_size(size):
            return False
        fitting = self.model.fitting(size)
        loose = self._is_loose()
        if loose:
            fitting = [(b, x) for b, x in self.land if x - b >= size]
        answer = self._find(name, size, mode)
        if answer is None:
            self._expect_none(name, fitting)
        else:
            self._expect_found(which, size, mode, answer, fitting, loose)
            if mode != "none":
                self.model.delete(*answer[0])
        self.expect_ranges()
        return True

    def _find(self, name, size, mode):
        arguments = (size,) if mode == "none" else (size, mode)
        text = f'{name}({size})' if mode == "none" else f'{name}({size}, "{mode}")'
        try:
            return self._told(text, name, *arguments)
        except (Refused, Wrong) as error:
            raise Broken("find", f"{text} is refused: {error}") from error

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
            wholes = [(b, x) for b, x in fitting if x - b == most]
        elif fitting:
            wholes = [fitting[0 if which == "first" else -1]]
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

    def do_zones(self, size, zones, high):
        """Find and delete bytes in zones."""
        if "find_in_zones" not in self.offers or not self._is_size(size):
            return False
        zones &= ALL_ZONES
        expected = self.model.in_zones(size, zones, self.shift, high)
        text = f"find_in_zones({size}, {zones:#x}, {bool(high)})"
        try:
            answer = self._told(text, "find_in_zones", size, zones, bool(high))
        except Refused as error:
            part, whole = expected or ((0, 0), (0, 0))
            self._expect_need(whole[0] < part[0] and part[1] < whole[1], "find_in_zones", error)
            self.expect_ranges()
            return True
        except Wrong as error:
            raise Broken("find-in-zones", f"{text} is refused: {error}") from error
        if answer != expected:
            proof = "None" if expected is None else self._proof(expected)
            raise Broken(
                "find-in-zones",
                f"{text} gives {self._pairs(answer)}: expected {self._pairs(expected)}",
                f"assert found == {proof}",
            )
        if expected:
            self.model.delete(*expected[0])
        self.expect_ranges()
        return True

    def do_visit(self, modulus, enters=False):
        """Visit each range, and delete those whose base is a multiple."""
        if "iterate_and_delete" not in self.offers or modulus < 1:
            return False
        seen, answers = [], []

        def visit(base, limit):
            seen.append((base, limit))
            if enters and hasattr(self.land, "busy"):
                answers.append(self._enters(base, limit))
            return (base - self.base) // self.align % modulus == 0

        self.script.begin(*visit_text(self.align, modulus, enters and hasattr(self.land, "busy")))
        self._ask(self.land.iterate_and_delete, visit)
        if False in answers:
            raise Broken("reentry", "a visitor deletes in the land that it visits")
        whole = joined(seen) if self.is_split else seen
        if whole != self.model.list:
            raise Broken(
                "iteration",
                f"visited {self._pairs(seen)}: expected {self._pairs(self.model)}",
                f"assert seen == [{', '.join(map(self._proof, self.model))}]",
            )
        for base, limit in seen:
            if (base - self.base) // self.align % modulus == 0:
                self.model.delete(base, limit)
        self.expect_ranges(settled=False)
        return True

    def _enters(self, base, limit):
        """True if the land refuses to be used by its own visitor."""
        try:
            self.land.delete(base, limit)
        except ValueError:
            return True
        return False

    def do_refuse(self, nth, count):
        """No node from the nth attempt on, for so many attempts."""
        if self.arena is None or nth < 1 or count < 1:
            return False
        plan = FaultPlan().fail("node", nth=range(nth, nth + count))
        text = f'rl.FaultPlan().fail("node", nth=range({nth}, {nth + count}))'
        self.script.begin(f"arena.space.faults = {text}")
        self.arena.space.faults = plan
        self.refusing = True
        return True

    def do_relent(self):
        """Nodes for all again."""
        if self.arena is None:
            return False
        self.script.begin("arena.space.faults = None")
        self.arena.space.faults = None
        self.refusing = False
        return True

    # Asking

    def _is_range(self, lo, hi):
        return 0 <= lo < hi <= SPAN and lo % self.align == hi % self.align == 0

    def _is_size(self, size):
        return 0 < size and size % self.align == 0

    def _is_loose(self):
        """True while ranges may touch each other in a land of two lands."""
        return self.is_split and self.refusing

    def _told(self, text, verb, *arguments):
        """Ask the land, and tell of it in the program."""
        self.script.begin(f"found = land.{text}")
        return self._ask(getattr(self.land, verb), *arguments)

    def _ask(self, function, *arguments):
        try:
            return function(*arguments)
        except MemoryError as error:
            raise Refused(described(error)) from error
        except ValueError as error:
            raise Wrong(described(error)) from error
        except Exception as error:
            raise Broken("raises", described(error)) from error

    # Judging

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

    def expect_ranges(self, settled=True):
        """The ranges are those of the model. `settled`: after an operation
        that leaves nothing for later, if there are nodes."""
        if "__iter__" in self.offers:
            found = list(self._ask(iter, self.land))
            whole = found
            if self.is_split and (self.refusing or not settled):
                whole = joined(found)
            if whole != self.model.list:
                self._tell_difference(found)
        size = getattr(self.land, "size", None)
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
        """The ranges, and the own checks."""
        if self.land is None:
            return
        self.expect_ranges(settled=False)
        for thing, name in ((self.land, "land"), (self.arena, "arena")):
            if callable(getattr(thing, "check", None)):
                try:
                    thing.check()
                except Exception as error:
                    text = f"{name}.check(): {described(error)}"
                    raise Broken("own-check", text, f"{name}.check()") from error

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

    # The end

    def end(self):
        """Judge all, and end the land."""
        if self.land is None:
            return
        if self.refusing:
            self.do_relent()
        self.check()
        for thing, name in ((self.land, "land"), (self.arena, "arena")):
            if name == "arena" and thing is not None:
                for pool in reversed(thing.pools):
                    pool.destroy()
            if callable(getattr(thing, "destroy", None)):
                self.script.begin(f"{name}.destroy()")
                self._ask(thing.destroy)

    def abandon(self):
        """Let go of everything."""
        self.land = self.arena = self.ranging = None

    def program(self, steps):
        """The text of a program that does `steps` and fails as they did."""
        self.script.telling = True
        return self.script.text(play(self, steps)[0])


def _is_pair(value):
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(type(n) is int for n in value)
    )


def _is_pair_of_pairs(value):
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_pair, value))
