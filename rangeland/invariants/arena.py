"""ArenaTrial: a whole arena under judges, with several pools and refusals.

Source: design/stress.md#.sol.arena
"""

from dataclasses import dataclass

from arena.arena import Arena
from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from rangeland.invariants.blocks import Blocks, pattern, spans
from rangeland.invariants.client import Client
from rangeland.invariants.finding import Broken
from rangeland.invariants.neighbours import Neighbour
from rangeland.invariants.points import KEYWORDS, AtPoints
from rangeland.invariants.programs import Script
from rangeland.invariants.trial import Trial, described, play
from rangeland.invariants.verdicts import (
    expect_kept,
    expect_limit,
    expect_place,
    expect_spare_bounded,
)
from rangeland.invariants.whole import expect_gone, judge_whole
from vm import events as ev
from vm.faults import FaultPlan
from vm.results import AllocationError, ParamError
from vm.space import AddressSpace
from vm.telemetry import stream

PAGE = 4096
SPACE = 1 << 28
DEFAULTS = (1 << 20, PAGE, True, 0.75, False)


@dataclass
class Held:
    """A pool of the trial: its handle, or AtPoints, and what a client knows
    of it. `unit` is the one size of its blocks, or None."""

    pool: object
    serial: int
    align: int
    quantum: int
    unit: int | None

    @property
    def at_points(self):
        """True if its blocks are had at allocation points."""
        return isinstance(self.pool, AtPoints)

    @property
    def held(self):
        """The bytes that its points hold for blocks to come."""
        return self.pool.held_size if self.at_points else 0

    @property
    def taken(self):
        """The bytes that it says are in blocks."""
        return self.pool.total_size - self.pool.free_size - self.held


class ArenaScript(Script):
    """A script from which a step that was skipped can be taken back."""

    def __init__(self):
        super().__init__()
        self.imported = set()

    def imports(self, line):
        """The steps from now on need this import."""
        if line not in self.imported:
            self.imported.add(line)
            self.add(line)

    def undo(self):
        """The step of now was skipped."""
        if self.telling:
            del self.lines[self.last :]


