"""Operations of every class, interrupted at random moments.

    python tests/support/interrupting.py --help

runs many; the suite runs some (tests/stress/test_interrupts.py). A timer sends
SIGALRM, whose handler raises KeyboardInterrupt, at a random moment of a loop of
operations. After each the arena has to check, and to have the blocks that the
table of its pools says.
"""

import argparse
import gc
import random
import signal
import sys
import warnings
from collections import Counter

import rangeland as rl
from vm.log import Log
from vm.telemetry import stream

POOLS = {
    "MFS": lambda arena: rl.MFS(arena, 48, audit=True),
    "MVFF": lambda arena: rl.MVFF(arena, extend_by=8192, audit=True),
    "BestFit": lambda arena: rl.BestFit(arena, extend_by=8192, audit=True),
    "WorstFit": lambda arena: rl.WorstFit(arena, extend_by=8192, audit=True),
    "NextFit": lambda arena: rl.NextFit(arena, extend_by=8192, audit=True),
    "LIFOFit": lambda arena: rl.LIFOFit(arena, extend_by=8192, audit=True),
    "Buddy": lambda arena: rl.Buddy(arena, extend_by=8192, audit=True),
    "SegFit": lambda arena: rl.SegFit(arena, extend_by=8192, audit=True),
    "Slab": lambda arena: rl.Slab(arena, audit=True),
    "MVT": lambda arena: rl.MVT(arena, audit=True),
}
LANDS = {
    "CBS": rl.CBS,
    "CBSFast": rl.CBSFast,
    "CBSZoned": rl.CBSZoned,
    "Freelist": rl.Freelist,
    "Failover": rl.Failover,
}
SUBJECTS = (*POOLS, *LANDS, "arena")
# No more than so many operations are done in one loop: interrupts come sooner.
MOST = 100_000


class PoolRun:
    """A pool of one class in a small arena, and what is done with it."""

    def __init__(self, name, rng):
        self.rng = rng
        self.arena = rl.Arena(size=1 << 20, spare=0.5)
        self.arena.extend_by = 1 << 20
        self.make = POOLS[name]
        self.pool = self.make(self.arena)
        self.point = self.pool.allocation_point() if name == "MVT" else None
        self.live = []

    def size(self):
        return 48 if isinstance(self.pool, rl.MFS) else 8 * self.rng.randrange(1, 400)

    def step(self):
        """One operation, drawn."""
        kind = self.rng.random()
        if kind < 0.004:
            self.make(self.arena).destroy()
        elif kind < 0.006:
            self.arena.collect()
        elif len(self.live) < 200 and (kind < 0.55 or not self.live):
            size = self.size()
            if self.point is not None:
                address = self.point.alloc_address
                if address == self.point.init_address:
                    address = self.point.reserve(size)
                else:
                    size, address = address - self.point.init_address, self.point.init_address
                self.point.commit(address, size)
            else:
                aligned = kind < 0.1 and not isinstance(self.pool, rl.MFS)
                address = self.pool.alloc(size, 64 if aligned else None)
            self.live.append((address, size))
        else:
            i = self.rng.randrange(len(self.live))
            address, size = self.live[i]
            if kind > 0.9 and not isinstance(self.pool, rl.MFS):
                new = self.size()
                if self.pool.resize(address, size, new):
                    self.live[i] = address, new
            else:
                self.live[i] = self.live[-1]
                self.live.pop()
                self.pool.free(address, size)

    def check(self):
        """All invariants; then `live` is what the pool's table says."""
        self.arena.check()
        self.live = list(self.pool.ledger.items())

    def end(self):
        self.arena.__exit__()
        assert self.arena.space.reserved == self.arena.space.mapped == 0


class LandRun:
    """A land of one class, and what is done with it."""

    def __init__(self, name, rng):
        self.rng = rng
        self.arena = rl.Arena(size=1 << 22)
        self.land = LANDS[name](self.arena)
        self.kind = LANDS[name]
        self.base = rl.MVFF(self.arena, extend_by=1 << 16).alloc(1 << 16)

    def step(self):
        base = self.base + 64 * self.rng.randrange(1000)
        limit = base + 64 * self.rng.randrange(1, 20)
        kind = self.rng.random()
        if kind < 0.01:
            self.kind(self.arena).destroy()
        elif kind < 0.02:
            self.land.iterate_and_delete(lambda base, limit: base & 64)
        elif kind < 0.6:
            self._try(self.land.insert, base, min(limit, self.base + (1 << 16)))
        elif kind < 0.9:
            self._try(self.land.delete, base, limit)
        else:
            self._try(self.land.find_first, 64, "low")

    def _try(self, call, *args):
        try:
            call(*args)
        except rl.ProtocolError as error:
            assert "refused" not in str(error), error

    def check(self):
        self.arena.check()
        self.land.check()

    def end(self):
        self.land.destroy()
        self.arena.__exit__()


class ArenaRun:
    """Arenas that come and go in one space."""

    def __init__(self, name, rng):
        self.rng = rng
        self.space = rl.AddressSpace()
        self.arenas = []

    def step(self):
        if len(self.arenas) < 3:
            self.arenas.append(rl.Arena(size=1 << 20, space=self.space))
            return
        arena = self.arenas[self.rng.randrange(3)]
        if self.rng.random() < 0.5:
            self.arenas.remove(arena)
            arena.__exit__()
        else:
            rl.MVFF(arena).alloc(100)
            arena.commit_limit = arena.committed

    def check(self):
        self.space.check()
        self.arenas = [arena for arena in self.arenas if arena.alive]
        for arena in self.arenas:
            arena.check()

    def end(self):
        for arena in self.arenas:
            arena.__exit__()


def run(subject, count, seed, recorder=False, faults=False):
    """Interrupt `count` loops of operations. Returns how many were interrupted
    in the loop. Raises: AssertionError, or whatever else should not be."""
    rng = random.Random(f"{subject} {seed} {recorder} {faults}")
    kind = PoolRun if subject in POOLS else LandRun if subject in LANDS else ArenaRun
    subjects = kind(subject, rng)
    space = getattr(subjects, "space", None) or subjects.arena.space
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupted = 0
    try:
        for turn in range(count):
            if faults and turn % 10 == 0:
                space.faults = rl.FaultPlan()
                for what in ("mapping", "node", "reservation"):
                    space.faults.fail(what, probability=0.02, seed=turn)
            log = Log()
            if recorder:
                stream.attach(log, rl.ALL_KINDS)
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 2e-3))
                _loop(subjects)
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    pass
                stream.detach(log)
            assert space.operation is None, space.operation
            space.faults = None
            subjects.check()
        subjects.end()
    finally:
        signal.signal(signal.SIGALRM, before)
    return interrupted


def _loop(subjects):
    for _ in range(MOST):
        try:
            subjects.step()
        except MemoryError:
            pass


def main(args=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("subjects", nargs="*", default=SUBJECTS, metavar="SUBJECT")
    parser.add_argument("--count", type=int, default=100, help="interrupts for each way")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(args)
    warnings.simplefilter("error")
    done = Counter()
    for subject in options.subjects:
        for recorder in (False, True):
            for faults in (False, True):
                done[subject] += run(subject, options.count, options.seed, recorder, faults)
                gc.collect()
        print(f"{subject:10} {done[subject]:7} interrupted, all checked", flush=True)
    print(f"{sum(done.values()):,} interrupts in all")


if __name__ == "__main__":
    sys.exit(main())
