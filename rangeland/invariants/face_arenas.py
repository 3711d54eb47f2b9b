"""ArenaFaces: what is right or wrong to ask of an arena.

Source: design/invariants.md#.sol.faces
"""

from arena.arena import Arena
from pools.mvff import MVFF
from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import (
    ARENA_OPERATIONS,
    KINDS,
    LABELS,
    MOST,
    OF_ARENAS,
    is_number,
    is_taken,
)
from rangeland.lands import CBS
from vm import events as ev
from vm.results import AccessError, ParamError, ProtocolError
from vm.space import AddressSpace
from vm.telemetry import stream

PAGE = 4096
# Events that come in pairs, and which of their parameters tells of what.
STORIES = (
    (ev.POOL_INIT, ev.POOL_FINISH, 0), (ev.GEN_INIT, ev.GEN_FINISH, 1), (ev.CHUNK_INIT, ev.CHUNK_FINISH, 1),
    (ev.CONTROL_ALLOC, ev.CONTROL_FREE, 1), (ev.ARENA_CREATE_VM, ev.ARENA_DESTROY, 0),
    (ev.SEG_ALLOC, ev.SEG_FREE, 1), (ev.BUFFER_INIT, ev.BUFFER_FINISH, 0),
)  # fmt: skip
SPACE = 1 << 30
NO_LIMIT = (1 << 63) - 1
TOP = (1 << 61) - 1
SETTINGS = {
    "commit_limit": ((-1, False), ("x", False), (True, False), (1.5, False), (None, True), (1 << 40, True),
                     (0, False), (1, False), (NO_LIMIT, None), (NO_LIMIT + 1, False)),
    "spare": ((-0.1, False), (1.1, False), ("x", False), (None, False), (True, False), (0, True), (1, True),
              (0.5, True)),
    "extend_by": ((0, False), (MOST + 1, False), ("x", False), (1, True), (MOST, True), (1 << 20, True)),
    "extend_min": ((-1, False), ("x", False), (0, True), (4096, True), (1 << 20, True),
                   ((1 << 20) + 1, False), (MOST + 1, False)),
}  # fmt: skip
# Keywords of an arena, and what is tried of them.
KEYWORDS = {
    "size": ((0, False), (-1, False), ("x", False), (True, False), (1, True), (1 << 20, True), (MOST + 1, False)),
    "grain_size": ((1000, False), (2048, False), (4097, False), ("x", False), (4096, True), (8192, True),
                   (1 << 16, True), (MOST // 32, False)),
    "spare": ((-0.1, False), (1.1, False), ("x", False), (True, False), (0, True), (1, True)),
    "commit_limit": ((-1, False), ("x", False), (True, False), (1 << 40, True), (None, True), (1 << 20, True)),
    "space": ((1, False), ("x", False)),
}  # fmt: skip
NUMBERS = (0, -1, "x", None, True, 1.5, MOST, MOST + 1, 1)


class ArenaFaces:
    """The part of a FaceTrial that asks arenas."""

    def cards_of(self):
        """All that is tried of arenas: a list of steps."""
        cards = [("setting", name, v, gone) for name in SETTINGS for v, _ in SETTINGS[name] for gone in (0, 1)]
        cards += [("arena_keyword", name, value) for name in KEYWORDS for value, _ in KEYWORDS[name]]
        cards += [("arena_gone", name) for name in OF_ARENAS]
        cards += [("arena_amid", name) for name in ARENA_OPERATIONS]
        cards += [("told", size, grain, zoned) for size, grain in ((1, PAGE), (1 << 20, PAGE), (3 << 20, PAGE),
                  (1 << 22, 1 << 14)) for zoned in (True, False)]
        cards += [("attach_at", where) for where in ("arena", "block", "chunk", "beside", "unmapped", 0, -1, "x", "limit",
                  "gone", "copy", "space")]
        cards += [("words", size) for size in (PAGE, 2 * PAGE, 3 * PAGE)]
        cards += [("grow", size, kept) for size in (1 << 20, 1 << 23, 70 << 20) for kept in (False, True)]
        cards += [("extend", room, by, least) for room in range(0, 37, 3)
                  for by, least in ((32, 4), (9, 4), (16, 16), (1, 1), (32, 0))]
        cards += [("owner", address) for address in (*NUMBERS, PAGE, 1 << 44)] + [("owners",)]
        cards += [("control", size) for size in NUMBERS] + [("foreign",)]
        cards += [("arena_label", label, late) for label, _ in LABELS for late in (False, True)]
        cards += [("story", grain) for grain in (PAGE, 1 << 14)] + [("chunk_alive", checked) for checked in (0, 1)]
        cards += [("handles",), ("nested",), ("arena_context",), ("arena_defaults",), ("alive_pools",)]
        cards += [("limited", pages) for pages in range(0, 40, 4)]
        return cards

    def do_setting(self, name, value, gone):
        """A setting of the arena, or of one that is gone: what is taken is told."""
        arena = self.fresh()
        taken = is_taken(value, SETTINGS[name])
        text = f"arena.{name} = {value!r}"
        if gone:
            arena.destroy()
            self.ask(text, (ProtocolError, ParamError), setattr, arena, name, value)
            return
        arena.extend_by = 1 << 20
        before = getattr(arena, name)
        self.ask(text, ParamError if taken is False else None, setattr, arena, name, value)
        expected = value if taken else None if taken is None else before
        if getattr(arena, name) != expected:
            raise Broken("wrong-use", f"after {text} it is {getattr(arena, name)}: expected {expected}")
        self.amid(arena.space, _Setting(arena, name, before), "set") if name in ("commit_limit", "spare") else 0
        arena.destroy()

    def do_arena_keyword(self, name, value):
        """A keyword of an arena: taken, or refused, and then nothing is left."""
        space = AddressSpace(1 << 34)
        taken = is_taken(value, KEYWORDS[name])
        keywords = {"size": 1 << 20, "space": space} | {name: value}
        text = f"rl.Arena({name}={value!r})"
        arena = self.ask(text, None if taken else ParamError, lambda: Arena(**keywords))
        if taken:
            if arena is None:
                raise Broken("growth", f"{text} is refused")
            found = getattr(arena, name, value)
            if found != value:
                raise Broken("wrong-use", f"{name} is {found}: expected {value}")
            arena.check()
            arena.destroy()
        if space.reserved or space.mapped or space.operation is not None:
            raise Broken("boot-unwound", f"after {text} something is left")

    def do_limited(self, pages):
        """An arena that may not commit more than so many pages: made, or not."""
        space = AddressSpace(SPACE)
        arena = self.ask("rl.Arena, limited", None, lambda: Arena(1 << 20, commit_limit=pages * PAGE, space=space))
        if arena is not None:
            if arena.committed > pages * PAGE:
                raise Broken("commit-limit", f"{arena.committed} bytes are committed of {pages} pages")
            arena.destroy()
        elif pages > 32:
            raise Broken("commit-limit", f"{pages} pages are not enough for an arena")
        if space.reserved or space.mapped:
            raise Broken("boot-unwound", "something is left")

    def do_arena_defaults(self):
        """What is not given is as it is documented."""
        with Arena() as arena:
            found = (arena.grain_size, arena.zoned, arena.commit_limit, arena.spare, arena.label, arena.extend_min,
                     arena.extend_by, sum(c.limit - c.base for c in arena.chunks))  # fmt: skip
            expected = 4096, True, None, 0.75, "", 0, 1 << 28, 1 << 28
            self.expect("wrong-use", found, expected, "(grain, zoned, limit, spare, label, extend, by, size)")
            self.expect("wrong-use", arena.space.size >= 1 << 37, True, "a space of its own, large,")

    def do_arena_gone(self, name):
        """An arena that is gone is asked for something."""
        arena = self.fresh()
        arena.destroy()
        self.expect("wrong-use", arena.alive, False, "alive, after its end,")
        self.ask_of(arena, name, OF_ARENAS[name], ProtocolError)
        if name == "label":
            self.ask("arena.label = 'a'", ProtocolError, setattr, arena, "label", "a")

    def do_arena_amid(self, name):
        """An operation in the middle of another; afterwards it is done."""
        arena = self.fresh()
        block = arena.control_alloc(64)
        arguments = {"control_alloc": (64,), "control_free": (block, 64)}.get(name, ())
        self.amid(arena.space, arena, name, arguments)
        self.ask_of(arena, name, arguments, None)
        self.expect("reentry", arena.space.operation, None, "the operation in course")

    def do_told(self, size, grain, zoned):
        """What an arena tells of itself."""
        space = AddressSpace(SPACE)
        other = Arena(1, space=space)
        arena = Arena(size, grain, zoned, space=space)
        chunk = arena.chunks[0]
        whole = -(-max(size, 64 * grain) // grain) * grain
        shift = (whole // 64).bit_length() - 1
        found = (arena.grain_size, arena.zoned, chunk.limit - chunk.base, arena.zone_shift, arena.serial,
                 other.serial, chunk.serial, 0 <= arena.free_zones < 1 << 64)  # fmt: skip
        self.expect("zones", found, (grain, zoned, whole, shift, 1, 0, 0, True),
                    "(grain, zoned, size, zone_shift, serial, of another, of the chunk, free_zones)")  # fmt: skip
        before = arena.free_zones
        pool = MVFF(arena, extend_by=grain)
        block = pool.alloc(grain)
        zone = block >> shift & 63
        used = before & ~arena.free_zones
        if arena.free_zones & ~before or not 0 < before or arena.free_zones >> zone & 1:
            raise Broken("zones", f"after a block in zone {zone} {used:#x} of {before:#x} are used")
        self.expect("owners", arena.pool_of(block) is pool, True, "that pool_of tells the pool")
        found = arena.page_tables, arena.committed - arena.spare_committed >= arena.page_tables
        self.expect("committed-accounts", found[0] > 0 and found[0] % PAGE == 0 and found[1], True, "page_tables")
        pool.destroy()
        arena.destroy()
        other.destroy()

    def do_arena_context(self):
        """An arena as a context is itself; at its end it goes, with its pools."""
        space = AddressSpace(SPACE)
        made = Arena(1 << 20, space=space)
        with made as arena:
            self.expect("wrong-use", arena is made, True, "that an arena is its context")
            pools = [MVFF(arena), MVFF(arena)]
            pools[0].alloc(64)
        self.expect("teardown", [made.alive, *(pool.alive for pool in pools)], [False] * 3, "alive")
        self.expect("teardown", (space.reserved, space.mapped), (0, 0), "(reserved, mapped)")
        with Arena(1 << 20, space=space) as arena:
            arena.destroy()

    def do_alive_pools(self):
        """An arena that has pools is not destroyed, and goes on."""
        arena = self.fresh()
        pool = MVFF(arena)
        self.ask("arena.destroy()", ProtocolError, arena.destroy)
        self.expect("teardown", (arena.alive, pool.alive, pool.free_size), (True, True, 0), "(alive, alive, free)")
        pool.destroy()
        self.ask("pool.destroy(), of the arena's own", ProtocolError, arena.system_pools[0].destroy)
        arena.destroy()

    def do_arena_label(self, label, late):
        """The name of an arena, given when it is made, or later."""
        taken = is_taken(label, LABELS)
        space, expected = AddressSpace(SPACE), None if taken else ParamError
        text, arena = f"label {label!r} of an arena", None
        if late:
            arena = Arena(1 << 20, space=space, label="before")
            self.ask(text, expected, setattr, arena, "label", label)
        else:
            arena = self.ask(text, expected, lambda: Arena(1 << 20, space=space, label=label))
        if arena is not None:
            expected = label if taken else "before"
            self.expect("wrong-use", arena.label, expected, "the label")
            self.expect("attach", Arena.attach(space, arena.address).label, expected, "the label, attached,")
            arena.check()
            arena.destroy()
        self.expect("boot-unwound", space.reserved, 0, "what is reserved")

    # Attaching, and several handles

    def do_attach_at(self, where):
        """An arena is attached where one lies, and nowhere else."""
        arena = self.fresh()
        space = arena.space
        block = MVFF(arena, align=PAGE).alloc(2 * PAGE)
        if where == "copy":
            space.view(block, PAGE)[:] = space.view(arena.address, PAGE)
        chunk = arena.chunks[0].base
        places = {"arena": arena.address, "block": block, "chunk": chunk, "beside": arena.address + 8, "limit": space.limit,
                  "unmapped": space.base, "copy": block, "gone": arena.address, "space": arena.address}  # fmt: skip
        at = places.get(where, where)
        if where == "gone":
            arena.__exit__()
        expected = None if where == "arena" else ParamError
        text = f"rl.Arena.attach(space, {at!r}), {where}"
        other = self.ask(text, expected, Arena.attach, None if where == "space" else space, at)
        if where == "arena":
            self.expect("attach", other.describe(), arena.describe(), "an attached arena")
        elif arena.alive:
            arena.check()

    def do_handles(self):
        """Pools that come and go by one handle of an arena are known to another."""
        one = self.fresh()
        two = Arena.attach(one.space, one.address)
        self.expect("attach", two.pools, [], "the pools")
        made = []
        for i in range(4):
            pool = MVFF(one, extend_by=PAGE)
            made.append((pool, pool.alloc(100)))
            self._expect_known(two, made)
        for i in (1, 0, 1, 0):
            made.pop(i)[0].destroy()
            self._expect_known(two, made)
        two.destroy()
        self.expect("teardown", one.alive, False, "alive, by the other handle,")

    def _expect_known(self, arena, made):
        last = made[-1:]
        for pool, block in [*last, *made]:
            owner = arena.pool_of(block)
            self.expect("attach", owner and owner.serial, pool.serial, "the owner, by another handle,")
        found = [pool.serial for pool in arena.pools]
        self.expect("attach", found, [pool.serial for pool, _ in made], "the pools, by another handle,")
        arena.check()

    def do_nested(self):
        """Pools that pools and lands make for themselves are told as owners, by any handle."""
        arena = self.fresh()
        pool, land = MVFF(arena), CBS(arena)
        base = pool.alloc(4096)
        for i in range(0, 64, 2):
            land.insert(base + i * 64, base + i * 64 + 64)
        two = Arena.attach(arena.space, arena.address)
        owners = []
        for handle in (arena, two):
            found = []
            for chunk in handle.chunks:
                for lo, hi, owner in chunk.runs():
                    told = handle.pool_of(chunk.address_of(lo))
                    self.expect("owners", told and told.address, owner if owner > 0 else None, "an owner")
                    found.append(told and told.address)
            owners.append(found)
        self.expect("owners", owners[1], owners[0], "the owners by another handle")
        land.destroy()
        arena.__exit__()

    # Addresses and memory

    def do_owner(self, address):
        """Whose an address is that nobody has."""
        right = is_number(address, 0, MOST)
        text = f"arena.pool_of({address!r})"
        owner = self.ask(text, None if right else ParamError, self.arena.pool_of, address)
        self.expect("chunks", owner, None, text)

    def do_owners(self):
        """Whose the addresses of a block, of the arena's own pools, and of no pool are."""
        arena = self.fresh()
        pool = MVFF(arena, align=PAGE, extend_by=PAGE)
        block = pool.alloc(2 * PAGE)
        for at in (block, block + PAGE - 1, block + 2 * PAGE - 1):
            self.expect("owners", arena.pool_of(at) is pool, True, f"that {at:#x} is the pool's")
        self.expect("owners", arena.pool_of(pool.address) is arena.system_pools[2], True, "control memory")
        for at in (arena.address, arena.chunks[0].base, arena.space.base):
            self.expect("owners", arena.pool_of(at), None, f"the owner of {at:#x}")
        pool.free(block, 2 * PAGE)
        arena.__exit__()

    def do_words(self, size):
        """Words and bytes at both ends of what is mapped of an arena."""
        arena = self.fresh()
        arena.spare = 0.0
        pool = MVFF(arena, align=PAGE, extend_by=1, spare=0, mean_size=1)
        blocks = sorted(pool.alloc(PAGE) for _ in range(16))
        runs = [run for run in zip(blocks, blocks[1:], blocks[2:], blocks[3:], blocks[4:])
                if run[4] - run[0] == 4 * PAGE]  # fmt: skip
        base, space = runs[-1][1], arena.space
        limit = base + size
        for block in blocks:
            if not base <= block < limit:
                pool.free(block, PAGE)
        for at in (base - 8, base, base + 8, limit - 8, limit, limit - PAGE, base + 4, -8, "x", 1 << 61, TOP, 1 << 60,
                   TOP - 7):
            number = is_number(at, 0, TOP)
            right = number and at % 8 == 0
            expected = ParamError if not right else None if base <= at < limit else AccessError
            self.ask(f"arena.load({at!r})", expected, arena.load, at)
            for value in (1, -(1 << 63), (1 << 63) - 1):
                self.ask(f"arena.store({at!r}, {value})", expected, arena.store, at, value)
                if not expected:
                    self.expect("contents", (arena.load(at), space.word(at)), (value, value), "a word")
        for value in (1 << 63, -(1 << 63) - 1, "x", None, 1.5, 1 << 70):
            self.ask(f"arena.store(base, {value!r})", ParamError, arena.store, base, value)
        for at, length in ((base, size), (base - 1, 1), (base - 1, 2), (limit - 1, 1), (limit - 1, 2), (limit, 1),
                           (base, size + 1), (base - 8, size + 16), (limit - 8, PAGE), (space.base - 8, 8)):  # fmt: skip
            expected = None if base <= at and at + length <= limit else AccessError
            view = self.ask(f"arena.view({at:#x}, {length})", expected, arena.view, at, length)
            if view is not None:
                view[:] = b"\xa5" * length
                self.expect("contents", bytes(space.view(at, length)), b"\xa5" * length, "what was written")
        for at, length in (("x", 8), (base, "x"), (base, -1), (-1, 8), (base, 1 << 61), (1 << 61, 8), (base, None)):
            self.ask(f"arena.view({at!r}, {length!r})", ParamError, arena.view, at, length)
        pool.destroy()
        arena.destroy()

    def do_control(self, size):
        """Control memory, of a size that is one or none."""
        arena, right = self.arena, is_number(size, 1, MOST)
        control = arena.system_pools[2]
        before = control.total_size - control.free_size
        answer = self.ask(f"arena.control_alloc({size!r})", None if right else ParamError, arena.control_alloc, size)
        if answer is not None:
            used = control.total_size - control.free_size - before
            self.expect("control-accounts", used, -(-size // 8) * 8, "what is in use")
            self.ask("control_free, elsewhere", ProtocolError, arena.control_free, arena.address, size)
            self.ask("control_free, of 0 bytes", ParamError, arena.control_free, answer, 0)
            self.ask("control_free, at 0", ParamError, arena.control_free, 0, size)
            arena.control_free(answer, size)
        used = control.total_size - control.free_size
        self.expect("control-accounts", used, before, "what is in use")

    def do_foreign(self):
        """Blocks of a pool are no control memory."""
        arena = self.fresh()
        pool = MVFF(arena)
        block = pool.alloc(64)
        self.ask("control_free, of a block", ProtocolError, arena.control_free, block, 64)
        self.ask("control_free, at the end", ProtocolError, arena.control_free, MOST, 64)
        self.ask("control_free, beyond", ParamError, arena.control_free, MOST + 1, 64)
        arena.__exit__()

    def do_chunk_alive(self, checked):
        """The handle of a chunk tells that it lives, until it is collected."""
        arena = Arena(1 << 20, space=AddressSpace(SPACE, checked=bool(checked)))
        arena.spare = 0.0
        pool = MVFF(arena, spare=0)
        pool.free(pool.alloc(2 << 20), 2 << 20)
        chunks = arena.chunks
        self.expect("chunks", [chunk.alive for chunk in chunks], [True, True], "alive")
        same = [chunk is again for chunk, again in zip(chunks, arena.chunks)]
        self.expect("chunks", same, [True, True], "that a chunk keeps its handle")
        gone = arena.collect()
        self.expect("chunks", [chunk.alive for chunk in chunks], [True, not gone], "alive, after collect,")
        arena.__exit__()
        self.expect("chunks", [chunk.alive for chunk in chunks], [False, False], "alive, after the end,")

    def do_story(self, grain):
        """What the events of a whole life tell of, comes and goes."""
        events = []
        listener = lambda code, params: events.append((code, params))  # noqa: E731
        stream.attach(listener, ev.ALL_KINDS)
        try:
            with self.fresh(grain_size=grain) as arena:
                for kind in KINDS:
                    pool = self.make(kind, arena)
                    self._block(kind, pool)
                land = CBS(arena)
                land.insert(8, 16)
                land.destroy()
                MVFF(arena).alloc(2 << 20)
        finally:
            stream.detach(listener)
        for begins, ends, at in STORIES:
            lives = [p[at] for code, p in events if code == begins and (begins != ev.CONTROL_ALLOC or p[3] == 0)]
            gone = [p[at] for code, p in events if code == ends]
            if sorted(lives) != sorted(gone) or not lives:
                strays = set(lives) ^ set(gone) or {"one, twice"}
                raise Broken("log-story", f"events {begins:#x} and {ends:#x} differ of {strays}")

    # Growth

    def do_grow(self, size, kept):
        """An arena grows for a block, and gives the chunk back when that is free."""
        arena = self.fresh()
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
        if size > 1 << 24:
            arena.check()
            self.expect("attach", len(Arena.attach(arena.space, arena.address).chunks), 2, "the chunks, attached,")
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

    def do_extend(self, room, by, least):
        """An arena grows by as much as it would like to, or by the first smaller size
        for which there are addresses: an eighth of the half less at a time, down to
        the half, and so on to the least; `room`, `by` and `least` count in 64 kB."""
        unit = 1 << 16
        # Memory of any zone is taken before it grows.
        arena = self.fresh(zoned=False)
        space = arena.space
        arena.extend_by = max(by * unit, 1)
        arena.extend_min = least * unit
        # A block with its chunk's overhead takes just so many pages.
        pool = MVFF(arena, extend_by=1, mean_size=1, spare=0, align=PAGE)
        while True:
            free = max((limit - base for base, limit in arena.grains.free_land.land), default=0)
            if free < 2 * PAGE:
                break
            pool.alloc(free)
        gap = space.reservations.highest_gap(PAGE) - space.base
        if gap > room * unit + PAGE:
            space.reserve_at(space.base, gap - room * unit // PAGE * PAGE)
        before = len(arena.chunks)
        answer = self.ask("pool.alloc, to grow", None, pool.alloc, 4 * PAGE)
        # A page for the descriptor and the tables, one for the page table, and the block.
        needed = max(6 * PAGE, least * unit)
        sizes = _sizes(max(by * unit, needed), needed)
        expected = next((s for s in sizes if -(-s // PAGE) * PAGE <= room * unit), None)
        grown = arena.chunks[before:]
        found = grown[0].limit - grown[0].base if grown else None
        if expected is not None:
            expected = -(-expected // PAGE) * PAGE
        self.expect("growth", found, expected, f"a new chunk, where {room * unit} bytes are vacant,")
        if expected is not None and answer is None:
            raise Broken("growth", "the arena grew, and the block is refused")
        arena.check()
        arena.__exit__()


class _Setting:
    """A setting of an arena as an operation."""

    def __init__(self, arena, name, value):
        self.arena, self.name, self.value = arena, name, value

    def set(self):
        """Set it."""
        setattr(self.arena, self.name, self.value)


def _sizes(size, least):
    """The sizes that are tried, largest first."""
    found = []
    while size >= least:
        half = size // 2
        step = half // 8
        while size > half and size >= least:
            found.append(size)
            size -= step or 1
        size = half
    return found
