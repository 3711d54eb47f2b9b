"""AllocatorTrial: any allocator under the judges of blocks.

Source: design/invariants.md#.sol.allocator
"""

from pools.mfs import MFS
from pools.pool import Pool
from rangeland.invariants.accounts import accounts_of
from rangeland.invariants.blocks import Blocks
from rangeland.invariants.calls import Calls
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import Broken
from rangeland.invariants.memory import memory_of
from rangeland.invariants.programs import Script, cycle_text
from rangeland.invariants.trial import Trial, described, play
from rangeland.invariants.workload import MOST, Workload
from vm.faults import FaultPlan
from vm.results import ParamError

# No address is larger.
TOP = 1 << 64
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

    Steps: begin, alloc, calloc, aligned, realloc, free, cycle; and limit,
    refuse, relent, collect where there is an arena.
    """

    keywords = None

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
        self.begin_with(options[:3])
        return True

    def begin_with(self, options):
        """See what `self.pool` offers."""
        self.calls = Calls(self.pool)
        self.memory = memory_of(self.pool, self.arena)
        self.accounts = accounts_of(self.pool, self.memory)
        self.limits = self.sizes or limits_of(self.pool, self.memory)
        align = getattr(self.pool, "align", 1)
        self.align = align if type(align) is int and align > 0 else 1
        self.owner = self.pool.serial if self.arena and isinstance(self.pool, Pool) else None
        self.blocks = Blocks()
        self.freed = []
        self.order = []
        if isinstance(self.pool, MFS):
            self.order = None
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
        expected = self.predict(size) if self.order is None or self.order else None
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
        self.memory.expect_kept(old, name)
        mark = self.accounts.mark()
        text = self.calls.text["realloc"].format(address=name, old=old.size, size=size)
        self.script.begin(f"{name} = pool.{text}")
        answer = self._call(self.calls.realloc, old.address, old.size, size)
        if answer is None:
            self._refused(f"{name}_", mark, None)
            self.memory.expect_kept(old, name)
            return True
        address = self._address(answer, name)
        self.blocks.remove(number)
        self.accounts.gave(old.size)
        self._expect_place(address, size, self.align, name)
        moved = type(old)(number, address, old.size, old.stamp)
        self.memory.expect_kept(moved, name, min(old.size, size), "prefix")
        self._settle(number, address, size, name)
        return True

    def do_free(self, number):
        """Free the block of that number."""
        if number not in self.blocks:
            return False
        block = self.blocks[number]
        name = self.script.names[number]
        self.memory.expect_kept(block, name)
        self.blocks.remove(number)
        text = self.calls.text["free"].format(address=name, size=block.size)
        self.script.begin(f"pool.{text}")
        self._free(block.address, block.size)
        self.accounts.gave(block.size)
        self.accounts.expect()
        self.freed_block(block)
        return True

    def _free(self, address, size):
        try:
            self.calls.free(address, size)
        except MemoryError as error:
            raise Broken("free-refused", described(error)) from error
        except Exception as error:
            raise Broken("raises", described(error)) from error

    def do_cycle(self, size, count, times):
        """Allocate and free the same, again and again, when nothing lives:
        what it takes does not grow, and is not refused later on."""
        if len(self.blocks) or not self.allows(size) or not 0 < count * times < 10_000:
            return False
        used, given = [], set()
        text = self.calls.text
        self.script.begin(*cycle_text(text["alloc"], text["free"], size, count, times))
        for _ in range(times):
            got = [self._call(self.calls.alloc, size) for _ in range(count)]
            blocks = [self._address(answer, "block") for answer in got if answer is not None]
            reused = bool(given.intersection(blocks))
            if len(blocks) < count and not reused and used:
                # It may never reuse anything: that is a policy.
                reused = not given.isdisjoint(blocks) and len(blocks) > 0
            given.update(blocks)
            before = self.accounts.used
            for address in reversed(blocks):
                self._free(address, size)
            if len(blocks) < count:
                return True
            used.append((before, self.accounts.used))
        self._expect_no_growth(used)
        return True

    def _expect_no_growth(self, used):
        """Raises: Broken if after each turn more is used, though frees do
        give back."""
        if self.accounts.used is None or len(used) < 4:
            return
        after = [found for _, found in used]
        gives = all(now < before for before, now in used)
        if gives and all(a < b for a, b in zip(after, after[1:])):
            raise Broken(
                "leak",
                f"with nothing alive {after[0]} bytes are used after the first turn, "
                f"{after[1]} after the second, {after[-1]} after the last",
                "assert used[-1] == used[0], used",
            )

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

    def _settle(self, number, address, size, name):
        block = self.blocks.add(number, address, size)
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
        """Where the next block of `size` bytes must lie, if that is known: a
        fixed size pool gives the block freed last."""
        return self.freed[-1] if self.freed else None

    def expect_predicted(self, address, expected, name):
        """Raises: Broken if a block lies elsewhere than predicted."""
        if self.order is None and expected is not None:
            self.freed.pop()
        if expected is not None and address != expected:
            raise Broken(
                "placement",
                f"a block lies at {address:#x}: expected {expected:#x}",
                f"assert {name} == {expected:#x}",
            )

    def freed_block(self, block):
        """A block has been freed and judged."""
        if self.order is None:
            self.freed.append(block.address)

    def check(self):
        """Every block's contents, the accounts, and the own checks."""
        if self.pool is None:
            return
        for block in self.blocks:
            self.memory.expect_kept(block, self.script.names[block.number])
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

    def program(self, steps):
        """The text of a program that does `steps` and fails as they did."""
        self.script.telling = True
        broken = play(self, steps)[0]
        return self.script.text(broken)
