"""Stress: long runs of a pool under the compiled driver, and what came of them.

Source: design/stress.md
"""

import time
from dataclasses import dataclass

from arena.arena import Arena
from pools.point import PointedPool
from pools.pool import Pool
from rangeland.invariants import fields as d
from rangeland.invariants.columns import SLICE, Columns, draining
from rangeland.invariants.driver import Driver
from rangeland.invariants.factory import Factory, name_of, named
from rangeland.invariants.finding import Broken, CannotTry, Finding, Result
from rangeland.invariants.prove import trial_of
from rangeland.invariants.raw import audit
from rangeland.invariants.shrink import shrink
from rangeland.invariants.trial import judged, own_check, play, tried
from rangeland.invariants.whole import expect_apart
from vm.results import integer

EVERY = 1_000_000
# A failing run is repeated from the blocks that lived so many operations
# before the end, until one of these repeats it.
WINDOWS = (100, 1000, 10_000, 100_000)
# So often there is a look at the time.
TOLD = 1000
# Operations of such a repetition between two checks.
CHECKED = 500
# The most steps that are done to find a shorter run.
BUDGET = 30_000

_VERDICTS = {
    d.OVERLAP: ("overlap", "block {name} at {address:#x} has {spot:#x} in common with another"),
    d.OUTSIDE: ("outside", "block {name} at {spot:#x} is not all in mapped memory"),
    d.MISALIGNED: ("alignment", "block {name} lies at {spot:#x}, {found} above a multiple"),
    d.CONTENTS: ("contents", "the word at {spot:#x} of block {name} is {found}, not {expected}"),
    d.ACCOUNTS: ("accounts", "total less free is {found} bytes, but {expected} bytes live"),
    d.NONSENSE: ("nonsense", "the answer to the request for block {name} is {found}"),
    d.REFUSED: ("free-refused", "the free of block {name} at {spot:#x} is refused, by {found}"),
    d.UNWOUND: ("unwound", "the refusal of block {name} changed total from {expected} to {found}"),
}


@dataclass
class StressResult(Result):
    """What came of a stress run: besides, how many requests were `refused`; `events`,
    the operations as they were asked for, of which a recorded realloc is one and not two
    steps; `unit`, the size in which all blocks were asked for, or None."""

    refused: int
    events: int
    unit: int | None

    @property
    def operations_per_second(self):
        """Operations done and judged in a second, checks included."""
        return self.events / self.seconds if self.seconds else 0.0

    def to_dict(self):
        """The result as plain data, of which JSON can be made."""
        return super().to_dict() | {"operations_per_second": self.operations_per_second}


def stress(
    subject,
    operations=1_000_000,
    seed=0,
    *,
    sizes="mixed",
    lifetime="mixed",
    most=1000,
    every=EVERY,
    seconds=None,
    make_arena=Arena,
    progress=None,
):
    """Drive what `subject` makes for so many operations. Returns a StressResult.

    `subject` is a callable of no argument or of an arena, which `make_arena`
    makes, that gives a pool of Rangeland. `sizes` is small, lognormal,
    cliffs, pages, mixed, or a number of bytes; `lifetime` random, lifo,
    fifo, waves, epochs or mixed; at most `most` blocks live at a time. After
    each `every` operations all that lies in memory is checked. With
    `seconds`, it ends after so long. `progress(operations done)` is called
    now and then. The same seed does the same, at both speeds.
    Anything else that `prove` takes is called and judged as there.
    Raises: CannotTry; ParamError.
    Cost: 0.1 to 0.5 microseconds an operation, compiled; 10 to 20 interpreted, and of what
    is no pool of Rangeland.
    """
    operations = integer("operations", operations, least=1)
    columns = Columns(seed, sizes, lifetime, most)
    return _stress(subject, columns, operations, every, seconds, make_arena, progress)


def stress_recorded(
    subject, columns, *, every=EVERY, make_arena=Arena, progress=None, operations=None
):
    """As `stress`, of a recorded run: `columns`, a RecordedColumns; of its first
    `operations` events, if that is given."""
    count = len(columns) if operations is None else columns.operations(operations)
    return _stress(subject, columns, count, every, None, make_arena, progress)


def _stress(subject, columns, operations, every, seconds, make_arena, progress):
    factory = Factory(subject)
    if _is_called(factory.subject(make_arena() if factory.in_arena else None)):
        return _called(subject, columns, operations, every, seconds, progress)
    run = Stress(subject, columns, make_arena)
    began = time.perf_counter()
    found = None
    try:
        run.drive(operations, integer("every", every, least=1), began, seconds, progress)
        run.end()
    except Broken as broken:
        found = broken
    took = time.perf_counter() - began
    finding = run.finding(found) if found else None
    done = min(run.driver.done, operations)
    events, refused = columns.events(done), run.driver.refused
    return StressResult(not finding, finding, done, 1, took, columns.seed, refused, events, run.unit)


def _is_called(made):
    """True for an allocator that is no pool of Rangeland, or is derived from one and has calls
    of its own, of which the driver makes none."""
    if not isinstance(made, Pool):
        return all(callable(getattr(made, name, None)) for name in ("alloc", "free"))
    strangers = [kind for kind in type(made).__mro__ if not kind.__module__.startswith("pools.")]
    return any(name in vars(kind) for kind in strangers for name in ("alloc", "free"))


