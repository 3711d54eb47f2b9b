"""A random client of an arena: many pools, limits that come and go.

Every step is told by a few numbers that mean the same for any arena in the
same state, so two arenas can be driven alike, and a run is its seed.
"""

import random

import rangeland as rl
from support.judge import OK, Judge
from support.rawarena import audit

UNITS = (1, 8, 24, 40, 100, 500, 4096, 5000)
EXTENDS = (1, 4096, 8192, 65536)
KINDS = ("alloc",) * 10 + ("free",) * 7 + ("create", "destroy", "limit", "spare", "collect", "grow")


class Driver:
    """Drives `arena` and judges every outcome. `log` has the outcomes."""

    def __init__(self, arena):
        self.log = []
        self.live = []
        self.judge = None
        self.bind(arena)

    def bind(self, arena):
        """Go on with another handle of the same arena."""
        self.arena = arena
        judge = Judge(arena.view, self._owner, arena.grain_size)
        if self.judge:
            judge.blocks, judge._stamp = self.judge.blocks, self.judge._stamp
        self.judge = judge

    def _owner(self, address):
        pool = self.arena.pool_of(address)
        return pool.serial if pool else None

    @classmethod
    def boot(cls, size=1 << 20, checked=True, space=1 << 28, **options):
        """A driver of a new arena in a space of its own."""
        return cls(rl.Arena(size=size, space=rl.AddressSpace(space, checked=checked), **options))

    def step(self, rng):
        """One random step. Returns its outcome, which is logged."""
        return self.do(rng.choice(KINDS), rng.getrandbits(30), rng.getrandbits(30))

    def do(self, kind, x, y):
        """One step. An AllocationError is an outcome like another."""
        try:
            outcome = getattr(self, kind)(x, y)
        except rl.AllocationError as error:
            outcome = type(error).__name__
        self.log.append((kind, outcome))
        return outcome

    def _pool(self, x):
        pools = self.arena.pools
        return pools[x % len(pools)] if pools else None

    def create(self, x, y):
        """A pool of either class, with any options."""
        if len(self.arena.pools) >= 6:
            return None
        if x % 3 == 0:
            pool = rl.MFS(self.arena, UNITS[y % 8], extend_by=EXTENDS[y // 8 % 4])
        else:
            pool = rl.MVFF(
                self.arena,
                extend_by=EXTENDS[y % 4],
                mean_size=1,
                align=(8, 8, 16, 256, self.arena.grain_size)[y // 4 % 5],
                spare=(0, 0.25, 0.5, 0.75, 1)[y // 20 % 5],
                arena_high=bool(x & 8),
                slot_high=bool(x & 16),
                first_fit=bool(x & 32),
            )
        return pool.address, pool.serial

    def destroy(self, x, y):
        """Now and then a pool, with all its blocks."""
        pool = self._pool(x)
        if pool is None or y % 4:
            return None
        serial = pool.serial
        self.judge.dropped(serial)
        self.live = [block for block in self.live if block[0] != serial]
        pool.destroy()
        return serial

    def alloc(self, x, y):
        """A block: mostly small, now and then of many grains."""
        pool = self._pool(x)
        if pool is None:
            return None
        if isinstance(pool, rl.MFS):
            # The size that it wants is in the refusal of another.
            size = unit_of(pool)
        else:
            size = 1 + y % (64, 64, 600, 600, 5000, 40000, 200000)[y // 7 % 7]
        address = pool.alloc(size)
        verdict = self.judge.allocated(address, size, pool.serial, pool.align)
        assert verdict == OK, f"{size} bytes at {address:#x} of {pool!r}: {verdict}"
        self.live.append((pool.serial, address, size))
        return address

    def free(self, x, y):
        """A live block."""
        if not self.live:
            return None
        serial, address, size = self.live.pop(x % len(self.live))
        assert self.judge.freed(address, size) == OK
        pool = next(pool for pool in self.arena.pools if pool.serial == serial)
        total = pool.total_size
        pool.free(address, size)
        if pool.total_size < total:
            # A7 holds when memory has just come back to the arena. A purge
            # for another reason may lower what is committed by more.
            assert self.arena.spare_committed <= int(self.arena.committed * self.arena.spare)
        return address

    def limit(self, x, y):
        """The commit limit: gone, or near what is committed, or refused."""
        if x % 3 == 0:
            self.arena.commit_limit = None
            return None
        wanted = max(0, self.arena.committed + (y % 64 - 24) * 4096)
        allowed = wanted >= self.arena.committed - self.arena.spare_committed
        try:
            self.arena.commit_limit = wanted
        except rl.ParamError:
            assert not allowed
            return "refused"
        assert allowed and self.arena.committed <= wanted == self.arena.commit_limit
        return wanted

    def spare(self, x, y):
        """The spare fraction."""
        self.arena.spare = fraction = (0, 0.1, 0.5, 0.75, 1)[y % 5]
        return fraction

    def collect(self, x, y):
        """Chunks that are empty go, and no other."""
        before = self.arena.reserved
        gone = self.arena.collect()
        assert before - gone == self.arena.reserved
        return gone

    def grow(self, x, y):
        """By how much the arena grows."""
        self.arena.extend_min = 0
        self.arena.extend_by = 1 + (x % 512) * 4096
        self.arena.extend_min = self.arena.extend_by // (1 + y % 4) if y % 2 else 0
        return self.arena.extend_by, self.arena.extend_min

    def check(self):
        """Everything, three ways: handles, raw bytes, blocks."""
        arena = self.arena
        arena.check()
        found = audit(arena.space, arena.address)
        assert found.extra == 0, "the control pool holds descriptors and nothing else"
        assert self.judge.all() == OK
        summary = found.summary
        for chunk in arena.chunks:
            assert list(chunk.runs()) == summary["runs"][chunk.serial]
        assert (arena.committed, arena.reserved) == (summary["committed"], summary["reserved"])
        assert arena.spare_committed == summary["spare"] * arena.grain_size
        assert [pool.serial for pool in arena.pools] == summary["serials"]
        for pool in arena.pools:
            assert (pool.total_size, pool.free_size) == summary["totals"][pool.serial]
        self._check_owned(summary)
        return summary

    def _check_owned(self, summary):
        """m2, M2: what is not free is what the client has."""
        owned = dict.fromkeys(summary["serials"], 0)
        for pool in self.arena.pools:
            for serial, _, size in self.live:
                if serial == pool.serial:
                    unit = getattr(pool, "unit_size", None)
                    owned[serial] += unit or (size + pool.align - 1) // pool.align * pool.align
            assert pool.total_size - pool.free_size == owned[pool.serial]

    def end(self):
        """Destroy all: nothing may be left."""
        space = self.arena.space
        for pool in self.arena.pools:
            pool.destroy()
        summary = self.check_empty()
        self.arena.destroy()
        assert space.reserved == space.mapped == 0
        assert space.stack.pointer == space.stack.limit
        space.check()
        return summary

    def check_empty(self):
        """No client's pool is left: the arena has only what is its own."""
        self.live.clear()
        self.judge.blocks.clear()
        return self.check()


def unit_of(pool):
    """The size of the blocks of an MFS pool, before rounding."""
    try:
        pool.alloc(pool.unit_size + 1)
    except rl.ParamError as error:
        return int(str(error).split(" units of ")[1].split()[0])
    raise AssertionError("an MFS pool refuses a size that is not its own")


def run(driver, seed, steps, every=50):
    """Drive `steps` random steps, with a check after each `every`."""
    rng = random.Random(seed)
    for i in range(steps):
        driver.step(rng)
        if i % every == every - 1:
            driver.check()
    return driver
