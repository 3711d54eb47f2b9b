"""MemoryTrial: an address space under a naive model of reservations and pages.

Source: design/invariants.md#.sol.machine
"""

from rangeland.invariants.finding import Broken
from rangeland.invariants.telling import TellingTrial
from rangeland.invariants.trial import described, own_check
from vm.results import AccessError, ParamError, ProtocolError, RangelandError
from vm.space import AddressSpace

PAGE = 4096
BASE = 1 << 30
PAGES = 48
WRONG = (ParamError, ProtocolError, AccessError)


class MemoryTrial(TellingTrial):
    """One run of an AddressSpace of PAGES pages.

    Steps: begin (checked); reserve, reserve_at, place, release; map, unmap;
    write, read; push, pop. Pages count from the base of the space.
    """

    def __init__(self):
        super().__init__()
        self.space = None

    def choose(self, rng):
        """The next step at random."""
        if self.space is None:
            return "begin", rng.random() < 0.5
        page, count = rng.randrange(-1, PAGES + 1), rng.choice((1, 1, 2, 3, 8, PAGES))
        if self.held and rng.random() < 0.8:
            base, size = rng.choice([(b, s) for _, _, b, s, _ in self.held])
            page = (base - BASE) // PAGE + rng.choice((0, 0, 0, 1, -1, size // PAGE - 1))
            count = rng.choice((1, 1, 2, size // PAGE, size // PAGE + 1))
        at = page * PAGE + rng.choice((0, 0, 8, PAGE - 8, PAGE - 1, 100))
        return rng.choice(
            (
                ("reserve", rng.choice((1, 1, 2, 3, 5, 8)), rng.choice((1, 1, 2, 4, 8))),
                ("reserve_at", page, count),
                ("place", page, rng.choice((1, 2, 3)), rng.choice((1, 1, 2))),
                ("release", page),
                ("map", page, page + count),
                ("map", page, page + count),
                ("map", page, page + 1),
                ("unmap", page, page + count),
                ("write", at, rng.choice((1, 8, 8, PAGE, PAGE + 1, 2 * PAGE, 0)), rng.randrange(1, 256)),
                ("word", at),
                ("push", 8 * rng.randint(1, 40)),
                ("pop",),
            )
        )

    def do_begin(self, checked):
        """The space."""
        if self.space is not None:
            return False
        self.space = AddressSpace(PAGES * PAGE, BASE, checked=checked)
        self.script.add(
            "import rangeland as rl", "",
            f"space = rl.AddressSpace({PAGES * PAGE}, {BASE}, checked={checked})",
        )  # fmt: skip
        # (block, limit, base, size, counted) of each reservation, ascending.
        self.held, self.pages, self.pushed, self.bytes = [], set(), [], {}
        return True

    def do(self, step):
        """Do and judge one step; whatever it is, there is a space."""
        if self.space is None and step[0] != "begin":
            self.do_begin(False)
        done = super().do(step)
        self._expect_accounts()
        return done

    # Reservations

    def _is_vacant(self, base, limit):
        inside = BASE <= base and limit <= BASE + PAGES * PAGE
        return inside and all(x <= base or limit <= b for b, x, *_ in self.held)

    def _hold(self, block, limit, base, size, counted):
        self.held = sorted([*self.held, (block, limit, base, size, counted)])

    def do_reserve(self, pages, align):
        """It goes to the highest gap."""
        size, align = pages * PAGE, align * PAGE
        counted = size + align - PAGE
        expected, top = None, BASE + PAGES * PAGE
        for block, limit, *_ in [*reversed(self.held), (0, BASE)]:
            if top - limit >= counted:
                expected = -(-(top - counted) // align) * align
                break
            top = block
        answer = self._ask("reserve", size, align)
        if answer != (expected if expected is not None else -2):
            told = f"reserve({size}, {align}) gives {answer}: expected {expected or -2}"
            raise Broken("vm-accounts", told, f"assert answer == {expected or -2}")
        if expected is not None:
            self._hold(top - counted, top, expected, size, counted)
        return True

    def do_place(self, page, pages, align):
        """Where a placement says, if that is vacant and aligned."""
        base, size = BASE + page * PAGE, pages * PAGE
        self.script.begin(f"space.placement = [{base}]")
        self.space.placement = [base]
        answer = self._ask("reserve", size, align * PAGE)
        vacant = base % (align * PAGE) == 0 and self._is_vacant(base, base + size)
        self.space.placement = None
        if answer != (base if vacant else -2):
            told = f"a reservation placed at {base:#x} gives {answer}"
            raise Broken("vm-accounts", f"{told}: expected {base if vacant else -2}")
        if vacant:
            self._hold(base, base + size, base, size, size + align * PAGE - PAGE)
        return True

    def do_reserve_at(self, page, pages):
        """Just there, or not at all."""
        base, size = BASE + page * PAGE, pages * PAGE
        vacant = self._is_vacant(base, base + size)
        if self._allowed(vacant, "reserve_at", base, size):
            self._hold(base, base + size, base, size, size)
        return True

    def do_release(self, page):
        """Of what is mapped nowhere."""
        base = BASE + page * PAGE
        held = next((h for h in self.held if h[2] == base), None)
        right = held and not any(base <= at < base + held[3] for at in self.pages)
        if self._allowed(bool(right), "release", base):
            self.held.remove(held)
        return True

    # Pages

    def _inside(self, base, limit):
        return base < limit and any(b <= base and limit <= b + size for _, _, b, size, _ in self.held)

    def _is_told(self, base, limit):
        """False for what lies beside a reservation that was aligned: whether the
        machine lets it be mapped is not told."""
        return self._inside(base, limit) or not any(
            block <= base and limit <= end for block, end, *_ in self.held
        )

    def do_map(self, first, last):
        """Pages of one reservation that are not mapped."""
        base, limit = BASE + first * PAGE, BASE + last * PAGE
        if not self._is_told(base, limit) or not hasattr(self.space, "map"):
            return False
        pages = range(base, limit, PAGE)
        right = self._inside(base, limit) and not self.pages.intersection(pages)
        if self._allowed(right, "map", base, limit):
            self.pages.update(pages)
            if self.space.view(base, limit - base) != bytes(limit - base):
                raise Broken("fresh-zeros", f"[{base:#x}, {limit:#x}) is not all zeros")
        return True

    def do_unmap(self, first, last):
        """Pages of one reservation that are mapped."""
        base, limit = BASE + first * PAGE, BASE + last * PAGE
        if not self._is_told(base, limit) or not hasattr(self.space, "map"):
            return False
        pages = range(base, limit, PAGE)
        right = self._inside(base, limit) and self.pages.issuperset(pages)
        if self._allowed(right, "unmap", base, limit):
            self.pages.difference_update(pages)
            self.bytes = {at: what for at, what in self.bytes.items() if at // PAGE * PAGE not in pages}
        return True

    # Access

    def _stray(self, address, size):
        """The first address that is not mapped, or the end."""
        for at in range(address, address + size):
            if at // PAGE * PAGE not in self.pages:
                return at
        return address + size

    def do_write(self, offset, size, value):
        """Bytes that are mapped, at both ends."""
        address = BASE + offset
        if address + size > BASE + PAGES * PAGE:
            # The stack begins there, which is always mapped.
            return False
        stray = self._stray(address, size)
        if address >= BASE:
            found = self.space.first_unmapped(address, address + size)
            expected = address + size if size == 0 else stray
            if found != expected:
                told = f"first_unmapped gives {found:#x}: expected {expected:#x}"
                raise Broken("unmapped-access", told)
        if size == 0 or not self._allowed(stray == address + size, "view", address, size):
            return True
        view = self.space.view(address, size)
        for i in {0, size // 2, size - 1}:
            if view[i] != self.bytes.get(address + i, 0):
                raise Broken("unmapped-access", f"the byte at {address + i:#x} is {view[i]}")
            view[i] = value
            self.bytes[address + i] = value
        return True

    def do_word(self, offset):
        """A word, of an address that is one of words."""
        address = BASE + offset
        if not BASE <= address < BASE + PAGES * PAGE:
            return False
        right = address % 8 == 0 and self._stray(address, 8) == address + 8
        if self._allowed(right, "word", address):
            expected = bytes(self.bytes.get(address + i, 0) for i in range(8))
            if self.space.word(address) != int.from_bytes(expected, "little", signed=True):
                raise Broken("unmapped-access", f"the word at {address:#x} is not {expected!r}")
        return True

    # The stack

    def do_push(self, size):
        """Bytes on the stack, which are zeros."""
        stack = self.space.stack
        expected = stack.limit - sum(self.pushed) - size
        if expected < stack.base:
            return False
        self.script.begin(f"answer = space.stack.push({size})")
        answer = stack.push(size)
        if answer != expected or self.space.view(answer, size) != bytes(size):
            raise Broken("vm-accounts", f"push({size}) gives {answer:#x}: expected {expected:#x}")
        self.space.view(answer, size)[:] = b"\xff" * size
        self.pushed.append(size)
        return True

    def do_pop(self):
        """What was pushed last."""
        if not self.pushed:
            return False
        size = self.pushed.pop()
        self.script.begin(f"space.stack.pop({size})")
        self.space.stack.pop(size)
        return True

    # Judging

    def _ask(self, verb, *arguments):
        self.script.begin(f"answer = space.{verb}({', '.join(map(str, arguments))})")
        try:
            return getattr(self.space, verb)(*arguments)
        except Exception as error:
            raise Broken("raises", f"{verb}{arguments}: {described(error)}") from error

    def _allowed(self, right, verb, *arguments):
        """True if it is done, and that is right; False if it is refused, rightly."""
        text = f"space.{verb}({', '.join(map(str, arguments))})"
        self.script.begin(text)
        try:
            getattr(self.space, verb)(*arguments)
        except RangelandError as error:
            self.script.refused(type(error).__name__ if type(error).__module__ else "ValueError")
            if right:
                raise Broken("raises", f"{text}: {described(error)}") from error
            return False
        except Exception as error:
            raise Broken("raises", f"{text}: {described(error)}") from error
        if not right:
            raise Broken("unmapped-access", f"{text} is not refused", "assert False")
        return True

    def _expect_accounts(self):
        space = self.space
        found = space.reserved, space.mapped
        expected = sum(h[4] for h in self.held), len(self.pages) * PAGE
        if found != expected:
            told = f"(reserved, mapped) is {found}: expected {expected}"
            raise Broken("vm-accounts", told, f"assert (space.reserved, space.mapped) == {expected}")
        pages = space.mapped_pages(BASE, BASE + PAGES * PAGE)
        if pages != len(self.pages):
            raise Broken("vm-accounts", f"{pages} pages are mapped: expected {len(self.pages)}")
        for block, limit, base, size, _ in self.held:
            if space.reservation_block(base) != block:
                raise Broken("vm-accounts", f"the block of {base:#x} is not {block:#x}")
            if space.mapped_pages(base, base + size) != sum(base <= p < base + size for p in self.pages):
                raise Broken("vm-accounts", f"the pages of [{base:#x}, {limit:#x}) are not counted")

    def check(self):
        """The machine's own check, and the bytes."""
        if self.space is not None:
            own_check(self.space, "space")
            for at, value in self.bytes.items():
                if self.space.view(at, 1)[0] != value:
                    raise Broken("unmapped-access", f"the byte at {at:#x} is not {value}")

    def end(self):
        """All goes."""
        self.check()

    def abandon(self):
        """Let go of the space."""
        self.space = None
