"""AllocatorTrial: any allocator under the judges of blocks.

Source: design/invariants.md#.sol.allocator
"""

from functools import partial

from rangeland.invariants.allocator_judge import AllocatorJudge
from rangeland.invariants.brim import Brim
from rangeland.invariants.cycle import (
    comes_back,
    cycle_text,
    expect_no_growth,
    expect_reuse,
    is_growing,
    is_refused_late,
)
from rangeland.invariants.finding import Broken
from rangeland.invariants.lasting import END, Lasting, largest
from rangeland.invariants.reunion import Reunion, capacity
from rangeland.invariants.trial import described, tried
from rangeland.invariants.wear import Wear
from rangeland.invariants.workload import COUNTS, LASTS, MOST, Workload
from vm.results import ParamError

# Numbers of blocks that nobody drew.
UNFOLDED = 1_000_000
# So much may be committed in a fresh arena, besides what it has at first.
FRESH = 1 << 18
MOST_TURNS = 100_000


class AllocatorTrial(AllocatorJudge):
    """One run of the allocator that `factory`, a Factory or what it takes,
    makes. `sizes` is (least, most) bytes of a block, if it does not say so.

    Steps: begin, alloc, calloc, aligned, realloc, free, cycle, last; reunite, wear,
    brim where there is no arena; limit, refuse, relent, collect where there is one.
    """

    def __init__(self, factory, sizes=None):
        super().__init__(factory, sizes)
        self.workload = None

    def twin(self):
        """A fresh trial of the same."""
        return type(self)(self.factory, self.sizes)

    def do_begin(self, *options):
        """Make the allocator, in an arena of these options if it wants one."""
        if self.pool is not None:
            return False
        if self.factory.in_arena:
            self.arena = self.factory.arena(*options[:3])
        self.pool = self.factory.subject(self.arena, **(self.keywords or {}))
        self._see_what_it_offers(options[:3])
        return True

    def choose(self, rng):
        """The next step at random."""
        if self.workload is None:
            if self.pool is None and self.factory.in_arena:
                # Where the space is checked a table tells of wrong uses, and not the class.
                options = (rng.choice((4096, 4096, 16384)), rng.random() < 0.5, rng.random() < 0.5)
                return ("begin", *options, *self.drawn(rng))
            if self.pool is None:
                tried(self.do_begin)
            self.workload = Workload(rng, self)
        return self.workload.next()

    def drawn(self, rng):
        """More arguments of the first step."""
        return ()

    # Steps

    def do_alloc(self, number, size):
        """A block of `size` bytes."""
        if number in self.blocks or not self.allows(size):
            return False
        text = self.calls.text["alloc"].format(size=size)
        return self._request(number, size, self.align, text, self.calls.alloc, size)

    def do_calloc(self, number, count, size):
        """A block of `count` times `size` bytes of zeros."""
        if number in self.blocks or not self.calls.calloc or not self.allows(count * size):
            return False
        text = self.calls.text["calloc"].format(count=count, size=size)
        return self._request(
            number, count * size, self.align, text, self.calls.calloc, count, size, zeroed=True
        )

    def do_aligned(self, number, align, size):
        """A block whose address is a multiple of `align`."""
        fits = self.allows(size) and align > 0 and align & (align - 1) == 0
        if number in self.blocks or not self.calls.aligned or not fits:
            return False
        text = self.calls.text["aligned"].format(align=align, size=size)
        return self._request(number, size, align, text, self.calls.aligned, align, size)

    def _request(self, number, size, align, text, function, *arguments, zeroed=False):
        """Ask for a block and judge the answer."""
        name = self.script.name(number)
        mark = self.accounts.mark()
        self.script.begin(f"{name} = pool.{text}")
        answer = self._call(function, *arguments)
        if answer is None:
            self._refused(text, mark)
            return True
        address = self._address(answer, name)
        self._expect_place(address, size, align, name)
        self.expect_predicted(address, name)
        if zeroed:
            self.judged.add("zeroed")
            self.memory.expect_zeros(address, size, name)
        self._settle(number, address, size, name)
        return True

    def do_realloc(self, number, size):
        """The block of that number, of another size."""
        if number not in self.blocks or not self.calls.realloc or not self.allows(size):
            return False
        old = self.blocks[number]
        name = self.script.names[number]
        self._expect_kept(old, name)
        mark = self.accounts.mark()
        text = self.calls.text["realloc"].format(address=name, old=old.size, size=size)
        self.script.begin(f"{name} = pool.{text}")
        answer = self._call(self.calls.realloc, old.address, old.size, size)
        if answer is None:
            self.script.unnamed(name)
            self._refused(text, mark)
            self._expect_kept(old, name)
            return True
        address = self._address(answer, name)
        self.blocks.remove(number)
        self.accounts.gave(old.size)
        self._expect_place(address, size, self.align, name)
        moved = type(old)(number, address, old.size, old.stamp)
        self._expect_kept(moved, name, min(old.size, size), "prefix")
        self._settle(number, address, size, name)
        return True

    def do_free(self, number):
        """Free the block of that number."""
        if number not in self.blocks:
            return False
        block = self.blocks[number]
        name = self.script.names[number]
        self._expect_kept(block, name)
        self.blocks.remove(number)
        text = self.calls.text["free"].format(address=name, size=block.size)
        self.script.begin(f"pool.{text}")
        self._free(block.address, block.size)
        self.accounts.gave(block.size)
        self.accounts.expect()
        self.freed_block(block)
        return True

    def do_cycle(self, size, times):
        """Allocate and free the same block, again and again, when nothing
        lives: it does not take more and more, and is not refused later on."""
        if len(self.blocks) or not self.allows(size) or not 0 < times < 10_000:
            return False
        self.script.begin(*cycle_text(self.calls.text, size, times, self.accounts.text))
        used, earlier = [], set()
        for _ in range(times):
            answer = self._call(self.calls.alloc, size)
            if answer is None:
                # In an arena it may be the arena that has no memory.
                reused = len(earlier) < len(used)
                if self.arena is None and is_refused_late(used, reused):
                    if not comes_back(self._pair, size // 2, lambda: self._pair(size)):
                        expect_reuse(used, reused, size)
                return True
            address = self._address(answer, "block")
            earlier.add(address)
            self._free(address, size)
            used.append(self.accounts.used)
        if self.gives:
            self.judged.add("leak")
        if self.gives and is_growing(used):
            largest = max(size, min(self.whole() or size, self.limits[1]))
            back = comes_back(self._pair, largest, lambda: self.accounts.used < used[-1])
            # What keeps freed blocks for a while may be full only now.
            again = [self.accounts.used for _ in used if self._pair(size)]
            if not back and is_growing(again):
                expect_no_growth(used)
        return True

    def _pair(self, size):
        """Allocate and free a block. False if it is refused, or not allowed."""
        try:
            answer = self.calls.alloc(size) if self.allows(size) else None
        except MemoryError:
            return False
        if answer is None:
            return False
        self._free(self._address(answer, "block"), size)
        return True

    def do_reunite(self, full, *sizes):
        """Try, with fresh allocators, whether the order of frees matters."""
        reunion = self._reunion(full, *sizes)
        if reunion is None:
            return False
        reunion.expect()
        if reunion.judged:
            self.judged.add("reunion")
        return True

    def _reunion(self, full, *sizes):
        """The Reunion of that step, or None if it cannot be done."""
        whole = self.whole()
        if not whole or not 1 < len(sizes) < 5 or not all(map(self.allows, sizes)):
            return None
        if sum(sizes) > whole or not self.allows(sum(sizes)):
            return None
        return Reunion(lambda: self.factory.subject(None), sizes, whole, bool(full))

    def do_wear(self, kind, size, count):
        """Try, with fresh allocators, whether turns of a kind leave less and
        less, though nothing lives."""
        whole, least = self.whole(), self.limits[0]
        if not whole or kind not in COUNTS or not 0 < count < 1000 or not self.allows(size):
            return False
        wear = Wear(lambda: self.factory.subject(None), kind, size, count, whole, least)
        needs = {"shrink": self.calls.realloc, "aligned": self.calls.aligned}
        if not needs.get(kind, True) or not all(map(self.allows, wear.sizes())):
            return False
        wear.expect()
        return True

    def do_brim(self, size):
        """Try, with fresh allocators, whether all can be had after a fill to the brim."""
        whole = self.whole()
        if not whole or not self.allows(size) or not self.allows(whole):
            return False
        self.judged.add("leak")
        return self._tried_fresh(Brim(lambda: self.factory.subject(None), size, whole))

    def _tried_fresh(self, trial):
        """True if what `trial` expects of fresh allocators holds. Raises: Broken."""
        try:
            tried(trial.expect)
        except Broken as broken:
            # A request does not end, or ends the process: a step will find that.
            if broken.invariant in ("hang", "raises"):
                return False
            raise
        return True

    def do_last(self, kind, size, turns):
        """Try, with fresh allocators, whether what can be had lasts, when
        blocks come and go one by one."""
        if kind not in LASTS or not 0 < turns <= MOST_TURNS or not self.allows(size):
            return False
        needs = LASTS[kind]
        if needs is not None and getattr(self.calls, needs) is None:
            return False
        whole = self.fresh_whole()
        if whole == 0 or kind == "refused" and whole is None:
            return False
        limits = self.limits[0], self._widest()
        lasting = Lasting(self.fresh, kind, size, turns, whole, limits)
        lasting.waits = not self.factory.waited
        if self.arena is not None:
            self.script.begin(f"arena.commit_limit = arena.committed + {FRESH}")
        try:
            return self._tried_fresh(lasting)
        except Broken:
            self.factory.waited = True
            raise
        finally:
            if lasting.judged:
                self.judged.add("leak")

    def _widest(self):
        """The most bytes of a block, or what no memory has if none are told."""
        return END if self.limits[1] == MOST else self.limits[1]

    def fresh(self):
        """The same, fresh; an arena below it has an end."""
        if self.arena is None:
            return self.factory.subject(None, **(self.keywords or {}))
        arena = self.factory.arena(*self.options)
        made = self.factory.subject(arena, **(self.keywords or {}))
        arena.commit_limit = arena.committed + FRESH
        return made

    def fresh_whole(self):
        """The largest block that a `fresh` one gives, None if there is no
        end of them, or 0 if nobody knows; found out once for each way to make it."""
        made = repr((self.options if self.arena else None, self.keywords))
        if made not in self.factory.wholes:
            try:
                whole = tried(largest, self.fresh, self._widest())
            except Broken:
                # A request does not end, or ends the process: a step will find that.
                whole = 0
            self.factory.wholes[made] = whole
        return self.factory.wholes[made]

    def whole(self):
        """The largest block that a fresh allocator gives, where that is
        known; found out once."""
        if self.arena is None and self.factory.whole is None:
            self.factory.whole = 0
            try:
                make = partial(self.factory.subject, None)
                self.factory.whole = tried(capacity, make, self.limits[1]) or 0
            except Broken:
                # A request does not end, or ends the process: a step will find that.
                pass
        return self.factory.whole

    # Steps of what lies below

    def do_limit(self, grains):
        """A commit limit so many grains above what is committed; None: none."""
        arena = self.arena
        if arena is None:
            return False
        if grains is None:
            self.script.begin("arena.commit_limit = None")
            arena.commit_limit = None
            return True
        limit = max(0, arena.committed + grains * arena.grain_size)
        allowed = limit >= arena.committed - arena.spare_committed
        if not allowed:
            try:
                arena.commit_limit = limit
            except ParamError:
                return True
            raise Broken("commit-limit", f"a limit of {limit} is accepted: it cannot be kept")
        self.script.begin(f"arena.commit_limit = {limit}")
        arena.commit_limit = limit
        return True

    def do_refuse(self, kind, nth, count):
        """The machine refuses the nth attempt from now, and some after it."""
        if self.arena is None or nth < 1 or kind not in ("node", "mapping", "reservation"):
            return False
        self._refuse(kind, nth, count)
        return True

    def do_collect(self):
        """Give back empty chunks."""
        if self.arena is None:
            return False
        self.script.begin("arena.collect()")
        self.arena.collect()
        return True

    # The end

    def end(self):
        """Free everything, judge what is left, and end the allocator."""
        if self.pool is None:
            return
        if self.arena is not None and self.arena.space.faults is not None:
            self.do_relent()
        for number in list(self.blocks.live):
            self.do_free(number)
        self.check()
        if callable(getattr(self.pool, "destroy", None)):
            self.script.begin("pool.destroy()")
            try:
                self.pool.destroy()
            except Exception as error:
                raise Broken("raises", described(error)) from error
            if self.arena is not None:
                self._expect_no_pools()
        if self.arena is not None:
            self._end_arena()

    def _end_arena(self):
        space = self.arena.space
        for pool in reversed(self.arena.pools):
            pool.destroy()
        self.script.begin("arena.destroy()")
        self.arena.destroy()
        left = space.reserved, space.mapped, space.stack.limit - space.stack.pointer
        if any(left):
            raise Broken(
                "teardown",
                f"{left[0]} bytes are reserved, {left[1]} mapped, {left[2]} on the stack",
                "assert (arena.space.reserved, arena.space.mapped) == (0, 0)",
            )

    def abandon(self):
        """Let go of everything."""
        self.pool = self.arena = self.workload = None

    def unfolded(self, step):
        """Plainer steps that may do instead of `step`."""
        if step[0] == "reunite":
            self.do_begin()
            reunion = self._reunion(*step[1:])
            return reunion.steps() if reunion else []
        if step[0] != "cycle":
            return []
        _, size, times = step
        turns = range(UNFOLDED, UNFOLDED + min(times, 2))
        return [step for n in turns for step in (("alloc", n, size), ("free", n))]