class ArenaTrial(Trial):
    """One run of an arena that has pools, limits and faults.

    Steps: begin; mvff, mfs, mvt, renew, destroy; alloc, free; limit, spare,
    collect, grow, attach; refuse, relent; second, close. `outcomes` has, for each step
    that was not skipped, what came of it.
    """

    # The kinds of events that are listened to.
    kinds = ev.SEG
    # False: blocks are not written, and not read.
    filling = True

    def __init__(self):
        self.arena = self.space = self.client = None
        self.pools, self.others = {}, {}
        self.blocks, self.owner = Blocks(), {}
        self.outcomes = []
        self.trouble = None
        self.script = ArenaScript()
        self._listener = self.listen

    def choose(self, rng):
        """The next step at random."""
        if self.client is None:
            self.client = Client(rng, self)
        return self.client.next()

    def do(self, step):
        """Do and judge one step; whatever it is, there is an arena.

        An AllocationError where one is allowed is an outcome like another.
        """
        if self.arena is None and step[0] != "begin":
            self.do(("begin", *DEFAULTS))
        stream.attach(self._listener, self.kinds)
        try:
            outcome = getattr(self, "do_" + step[0])(*step[1:])
        finally:
            stream.detach(self._listener)
        if self.trouble:
            raise self.trouble
        if outcome is False:
            return False
        self.outcomes.append((step[0], outcome))
        return True

    def listen(self, code, params):
        """An event of this step: what is mapped anew has to read as zeros."""
        if code == ev.VM_MAP and self.space is not None:
            _, base, limit = params
            if self.space.view(base, limit - base) != bytes(limit - base):
                told = f"[{base:#x}, {limit:#x}) is mapped anew, and not all zeros"
                self.trouble = self.trouble or Broken("fresh-zeros", told)

    # Steps of the arena

    def do_begin(self, size, grain_size, zoned, spare, checked):
        """Make the arena, in a space of its own."""
        if self.arena is not None:
            return False
        self.space = AddressSpace(SPACE, checked=checked)
        options = f"{size}, grain_size={grain_size}, zoned={zoned}, spare={spare}"
        try:
            self.arena = Arena(
                size, grain_size=grain_size, zoned=zoned, spare=spare, space=self.space
            )
        except ParamError:
            return False
        mode = ", checked=True" if checked else ""
        self.script.add(
            "import rangeland as rl",
            "from rangeland.invariants.raw import audit",
            "",
            f"space = rl.AddressSpace({SPACE}{mode})",
            f"arena = rl.Arena({options}, space=space)",
        )
        return True

    def do_mvff(self, number, extend_by, align, spare, *flags):
        """A pool of the class MVFF."""
        names = ("arena_high", "slot_high", "first_fit")
        options = dict(zip(names, flags), extend_by=extend_by, align=align, spare=spare)
        return self._make(number, MVFF, options | {"mean_size": 1}, None)

    def do_mfs(self, number, unit_size, extend_by):
        """A pool of the class MFS."""
        return self._make(number, MFS, {"unit_size": unit_size, "extend_by": extend_by}, unit_size)

    def do_mvt(self, number, *options):
        """A pool of the class MVT, with two allocation points."""
        return self._make(number, MVT, dict(zip(KEYWORDS, options)), None)

    def _make(self, number, kind, options, unit):
        if number in self.pools:
            return False
        arguments = ", ".join(f"{key}={value!r}" for key, value in options.items())
        text = f"rl.{kind.__name__}(arena, {arguments})"
        if kind is MVT:
            self.script.imports("from rangeland.invariants.points import AtPoints")
            text = f"AtPoints({text})"
        self.script.begin(f"pool{number} = {text}")
        before = self._marks()
        try:
            pool = kind(self.arena, **options)
            if kind is MVT:
                pool = AtPoints(pool)
        except ParamError:
            self.script.undo()
            return False
        except AllocationError as error:
            return self._refused(before, error)
        quantum = pool.align if unit is None else pool.unit_size
        self.pools[number] = Held(pool, pool.serial, pool.align, quantum, unit)
        return pool.address, pool.serial

    def do_renew(self, number, index):
        """An allocation point of a pool goes, and another comes."""
        held = self.pools.get(number)
        if held is None or not held.at_points:
            return False
        before, taken = self._marks(), held.taken
        self.script.begin(f"pool{number}.renew({index})")
        try:
            held.pool.renew(index)
        except AllocationError as error:
            return self._refused(before, error)
        if held.taken != taken:
            told = f"a new point changed what blocks of {held.pool!r} take to {held.taken} bytes"
            raise Broken("accounts", f"{told}, from {taken}")
        return held.pool.points[-1].address

    def do_destroy(self, number):
        """Destroy a pool, with all its blocks."""
        if number not in self.pools:
            return False
        held = self.pools.pop(number)
        for block in [b for b in self.blocks if self.owner[b.number] == number]:
            self._kept(block)
            self.blocks.remove(block.number)
        self.script.begin(f"pool{number}.destroy()")
        held.pool.destroy()
        return held.serial

    def do_limit(self, grains):
        """A commit limit so many grains above what is committed, or none."""
        arena = self.arena
        if grains is None:
            self.script.begin("arena.commit_limit = None")
            arena.commit_limit = None
            return None
        wanted = max(0, arena.committed + grains * PAGE)
        allowed = wanted >= arena.committed - arena.spare_committed
        self.script.begin(f"arena.commit_limit = {wanted}")
        try:
            arena.commit_limit = wanted
        except ParamError as error:
            if allowed:
                raise Broken("commit-limit", described(error)) from error
            self.script.undo()
            return "refused"
        if not allowed or arena.committed > wanted or arena.commit_limit != wanted:
            told = f"{arena.committed} bytes committed, limit {arena.commit_limit}, set {wanted}"
            raise Broken("commit-limit", told, "assert arena.committed <= arena.commit_limit")
        return wanted

    def do_spare(self, fraction):
        """The fraction of committed memory that may be spare."""
        self.script.begin(f"arena.spare = {fraction}")
        try:
            self.arena.spare = fraction
        except ParamError:
            self.script.undo()
            return False
        return fraction

    def do_collect(self):
        """Chunks in which nothing is allocated go."""
        before = self.arena.reserved
        self.script.begin("arena.collect()")
        gone = self.arena.collect()
        if before - gone != self.arena.reserved:
            told = f"collect gave back {gone} bytes of {before}, {self.arena.reserved} are left"
            raise Broken("reserved-accounts", told)
        return gone

    def do_grow(self, extend_by, extend_min):
        """By how much the arena grows."""
        self.script.begin(
            "arena.extend_min = 0",
            f"arena.extend_by, arena.extend_min = {extend_by}, {extend_min}",
        )
        try:
            self.arena.extend_min = 0
            self.arena.extend_by, self.arena.extend_min = extend_by, extend_min
        except ParamError:
            self.script.undo()
            return False
        return extend_by, extend_min

    def do_attach(self):
        """Go on with handles that are made anew from the bytes."""
        old = self.arena
        before = old.describe()
        numbers = {held.serial: number for number, held in self.pools.items()}
        self.script.begin("arena = rl.Arena.attach(space, arena.address)")
        self.arena = Arena.attach(self.space, old.address)
        if names := [f"pool{numbers[pool.serial]}" for pool in self.arena.pools]:
            self.script.add(f"{', '.join(names)}, = arena.pools")
        for pool in self.arena.pools:
            number = numbers[pool.serial]
            held = self.pools[number]
            if held.at_points:
                turn = held.pool.turn
                pool = AtPoints(pool, turn=turn)
                self.script.add(f"pool{number} = AtPoints(pool{number}, turn={turn})")
            held.pool = pool
        if self.arena.describe() != before:
            raise Broken("attach", "the arena that was attached tells something else of itself")
        return len(numbers)

    def do_refuse(self, kind, nth, count):
        """The machine refuses so many attempts of `kind`, from the nth on."""
        text = f"rl.FaultPlan().fail({kind!r}, nth=range({nth}, {nth + count}))"
        self.script.begin(f"space.faults = {text}")
        try:
            self.space.faults = FaultPlan().fail(kind, nth=range(nth, nth + count))
        except ParamError:
            self.script.undo()
            return False
        return True

    def do_relent(self):
        """The machine refuses nothing any more."""
        self.script.begin("space.faults = None")
        self.space.faults = None
        return True

    # Steps of other arenas in the same space

    def do_second(self, number, size):
        """One more arena, with a pool and a block."""
        if number in self.others:
            return False
        before = self.space.reserved, self.space.mapped
        self.script.begin(*Neighbour.text(number, size))
        try:
            self.others[number] = Neighbour(self.space, size)
        except ParamError:
            self.script.undo()
            return False
        except AllocationError as error:
            self.script.refused()
            if (self.space.reserved, self.space.mapped) != before:
                raise Broken("boot-unwound", f"{described(error)} left something") from error
            return type(error).__name__
        return self.others[number].arena.address

    def do_close(self, number):
        """Destroy one of the other arenas."""
        if number not in self.others:
            return False
        self.script.begin(f"arena{number}.__exit__()")
        self.others.pop(number).end()
        return True

    # Steps of pools

    def do_alloc(self, number, pool, size):
        """A block of `size` bytes of the pool of that number."""
        held = self.pools.get(pool)
        unfit = held is None or size < 1 or (held.unit or size) != size
        if unfit or number in self.blocks:
            return False
        name = self.script.name(number)
        # A point that is refused memory may have given up what it held.
        given_up = pool if held.at_points else None
        before = self._marks(given_up)
        self.script.begin(f"{name} = pool{pool}.alloc({size})")
        try:
            address = held.pool.alloc(size)
        except AllocationError as error:
            return self._refused(before, error, given_up)
        expect_place(self, held, pool, address, size, name)
        block = self.blocks.add(number, address, size)
        self.owner[number] = pool
        if self.filling:
            for start, length in spans(size):
                data = pattern(block.stamp, start, length)
                self.arena.view(address + start, length)[:] = data
        self.script.fill("arena.view({at}, {size})[:] = {data}", name, block)
        expect_limit(self.arena)
        return address

    def do_free(self, number):
        """Free the block of that number."""
        if number not in self.blocks:
            return False
        block = self.blocks[number]
        held = self.pools[self.owner[number]]
        self._kept(block)
        self.blocks.remove(number)
        total, points = held.pool.total_size, held.held
        name = self.script.names[number]
        self.script.begin(f"pool{self.owner[number]}.free({name}, {block.size})")
        try:
            held.pool.free(block.address, block.size)
        except AllocationError as error:
            raise Broken("free-refused", described(error)) from error
        if held.held != points:
            told = f"a free changed what points of {held.pool!r} hold to {held.held} bytes"
            raise Broken("accounts", f"{told}, from {points}")
        if held.pool.total_size < total:
            # A7 holds when memory has just come back to the arena. A purge
            # for another reason may lower what is committed by more.
            expect_spare_bounded(self.arena)
        return block.address

    # Judgements

    def _kept(self, block):
        if self.filling:
            expect_kept(self.arena, block, self.script.names[block.number])

    def _marks(self, given_up=None):
        """What a refused request may not change; of the pool of the number
        `given_up` no more than what blocks take."""
        arena = self.arena
        pools = [
            (h.serial, h.taken)
            if number == given_up
            else (h.serial, h.pool.total_size, h.pool.free_size, h.held)
            for number, h in self.pools.items()
        ]
        return pools, arena.commit_limit, arena.spare, arena.extend_by, len(arena.pools)

    def _refused(self, before, error, given_up=None):
        """A request was refused: there is a reason, and nothing has changed."""
        self.script.refused()
        marks = self._marks(given_up)
        if marks != before:
            raise Broken("unwound", f"after {described(error)}: {marks}, before {before}")
        limited = error.result == "COMMIT_LIMIT" and self.arena.commit_limit is not None
        full = error.result == "RESOURCE" and self.space.reserved > SPACE // 4
        if not (limited or full or self.space.faults is not None):
            raise Broken("raises", described(error)) from error
        expect_limit(self.arena)
        return type(error).__name__

    def check(self):
        """Everything, by handles, by raw bytes, and by blocks. Returns the
        summary of the raw audit."""
        if self.arena is None:
            return None
        for block in self.blocks:
            self._kept(block)
        for other in self.others.values():
            other.check()
        return judge_whole(self)

    # The end

    def end(self):
        """Destroy everything, and judge that nothing is left."""
        if self.arena is None:
            return
        self.do_relent()
        for number in list(self.others):
            self.do_close(number)
        for number in list(self.pools):
            self.do_destroy(number)
        self.check()
        self.script.begin("arena.destroy()")
        self.arena.destroy()
        expect_gone(self.space)

    def abandon(self):
        """Let go of everything."""
        self.arena = self.space = self.client = None

    def twin(self):
        """A fresh trial of the same."""
        return type(self)()

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
