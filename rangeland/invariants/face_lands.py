"""LandFaces: what is right or wrong to ask of lands.

Source: design/invariants.md#.sol.faces
"""

from land.sorted import SortedLand
from pools.mvff import MVFF
from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import HAS, LANDS, is_number
from vm.results import ParamError, ParamTypeError, ProtocolError

TOP = 1 << 62
OFFSETS = (
    (0, 64), (8, 8), (64, 8), (4, 64), (0, 60), (-8, 8), (0, 1 << 62), ("x", 64), (0, None), (0, 1.5),
)  # fmt: skip
FINDS = ("find_first", "find_last", "find_largest", "find_best", "find_next")
SIZES = (0, -8, 4, "x", None, True, TOP, TOP + 8, 8)
MODES = ("none", "low", "high", "entire", "all", None, 1)
ADDRESSES = (-1, "x", None, 0, 1 << 44, 1 << 60, (1 << 60) + 1)
ZONES = (-1, "x", None, 0, 1, (1 << 64) - 1, 1 << 64)
GRAINS = (0, -1, 3, "x", None, 1, 8, 4096, 1 << 56, 1 << 57)
ALIGNS = (0, 4, 7, 12, "x", None, 8, 16, 4096, TOP, TOP * 2)
# Where a range that goes round all zones begins and ends, beside a stripe.
EDGES = (-8, 0, 8, 1 << 12)
SINGLE = ("insert", "delete", "insert_steal", "delete_steal")


