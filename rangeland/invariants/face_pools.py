"""PoolFaces: what is right or wrong to ask of pools.

Source: design/invariants.md#.sol.faces
"""

import re

from arena.arena import Arena
from pools.mfs import MFS
from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import (
    ASKED,
    DEFAULTS,
    FREED,
    KINDS,
    LABELS,
    MOST,
    OPERATIONS,
    PROMISES,
    is_number,
    is_taken,
    values_of,
)
from vm.faults import FaultPlan
from vm.results import ParamError, ProtocolError

SIZES = (0, -1, True, "x", 1.0, None, MOST - 1, MOST, MOST + 1, 1 << 61)
ALIGNS = (0, 3, 24, -8, "x", None, 1, 2, 8, 16, 64, 4096, 1 << 16, MOST, 1 << 61)
NUMBERS = (0, -1, True, "x", 1.5, None, MOST - 1, MOST, MOST + 1, 1, 1 << 70)
# What a client may have written where the tag of a block would be: it, and the word after the
# 64 bytes that it tells of, as no block has them, or one of another size.
IN_USE, BEFORE_IN_USE = 1, 2
TAGS = ((IN_USE, 0), (IN_USE | 1 << 40, 0), (IN_USE | 64, 0), (IN_USE | 64, IN_USE | BEFORE_IN_USE),
        (IN_USE | BEFORE_IN_USE, 0), (IN_USE | 64 | 1 << 57, IN_USE | BEFORE_IN_USE))  # fmt: skip
FAULTS = ("mapping", "reservation", "node")


