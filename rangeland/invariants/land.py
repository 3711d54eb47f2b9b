"""LandTrial: any set of address ranges under a naive model.

Source: design/invariants.md#.sol.land
"""

from pools.mvff import MVFF
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import Broken
from rangeland.invariants.programs import Script
from rangeland.invariants.ranges import Ranges, joined, part_of
from rangeland.invariants.ranging import Ranging
from rangeland.invariants.trial import Trial, described, play
from vm.faults import FaultPlan

# The mapped memory that ranges lie in: a stripe for each zone.
STRIPE = 1 << 12
SPAN = STRIPE << 6
# An arena so small that its zones are stripes of that width.
SMALL = 1
# Where ranges lie that are in no arena.
NOWHERE = 1 << 20

FINDS = ("find_first", "find_last", "find_largest")
MODES = ("none", "low", "high", "entire")
REFUSED, WRONG, LACKING = "refused", "wrong", "lacking"


class LandTrial(Trial):
    """One run of the land that `factory` makes; addresses in steps count
    from the beginning of memory that is mapped, where the land has an arena.

    Steps: begin, insert, delete, insert_steal, delete_steal, find_first,
    find_last, find_largest, find_in_zones, visit, refuse, relent.
    """

    def __init__(self, factory):
        self.factory = factory if isinstance(factory, Factory) else Factory(factory)
        self.land = self.arena = None
        self.ranging = None
        self.script = Script()

    # What there is

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
            self.arena = self.factory.arena(checked=checked, size=SMALL)
            self.shift = self.arena.zone_shift
            self.pool = MVFF(self.arena, align=4096)
            self.base = self.pool.alloc(SPAN)
        keywords = {} if align == 8 else {"align": align}
        self.land = self.factory.subject(self.arena, **keywords)
        self._tell_begin(checked, keywords)
        self.begin_with()
        return True

    def _tell_begin(self, checked, keywords):
        lines = self.factory.text("land", (4096, checked, True, SMALL), keywords)
        if self.arena is None:
            lines.insert(-1, f"base = {NOWHERE}")
        else:
            lines.insert(-1, f"base = rl.MVFF(arena, align=4096).alloc({SPAN})")
        self.script.add(*lines)

    def begin_with(self):
        """See what `self.land` offers."""
        self.model = Ranges()
        align = getattr(self.land, "align", 8)
        self.align = align if type(align) is int and align > 0 else 1
        zone_shift = getattr(self.land, "zone_shift", None)
        if type(zone_shift) is int:
            self.shift = zone_shift
        # A land of two lands hides a want of nodes, and then coalesces late.
        self.is_split = hasattr(self.land, "secondary")
        self.refusing = False

    def choose(self, rng):
        """The next step at random."""
        if self.ranging is None:
            if self.land is None:
                return ("begin", self._drawn_align(rng), rng.random() < 0.5)
            self.ranging = Ranging(rng, self, SPAN)
        return self.ranging.next()

    def _drawn_align(self, rng):
        return 8

    def offers(self, name):
        """True if the land has an operation of that name."""
        return callable(getattr(self.land, name, None))

    # Steps

    def do_insert(self, lo, hi, verb="insert"):
        """Insert a range, or be refused what overlaps."""
        if not self._is_range(lo, hi) or not self.offers(verb):
            return False
        base, limit = self.base + lo, self.base + hi
        before = joined(self.model)
        self.script.begin(f"found = land.{verb}(base + {lo}, base + {hi})")
        answer = self._ask(getattr(self.land, verb), base, limit)
        if answer is LACKING:
            return False
        if self.model.overlaps(base, limit):
            self._expect_wrong(answer, "insert", lo, hi)
        elif answer is REFUSED:
            self._expect_need(not self.model.touching(base, limit), "insert", lo, hi)
        else:
            near = self.model.touching(base, limit)
            whole = self.model.insert(base, limit)
            expected = (base, limit) if verb == "insert_steal" else whole
            self._expect(answer, expected, "insert", split=near)
        self._expect_unchanged_or_model(before)
        return True

    def do_insert_steal(self, lo, hi):
        """Insert a range that may give nodes; none is wanted here."""
        return not self.refusing and self.do_insert(lo, hi, "insert_steal")

    def do_delete(self, lo, hi, verb="delete"):
        """Delete a range, or be refused what is not inside one."""
        if not self._is_range(lo, hi) or not self.offers(verb):
            return False
        base, limit = self.base + lo, self.base + hi
        self.script.begin(f"found = land.{verb}(base + {lo}, base + {hi})")
        answer = self._ask(getattr(self.land, verb), base, limit)
        if answer is LACKING:
            return False
        around = self.model.around(base, limit)
        if around is None:
            self._expect_wrong(answer, "delete", lo, hi)
        elif answer is REFUSED:
            self._expect_need(around[0] < base and limit < around[1], "delete", lo, hi)
        elif answer is WRONG and self.is_split and self.refusing:
            # It lies in ranges of both lands, which only touch.
            self._expect_ranges()
        else:
            self._expect(answer, self.model.delete(base, limit), "delete", split=True)
        self._expect_ranges()
        return True

    def do_delete_steal(self, lo, hi):
        """Delete a range of one that may give nodes; none is wanted here."""
        return not self.refusing and self.do_delete(lo, hi, "delete_steal")