class LandFaces:
    """The part of a FaceTrial that asks lands."""

    def cards_of(self):
        """All that is tried of lands: a list of steps."""
        cards = []
        for kind in filter(LANDS.get, self.kinds):
            cards += [("range", kind, verb, *pair) for verb in SINGLE for pair in OFFSETS]
            cards += [("find", kind, name, size, "none") for name in FINDS for size in SIZES]
            cards += [("find", kind, name, 8, mode) for name in FINDS for mode in MODES]
            cards += [("next", kind, address) for address in ADDRESSES]
            cards += [("zones", kind, size, 1) for size in SIZES]
            cards += [("zones", kind, 8, zones) for zones in ZONES]
            cards += [("whole", kind, grain) for grain in GRAINS]
            cards += [("land_align", kind, align) for align in ALIGNS]
            cards += [("land_gone", kind, n) for n in self._asked_of_lands() if n != "check"]
            cards += [("land_amid", kind, name) for name in self._asked_of_lands()]
            cards += [("visited", kind, name) for name in self._asked_of_lands()]
            cards += [("land_made", kind), ("land_homeless", kind)]
        cards += [("sorted_defaults",)]
        for kind in ("CBSZoned", "SortedLand") if "CBSZoned" in self.kinds else ():
            cards += [("striped", kind, zone, high, lo, hi) for zone in range(0, 64, 7) for high in (False, True)
                      for lo in EDGES for hi in EDGES]  # fmt: skip
        return cards

    def _asked_of_lands(self, base=1 << 44):
        """{name: arguments} of all that a land is asked."""
        return {
            **{verb: (base, base + 64) for verb in SINGLE},
            **{name: (8,) for name in FINDS[:4]},
            "find_next": (0, 8),
            "find_in_zones": (8, (1 << 64) - 1),
            "whole_size": (4096,),
            "iterate_and_delete": (lambda base, limit: False,),
            "check": (), "describe": (), "destroy": (),
        }  # fmt: skip

    def _lacks(self, kind, name):
        known = (*SINGLE, "iterate_and_delete", "check", "describe", "destroy", "size", "owner")
        return name not in (*known, *HAS[kind])

    def _land(self, kind):
        """A land, and 8192 bytes for it."""
        pool = MVFF(self.arena, align=4096)
        return LANDS[kind](self.arena), pool, pool.alloc(8192)

    def _end_land(self, land, pool):
        land.destroy()
        pool.destroy()

    def do_range(self, kind, verb, lo, hi):
        """A range that is none, beside the alignment, or beyond any memory."""
        land, pool, base = self._land(kind)
        ends = [base + x if type(x) is int else x for x in (lo, hi)]
        if hi == 1 << 62:
            ends[1] = TOP + 8
        right = (lo, hi) == (0, 64)
        inserts = verb.startswith("insert")
        expected = None if right and inserts else ProtocolError if right else ParamError
        if lo == -8 and inserts:
            # It ends where another begins: it is right, but where that is the arena's own.
            self._end_land(land, pool)
            return False
        if lo == -8:
            # A list tells that there is no memory below.
            expected = ProtocolError, ParamError
        self.ask(f"land.{verb}({ends[0]!r}, {ends[1]!r})", expected, getattr(land, verb), *ends)
        self.expect("land-size", land.size, 64 if right and inserts else 0, "the size")
        if right and inserts:
            self.expect("ranges", list(land), [(base, base + 64)], "the land")
            self.ask("again", ProtocolError, getattr(land, verb), base, base + 64)
            self.ask("beyond", ProtocolError, land.delete, base, base + 72)
            found = self.ask("land.delete", None, land.delete, base + 8, base + 16)
            self.expect("delete", found, (base, base + 64), "what contained it")
        self._end_land(land, pool)
        return True

    def do_find(self, kind, name, size, mode):
        """A find of what is no size, or by no mode; then one of what is there."""
        land, pool, base = self._land(kind)
        address = (0,) if name == "find_next" else ()
        wrong = not is_number(size, 1, TOP) or size % 8 or mode not in MODES[:4]
        expected = ParamError if wrong else ProtocolError if self._lacks(kind, name) else None
        text = f"land.{name}({size!r}, {mode!r})"
        answer = self.ask(text, expected, getattr(land, name), *address, size, mode)
        self.expect("find", answer, None, f"of an empty land {text}")
        if not expected and size == 8:
            land.insert(base, base + 4096)
            part = {"low": (base, base + 8), "high": (base + 4088, base + 4096)}
            found = self.ask(text, None, getattr(land, name), *address, size, mode)
            whole = base, base + 4096
            taken = [part.get(mode, whole)]
            if name == "find_largest" and not hasattr(land, "nodes") and not hasattr(land, "primary"):
                taken.append(whole)
            if found not in [(pair, whole) for pair in taken]:
                raise Broken("find", f"{text} gives {found}: expected {(taken[0], whole)}")
            left = 4096 if mode == "none" else 4096 - (found[0][1] - found[0][0])
            self.expect("land-size", land.size, left, "the size")
        self._end_land(land, pool)

    def do_next(self, kind, address):
        """An address from which on there is nothing, or which is none."""
        land, pool, base = self._land(kind)
        land.insert(base, base + 64)
        wrong = not is_number(address, 0, 1 << 60)
        expected = ParamError if wrong else ProtocolError if self._lacks(kind, "find_next") else None
        found = self.ask(f"land.find_next({address!r}, 8)", expected, land.find_next, address, 8)
        if not expected:
            whole = base, base + 64
            there = address < base + 64
            self.expect("find", found, (whole, whole) if there else None, f"find_next({address})")
        self._end_land(land, pool)

    def do_zones(self, kind, size, zones):
        """A size or a set of zones that is none; a land of one range."""
        land, pool, base = self._land(kind)
        land.insert(base, base + 64)
        wrong = not is_number(size, 1, TOP) or size % 8 or not is_number(zones, 0, (1 << 64) - 1)
        expected = ParamError if wrong else ProtocolError if self._lacks(kind, "find_in_zones") else None
        text = f"land.find_in_zones({size!r}, {zones!r})"
        found = self.ask(text, expected, land.find_in_zones, size, zones)
        if not expected:
            zone = base >> self.arena.zone_shift & 63
            there = size <= 64 and zones >> zone & 1
            whole = base, base + 64
            self.expect("find-in-zones", found, ((base, base + 8), whole) if there else None, text)
        self._end_land(land, pool)

    def do_whole(self, kind, grain):
        """The bytes of whole grains, of a land of one range."""
        land, pool, base = self._land(kind)
        land.insert(base + 8, base + 8184)
        wrong = not is_number(grain, 1, 1 << 56) or grain & (grain - 1)
        expected = ParamError if wrong else ProtocolError if self._lacks(kind, "whole_size") else None
        found = self.ask(f"land.whole_size({grain!r})", expected, land.whole_size, grain)
        if not expected:
            first, last = -(-(base + 8) // grain) * grain, (base + 8184) // grain * grain
            self.expect("land-size", found, max(0, last - first), f"whole_size({grain})")
        self._end_land(land, pool)

    def do_land_align(self, kind, align):
        """The alignment of a land: a power of two of at least 8."""
        wrong = not is_number(align, 8, TOP) or align & (align - 1)
        before = self.arena.describe()
        land = self.ask(f"rl.{kind}(arena, align={align!r})", ParamError if wrong else None,
                        LANDS[kind], self.arena, align)  # fmt: skip
        if land is not None:
            self.expect("wrong-use", land.align, align, "align")
            land.destroy()
        else:
            self.expect("wrong-use", self.arena.describe(), before, "the arena")

    def do_land_gone(self, kind, name):
        """A land that is gone is asked for something."""
        land, pool, base = self._land(kind)
        land.destroy()
        expected = (ProtocolError, ParamError) if name in HAS["CBSZoned"] else ProtocolError
        self.ask_of(land, name, self._asked_of_lands(base)[name], expected)
        for other in ("size", "owner"):
            self.ask_of(land, other, (), ProtocolError)
        self.ask("list(land)", ProtocolError, list, land)
        pool.destroy()

    def do_land_amid(self, kind, name):
        """An operation in the middle of another; afterwards it is done."""
        land, pool, base = self._land(kind)
        land.insert(base + 128, base + 256)
        before = land.describe()
        arguments = self._asked_of_lands(base)[name]
        self.amid(self.arena.space, land, name, arguments)
        self.expect("reentry", land.describe(), before, "the land, after a refusal,")
        lacks = self._lacks(kind, name)
        self.ask_of(land, name, arguments, ProtocolError if lacks or "delete" in name[:6] else None)
        if name != "destroy":
            land.destroy()
        pool.destroy()

    def do_visited(self, kind, name):
        """A visitor may not ask for an operation of what it visits."""
        land, pool, base = self._land(kind)
        land.insert(base + 128, base + 256)
        arguments, errors = self._asked_of_lands(base)[name], []

        def visit(low, limit):
            try:
                getattr(land, name)(*arguments)
            except ProtocolError as error:
                errors.append(error)
            return False

        self.ask("land.iterate_and_delete(visit)", None, land.iterate_and_delete, visit)
        if len(errors) != 1:
            raise Broken("reentry", f"a visitor is not refused {name}")
        self.expect("membership", list(land), [(base + 128, base + 256)], "the land")
        self._end_land(land, pool)

    def do_land_made(self, kind):
        """A land is made in the arena, takes memory of it, and gives all back."""
        before = self.arena.describe()
        land = LANDS[kind](self.arena)
        self.expect("land-size", (land.size, len(land), bool(land), list(land)), (0, 0, True, []), "a land")
        self.expect("wrong-use", land.owner, 0, "the owner of a land of the arena's")
        if repr(land) not in (f"<{kind} at {land.address:#x}>",):
            raise Broken("wrong-use", f"a land is shown as {land!r}")
        land.destroy()
        self.expect("teardown", self.arena.describe(), before, "the arena")

    def do_land_homeless(self, kind):
        """A land is made in an arena, and in nothing else."""
        self.ask(f"rl.{kind}(None)", ParamTypeError, LANDS[kind], object())

    def do_striped(self, kind, zone, high, lo, hi):
        """A find in one zone of a range that goes round all 64: the lowest run, or the
        highest, of one set of stripes and what lies before it."""
        stripe = 1 << self.arena.zone_shift
        for size in (stripe, stripe // 2, 8):
            sorted_land = kind == "SortedLand"
            land = SortedLand(8, self.arena.zone_shift) if sorted_land else LANDS[kind](self.arena)
            base = (1 << 40) + 5 * stripe + lo
            limit = base - lo + 64 * stripe + hi
            land.insert(base, limit)
            first, last = -(-base // stripe), limit // stripe
            runs = []
            for i in range(first - 1, last + 1):
                low, top = max(i * stripe, base), min(i * stripe + stripe, limit)
                searched = i >= last - 64 if high else i < first + 64
                if i & 63 == zone and top - low >= size and searched:
                    runs.append((top - size, top) if high else (low, low + size))
            expected = (runs[-1 if high else 0], (base, limit)) if runs else None
            text = f"find_in_zones({size}, 1 << {zone}, {high}) of a range of 64 stripes"
            found = self.ask(text, None, land.find_in_zones, size, 1 << zone, high)
            self.expect("find-in-zones", found, expected, text)
            if not sorted_land:
                land.destroy()

    def do_sorted_defaults(self):
        """What is not given to the reference land is as it is documented."""
        land = SortedLand()
        found = land.align, land.zone_shift, land.highest, land.busy, land.size, list(land)
        self.expect("wrong-use", found, (8, 0, False, False, 0, []), "a SortedLand of no keywords")
        for name, value, least, most in (("align", 4, 8, TOP), ("zone_shift", 57, 0, 56)):
            self.ask(f"rl.SortedLand({name}={value})", ParamError, lambda: SortedLand(**{name: value}))
            for bound in (least, most):
                land = self.ask("rl.SortedLand, of a bound", None, lambda: SortedLand(**{name: bound}))
                self.expect("wrong-use", getattr(land, name), bound, name)
