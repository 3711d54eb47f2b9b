"""LandTrial: any set of address ranges under a naive model.

Source: design/invariants.md#.sol.land
"""

import inspect

from pools.mvff import MVFF
from rangeland.invariants.finding import Broken
from rangeland.invariants.land_judge import (
    ALL_ZONES,
    NOWHERE,
    SMALL,
    SPAN,
    STRIPE,
    LandJudge,
    Refused,
    Wrong,
)
from rangeland.invariants.programs import visit_text
from rangeland.invariants.ranging import Ranging


class LandTrial(LandJudge):
    """One run of the land that `factory` makes; addresses in steps count
    from the beginning of memory that is mapped, where the land has an arena.

    Steps: begin, insert, delete, insert_steal, delete_steal, find (first,
    last, largest, best), next, zones, whole, visit, refuse, relent.
    """

    def __init__(self, factory):
        super().__init__(factory)
        self.ranging = None

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
        self._follow(verb, answer, base, limit)
        self.expect_ranges()
        return True

    def _follow(self, verb, answer, base, limit):
        """The model of a failover does the same edit; the forms that steal tell
        something else where they steal nothing."""
        if verb == "insert_steal" and answer is not None and self.exact is not None:
            self.exact.insert(base, limit)
        else:
            self._expect_exact(verb.partition("_")[0], answer, base, limit)

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
        self._follow(verb, answer, base, limit)
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
        self._expect_exact("find", answer, which, size, mode)
        self.expect_ranges()
        return True

    def do_next(self, lo, size, mode="none"):
        """Find the first range that fits of those that end after an address."""
        if "find_next" not in self.offers or not self._is_size(size) or lo < 0:
            return False
        address = self.base + lo
        loose = self._is_loose()
        fitting = [(b, x) for b, x in (self.land if loose else self.model)]
        fitting = [(b, x) for b, x in fitting if x > address and x - b >= size]
        text = f'find_next(base + {lo}, {size}, "{mode}")'
        try:
            answer = self._told(text, "find_next", address, size, mode)
        except (Refused, Wrong) as error:
            raise Broken("find", f"{text} is refused: {error}") from error
        if answer is None:
            self._expect_none("find_next", fitting)
        else:
            if self.exact is None or not loose:
                self._expect_found("next", size, mode, answer, fitting, loose)
            if mode != "none":
                self.model.delete(*answer[0])
        self._expect_exact("find", answer, "next", size, mode, address)
        self.expect_ranges()
        return True

    def do_whole(self, grain):
        """The bytes of whole grains."""
        if "whole_size" not in self.offers or grain < 1 or grain & (grain - 1):
            return False
        self.expect_whole(grain)
        return True

    def _find(self, name, size, mode):
        arguments = (size,) if mode == "none" else (size, mode)
        text = f'{name}({size})' if mode == "none" else f'{name}({size}, "{mode}")'
        try:
            return self._told(text, name, *arguments)
        except (Refused, Wrong) as error:
            raise Broken("find", f"{text} is refused: {error}") from error

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
        self._expect_in_zones(text, answer, expected)
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
        self.judged.add("iteration")
        self._ask(self.land.iterate_and_delete, visit)
        if False in answers:
            raise Broken("reentry", "a visitor deletes in the land that it visits")
        self._expect_visited(seen)
        goes = lambda base, limit: (base - self.base) // self.align % modulus == 0  # noqa: E731
        self._expect_exact("visit", seen if self.exact else None, goes)
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
        self._refuse("node", nth, count)
        self.refusing = True
        if self.exact is not None:
            self.exact.refuse(nth, count)
        return True

    def do_relent(self):
        """Nodes for all again."""
        self.refusing = False
        if self.exact is not None:
            self.exact.refuse(1, 0)
        return super().do_relent()

    # What is asked of it

    def _is_range(self, lo, hi):
        return 0 <= lo < hi <= SPAN and lo % self.align == hi % self.align == 0

    def _is_size(self, size):
        return 0 < size and size % self.align == 0

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
