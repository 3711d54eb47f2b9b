"""Stray words in lands and in what the machine keeps in memory, each tried in a
process of its own.

Something is made with a few ranges (or pages), one word of it is written over, and
all that can be asked of it is asked. What comes must be an error of ours, or else the
thing is right, as a naive model tells. Each trial is a fork of the process, so that a
crash or a walk without end is an outcome of that trial:

    python tests/support/garble_lands.py KIND [checked] [one in so many trials] [seed]

prints the counts as JSON, and each finding.
"""

import json
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import garbled

from land import fields as lf
from land.cbs import CBS, CBSFast, CBSZoned
from land.failover import Failover
from land.freelist import Freelist
from land.nodes import CappedNodes, StackNodes
from land.sized import CBSSized
from vm import bits, sparse
from vm import fields as f
from vm.boot import BootBlock
from vm.descriptor import VM
from vm.results import ProtocolError, RangelandError
from vm.space import AddressSpace
from vm.sparse import SparseArray

SPAN = 2048
TREES = {"CBS": CBS, "CBSFast": CBSFast, "CBSZoned": CBSZoned, "CBSSized": CBSSized}
FINDS = {
    "CBS": (),
    "CBSFast": ("first", "last", "largest", "next"),
    "CBSZoned": ("first", "last", "largest", "next", "zones"),
    "CBSSized": ("largest", "best"),
    "Freelist": ("first", "last", "largest", "best", "next"),
    "Failover": ("first", "last", "largest", "next"),
}


class Silent(Exception):
    """Something is wrong, and nothing said so."""


class Hidden(Exception):
    """A range was not seen: a cache of a tree may say so until it is corrected."""


def expect(holds, what, kind=Silent):
    """Raise Silent unless it `holds`."""
    if not holds:
        raise kind(what)


def mapped(space, size):
    """The base of mapped memory of `size` bytes."""
    vm = VM(space, space.stack.push(f.VM_SIZE))
    assert vm.init(size, f.PAGE) == 0 and vm.map(vm.base, vm.limit) == 0
    return vm.base


