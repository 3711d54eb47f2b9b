"""MachineFaces: what is right or wrong to ask of an address space and its fault plans.

Source: design/invariants.md#.sol.faces
"""

from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import is_number
from vm.descriptor import VM
from vm.faults import FaultPlan
from vm.fields import VM_SIZE
from vm.results import AccessError, ParamError, ProtocolError, RangelandError, ResourceError
from vm.space import AddressSpace

PAGE = 4096
MOST = 1 << 61
BASE = 1 << 30
KINDS = ("reservation", "mapping", "node")
# Rules, and what is refused of the first six attempts; None: the rule is none.
RULES = (
    ({"nth": 1}, {1}), ({"nth": 3}, {3}), ({"nth": range(2, 5)}, {2, 3, 4}), ({"nth": range(1, 2)}, {1}),
    ({"probability": 1}, {1, 2, 3, 4, 5, 6}), ({"probability": 0}, set()), ({"probability": 0.5}, ...),
    ({"nth": 0}, None), ({"nth": -1}, None), ({"nth": "x"}, None), ({"nth": range(0, 3)}, None),
    ({"probability": 1.5}, None), ({"probability": -0.5}, None), ({"probability": "x"}, None),
    ({}, None), ({"nth": 1, "probability": 0.5}, None),
)  # fmt: skip
PAGED = (0, -PAGE, PAGE - 1, PAGE + 8, "x", None, True, 1.5, PAGE, 2 * PAGE)


