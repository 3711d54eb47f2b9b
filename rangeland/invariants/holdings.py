"""HoldingTrial: pools in one arena, and their blocks.

Source: design/stress.md#.sol.arena
"""

from dataclasses import dataclass

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
from rangeland.invariants.blocks import Blocks, pattern, spans
from rangeland.invariants.finding import Broken
from rangeland.invariants.points import AtPoints
from rangeland.invariants.regional import BuddyTrial, SegFitTrial, SlabTrial
from rangeland.invariants.rounding import rounding_of
from rangeland.invariants.spaces import SpaceTrial
from rangeland.invariants.temporal import KEYWORDS
from rangeland.invariants.telling import FillingTrial
from rangeland.invariants.trial import described
from rangeland.invariants.verdicts import (
    expect_end,
    expect_kept,
    expect_limit,
    expect_place,
    expect_spare_bounded,
)
from vm import events as ev
from vm.results import AllocationError, ParamError

FITS = {kind.__name__: kind for kind in (BestFit, WorstFit, NextFit, LIFOFit)}
FIT_KEYWORDS = ("extend_by", "align", "spare", "arena_high")


@dataclass
class Held:
    """A pool of the trial: its handle, or AtPoints, and what a client knows
    of it. `unit` is the one size of its blocks, or None; `high` tells at which
    end it takes grains, None if nobody knows."""

    pool: object
    serial: int
    align: int
    unit: int | None
    high: bool | None = None

    @property
    def at_points(self):
        """True if its blocks are had at allocation points."""
        return isinstance(self.pool, AtPoints)

    @property
    def own(self):
        """The pool itself."""
        return self.pool.pool if self.at_points else self.pool

    @property
    def held(self):
        """The bytes that its points hold for blocks to come."""
        return self.pool.held_size if self.at_points else 0

    def takes(self, size):
        """The bytes that a block of `size` bytes takes in it."""
        return rounding_of(self.own)(size)

    @property
    def taken(self):
        """The bytes that it says are in blocks."""
        return self.pool.total_size - self.pool.free_size - self.pool.slack_size - self.held


class HoldingTrial(FillingTrial, SpaceTrial):
    """The part of an ArenaTrial that has `pools` in its `arena`, by their
    numbers, and `blocks` in these.

    Steps: mvff, mfs, mvt, fit, buddy, segfit, slab, renew, destroy; alloc, free.
    """

    def __init__(self):
        super().__init__()
        self.arena = None
        self.pools = {}
        self.blocks, self.owner = Blocks(), {}
        # (base, size, pool) of the grains that were allocated last.
        self.grains = None

    def listen(self, code, params):
        """As it is; and which grains this step got."""
        super().listen(code, params)
        if code == ev.ARENA_ALLOC:
            _, _, *self.grains = params

    def do_mvff(self, number, extend_by, align, spare, *flags):
        """A pool of the class MVFF."""
        names = ("arena_high", "slot_high", "first_fit")
        options = dict(zip(names, flags), extend_by=extend_by, align=align, spare=spare)
        return self._make(number, MVFF, options | {"mean_size": 1}, None, flags[0])

    def do_mfs(self, number, unit_size, extend_by):
        """A pool of the class MFS."""
        options = {"unit_size": unit_size, "extend_by": extend_by}
        return self._make(number, MFS, options, unit_size, False)

    def do_fit(self, number, kind, *options):
        """A pool of one of the other FITS, by its name, with these FIT_KEYWORDS."""
        high = dict(zip(FIT_KEYWORDS, options))["arena_high"]
        return self._make(number, FITS[kind], dict(zip(FIT_KEYWORDS, options)), None, high)

    def do_mvt(self, number, *options):
        """A pool of the class MVT, with two allocation points."""
        return self._make(number, MVT, dict(zip(KEYWORDS, options)), None)

    def do_buddy(self, number, *options):
        """A pool of the class Buddy; it asks for more than it keeps."""
        return self._make(number, Buddy, dict(zip(BuddyTrial.DEFAULTS, options)), None)

    def do_segfit(self, number, *options):
        """A pool of the class SegFit."""
        return self._make(number, SegFit, dict(zip(SegFitTrial.DEFAULTS, options)), None, options[-1])

    def do_slab(self, number, *options):
        """A pool of the class Slab."""
        return self._make(number, Slab, dict(zip(SlabTrial.DEFAULTS, options)), None, options[-1])

    def _make(self, number, kind, options, unit, high=None):
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
        self.pools[number] = Held(pool, pool.serial, pool.align, unit, high)
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

    # Their blocks

    def do_alloc(self, number, pool, size):
        """A block of `size` bytes of the pool of that number."""
        held = self.pools.get(pool)
        unfit = held is None or size < 1 or (held.unit or size) != size
        if unfit or number in self.blocks:
            return False
        name = self.script.name(number)
        # A point that is refused memory may have given up what it held.
        given_up = pool if held.at_points else None
        before, self.grains = self._marks(given_up), None
        self.script.begin(f"{name} = pool{pool}.alloc({size})")
        try:
            address = held.pool.alloc(size)
        except AllocationError as error:
            return self._refused(before, error, given_up)
        expect_place(self, held, pool, address, size, name)
        if self.grains and self.grains[2] == held.pool.address and held.high is not None:
            expect_end(self.arena, *self.grains[:2], held.high)
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
            else (h.serial, h.pool.total_size, h.pool.free_size, h.pool.slack_size, h.held)
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
        full = error.result == "RESOURCE" and self.space.reserved > self.space_size // 4
        if not (limited or full or self.space.faults is not None):
            raise Broken("raises", described(error)) from error
        expect_limit(self.arena)
        return type(error).__name__
