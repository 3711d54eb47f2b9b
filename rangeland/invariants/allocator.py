"""AllocatorTrial: any allocator under the judges of blocks.

Source: design/invariants.md#.sol.allocator
"""

from pools.pool import Pool
from rangeland.invariants.accounts import accounts_of
from rangeland.invariants.blocks import Blocks
from rangeland.invariants.calls import Calls
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import Broken
from rangeland.invariants.memory import memory_of
from rangeland.invariants.programs import Script, cycle_text
from rangeland.invariants.reunion import capacity, expect_reunion
from rangeland.invariants.trial import Trial, described, play
from rangeland.invariants.workload import MOST, Workload
from vm.faults import FaultPlan
from vm.results import ParamError

# So many turns of a cycle fill whatever keeps freed blocks for a while.
SETTLED = 16
# No address is larger.
TOP = 1 << 64
# Numbers of blocks that nobody drew.
UNFOLDED = 1_000_000
UNITS = ("client_size", "unit_size", "block_size")


def limits_of(pool, memory):
    """(least, most) bytes of a block, so far as `pool` tells."""
    for name in UNITS:
        size = getattr(pool, name, None)
        if type(size) is int and size > 0:
            return size, size
    least, most = getattr(pool, "min_size", 1), getattr(pool, "max_size", None)
    if type(most) is not int:
        most = memory.bounds[1] - memory.bounds[0] if memory.bounds else MOST
    return least if type(least) is int and 0 < least <= most else 1, max(1, most)