def _called(subject, columns, operations, every, seconds, progress):
    """As `_stress`, of what is no pool of Rangeland: each step judged as `prove` does."""
    trial, refused, done, found = trial_of(subject)(), 0, 0, None
    began = time.perf_counter()
    try:
        for done, step in enumerate(columns.walk(operations), 1):
            tried(trial.do, step)
            refused += step[0] == "alloc" and step[1] not in trial.blocks
            if done % every == 0:
                tried(trial.check)
            if done % TOLD == 0:
                if progress is not None:
                    progress(done)
                if seconds is not None and time.perf_counter() - began > seconds:
                    break
        tried(trial.check)
        tried(trial.end)
    except Broken as broken:
        trial.abandon()
        found = broken
    except BaseException:
        trial.abandon()
        raise
    took = time.perf_counter() - began
    if done and refused == done:
        raise CannotTry(f"{name_of(subject)} refused every block")
    finding = finding_of(subject, columns, done, found) if found else None
    events = columns.events(done)
    return StressResult(not found, finding, done, 1, took, columns.seed, refused, events, None)


class Stress:
    """A stress run: the arena, the pool, the driver, and the deep checks."""

    def __init__(self, subject, columns, make_arena=Arena):
        self.subject = subject
        factory = Factory(subject)
        self.arena = make_arena() if factory.in_arena else None
        self.pool = pool = factory.subject(self.arena)
        if not isinstance(pool, Pool):
            raise CannotTry(
                f"{name_of(subject)} made {pool!r}: expected a pool of Rangeland (anything "
                f"else is tried by `prove`)"
            )
        if isinstance(pool, PointedPool):
            raise CannotTry(
                f"{name_of(subject)} made {pool!r}, which has blocks at allocation points only: "
                f"expected a pool with `alloc` (`prove` tries those with points)"
            )
        self.arena = pool.arena
        self.unit = getattr(pool, "client_size", None)
        if self.unit is not None:
            columns = columns.of_size(self.unit)
        self.columns = columns
        self.driver = Driver(pool, columns.most, pool.align)

    def drive(self, operations, every, began=0.0, seconds=None, progress=None):
        """Do `operations`, with checks on the way. Raises: Broken."""
        while (done := self.driver.done) < operations:
            number, first = divmod(done, SLICE)
            if first == 0 or done == 0:
                self.driver.load(*self.columns.drawn(number))
            limit = min(SLICE, first + operations - done, first + every - done % every)
            judged(self._run, first, limit)
            if self.driver.done % every == 0:
                judged(self.check)
            if progress is not None:
                progress(self.driver.done)
            if seconds is not None and time.perf_counter() - began > seconds:
                break
        judged(self.check)

    def _run(self, first, limit):
        driver = self.driver
        if driver.run(first, limit) >= 0:
            self._expect_good()
        if driver.refused == driver.made:
            raise CannotTry(f"{self.pool!r} refused every block")

    def _expect_good(self):
        driver = self.driver
        if driver.verdict != d.GOOD:
            name, text = _VERDICTS[driver.verdict]
            found = {key: getattr(driver, key) for key in ("spot", "found", "expected")}
            where = {block: address for block, address, _ in driver.blocks()}
            address = where.get(driver.culprit, 0)
            raise Broken(name, text.format(name=driver.culprit, address=address, **found))

    def check(self):
        """Judge all that lies in memory: contents, own checks, raw bytes.

        Raises: Broken. Cost: O(blocks + pages).
        """
        self.driver.verify()
        self._expect_good()
        own_check(self.pool, "pool")
        own_check(self.arena, "arena")
        found = audit(self.arena.space, self.arena.address)
        expect_in_pool(self.driver.blocks(), found, self.pool.address)

    def end(self):
        """Free everything, oldest first, and judge what is left; and the
        teardown. Raises: Broken."""
        self.drain()
        judged(self.check)
        judged(self._tear_down)

    def drain(self):
        """Free every live block, oldest first. Raises: Broken."""
        count = self.driver.count
        self.driver.load(*draining(count))
        judged(self._run, 0, count)

    def _tear_down(self):
        space = self.arena.space
        for pool in reversed(self.arena.pools):
            pool.destroy()
        self.arena.check()
        audit(space, self.arena.address)
        reserved, mapped = space.reserved, space.mapped
        own = self.arena.reserved, self.arena.committed
        self.arena.destroy()
        if (space.reserved, space.mapped) != (reserved - own[0], mapped - own[1]):
            raise Broken("teardown", f"{space.reserved} bytes reserved, {space.mapped} mapped")

    def finding(self, broken):
        """The Finding that `broken` comes to: its steps as few as they get."""
        return finding_of(self.subject, self.columns, self.driver.done, broken)


def finding_of(subject, columns, done, broken):
    """The Finding of `broken`, after `done` operations: its steps as few as they get."""
    limit = done + 1
    for window in WINDOWS:
        steps = columns.steps(max(0, limit - window), limit)
        make_trial = trial_of(subject)
        again, taken = play(make_trial(), steps, CHECKED)
        if again is not None:
            steps, last = shrink(make_trial, steps[:taken], again.invariant, BUDGET, CHECKED)
            last = last or again
            program = make_trial().program(steps)
            return Finding(last.invariant, last.message, steps, program, columns.seed, 0, done)
        if window >= limit:
            break
    program = _whole_run(subject, columns, done, broken)
    return Finding(broken.invariant, broken.message, [], program, columns.seed, 0, done)


def _whole_run(subject, columns, done, broken):
    """A program that repeats the run, where no short one is known."""
    imported, call = named(subject)
    lines = [imported] if imported else []
    lines += columns.call(call or "make", done + 1)
    return "\n".join([*lines, f"# {broken}", "assert result.ok"]) + "\n"


def expect_in_pool(blocks, found, address):
    """Judge that all `blocks`, (number, address, size), lie in the memory of
    the pool at `address`, by the Audit `found`, and none in free memory.

    Raises: Broken. Cost: O(blocks log ranges).
    """
    pool = next(pool for pool in found.clients if pool.address == address)
    for block in blocks:
        expect_apart(block, pool.spans, pool.free_ranges)
