"""Ranging: what the steps of a land's run are drawn from.

Source: design/invariants.md#.sol.ranging
"""

from rangeland.invariants.draws import Draws
from rangeland.invariants.workload import WEIGHTS

UNITS = (1, 1, 2, 8, 64, 256, 512)
CELLS = 64
# In so many draws of a thousand many ranges are made.
MANY = 3
MODES = ("none", "low", "high", "entire")


class Ranging(Draws):
    """The next step of a run of `trial`, a LandTrial that has begun, in
    `span` bytes of memory."""

    def __init__(self, rng, trial, span):
        super().__init__(rng, trial)
        self.span = span
        self.unit = trial.align * rng.choice(UNITS)
        self.cells = min(span // self.unit, rng.choice((8, 16, CELLS)))
        offers = trial.offers
        names = ["insert", "fill", "extend", "bridge", "delete", "cut", "split"]
        names += [name for name in ("find", "find", "steal") if self._can(name)]
        names += ["zones"] if "find_in_zones" in offers else []
        names += ["visit"] if "iterate_and_delete" in offers else []
        names += ["refuse"] if trial.arena is not None else []
        # What not all lands have is drawn after all else.
        names += ["next"] if "find_next" in offers else []
        names += ["whole"] if "whole_size" in offers else []
        self.names = names
        asked = ("find", "next", "whole", "visit", "fill")
        self.asked = [name for name in asked if name in names] if self._is_split() else []
        self.weights = [rng.choice(WEIGHTS) for _ in names]
        self.weights[0] = 5
        if self.asked and "refuse" in names:
            # The second land has ranges only while nodes are refused; of one word or
            # two they are told in other ways than larger ones.
            self.weights[names.index("refuse")] = rng.choice((3, 5))
            if rng.random() < 0.5:
                self.unit = trial.align
                self.cells = min(span // self.unit, self.cells)

    def _drawn(self):
        """The name of what is done next."""
        return "many" if self.rng.randrange(1000) < MANY else super()._drawn()

    def _can(self, name):
        if name == "find":
            return any(n in self.trial.offers for n in ("find_first", "find_last", "find_largest"))
        return "insert_steal" in self.trial.offers

    def _is_split(self):
        return getattr(self.trial, "is_split", False)

    def _add_range(self, name, lo, hi):
        if lo < hi:
            self._add(name, lo, hi)

    def _cell(self):
        return self.rng.randrange(self.cells) * self.unit

    def _width(self):
        return self.unit * min(1 + int(self.rng.expovariate(0.7)), self.cells)

    def _range(self):
        """A range of the land, from the beginning of memory; or None."""
        ranges = list(self.trial.model)
        if not ranges:
            return None
        base, limit = self.rng.choice(ranges)
        return base - self.trial.base, limit - self.trial.base

    def _gap(self):
        """A range between two of the land's, or at an end; or None."""
        edges = [0]
        for base, limit in self.trial.model:
            edges += [base - self.trial.base, limit - self.trial.base]
        edges.append(self.cells * self.unit)
        gaps = [(lo, hi) for lo, hi in zip(edges[::2], edges[1::2]) if lo < hi]
        return self.rng.choice(gaps) if gaps else None

    def _insert(self):
        """Anywhere: it may overlap."""
        lo = self._cell()
        self._add_range("insert", lo, min(lo + self._width(), self.cells * self.unit))

    def _fill(self):
        """Several that are apart from each other."""
        for i in range(0, min(self.cells, 12), 2):
            self._add_range("insert", i * self.unit, (i + 1) * self.unit)

    def _many(self):
        """As many as make a tree deep, all apart; then edits among them."""
        count = self.rng.choice((50, 100, 150))
        unit = min(self.unit, self.span // (2 * count) // self.trial.align * self.trial.align)
        places = list(range(0, 2 * count, 2))
        self.rng.choice((list, list.reverse, self.rng.shuffle))(places)
        for i in places:
            self._add("insert", i * unit, (i + 1) * unit)
        for _ in range(self.rng.randrange(count)):
            i = self.rng.randrange(2 * count)
            self._add("insert" if i % 2 else "delete", i * unit, (i + 1) * unit)
        self._find()

    def _extend(self):
        """Next to a range, below or above it."""
        gap = self._gap()
        if gap:
            lo, hi = gap
            width = min(self._width(), hi - lo)
            self._add_range("insert", *self.rng.choice(((lo, lo + width), (hi - width, hi))))

    def _bridge(self):
        """All that is between two ranges."""
        gap = self._gap()
        if gap:
            self._add_range("insert", *gap)

    def _delete(self):
        """Anywhere: it may not be there."""
        lo = self._cell()
        self._add_range("delete", lo, min(lo + self._width(), self.cells * self.unit))

    def _cut(self):
        """A range, or one end of it."""
        whole = self._range()
        if whole:
            lo, hi = whole
            width = min(self._width(), hi - lo)
            cuts = (lo, hi), (lo, lo + width), (hi - width, hi)
            self._add_range("delete", *self.rng.choice(cuts))

    def _split(self):
        """The middle of a range."""
        whole = self._range()
        lo, hi = whole or (0, 0)
        cells = (hi - lo) // self.unit
        if cells > 2:
            first = self.rng.randrange(1, cells - 1)
            last = self.rng.randrange(first + 1, cells)
            self._add_range("delete", lo + first * self.unit, lo + last * self.unit)

    def _size(self):
        whole = self._range()
        if whole and self.rng.random() < 0.7:
            size = whole[1] - whole[0] + self.rng.choice((0, 0, -1, 1)) * self.trial.align
            return max(self.trial.align, size)
        return self._width()

    def _find(self):
        known = ("first", "last", "largest", "best")
        names = [name for name in known if f"find_{name}" in self.trial.offers]
        mode = self.rng.choice(MODES)
        if names:
            self._add("find", self.rng.choice(names), self._size(), mode)

    def _next(self):
        """The first that fits after some address: an end of a range, mostly."""
        lo, hi = self._range() or (0, self._cell())
        near = lo, hi, hi - 1, hi + self.trial.align, self._cell()
        self._add("next", max(0, self.rng.choice(near)), self._size(), self.rng.choice(MODES))

    def _whole(self):
        self._add("whole", 1 << self.rng.randint(3, 13))

    def _zones(self):
        run = (1 << self.rng.randint(1, 20)) - 1
        zones = self.rng.choice(
            (-1, 0, 1, self.rng.getrandbits(64), run << self.rng.randrange(64), ~(run << self.rng.randrange(64)))
        )
        zones &= (1 << 64) - 1
        self._add("zones", self._size(), zones, self.rng.random() < 0.5)

    def _visit(self):
        self._add("visit", self.rng.choice((1, 2, 3, 5)), self.rng.random() < 0.5)

    def _steal(self):
        """As insert and delete, by the forms that may steal."""
        if self.rng.random() < 0.5:
            lo = self._cell()
            self._add_range("insert_steal", lo, min(lo + self._width(), self.cells * self.unit))
        else:
            self._split()
            for _ in range(len(self.pending)):
                self._add("delete_steal", *self.pending.popleft()[1:])

    def _refuse(self):
        """Nodes are refused, for some steps."""
        self._add("refuse", self.rng.choice((1, 1, 2, 4)), self.rng.choice((1, 2, 1000)))
        for _ in range(self.rng.randint(1, 8)):
            names = ["insert", "extend", "bridge", "cut", "split", "delete"]
            # Where two lands tell of what is refused, they are asked meanwhile, too.
            names += self.asked
            getattr(self, "_" + self.rng.choice(names))()
        self._add("relent")
