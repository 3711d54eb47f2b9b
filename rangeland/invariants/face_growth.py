"""GrowthFaces: how an arena grows, shrinks, and tells of its whole life.

Source: design/invariants.md#.sol.faces
"""

from arena.arena import Arena
from pools.mvff import MVFF
from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import KINDS
from rangeland.invariants.raw import audit
from rangeland.lands import CBS
from vm import events as ev
from vm.space import AddressSpace
from vm.telemetry import stream

PAGE = 4096
SPACE = 1 << 30
# Events that come in pairs, and which of their parameters tells of what.
STORIES = (
    (ev.POOL_INIT, ev.POOL_FINISH, 0), (ev.GEN_INIT, ev.GEN_FINISH, 1), (ev.CHUNK_INIT, ev.CHUNK_FINISH, 1),
    (ev.CONTROL_ALLOC, ev.CONTROL_FREE, 1), (ev.ARENA_CREATE_VM, ev.ARENA_DESTROY, 0),
    (ev.SEG_ALLOC, ev.SEG_FREE, 1), (ev.BUFFER_INIT, ev.BUFFER_FINISH, 0),
)  # fmt: skip
# Capacity in bytes and mortality of the generations of an arena, as the MPS has them.
GENERATIONS = [(1024, 0.5), (8 << 20, 0.85), (36 << 20, 0.45)]


class GrowthFaces:
    """The part of a FaceTrial that has arenas grow."""

    def cards_of(self):
        """All that is tried of growth: a list of steps."""
        cards = [("grow", size, kept) for size in (1 << 20, 1 << 23, 70 << 20) for kept in (False, True)]
        cards += [("extend", room, by, least) for room in range(0, 37, 3)
                  for by, least in ((32, 4), (9, 4), (16, 16), (1, 1), (32, 0))]
        cards += [("story", grain) for grain in (PAGE, 1 << 14)] + [("chunk_alive", checked) for checked in (0, 1)]
        cards += [("lost", pages, by << 20) for pages in range(4, 32) for by in (1, 70)]
        return cards

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
        made = [p[3:] for code, p in events if code == ev.GEN_INIT]
        self.expect("log-story", made, GENERATIONS, "the capacities and mortalities of generations")
        known = {p[at] for begins, _, at in STORIES for code, p in events if code == begins}
        if strays := {p[0] for code, p in events if code == ev.LABEL_POINTER} - known:
            raise Broken("log-story", f"{strays} have labels, and are nothing")

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
        pool = self._filled(arena)
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


    def _filled(self, arena):
        """A pool that has nearly all addresses of an arena of no zones."""
        pool = MVFF(arena, extend_by=1, mean_size=1, spare=0, align=PAGE)
        while True:
            free = max((limit - base for base, limit in arena.grains.free_land.land), default=0)
            if free < 2 * PAGE:
                return pool
            pool.alloc(free)

    def do_lost(self, pages, extend_by):
        """An arena would grow by a chunk whose tables take several grains, and may commit
        no more than so many pages: what is committed is told, and what was lost."""
        arena = self.fresh(zoned=False)
        pool = self._filled(arena)
        arena.spare = 0.0
        arena.extend_by = arena.extend_min = extend_by
        arena.commit_limit = arena.committed + pages * PAGE
        chunks = len(arena.chunks)
        answer = self.ask("pool.alloc, limited", None, pool.alloc, 4 * PAGE)
        audit(arena.space, arena.address)
        arena.check()
        if answer is None and pages > 24:
            raise Broken("growth", f"{pages} pages are not enough to grow")
        arena.commit_limit = None
        if answer is None:
            answer = self.ask("pool.alloc, again", None, pool.alloc, 4 * PAGE)
        self.expect("growth", (len(arena.chunks), answer is not None), (chunks + 1, True), "(chunks, granted)")
        audit(arena.space, arena.address)
        arena.__exit__()
        self.expect("teardown", (arena.space.reserved, arena.space.mapped), (0, 0), "(reserved, mapped)")


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