class AllocatorTrial(Trial):
    """One run of the allocator that `factory`, a Factory or what it takes,
    makes. `sizes` is (least, most) bytes of a block, if it does not say so.

    Steps: begin, alloc, calloc, aligned, realloc, free, cycle; reunite where
    there is no arena; limit, refuse, relent, collect where there is one.
    """

    keywords = None
    # False: blocks are not written, and not read.
    filling = True

    def __init__(self, factory, sizes=None):
        self.factory = factory if isinstance(factory, Factory) else Factory(factory)
        self.sizes = sizes
        self.pool = self.arena = None
        self.workload = None
        self.script = Script()

    def twin(self):
        """A fresh trial of the same."""
        return type(self)(self.factory, self.sizes)

    # What there is

    @property
    def cost(self):
        """A step is dear where there is an arena to be judged with it."""
        return 12 if self.factory.in_arena else 1

    def do(self, step):
        """Do and judge one step; whatever it is, there is an allocator."""
        if self.pool is None and step[0] != "begin":
            self.do_begin()
        return super().do(step)

    def do_begin(self, *options):
        """Make the allocator, in an arena of these options if it wants one."""
        if self.pool is not None:
            return False
        if self.factory.in_arena:
            self.arena = self.factory.arena(*options[:3])
        self.pool = self.factory.subject(self.arena, **(self.keywords or {}))
        self._see_what_it_offers(options[:3])
        return True

    def _see_what_it_offers(self, options):
        self.calls = Calls(self.pool)
        self.memory = memory_of(self.pool, self.arena)
        self.accounts = accounts_of(self.pool, self.memory)
        self.limits = self.sizes or limits_of(self.pool, self.memory)
        align = getattr(self.pool, "align", 1)
        self.align = align if type(align) is int and align > 0 else 1
        self.owner = self.pool.serial if self.arena and isinstance(self.pool, Pool) else None
        self.blocks = Blocks()
        # Frees have lowered what is in use.
        self.gives = False
        self.script.add(*self.factory.text("pool", options, self.keywords))

    def choose(self, rng):
        """The next step at random."""
        if self.workload is None:
            if self.pool is None and self.factory.in_arena:
                options = (rng.choice((4096, 4096, 16384)), rng.random() < 0.5, rng.random() < 0.8)
                return ("begin", *options, *self.drawn(rng))
            if self.pool is None:
                self.do_begin()
            self.workload = Workload(rng, self)
        return self.workload.next()

    def drawn(self, rng):
        """More arguments of the first step."""
        return ()

    def allows(self, size):
        """True if the allocator is meant to give blocks of `size` bytes."""
        return self.limits[0] <= size <= self.limits[1]

    def name(self, number):
        """What the program calls the block of that number."""
        return self.script.names.get(number, "address")

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
        expected = self.predict(size)
        mark = self.accounts.mark()
        self.script.begin(f"{name} = pool.{text}")
        answer = self._call(function, *arguments)
        if answer is None:
            self._refused(name, mark, expected)
            return True
        address = self._address(answer, name)
        self._expect_place(address, size, align, name)
        self.expect_predicted(address, expected, name)
        if zeroed:
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
            self._refused(f"{name}_", mark, None)
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

    def _free(self, address, size):
        before = self.accounts.used
        try:
            self.calls.free(address, size)
        except MemoryError as error:
            raise Broken("free-refused", described(error)) from error
        except Exception as error:
            raise Broken("raises", described(error)) from error
        if before is not None and self.accounts.used < before:
            self.gives = True

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
                return self._expect_reuse(used, len(earlier) < len(used), size)
            address = self._address(answer, "block")
            earlier.add(address)
            self._free(address, size)
            used.append(self.accounts.used)
        self._expect_no_growth(used)
        return True

    def _expect_reuse(self, used, reused, size):
        """Raises: Broken if what was granted so often is refused, though
        addresses were used again: what never does has a policy, not a leak."""
        if len(used) >= SETTLED and reused and self.arena is None:
            raise Broken(
                "leak",
                f"{size} bytes are refused in turn {len(used) + 1} of the same allocation "
                f"and free, with nothing else alive",
                "assert block is not None",
            )
        return True

    def _expect_no_growth(self, used):
        """Raises: Broken if each turn leaves more in use, though frees do
        give back: what never gives back has a policy, not a leak."""
        if len(used) < 4 or None in used or not self.gives:
            return
        if all(before < after for before, after in zip(used, used[1:])):
            raise Broken(
                "leak",
                f"with nothing alive {used[0]} bytes are in use after the first turn, "
                f"{used[1]} after the second, {used[-1]} after the last",
                "assert used[-1] == used[0], used",
            )

    def do_reunite(self, full, *sizes):
        """Try, with fresh allocators, whether the order of frees matters."""
        whole = self.whole()
        if not whole or not 1 < len(sizes) < 5 or not all(map(self.allows, sizes)):
            return False
        if sum(sizes) > whole or not self.allows(sum(sizes)):
            return False
        expect_reunion(lambda: self.factory.subject(None), sizes, whole, bool(full))
        return True

    def whole(self):
        """The largest block that a fresh allocator gives, where that is
        known; found out once."""
        if self.arena is None and self.factory.whole is None:
            most = self.limits[1]
            self.factory.whole = capacity(lambda: self.factory.subject(None), most) or 0
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
        plan = FaultPlan().fail(kind, nth=range(nth, nth + count))
        text = f'rl.FaultPlan().fail("{kind}", nth=range({nth}, {nth + count}))'
        self.script.begin(f"arena.space.faults = {text}")
        self.arena.space.faults = plan
        return True

    def do_relent(self):
        """The machine refuses nothing any more."""
        if self.arena is None:
            return False
        self.script.begin("arena.space.faults = None")
        self.arena.space.faults = None
        return True

    def do_collect(self):
        """Give back empty chunks."""
        if self.arena is None:
            return False
        self.script.begin("arena.collect()")
        self.arena.collect()
        return True

    # Judging

    def _call(self, function, *arguments):
        """The answer, or None for a refusal. Raises: Broken."""
        try:
            return function(*arguments)
        except MemoryError:
            self.script.refused()
            return None
        except Exception as error:
            raise Broken("raises", described(error)) from error

    def _address(self, answer, name):
        """The answer as an address. Raises: Broken if it is none."""
        index = getattr(answer, "__index__", None)
        address = index() if index and not isinstance(answer, bool) else -1
        if not 0 <= address < TOP:
            raise Broken(
                "nonsense",
                f"the answer is {answer!r}: expected an address or None",
                f"assert type({name}) is int and 0 <= {name} < 1 << 64",
            )
        return address

    def _expect_place(self, address, size, align, name):
        if address % align:
            raise Broken(
                "alignment",
                f"a block lies at {address:#x}: expected a multiple of {align}",
                f"assert {name} % {align} == 0",
            )
        self.memory.expect_inside(address, size, name)
        other = self.blocks.in_the_way(address, size)
        if other is not None:
            theirs = self.script.names[other.number]
            raise Broken(
                "overlap",
                f"a block of {size} bytes at {address:#x} overlaps the live block of "
                f"{other.size} bytes at {other.address:#x}",
                f"assert {name} + {size} <= {theirs} or {theirs} + {other.size} <= {name}",
            )
        if self.owner is not None:
            self._expect_owned(address, size, name)

    def _expect_owned(self, address, size, name):
        for at, place in ((address, name), (address + size - 1, f"{name} + {size - 1}")):
            pool = self.arena.pool_of(at)
            if pool is None or pool.serial != self.owner:
                raise Broken(
                    "outside",
                    f"{at:#x} of a block of {size} bytes at {address:#x} belongs to {pool!r}",
                    f"assert arena.pool_of({place}).serial == pool.serial",
                )

    def _expect_kept(self, block, name, size=None, invariant="contents"):
        if self.filling:
            self.memory.expect_kept(block, name, size, invariant)

    def _settle(self, number, address, size, name):
        block = self.blocks.add(number, address, size)
        if self.filling:
            self.memory.fill(block, name)
        self.script.fill(self.memory.write_text, name, block)
        self.accounts.took(size)
        self.accounts.expect()

    def _refused(self, name, mark, expected):
        """A refusal leaves all as it was."""
        if expected is not None:
            raise Broken("placement", f"refused, though {expected:#x} is free")
        if self.accounts.mark() != mark:
            raise Broken(
                "unwound",
                f"a refused request changed (total, free) from {mark} to {self.accounts.mark()}",
                f"assert (pool.total_size, pool.free_size) == {mark}",
            )
        self.accounts.expect()

    def predict(self, size):
        """Where the next block of `size` bytes must lie, or None if that is
        not known. The policies of our own pools are known to some."""

    def expect_predicted(self, address, expected, name):
        """Raises: Broken if a block lies elsewhere than predicted."""
        if expected is not None and address != expected:
            raise Broken(
                "placement",
                f"a block lies at {address:#x}: expected {expected:#x}",
                f"assert {name} == {expected:#x}",
            )

    def freed_block(self, block):
        """A block has been freed and judged."""

    def check(self):
        """Every block's contents, the accounts, and the own checks."""
        if self.pool is None:
            return
        for block in self.blocks:
            self._expect_kept(block, self.script.names[block.number])
        self.accounts.expect()
        self._own_check(self.pool, "pool")
        if self.arena is not None:
            limit, committed = self.arena.commit_limit, self.arena.committed
            if limit is not None and committed > limit:
                raise Broken(
                    "commit-limit",
                    f"{committed} bytes are committed, with a limit of {limit}",
                    "assert arena.committed <= arena.commit_limit",
                )
            self._own_check(self.arena, "arena")

    def _own_check(self, thing, name):
        check = getattr(thing, "check", None)
        if not callable(check):
            return
        try:
            check()
        except Exception as error:
            raise Broken("own-check", f"{name}.check(): {described(error)}", f"{name}.check()") from error

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
        if step[0] != "cycle":
            return []
        _, size, times = step
        turns = range(UNFOLDED, UNFOLDED + min(times, 2))
        return [step for n in turns for step in (("alloc", n, size), ("free", n))]

    def program(self, steps):
        """The text of a program that does `steps` and fails as they did."""
        self.script.telling = True
        self.filling = False
        broken = play(self, steps)[0]
        if broken is not None:
            return self.script.text(broken)
        # Without anything written in the blocks it does not break.
        trial = self.twin()
        trial.script.telling = True
        return trial.script.text(play(trial, steps)[0], filled=True)
