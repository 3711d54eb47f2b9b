"""ArenaFaces: what is right or wrong to ask of an arena.

Source: design/invariants.md#.sol.faces
"""

from arena.arena import Arena
from pools.mvff import MVFF
from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import (
    ARENA_OPERATIONS,
    LABELS,
    MOST,
    OF_ARENAS,
    is_number,
    is_taken,
)
from rangeland.lands import CBS
from vm.results import AccessError, ParamError, ProtocolError
from vm.space import AddressSpace

PAGE = 4096
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
        cards += [("owner", address) for address in (*NUMBERS, PAGE, 1 << 44)] + [("owners",)]
        cards += [("control", size) for size in NUMBERS] + [("foreign",)]
        cards += [("arena_label", label, late) for label, _ in LABELS for late in (False, True)]
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


class _Setting:
    """A setting of an arena as an operation."""

    def __init__(self, arena, name, value):
        self.arena, self.name, self.value = arena, name, value

    def set(self):
        """Set it."""
        setattr(self.arena, self.name, self.value)