class MachineFaces:
    """The part of a FaceTrial that asks machines."""

    def cards_of(self):
        """All that is tried of machines: a list of steps."""
        cards = [("rule", kind, i) for kind in (*KINDS, "x") for i in range(len(RULES))]
        cards += [("rules",), ("default_space",), ("plan", "x"), ("plan", None), ("machine_amid",)]
        cards += [("space", value, BASE) for value in (*PAGED, MOST + PAGE)]
        cards += [("space", PAGE, value) for value in (*PAGED, MOST + PAGE)]
        cards += [("reserve_size", value) for value in (*PAGED, MOST, MOST + PAGE)]
        cards += [("reserve_align", value) for value in (*PAGED, 3 * PAGE, MOST, 2 * MOST)]
        cards += [("reserved_at", value) for value in PAGED]
        cards += [("placed", i) for i in range(6)]
        cards += [("read", name, at) for name in ("view", "word") for at in (-8, -1, 0, 4, 8, PAGE, "x")]
        cards += [("stacked", size) for size in (8, PAGE, 16 * PAGE, 16 * PAGE + 8)]
        return cards

    def do_rule(self, kind, index):
        """A rule of a fault plan: what it refuses, and counts."""
        keywords, expected = RULES[index]
        plan = FaultPlan()
        wrong = expected is None or kind not in KINDS
        text = f"FaultPlan().fail({kind!r}, {keywords})"
        made = self.ask(text, ParamError if wrong else None, lambda: plan.fail(kind, **keywords))
        if wrong:
            self.expect("wrong-use", plan.refused, dict.fromkeys(KINDS, 0), "refused")
            return
        self.expect("wrong-use", made is plan, True, "what fail gives")
        refused = {i for i in range(1, 7) if plan.refuses(kind)}
        other = KINDS[KINDS.index(kind) - 1]
        self.expect("unwound", bool(plan.refuses(other)), False, "another kind, refused,")
        if expected is ...:
            # One in two, the same ones for the same seed.
            again = FaultPlan().fail(kind, **keywords)
            expected = {i for i in range(1, 7) if again.refuses(kind)}
            many = sum(bool(again.refuses(kind)) for _ in range(200))
            self.expect("wrong-use", 40 < many < 160, True, f"{many} of 200 refused, that")
        self.expect("wrong-use", refused, expected, f"{text}: what is refused")
        counts = (plan.attempts[kind], plan.refused[kind], plan.attempts[other])
        self.expect("wrong-use", counts, (6, len(refused), 1), "(attempts, refused, of another)")

    def do_rules(self):
        """Rules add up, and a space asks them."""
        plan = FaultPlan().fail("reservation", nth=1).fail("reservation", nth=3)
        space = AddressSpace(1 << 20, faults=plan)
        found = [space.reserve(PAGE) > 0 for _ in range(4)]
        self.expect("wrong-use", found, [False, True, False, True], "what is granted")
        space.faults = None
        self.expect("wrong-use", space.reserve(PAGE) > 0, True, "without a plan, granted,")

    def do_plan(self, value):
        """What is a fault plan, or none."""
        space = AddressSpace(PAGE)
        expected = None if value is None else ParamError
        self.ask(f"space.faults = {value!r}", expected, setattr, space, "faults", value)

    def do_default_space(self):
        """What is not given is as it is documented."""
        space = AddressSpace()
        found = space.size, space.base, space.limit, space.placement, space.checked, space.faults
        expected = 1 << 37, 1 << 44, (1 << 44) + (1 << 37), None, False, None
        self.expect("wrong-use", found, expected, "(size, base, limit, placement, checked, faults)")
        self.expect("vm-accounts", (space.reserved, space.mapped), (0, 0), "(reserved, mapped)")

    def do_space(self, size, base):
        """A size and a base: whole pages."""
        right = all(is_number(x, PAGE, MOST) and x % PAGE == 0 for x in (size, base))
        text = f"rl.AddressSpace({size!r}, {base!r})"
        space = self.ask(text, None if right else ParamError, AddressSpace, size, base)
        if space is not None:
            self.expect("wrong-use", (space.size, space.base, space.limit), (size, base, base + size), text)

    def do_reserve_size(self, size):
        """A size of a reservation: whole pages, and vacant."""
        space = AddressSpace(4 * PAGE, BASE)
        right = is_number(size, PAGE, MOST) and size % PAGE == 0
        answer = self.ask(f"space.reserve({size!r})", None if right else ParamError, space.reserve, size)
        if right:
            self.expect("vm-accounts", answer > 0, size <= 4 * PAGE, f"reserve({size}) > 0")

    def do_reserve_align(self, align):
        """An alignment of a reservation: a power of two from a page on."""
        space = AddressSpace(4 * PAGE, BASE)
        right = is_number(align, PAGE, MOST) and not align & (align - 1)
        text = f"space.reserve({PAGE}, {align!r})"
        answer = self.ask(text, None if right else ParamError, space.reserve, PAGE, align)
        if right:
            self.expect("vm-accounts", answer > 0, align <= 4 * PAGE, f"{text} > 0")

    def do_reserved_at(self, size):
        """A reservation at a place, that is taken then."""
        space = AddressSpace(4 * PAGE, BASE)
        right = is_number(size, PAGE, MOST) and size % PAGE == 0
        text = f"space.reserve_at(base, {size!r})"
        answer = self.ask(text, None if right else ParamError, space.reserve_at, BASE, size)
        if right:
            self.expect("vm-accounts", answer, BASE, text)
            self.expect("vm-accounts", space.reserved, size, "reserved")
            for base in (BASE, BASE + size - PAGE, BASE - PAGE, BASE + 4 * PAGE):
                self._refused(f"reserve_at({base:#x})", ResourceError, space.reserve_at, base, PAGE)
            self._refused("release", ProtocolError, space.release, BASE + PAGE)
            space.release(BASE)
            self._refused("release, again", ProtocolError, space.release, BASE)
            self.expect("vm-accounts", space.reserved, 0, "reserved")

    def _refused(self, text, expected, function, *arguments):
        try:
            answer = function(*arguments)
        except expected:
            return
        except RangelandError as error:
            raise Broken("wrong-use", f"{text}: {error!r}") from error
        raise Broken("wrong-use", f"{text} gives {answer}: expected a {expected.__name__}")

    def do_placed(self, index):
        """A placement: bases, or a function; what is no base is refused."""
        good, taken = BASE + 2 * PAGE, BASE + 3 * PAGE
        placement, expected = (
            ([good, BASE], [good, BASE]), (lambda size: good if size == PAGE else None, [good, -2]),
            (lambda size: None, [taken, good]), ([good, good], [good, -2]), ((), [taken, good]),
            ([good + 8, BASE + 4 * PAGE, BASE], [-2, -2]),
        )[index]  # fmt: skip
        space = AddressSpace(4 * PAGE, BASE, placement)
        found = [space.reserve(PAGE), space.reserve(PAGE)]
        self.expect("vm-accounts", found, expected, "where reservations lie")
        self.ask("space.placement = 1", ParamError, setattr, space, "placement", 1)

    def do_read(self, name, offset):
        """A word or bytes near the ends of a page that is mapped."""
        space = AddressSpace(4 * PAGE, BASE, [BASE], checked=True)
        descriptor = VM(space, space.stack.push(VM_SIZE))
        descriptor.init(PAGE, PAGE)
        descriptor.map(BASE, BASE + PAGE)
        self.expect("vm-accounts", descriptor.base, BASE, "the base of the only reservation")
        at = BASE + offset if type(offset) is int else offset
        if name == "word":
            wrong = offset == "x" or offset % 8
            expected = ParamError if wrong else None if offset in (-8, 0, 8) else AccessError
            self.ask(f"space.word({at!r})", expected, space.word, at)
            return
        for size in (1, 8, PAGE, 0):
            if offset == "x":
                expected = ParamError
            elif size == 0:
                continue
            else:
                expected = None if 0 <= offset and offset + size <= PAGE else AccessError
            self.ask(f"space.view({at!r}, {size})", expected, space.view, at, size)
        self.ask("space.view, of -1 bytes", ParamError, space.view, BASE, -1)

    def do_stacked(self, size):
        """The stack has 16 pages."""
        stack = AddressSpace(PAGE, BASE).stack
        answer = self.ask(f"stack.push({size})", None, stack.push, size)
        expected = stack.limit - size if size <= 16 * PAGE else None
        self.expect("vm-accounts", answer, expected, f"push({size})")
        with AddressSpace(PAGE, BASE).stack.frame(8) as address:
            self.expect("vm-accounts", address, stack.limit - 8, "a frame")

    def do_machine_amid(self):
        """Operations of a machine in the middle of another."""
        space = AddressSpace(4 * PAGE, BASE)
        base = space.reserve(PAGE)
        for name, arguments in (("reserve", (PAGE,)), ("reserve_at", (BASE, PAGE)), ("release", (base,))):
            self.amid(space, space, name, arguments)
            self.expect("reentry", space.operation, None, "the operation in course")
