"""AgreementTrial: several lands that are driven alike, and have to agree.

Source: design/invariants.md#.sol.agreement
"""

from land.sorted import SortedLand
from pools.mvff import MVFF
from rangeland.invariants.factory import Factory, name_of
from rangeland.invariants.finding import Broken
from rangeland.invariants.land_judge import ALL_ZONES, SMALL, SPAN, largest_promised
from rangeland.invariants.ranging import Ranging
from rangeland.invariants.trial import Trial, described
from rangeland.lands import CBS, CBSFast, CBSZoned, Failover, Freelist


def reference(arena):
    """A SortedLand with the zones of `arena`."""
    return SortedLand(zone_shift=arena.zone_shift)


LANDS = (reference, CBS, CBSFast, CBSZoned, Freelist, Failover)
FINDS = ("find_first", "find_last", "find_largest")


class AgreementTrial(Trial):
    """One run of the lands that `factories` make, in one arena; the first is
    the one that the others are held against. `checked`: the machine checks
    each access to memory.

    Steps: insert, delete, find (first, last, largest), zones, visit.
    """

    cost = 12

    def __init__(self, factories=LANDS, checked=False):
        self.factories = [Factory(factory) for factory in factories]
        self.checked = checked
        self.arena = self.ranging = None
        self.lands = []

    def do(self, step):
        """Do one step in every land, and compare."""
        if self.arena is None:
            self._begin()
        return super().do(step)

    def _begin(self):
        self.arena = self.factories[0].arena(checked=self.checked, size=SMALL)
        self.base = MVFF(self.arena, align=4096).alloc(SPAN)
        self.lands = [(name_of(f.make), f.subject(self.arena)) for f in self.factories]
        self.align = 8
        self.having = {name: self._having(name, 8) for name in FINDS}
        self.having["find_in_zones"] = self._having("find_in_zones", 8, ALL_ZONES)
        self.offers = {"iterate_and_delete", *(name for name in self.having if self.having[name])}

    def _having(self, name, *arguments):
        """The lands that answer to `name`, while they are empty."""
        return [pair for pair in self.lands if _outcome(pair[1], name, *arguments) is None]

    @property
    def model(self):
        """The ranges, as the first land has them."""
        return list(self.lands[0][1])

    def choose(self, rng):
        """The next step at random."""
        if self.arena is None:
            self._begin()
        if self.ranging is None:
            self.ranging = Ranging(rng, self, SPAN)
            self.ranging.weights = [
                0 if name == "refuse" else weight
                for name, weight in zip(self.ranging.names, self.ranging.weights)
            ]
        return self.ranging.next()

    # Steps

    def do_insert(self, lo, hi):
        """Insert a range."""
        if not 0 <= lo < hi <= SPAN or (lo | hi) % 8:
            return False
        return self._agree(self.lands, "insert", self.base + lo, self.base + hi)

    def do_delete(self, lo, hi):
        """Delete a range."""
        if not 0 <= lo < hi <= SPAN or (lo | hi) % 8:
            return False
        return self._agree(self.lands, "delete", self.base + lo, self.base + hi)

    def do_find(self, which, size, mode="none"):
        """Find a range, and delete of it; those that cannot follow suit."""
        name = f"find_{which}"
        having = self.having.get(name)
        if not having or size < 1 or size % 8:
            return False
        if which == "largest":
            having = self._largest(having, size)
        found = self._answers(having, name, size, mode)
        if mode != "none" and isinstance(found, tuple):
            self._follow([pair for pair in self.lands if pair not in having], found[0])
        return True

    def _largest(self, having, size):
        """Compare what is found by all. Returns those that promise what the
        first of them does: of several largest each class takes its own, but
        all are as large, and the lowest of them lies below the highest."""
        answers, promising = {}, {}
        for name, land in having:
            promise = largest_promised(land)
            promising.setdefault(promise, []).append((name, land))
            answers[name] = _outcome(land, "find_largest", size)
        what = f"find_largest({size})"
        self._compare(what, {name: _width(answer) for name, answer in answers.items()})
        for (which, _), lands in promising.items():
            if which is not None:
                found = self._compare(what, {name: answers[name] for name, _ in lands})
                self._expect_extreme(f"{what}: {lands[0][0]}", which, found)
        first = promising[largest_promised(having[0][1])]
        return first if largest_promised(having[0][1])[0] else first[:1]

    def _expect_extreme(self, what, which, found):
        """The range `found` is the lowest or highest of those of its width
        that the first land has."""
        if isinstance(found, tuple):
            equals = [pair for pair in self.model if pair[1] - pair[0] == _width(found)]
            expected = equals[0 if which == "lowest" else -1] if equals else None
            if found[1] != expected:
                told = f"{what} gives {self._shown(found)}, expected {self._shown(expected)}"
                raise Broken("agreement", told)

    def do_zones(self, size, zones, high):
        """Find and delete in zones; those that cannot follow suit."""
        having = self.having["find_in_zones"]
        if not having or size < 1 or size % 8:
            return False
        found = self._answers(having, "find_in_zones", size, zones & ALL_ZONES, high)
        if found is not None:
            self._follow([pair for pair in self.lands if pair not in having], found[0])
        return True

    def do_visit(self, modulus, enters=False):
        """Visit each range, and delete some."""
        if modulus < 1:
            return False
        seen = {}
        for name, land in self.lands:
            mine = seen[name] = []

            def visit(base, limit, mine=mine):
                mine.append((base, limit))
                return (base - self.base) // 8 % modulus == 0

            land.iterate_and_delete(visit)
        self._compare("iterate_and_delete", seen)
        return True

    # Judging

    def _agree(self, lands, verb, *arguments):
        self._answers(lands, verb, *arguments)
        return True

    def _answers(self, lands, verb, *arguments):
        """What all `lands` answer; the class of an exception if they raise."""
        answers = {name: _outcome(land, verb, *arguments) for name, land in lands}
        return self._compare(f"{verb}{self._told(arguments)}", answers)

    def _compare(self, what, answers):
        first, *others = answers
        for other in others:
            if answers[other] != answers[first]:
                raise Broken(
                    "agreement",
                    f"{what}: {other} gives {self._shown(answers[other])}, "
                    f"{first} {self._shown(answers[first])}",
                )
        return answers[first]

    def _follow(self, lands, part):
        for _, land in lands:
            land.delete(*part)

    def check(self):
        """All lands hold the same, and pass their own checks."""
        if self.arena is None:
            return
        self._compare("the ranges", {name: list(land) for name, land in self.lands})
        self._compare("the sizes", {name: land.size for name, land in self.lands})
        counts = {name: len(land) for name, land in self.lands if hasattr(land, "__len__")}
        self._compare("the numbers of ranges", counts)
        for name, land in self.lands:
            try:
                land.check()
            except AssertionError as error:
                raise Broken("own-check", f"{name}: {described(error)}") from error

    def _told(self, arguments):
        told = [hex(n - self.base) if type(n) is int and n >= self.base else n for n in arguments]
        return f"({', '.join(map(str, told))})"

    def _shown(self, answer):
        if isinstance(answer, (tuple, list)):
            return "(" + " ".join(map(self._shown, answer)) + ")"
        return hex(answer - self.base) if type(answer) is int else str(answer)

    # The end

    def end(self):
        """Judge all, and end the lands."""
        self.check()
        for _, land in reversed(self.lands):
            if hasattr(land, "destroy"):
                land.destroy()
        if self.arena is not None:
            self.arena.check()
        self.abandon()

    def abandon(self):
        """Let go of everything."""
        self.arena = self.ranging = None
        self.lands = []

    def program(self, steps):
        """A program that does the steps by this trial again."""
        names = ", ".join(name_of(factory.make) for factory in self.factories)
        make = "partial(AgreementTrial, checked=True)" if self.checked else "AgreementTrial"
        lines = [
            *(["from functools import partial", ""] if self.checked else []),
            "from rangeland.invariants.agreement import AgreementTrial",
            "from rangeland.invariants.engine import replay",
            "",
            f"# These are compared: {names}.",
            "steps = [",
            *(f"    {step!r}," for step in steps),
            "]",
            f"broken = replay({make}, steps)",
            "assert broken is None, broken",
        ]
        return "\n".join(lines) + "\n"


def _width(found):
    """The size of the range that was found; or what was answered instead."""
    return found[1][1] - found[1][0] if isinstance(found, tuple) else found


def _outcome(land, verb, *arguments):
    """What a call came to: its result, or the class of its exception."""
    try:
        function = getattr(land, verb)
    except AttributeError:
        return "AttributeError"
    try:
        return function(*arguments)
    except (ValueError, MemoryError) as error:
        return type(error).__name__