class LandVictim:
    """A land with a dozen ranges in `SPAN` bytes, and a set of the 8-byte cells in it."""

    def __init__(self, kind, checked, rng):
        self.kind, self.space = kind, AddressSpace(1 << 22, checked=checked)
        at = mapped(self.space, f.PAGE)
        self.pool = mapped(self.space, f.PAGE)
        self.memory = mapped(self.space, f.PAGE)
        self.at = self.descriptors = [at]
        self.remake = self._make(kind, at)
        self.cells = set()
        for i in rng.sample(range(14), 12):
            lo = self.memory + 128 * i
            hi = lo + 8 * rng.choice((1, 2, 3, 5, 9))
            self.land.insert(lo, hi)
            self.cells.update(range(lo, hi, 8))
        self.land.check()

    def _make(self, kind, at):
        space = self.space
        if kind == "Freelist":
            self.land = Freelist.init(space, at, 8)
            return lambda: Freelist(space, at)
        cls = TREES["CBSFast" if kind == "Failover" else kind]
        nodes = StackNodes(space, cls.NODE_SIZE, self.pool, self.pool + 60 * cls.NODE_SIZE)
        if kind != "Failover":
            self.land = cls.init(space, at, nodes, 8, zone_shift=6)
            return lambda: cls(space, at, nodes)
        primary = cls.init(space, at, CappedNodes(nodes, 6), 8)
        secondary = Freelist.init(space, at + 128, 8)
        self.land = Failover.init(space, at + 256, primary, secondary)
        return lambda: Failover(space, at + 256, cls(space, at, primary.nodes), Freelist(space, at + 128))

    def words(self):
        """The addresses of the words of descriptors, nodes and free blocks."""
        land, found = self.land, set()
        lands = (land.primary, land.secondary, land) if self.kind == "Failover" else (land,)
        for one in lands:
            found.update(range(one.address, one.address + one.BYTES, 8))
            if isinstance(one, Freelist):
                found.update(at for lo, hi in one for at in (lo, lo + 8) if at < hi)
        if self.kind != "Freelist":
            size = lf.ZONED_NODE_SIZE
            found.update(range(self.pool, self.pool + 16 * size, 8))
        return sorted(found)

    def neighbours(self):
        """Addresses that mean something near here."""
        return [self.memory + 128, self.memory + 136, self.pool, self.pool + lf.FAST_NODE_SIZE]

    def ranges(self):
        """The cells as ranges: a list."""
        found = []
        for cell in sorted(self.cells):
            if found and found[-1][1] == cell:
                found[-1] = (found[-1][0], cell + 8)
            else:
                found.append((cell, cell + 8))
        return found

    def asks(self, rng):
        """All that can be asked, in an order of chance."""
        land = self.land
        edits = [lambda: self.insert(rng), lambda: self.delete(rng)] * 8
        for which in FINDS[self.kind]:
            edits += [lambda which=which: self.find(which, rng)] * 3
        asks = [*edits, land.check, land.describe, self.visit, self.rebuild, lambda: len(land),
                lambda: land.owner, lambda: bool(land), lambda: expect(land.size == 8 * len(self.cells), "size"),
                self.expect_ranges, lambda: self.whole(rng)]  # fmt: skip
        rng.shuffle(asks)
        return [land.check, *asks] if rng.random() < 0.3 else asks

    def _range(self, rng):
        lo = self.memory + 8 * rng.randrange(SPAN // 8)
        return lo, lo + 8 * rng.choice((1, 1, 2, 3, 6, 12))

    def insert(self, rng):
        """Insert a range at random."""
        lo, hi = self._range(rng)
        cells = set(range(lo, hi, 8))
        verb = self.land.insert if rng.random() < 0.7 else self.land.insert_steal
        try:
            verb(lo, hi)
        except ProtocolError:
            if self.cells & cells:
                return
            raise
        expect(not self.cells & cells, "an insert that overlaps")
        self.cells |= cells

    def delete(self, rng):
        """Delete a range at random, often of what is there."""
        lo, hi = self._range(rng)
        if self.cells and rng.random() < 0.7:
            lo, hi = rng.choice(self.ranges())
            lo, hi = rng.choice(((lo, hi), (lo, lo + 8), (hi - 8, hi)))
        cells = set(range(lo, hi, 8))
        try:
            self.land.delete(lo, hi)
        except ProtocolError:
            if not cells <= self.cells or self.kind == "Failover":
                return
            raise
        expect(cells <= self.cells, "a delete of what is not there")
        self.cells -= cells

    def find(self, which, rng):
        """Find, and delete of it what a mode says."""
        size, mode = 8 * rng.randint(1, 8), rng.choice(("none", "low", "high", "entire"))
        if which == "zones":
            found = self.land.find_in_zones(size, rng.getrandbits(64), rng.random() < 0.5)
        elif which == "next":
            found = self.land.find_next(self.memory + rng.randrange(SPAN), size, mode)
        else:
            found = getattr(self.land, f"find_{which}")(size, mode)
        if found is None:
            if which in ("first", "last", "largest", "best") and self.kind != "Failover":
                expect(not any(hi - lo >= size for lo, hi in self.ranges()), which, Hidden)
            return
        (lo, hi), (base, limit) = found
        expect(base <= lo < hi <= limit and hi - lo >= size, f"found {found}")
        # No range of ours is longer: a wrong one may be.
        expect(limit - base <= SPAN and set(range(base, limit, 8)) <= self.cells, f"found {found}")
        if mode != "none" or which == "zones":
            self.cells -= set(range(lo, hi, 8))

    def visit(self):
        """Delete every third range by a visitor."""
        gone = []

        def visitor(lo, hi):
            expect(hi - lo <= SPAN, f"a range {lo:#x} {hi:#x}")
            if lo // 8 % 3 == 0:
                gone.append((lo, hi))
                return True
            return False

        self.land.iterate_and_delete(visitor)
        for lo, hi in gone:
            self.cells -= set(range(lo, hi, 8))

    def rebuild(self):
        """Another handle of the same bytes."""
        self.land = self.remake()

    def whole(self, rng):
        """The sum of whole grains, where the land can tell."""
        if self.kind != "CBS":
            grain = rng.choice((8, 16, 64))
            told = self.land.whole_size(grain)
            wide = sum(max(0, hi // grain - -(-lo // grain)) * grain for lo, hi in self.ranges())
            expect(told <= wide, "whole_size")
            expect(told == wide or self.kind == "Failover", "whole_size", Hidden)

    def expect_ranges(self):
        """The ranges are those of the model; of a failover some may touch."""
        found = set()
        for lo, hi in self.land:
            expect(lo < hi <= lo + SPAN, f"a range {lo:#x} {hi:#x}")
            found |= set(range(lo, hi, 8))
        expect(found == self.cells, "the ranges")

    def judge(self, at):
        """Whatever was not told must be right."""
        self.land.check()
        self.expect_ranges()
        self.space.check()


class MachineVictim:
    """A VM with a sparse array in it and a boot block, and a set of what is in use."""

    def __init__(self, kind, checked, rng):
        self.kind, self.space = kind, AddressSpace(1 << 22, checked=checked)
        self.at = mapped(self.space, f.PAGE)
        self.pool = self.at + 1024
        self.vm = VM(self.space, self.at)
        self.vm.init(16 * f.PAGE, f.PAGE)
        mapped(self.space, f.PAGE)
        self.element, self.length = 24, 2000
        pages = (self.element * self.length + f.PAGE - 1) // f.PAGE
        self.array = sparse.init(self.space, self.at + 64, self.vm.base, self.element, self.length,
                                 self.pool, self.pool + bits.table_size(self.length), self.at)  # fmt: skip
        self.pages = pages
        self.used = set()
        self.boot = BootBlock(self.space, self.at + 128)
        self.boot.init(self.vm.base, self.vm.limit)
        self.given = self.vm.base
        for lo, hi in ((3, 40), (300, 700), (1990, 2000)):
            self.array.map(lo, hi)
            self.used.update(range(lo, hi))

    def words(self):
        """The words of the three descriptors and of the two tables."""
        tables = bits.table_size(self.length) + bits.table_size(self.pages)
        ours = [*range(self.at, self.at + f.VM_SIZE, 8), *range(self.at + 64, self.at + 160, 8)]
        return [*ours, *range(self.pool, self.pool + tables, 8)]

    def neighbours(self):
        """Addresses that mean something near here."""
        return [self.vm.base, self.vm.base + f.PAGE, self.pool, self.at + 64]

    def asks(self, rng):
        """All that can be asked, in an order of chance."""
        asks = [lambda: self.bring(rng)] * 12 + [self.vm.check, self.array.check, self.rebuild, self.boot.check,
                lambda: self.array.mapped_bytes(), lambda: self.boot.allocated, self.give, self.give,
                lambda: self.vm.copy(self.at + 512).check(), self.space.check, lambda: self.tell(rng)]  # fmt: skip
        rng.shuffle(asks)
        return asks

    def bring(self, rng):
        """Bring elements into use, or out of it."""
        lo = rng.randrange(self.length)
        hi = min(self.length, lo + rng.choice((1, 5, 100, 600)))
        state = lo in self.used
        while any((i in self.used) != state for i in range(lo, hi)):
            hi -= 1
        (self.array.unmap if state else self.array.map)(lo, hi)
        self.used = self.used - set(range(lo, hi)) if state else self.used | set(range(lo, hi))

    def give(self):
        """Boot allocation."""
        address = self.boot.alloc(40, 8)
        expect(address < 0 or self.vm.base <= address <= self.vm.limit - 40, f"given {address:#x}")

    def tell(self, rng):
        """The machine about wild ranges."""
        for at in (self.vm.base, self.vm.limit, rng.getrandbits(61), 0, self.vm.mapped, self.vm.reserved):
            at = min(at, 1 << 61)
            self.space.mapped_pages(at, at + f.PAGE)
            self.space.first_unmapped(at, at + 64)

    def rebuild(self):
        """Another handle of the same bytes."""
        self.array = SparseArray(self.space, self.at + 64)

    def judge(self, at):
        """Whatever was not told must be right, but for bits of the tables, which
        nothing else here knows."""
        self.vm.check()
        SparseArray(self.space, self.at + 64).check()
        self.array.check()
        self.boot.check()
        for i in range(self.length if at < self.pool else 0):
            expect(self.array.mapped.get(i) == (i in self.used), f"element {i}")
        self.space.check()


KINDS = {kind: LandVictim for kind in FINDS} | {"Machine": MachineVictim}


def trial(victim, at, rng):
    """Ask all. Returns what came of it: a name."""
    errors, silent, hidden = Counter(), None, None
    for ask in victim.asks(rng):
        try:
            ask()
        except Silent as wrong:
            silent = silent or wrong
        except Hidden as wrong:
            hidden = hidden or wrong
        except RangelandError as error:
            errors[type(error).__name__] += 1
        except AssertionError:
            errors["AssertionError"] += 1
    if errors:
        return "DamageError" if errors["DamageError"] else errors.most_common(1)[0][0]
    try:
        victim.judge(at)
    except (RangelandError, AssertionError) as error:
        return f"{type(error).__name__} at the end"
    if hidden and victim.kind not in ("CBSFast", "CBSZoned", "Failover"):
        raise hidden
    if silent:
        raise silent
    return "hidden for a while" if hidden else "right"


def apart(attempt):
    """What came of `attempt`, run in a process of its own: with a "!" in front if it died."""
    told, why = garbled.apart(lambda: (attempt(), ""))
    return f"! {told}: {why}" if told in garbled.OUTCOMES else told


def garble(kind, checked, every, seed):
    """Try one in `every` of all words and values. Returns counts and findings."""
    counts, findings, number = Counter(), [], random.Random(seed).randrange(every)
    victim = KINDS[kind](kind, checked, random.Random(f"{seed}/{kind}"))
    for at in victim.words():
        chance = random.Random(f"{seed}/{at}")
        words = garbled.values_of(victim.space, at, chance, victim.neighbours())
        for i, value in enumerate(words):
            number += 1
            if number % every:
                continue

            def attempt(at=at, i=i, value=value):
                victim.space.bytes.cast("q")[(at - victim.space.origin) // 8] = value
                return trial(victim, at, random.Random(f"{seed}/{at}/{i}"))

            told = apart(attempt)
            if told.startswith("!"):
                findings.append(f"{kind} checked={checked} word {at:#x} = {value:#x}: {told}")
                told = "finding"
            counts[told] += 1
    return dict(counts), findings


if __name__ == "__main__":
    told, found = garble(
        sys.argv[1],
        len(sys.argv) > 2 and sys.argv[2] == "checked",
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
        sys.argv[4] if len(sys.argv) > 4 else "1",
    )
    print(json.dumps(told))
    for text in found:
        print(text)
    sys.exit(1 if found else 0)