class PoolFaces:
    """The part of a FaceTrial that asks pools."""

    def cards_of(self):
        """All that is tried of pools: a list of steps."""
        cards = []
        for kind in filter(KINDS.get, self.kinds):
            promises = PROMISES[KINDS[kind]]
            cards += [("keyword", kind, n, v) for n in promises for v, _ in values_of(promises[n])]
            cards += [("gone", kind, name) for name in (*ASKED, *FREED)]
            cards += [("amid", kind, name) for name in OPERATIONS]
            cards += [("size", kind, size) for size in SIZES]
            cards += [("align", kind, align) for align in ALIGNS]
            cards += [("label", kind, label, late) for label, _ in LABELS for late in (False, True)]
            cards += [("number", kind, at, n) for at in ("free", "size", "old", "new") for n in NUMBERS]
            cards += [("refused", kind, fault, nth) for fault in FAULTS for nth in (1, 2, 3)]
            cards += [("full", kind, align) for align in (None, 8, 64, 1024)]
            cards += [("audit", kind, wrong) for wrong in ("twice", "size", "inside", "none")]
            cards += [("defaults", kind), ("context", kind), ("context_gone", kind), ("homeless", kind)]
        cards += [("extents", audit) for audit in (False, True) if "MFS" in self.kinds]
        cards += [("tag", i) for i in range(len(TAGS)) if "LIFOFit" in self.kinds]
        return cards

    def make(self, kind, arena=None, **keywords):
        """A pool of the class of that name."""
        kind = KINDS[kind]
        unit = {"unit_size": 24} if kind is MFS else {}
        return kind(arena or self.arena, **unit | keywords)

    def _block(self, kind, pool):
        """(verb for a block, its address, its size) of a block of the pool."""
        if kind == "MVT":
            point = pool.allocation_point()
            address = point.reserve(24)
            assert point.commit(address, 24)
            return address, 24
        return pool.alloc(24), 24

    def do_keyword(self, kind, name, value):
        """A keyword of a pool class: taken, or refused."""
        taken = is_taken(value, values_of(PROMISES[KINDS[kind]][name]))
        before = self.arena.describe()
        text = f"rl.{kind}(arena, {name}={value!r})"
        pool = self.ask(text, None if taken else ParamError, lambda: self.make(kind, **{name: value}))
        if pool is not None:
            told = {"align": "align", "unit_size": "client_size", "direct_above": "direct_above"}.get(name)
            if told:
                self.expect("wrong-use", getattr(pool, told), value, told)
            if repr(value) not in pool.describe() and name == "spare":
                raise Broken("wrong-use", f"a pool of {name} {value} does not tell so")
            pool.destroy()
        elif self.arena.describe() != before:
            raise Broken("wrong-use", f"{text} is refused, and something changed")

    def do_defaults(self, kind):
        """What is not given is as it is documented."""
        texts = []
        for keywords in ({}, DEFAULTS[KINDS[kind]]):
            pool = self.make(kind, **keywords)
            texts.append(re.sub(r"pool \d+ at 0x[0-9a-f]+", "pool", pool.describe()))
            pool.destroy()
        self.expect("wrong-use", texts[0], texts[1], f"a {kind} of no keywords")

    def do_gone(self, kind, name):
        """A pool that is gone is asked for something."""
        pool = self.make(kind)
        pool.destroy()
        self.expect("wrong-use", pool.alive, False, "alive, after its end,")
        self.ask_of(pool, name, FREED.get(name, ()), ProtocolError)
        if name == "label":
            self.ask("pool.label = 'a'", ProtocolError, setattr, pool, "label", "a")

    def do_amid(self, kind, name):
        """An operation in the middle of another; afterwards it is done."""
        pool = self.make(kind)
        address, size = self._block(kind, pool)
        arguments = {"alloc": (24,), "free": (address, size), "resize": (address, size, size)}.get(name, ())
        if kind == "MVT" and name == "alloc":
            self.ask("pool.alloc(24)", ProtocolError, pool.alloc, 24)
            pool = pool.points[0]
            name = "reserve"
        before = self.arena.describe()
        self.amid(self.arena.space, pool, name, arguments)
        self.expect("wrong-use", self.arena.describe(), before, "the arena, after a refusal,")
        if name != "destroy" or kind != "MVT":
            self.ask_of(pool, name, arguments, None)
        for point in getattr(pool, "points", ()) if name != "destroy" else ():
            point.destroy()
        pool = getattr(pool, "pool", pool)
        if pool.alive:
            pool.__exit__()

    def do_context(self, kind):
        """A pool as a context is itself, and gone at its end, with its blocks."""
        before = len(self.arena.pools)
        with self.make(kind) as pool:
            self.expect("wrong-use", KINDS[kind] is type(pool), True, "the pool, as a context,")
            self._block(kind, pool)
            self.expect("wrong-use", len(self.arena.pools), before + 1, "the number of pools")
        self.expect("teardown", pool.alive, False, "alive, after its context,")
        self.expect("teardown", len(self.arena.pools), before, "the number of pools")

    def do_context_gone(self, kind):
        """A pool may be destroyed in its own context."""
        with self.make(kind) as pool:
            pool.destroy()

    def do_homeless(self, kind):
        """A pool is made in an arena, and in nothing else."""
        self.ask(f"rl.{kind}(None)", ParamError, lambda: self.make(kind, object()))

    def do_label(self, kind, label, late):
        """The name of a pool, given when it is made, or later."""
        taken = is_taken(label, LABELS)
        expected = None if taken else ParamError
        pool = self.make(kind) if late else None
        text = f"label {label!r} of a {kind}"
        if late:
            pool.label = "before"
            self.ask(text, expected, setattr, pool, "label", label)
        else:
            pool = self.ask(text, expected, lambda: self.make(kind, label=label))
        if pool is not None:
            other = self.make(kind)
            expected = label if taken else "before"
            self.expect("wrong-use", (pool.label, other.label), (expected, ""), "(label, of another)")
            attached = next(p for p in Arena.attach(self.arena.space, self.arena.address).pools
                            if p.serial == pool.serial)  # fmt: skip
            self.expect("attach", attached.label, expected, "the label, attached,")
            other.destroy()
            pool.destroy()

    def do_size(self, kind, size):
        """A size that is none, or larger than any memory."""
        pool = self.make(kind)
        before = pool.describe()
        point = pool.allocation_point() if kind == "MVT" else None
        right = is_number(size, 1, MOST if point else None) and not (point and size % 8)
        expected = None if right and (kind != "MFS" or size > MOST) else ParamError
        answer = self.ask(f"pool.alloc({size!r})", expected, point.reserve if point else pool.alloc, size)
        if answer is not None:
            raise Broken("wrong-use", f"a block of {size} bytes is given: expected a MemoryError")
        if pool.describe() != before and not point:
            raise Broken("wrong-use", f"alloc({size!r}) is refused, and something changed")
        pool.__exit__()

    def do_align(self, kind, align):
        """An alignment that is none, or more than any memory has."""
        if kind == "MVT":
            return False
        pool = self.make(kind)
        wrong = align is not None and (not is_number(align, 1, MOST) or align & (align - 1))
        wrong = ParamError if wrong else None
        lacks = kind == "MFS" and is_number(align, 9)
        answer = self.ask(f"pool.alloc(24, align={align!r})", wrong or (ProtocolError if lacks else None),
                          pool.alloc, 24, align)  # fmt: skip
        if answer is not None:
            if answer % (align or 1) or answer % pool.align or self.arena.pool_of(answer) is not pool:
                raise Broken("alignment", f"{answer:#x} is no block of the pool, a multiple of {align}")
            pool.free(answer, 24)
        elif not wrong and not lacks and align != MOST:
            raise Broken("alignment", f"no block aligned to {align} is given")
        pool.destroy()
        return True

    def do_number(self, kind, place, value):
        """A free or a resize, of which one argument is an odd number or none."""
        pool = self.make(kind)
        address, size = self._block(kind, pool)
        verb, given, at = {
            "free": ("free", [address, size], 0), "size": ("free", [address, size], 1),
            "old": ("resize", [address, size, size], 1), "new": ("resize", [address, size, size], 2),
        }[place]  # fmt: skip
        given[at] = value
        most = MOST - 1 if place == "new" else MOST
        right = is_number(value, 1, most)
        before = pool.total_size, pool.free_size, pool.slack_size
        text = f"pool.{verb}({', '.join(map(repr, given))})"
        if place == "new" and right:
            answer = self.ask(text, None, pool.resize, *given)
            if answer not in (True, False) or answer and value != 1:
                raise Broken("placement", f"{text} gives {answer}")
            if answer and kind != "MFS":
                size = value
        elif place in ("free", "new") or value != 1 or kind == "MFS":
            # Of a size of 1 not each class can tell that the block has another.
            expected = (ParamError, ProtocolError) if right else ParamError
            self.ask(text, expected, getattr(pool, verb), *given)
            found = pool.total_size, pool.free_size, pool.slack_size
            self.expect("wrong-use", found, before, f"(total, free, slack), after {text},")
        pool.free(address, size)
        pool.__exit__()
        return True

    def do_refused(self, kind, fault, nth):
        """The machine refuses something while a pool is made, and its first block had."""
        arena, space = self.arena, self.arena.space
        before = arena.describe()
        space.faults = FaultPlan().fail(fault, nth=nth)
        pool = self.ask(f"rl.{kind}(arena), refused", None, lambda: self.make(kind))
        if pool is None:
            space.faults = None
            self.expect("unwound", arena.describe(), before, "the arena")
            return
        marks = pool.total_size, pool.free_size, pool.slack_size
        refused = sum(space.faults.refused.values())
        block = self.ask("a block, refused", None, self._block, kind, pool)
        now = sum(space.faults.refused.values())
        space.faults = None
        if block is None and kind != "MVT":
            found = pool.total_size, pool.free_size, pool.slack_size
            self.expect("unwound", found, marks, "(total, free, slack)")
        if block is None and now == refused:
            raise Broken("placement", "a block is refused, though the machine refused nothing")
        if block is not None:
            pool.free(*block)
        pool.__exit__()

    def do_full(self, kind, align):
        """Nothing more may be committed: plain and aligned blocks are refused until
        something may be again."""
        if kind == "MVT" or kind == "MFS" and align not in (None, 8):
            return False
        arena = self.arena
        pool = self.make(kind)
        arena.spare = 0.0
        arena.commit_limit = arena.committed
        self.expect("commit-limit", self.ask("alloc", None, pool.alloc, 24, align), None, "a block")
        self.expect("accounts", pool.total_size, 0, "the total")
        arena.commit_limit = arena.committed + (1 << 18)
        given = []
        while (block := self.ask("alloc", None, pool.alloc, 2000 if kind != "MFS" else 24, align)) is not None:
            given.append(block)
            if len(given) > 12000:
                raise Broken("commit-limit", "blocks are given without an end")
        if not given or any(b % (align or 1) for b in given) or len(set(given)) != len(given):
            raise Broken("placement", f"{len(given)} blocks are given, or not aligned to {align}")
        arena.commit_limit, arena.spare = None, 0.75
        pool.destroy()
        return True

    def do_audit(self, kind, wrong):
        """An audited pool tells what is no living block, or has another size."""
        pool = self.make(kind, audit=True)
        address, size = self._block(kind, pool)
        again = {"twice": (address, size), "size": (address, size - 1), "inside": (address + 8, size)}
        if wrong == "none":
            pool.free(address, size)
        else:
            if wrong == "twice":
                pool.free(address, size)
            self.ask(f"free{again[wrong]}, audited", (ProtocolError, ParamError), pool.free, *again[wrong])
            if wrong != "twice":
                pool.free(address, size)
        pool.__exit__()

    def do_tag(self, index):
        """An address in a LIFOFit block before which a client wrote what may be a tag."""
        arena = self.arena
        pool = self.make("LIFOFit")
        block = pool.alloc(256)
        for offset, word in zip((56, 120), TAGS[index]):
            arena.store(block + offset, word)
        before = pool.describe()
        for verb, arguments in (("free", (block + 64, 100)), ("resize", (block + 64, 100, 50))):
            self.ask_of(pool, verb, arguments, ProtocolError, f"{verb}{arguments}, within a block")
        self.expect("wrong-use", pool.describe(), before, "the pool")
        pool.free(block, 256)
        pool.destroy()

    def do_extents(self, audit):
        """An MFS pool that may not extend itself has the extents that it is given."""
        arena = self.arena
        pool = MFS(arena, 1000, extend_by=5000, extend_self=False, audit=audit)
        self.expect("unwound", self.ask("pool.alloc(1000)", None, pool.alloc, 1000), None, "a unit")
        self.expect("accounts", (pool.total_size, pool.extents()), (0, []), "(total, extents)")
        arena.spare = 0.0
        arena.commit_limit = arena.committed
        self.expect("unwound", self.ask("pool.add_extent()", None, pool.add_extent), None, "an extent")
        self.expect("accounts", (pool.total_size, pool.extents()), (0, []), "(total, extents)")
        arena.commit_limit, arena.spare = None, 0.75
        bases = [pool.add_extent(), pool.add_extent()]
        self.expect("accounts", pool.extents(), [(base, base + 8192) for base in bases], "the extents")
        self.expect("accounts", pool.total_size, 2 * (8192 - 16), "the total")
        found = [self.ask("pool.alloc(1000)", None, pool.alloc, 1000) for _ in range(17)]
        places = [base + 16 + 1000 * i for base in reversed(bases) for i in range(8)]
        self.expect("placement", found, [*places, None], "the units")
        pool.destroy()
        self.ask("pool.add_extent(), of none", ProtocolError, pool.add_extent)
