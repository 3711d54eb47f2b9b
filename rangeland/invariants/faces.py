"""FaceTrial: the public face refuses what it says that it refuses, takes what it
takes at both ends of the bounds, and nothing is done with what is gone.

Source: design/invariants.md#.sol.faces
"""

import rangeland.lands as lands
from arena.arena import Arena
from pools.bestfit import BestFit
from pools.buddy import Buddy
from pools.lifofit import LIFOFit
from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from pools.nextfit import NextFit
from pools.segfit import SegFit
from pools.slab import Slab
from pools.worstfit import WorstFit
from rangeland.invariants.finding import Broken
from rangeland.invariants.telling import TellingTrial
from rangeland.invariants.trial import described
from vm.results import ParamError, ProtocolError
from vm.space import AddressSpace

MOST = 1 << 60
GRAIN = 4096
SPACE = 1 << 30
SIZES = 1, MOST
# What each keyword takes: (least, most), a power of two or not.
FIT = {"extend_by": SIZES, "align": (8, GRAIN, 2), "spare": (0.0, 1.0)}
PROMISES = {
    MFS: {"unit_size": SIZES, "extend_by": SIZES},
    # Its mean size, 32, is no more than what it extends by.
    MVFF: FIT | {"mean_size": (1, 65536), "extend_by": (32, MOST)},
    BestFit: FIT,
    WorstFit: FIT,
    NextFit: FIT,
    LIFOFit: FIT,
    MVT: {
        "min_size": (1, 32),
        "mean_size": (8, 8192),
        "max_size": (32, 1 << 48),
        "reserve_depth": (1, 1 << 32),
        "frag_limit": (0.0, 1.0),
        "align": (8, GRAIN, 2),
    },
    Buddy: {"extend_by": SIZES, "min_size": (16, GRAIN, 2), "spare": (0.0, 1.0)},
    SegFit: {"extend_by": SIZES, "direct_above": (0, MOST), "spare": (0.0, 1.0)},
    Slab: {"align": (8, GRAIN // 16, 2), "spare": (0.0, 1.0)},
}
KINDS = {kind.__name__: kind for kind in PROMISES}
LANDS = {k.__name__: k for k in (lands.CBS, lands.CBSFast, lands.CBSZoned, lands.Freelist, lands.Failover)}
# What every pool has, and refuses when it is gone.
ASKED = (
    "total_size", "free_size", "slack_size", "largest_free", "whole_free_size", "serial", "align",
    "check", "describe", "destroy",
)  # fmt: skip
# What is asked of an arena that is gone.
OF_ARENAS = (
    "reserved", "committed", "spare_committed", "page_tables", "grain_size", "zone_shift", "zoned",
    "free_zones", "serial", "commit_limit", "spare", "extend_by", "extend_min", "chunks", "pools",
    "system_pools", "collect", "check", "describe", "destroy",
)  # fmt: skip
FREED = {"free": (4096, 24), "resize": (4096, 24, 32), "alloc": (24,)}
NO_NUMBERS = ("x", None, 1.5, True)


def values_of(promise):
    """What is tried of a keyword: (value, is it taken), the ends of the bounds,
    what is just beyond, and what is no number."""
    least, most, *power = promise
    if isinstance(least, float):
        tried = [(least, True), (most, True), (-0.001, False), (1.001, False)]
        return tried + [(value, False) for value in ("x", None, True)]
    step = 2 if power else 1
    tried = [(least, True), (most, True)]
    if power:
        tried += [(least // 2, False), (most * 2, False), (least + 1, False), (least * 2, True)]
    else:
        tried += [(least - 1, False), (most + 1, False), (least + step, True)]
    return tried + [(value, False) for value in NO_NUMBERS]


class FaceTrial(TellingTrial):
    """One run of what is right or wrong to ask of the public face.

    Steps: keyword, gone, arena_gone, size, setting, range, arena.
    """

    def __init__(self):
        super().__init__()
        self.arena = None

    def choose(self, rng):
        """The next step at random."""
        kind = rng.choice(list(KINDS))
        name = rng.choice(list(PROMISES[KINDS[kind]]))
        value, _ = rng.choice(values_of(PROMISES[KINDS[kind]][name]))
        setting = rng.choice(list(self.SETTINGS))
        grain = GRAIN
        offsets = rng.choice(((0, 64), (8, 8), (64, 8), (4, 64), (0, 60), (-8, 8), (0, 1 << 62)))
        return rng.choice(
            (
                ("keyword", kind, name, value),
                ("keyword", kind, name, value),
                ("gone", kind, rng.choice((*ASKED, *FREED))),
                ("arena_gone", rng.choice(OF_ARENAS)),
                ("size", kind, rng.choice((0, -1, True, "x", 1.0, None, 1 << 61, MOST + 1, MOST))),
                ("setting", setting, rng.choice(self.SETTINGS[setting])[0]),
                ("range", rng.choice(list(LANDS)), rng.choice(("insert", "delete")), *offsets),
                ("find", rng.choice(list(LANDS)), rng.choice((0, -8, 4, "x", 1 << 60, 8)),
                 rng.choice(("none", "low", "all", None))),
                ("arena", *rng.choice(((0, grain), (-1, grain), ("x", grain), (1 << 20, 1000),
                                       (1 << 20, 2048), (1 << 20, 4097), (1, grain), (1 << 20, 8192)))),
                ("settings_gone", setting, rng.choice(self.SETTINGS[setting])[0]),
                ("grow", 1 << rng.randint(20, 23), rng.random() < 0.5),
                ("owner", rng.choice((0, -1, "x", MOST, MOST + 1, 1))),
                ("align", kind, rng.choice((0, 3, 24, -8, "x", 1, 8, 1 << 61))),
            )
        )  # fmt: skip

    SETTINGS = {
        "commit_limit": ((-1, False), ("x", False), (True, False), (None, True), (1 << 40, True), (0, False)),
        "spare": ((-0.1, False), (1.1, False), ("x", False), (0, True), (1, True), (0.5, True)),
        "extend_by": ((0, False), (MOST + 1, False), ("x", False), (1, True), (MOST, True), (1 << 20, True)),
        "extend_min": ((-1, False), ("x", False), (0, True), (4096, True), (MOST + 1, False)),
    }  # fmt: skip

    def _begin(self):
        if self.arena is None:
            self.arena = Arena(1 << 20, space=AddressSpace(SPACE))
            self.script.add(
                "import rangeland as rl", "",
                f"arena = rl.Arena(1 << 20, space=rl.AddressSpace({SPACE}))",
            )  # fmt: skip

    def do(self, step):
        """Do and judge one step."""
        self._begin()
        return super().do(step)

    def _asked(self, text, expected, function, *arguments, **keywords):
        """What `function` answers; None if it is refused with one of `expected`,
        which is none if it must not be refused. Raises: Broken."""
        self.script.begin(text)
        try:
            answer = function(*arguments, **keywords)
        except MemoryError:
            self.script.refused()
            return None
        except Exception as error:
            if expected and isinstance(error, expected):
                self.script.refused("ValueError")
                return None
            told = f"{text}: {described(error)}"
            raise Broken("wrong-use" if expected else "raises", told) from error
        if expected:
            raise Broken("wrong-use", f"{text} is not refused", "assert False, 'it was not refused'")
        return answer

    def _make(self, kind, **keywords):
        unit = {"unit_size": 24} if kind is MFS else {}
        return kind(self.arena, **unit | keywords)

    def do_keyword(self, kind, name, value):
        """A keyword of a pool class: taken, or refused."""
        kind = KINDS.get(kind)
        promise = PROMISES.get(kind, {}).get(name)
        if promise is None:
            return False
        taken = next((t for v, t in values_of(promise) if v is value or (type(v), v) == (type(value), value)), None)
        if taken is None:
            return False
        before = self.arena.describe()
        text = f"rl.{kind.__name__}(arena, {name}={value!r})"
        pool = self._asked(text, None if taken else ParamError, lambda: self._make(kind, **{name: value}))
        if pool is not None:
            self._judge(pool, kind, name, value)
            pool.destroy()
        elif self.arena.describe() != before:
            raise Broken("wrong-use", f"{text} is refused, and something changed")
        return True

    def _judge(self, pool, kind, name, value):
        told = {"align": "align", "unit_size": "client_size", "direct_above": "direct_above"}.get(name)
        if told and getattr(pool, told) != value:
            raise Broken("wrong-use", f"{told} is {getattr(pool, told)}: expected {value}")
        if repr(value) not in pool.describe() and name == "spare":
            raise Broken("wrong-use", f"a pool of {name} {value} does not tell so")

    def do_gone(self, kind, name):
        """A pool that is gone is asked for something."""
        if kind not in KINDS:
            return False
        pool = self._make(KINDS[kind])
        pool.destroy()
        if pool.alive:
            raise Broken("wrong-use", f"{pool!r} is alive after its end")
        arguments = FREED.get(name, ())

        def ask():
            found = getattr(type(pool), name, None)
            return getattr(pool, name)(*arguments) if callable(found) else getattr(pool, name)

        self._asked(f"pool.{name}", ProtocolError, ask)
        return True

    def do_arena_gone(self, name):
        """An arena that is gone is asked for something."""
        arena = Arena(1 << 20, space=AddressSpace(SPACE))
        arena.destroy()
        if arena.alive:
            raise Broken("wrong-use", "an arena is alive after its end")

        def ask():
            found = getattr(type(arena), name, None)
            return getattr(arena, name)() if callable(found) else getattr(arena, name)

        self._asked(f"arena.{name}", ProtocolError, ask)
        return True

    def do_size(self, kind, size):
        """A size that is none, or larger than any memory."""
        if kind not in KINDS:
            return False
        pool = self._make(KINDS[kind])
        before = pool.describe()
        point = pool.allocation_point() if kind == "MVT" else None
        wrong = isinstance(size, bool) or not isinstance(size, int) or size < 1
        ask = point.reserve if point else pool.alloc
        expected = ParamError if wrong or kind == "MFS" and size <= MOST else None
        if point and not wrong and size > MOST:
            expected = ParamError
        answer = self._asked(f"pool.alloc({size!r})", expected, ask, size)
        if answer is not None:
            raise Broken("wrong-use", f"a block of {size} bytes is given: expected a MemoryError")
        if pool.describe() != before and not point:
            raise Broken("wrong-use", f"alloc({size!r}) is refused, and something changed")
        if point:
            point.destroy()
        pool.destroy()
        return True

    def do_align(self, kind, align):
        """An alignment that is none, or more than any memory has."""
        if kind not in KINDS or kind == "MVT":
            return False
        pool = self._make(KINDS[kind])
        wrong = not isinstance(align, int) or align < 1 or align & (align - 1) or align > MOST
        expected = (ParamError, ProtocolError) if wrong else None
        answer = self._asked(f"pool.alloc(24, align={align!r})", expected, pool.alloc, 24, align)
        if answer is not None:
            if answer % align or answer % pool.align:
                raise Broken("alignment", f"{answer:#x} is no multiple of {align}")
            pool.free(answer, 24)
        pool.destroy()
        return True

    def do_setting(self, name, value):
        """A setting of the arena: what is taken is told."""
        known = self.SETTINGS.get(name, ())
        taken = next((t for v, t in known if v is value or (type(v), v) == (type(value), value)), None)
        if taken is None:
            return False
        before = getattr(self.arena, name)
        text = f"arena.{name} = {value!r}"
        self._asked(text, None if taken else ParamError, setattr, self.arena, name, value)
        found, expected = getattr(self.arena, name), value if taken else before
        if found != expected:
            raise Broken("wrong-use", f"after {text} it is {found}: expected {expected}")
        setattr(self.arena, name, before)
        return True

    def do_settings_gone(self, name, value):
        """A setting of an arena that is gone."""
        arena = Arena(1 << 20, space=AddressSpace(SPACE))
        arena.destroy()
        text = f"arena.{name} = {value!r}"
        self._asked(text, (ProtocolError, ParamError), setattr, arena, name, value)
        return True

    def do_grow(self, size, kept):
        """An arena grows for a block, and gives the chunk back when that is free."""
        arena = Arena(1 << 20, space=AddressSpace(SPACE))
        arena.spare = 1.0 if kept else 0.0
        pool = MVFF(arena, spare=0)
        first = pool.alloc(8)
        before = arena.reserved, len(arena.chunks)
        tables = arena.page_tables
        block = pool.alloc(size)
        self.script.begin(f"pool.alloc({size}); pool.free(...); arena.collect()")
        grown = arena.reserved - before[0]
        if len(arena.chunks) != before[1] + 1 or grown < size:
            raise Broken("growth", f"{len(arena.chunks)} chunks after {size} bytes: expected one more")
        if arena.page_tables <= tables or arena.pool_of(block).serial != pool.serial:
            raise Broken("chunks", f"a block of {size} bytes in a new chunk is in no table")
        pool.free(block, size)
        if kept and arena.spare_committed < size or not kept and arena.spare_committed:
            raise Broken("spare-accounts", f"{arena.spare_committed} bytes are spare of {size}")
        reserved, chunks = arena.reserved, len(arena.chunks)
        gone = arena.collect()
        # A grain of it may have become nodes of the arena's own.
        expected = grown if len(arena.chunks) < chunks else 0
        if gone != expected or arena.reserved != reserved - gone:
            told = f"collect gives {gone} back, {arena.reserved} of {reserved} are left"
            raise Broken("reserved-accounts", f"{told}: expected {expected}")
        if gone and (arena.page_tables != tables or arena.committed < arena.spare_committed):
            raise Broken("committed-accounts", "a chunk that went is counted still")
        if arena.collect() != 0:
            raise Broken("reserved-accounts", "a second collect gives something back")
        arena.check()
        pool.free(first, 8)
        pool.destroy()
        arena.destroy()
        return True

    def do_owner(self, address):
        """Whose an address is that nobody has."""
        wrong = type(address) is not int or not 0 <= address <= MOST
        text = f"arena.pool_of({address!r})"
        owner = self._asked(text, ParamError if wrong else None, self.arena.pool_of, address)
        if owner is not None:
            raise Broken("chunks", f"{text} is {owner!r}: expected None")
        return True

    def do_arena(self, size, grain):
        """An arena of this size and grain: made, or refused."""
        right = type(size) is int and size >= 1 and grain >= GRAIN and grain & (grain - 1) == 0
        space = AddressSpace(SPACE)
        expected = None if right else ParamError
        arena = self._asked(f"rl.Arena({size!r}, grain_size={grain})", expected, lambda: Arena(
            size, grain_size=grain, space=space))  # fmt: skip
        if arena is not None:
            if arena.grain_size != grain:
                raise Broken("wrong-use", f"grain_size is {arena.grain_size}: expected {grain}")
            arena.destroy()
        if space.reserved or space.mapped:
            raise Broken("boot-unwound", "something is left")
        return True

    def do_range(self, kind, verb, lo, hi):
        """A range that is none, beside the alignment, or beyond any memory."""
        if kind not in LANDS:
            return False
        land = LANDS[kind](self.arena)
        pool = MVFF(self.arena)
        base = pool.alloc(64)
        right = lo % 8 == hi % 8 == 0 and lo < hi and hi < 1 << 61
        if right and lo >= 0:
            expected = None if verb == "insert" else ProtocolError
            self._asked(f"land.{verb}(base, base + 64)", expected, getattr(land, verb), base, base + 64)
            size = 64 if verb == "insert" else 0
        else:
            text = f"land.{verb}(base + {lo}, base + {hi})"
            if lo >= 0:
                self._asked(text, (ParamError, ProtocolError), getattr(land, verb), base + lo, base + hi)
            size = 0
        if land.size != size:
            raise Broken("wrong-use", f"the land has {land.size} bytes: expected {size}")
        land.destroy()
        self._asked("land.size", ProtocolError, lambda: land.size)
        self._asked("land.insert(8, 16)", ProtocolError, land.insert, base, base + 64)
        pool.destroy()
        return True

    def do_find(self, kind, size, mode):
        """A find of what is no size, or by no mode."""
        if kind not in LANDS:
            return False
        land = LANDS[kind](self.arena)
        wrong = type(size) is not int or size < 8 or size % 8 or mode not in ("none", "low")
        has = kind not in ("CBS",)
        expected = ParamError if wrong else ProtocolError if not has else None
        answer = self._asked(f"land.find_first({size!r}, {mode!r})", expected, land.find_first, size, mode)
        if answer is not None:
            raise Broken("find", f"an empty land gives {answer}")
        land.destroy()
        return True

    def check(self):
        """The arena is sound."""
        if self.arena is not None:
            self.arena.check()

    def end(self):
        """All goes."""
        if self.arena is not None:
            self.arena.destroy()

    def abandon(self):
        """Let go of everything."""
        self.arena = None
