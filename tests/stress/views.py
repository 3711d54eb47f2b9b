"""Write through views that were kept after a free, and see what comes of it.

    python tests/stress/views.py --help

Each run is a forked child, with a pool that it goes on to use at random. Tells how
many runs ended how, by class; exits with 1 if one died, did not end, or ended with an
error that is none of ours. Memory given out twice ("wrong silently") is counted and shown:
a view may write a size that a free block could have, which nothing else tells. Interpreted with
RANGELAND_INTERPRETED=1. Source: design/pools.md#.req.damage
"""

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from support import garbled

import rangeland as rl
from land.freelist import Freelist

SIZES = (16, 24, 40, 100, 300, 1000, 5000)
BLOCKS, DEEDS = 60, 60


def short(arena):
    """An MVFF pool whose free ranges lie in a Freelist: nodes are out of memory."""
    pool = rl.MVFF(arena, extend_by=1 << 18, spare=1.0)
    blocks = [pool.alloc(16) for _ in range(5000)]
    arena.commit_limit = arena.committed - arena.spare_committed
    for block in blocks[::2]:
        pool.free(block, 16)
    assert pool.free_land.secondary.size
    return pool


KINDS = {
    "MFS": lambda arena: rl.MFS(arena, 48, extend_by=4096),
    "MVFF": lambda arena: rl.MVFF(arena, spare=0.1),
    "MVFF, no nodes": short,
    "BestFit": rl.BestFit,
    "WorstFit": rl.WorstFit,
    "NextFit": rl.NextFit,
    "LIFOFit": lambda arena: rl.LIFOFit(arena, extend_by=8192, spare=0.1),
    "MVT": lambda arena: rl.MVT(arena, max_size=4096, mean_size=64),
    "Buddy": lambda arena: rl.Buddy(arena, extend_by=8192, min_size=32),
    "SegFit": lambda arena: rl.SegFit(arena, extend_by=16384, direct_above=9000),
    "Slab": rl.Slab,
}


class Pooled:
    """An arena with one pool of the class `kind`, and what lives in it."""

    def __init__(self, kind, rng, checked):
        self.space = rl.AddressSpace(1 << 26, checked=checked)
        self.arena = rl.Arena(1 << 20, space=self.space)
        self.client = garbled.Client(self.arena)
        self.pool = KINDS[kind](self.arena)
        if isinstance(self.pool, rl.MVT):
            self.pool.allocation_point()
        self.sizes = (48,) if isinstance(self.pool, rl.MFS) else SIZES
        for _ in range(BLOCKS):
            self.client.alloc(self.pool, rng.choice(self.sizes))
        self.views = []
        for address in rng.sample(sorted(self.client.blocks), BLOCKS // 2):
            size = self.client.blocks[address][1]
            self.views.append(self.space.view(address, size))
            self.client.free(address)
        self.near = [self.arena.address, self.pool.address, *self.client.blocks, *self._free()]

    def _free(self):
        return [base for base, _ in list(self.pool.free_ranges())[:20]]

    def deeds(self, rng):
        """What may be done with the pool, each with how often it is."""
        pool, client = self.pool, self.client
        asks = [pool.check, pool.describe, self._free, self.arena.check, self.check_another]
        asks += [lambda name=name: getattr(pool, name) for name in ("largest_free", "free_size")]
        asks += [lambda: pool.whole_free_size, lambda: (pool.slack_size, pool.total_size)]
        own = {"Buddy": "free_blocks", "SegFit": "chunks", "Slab": "slabs", "MFS": "free_units"}
        if (name := own.get(type(pool).__name__)) is not None:
            asks.append(lambda: list(getattr(pool, name)()))
        edits = [lambda: client.alloc(pool, rng.choice(self.sizes)), self.free(rng)] * 8
        edits += [self.resize(rng)] * 6
        return edits + asks

    def free(self, rng):
        """What frees a block."""
        return lambda: self.client.free(rng.choice(sorted(self.client.blocks)))

    def resize(self, rng):
        """What makes a block smaller or larger, where it is."""

        def resize():
            blocks = self.client.blocks
            address = rng.choice(sorted(blocks))
            _, size, pattern = blocks[address]
            if isinstance(self.pool, (rl.MFS, rl.MVT)):
                return
            new = rng.choice((1, size // 2 + 1, size + 8, 2 * size))
            if self.pool.resize(address, size, new):
                del blocks[address]
                self.client.taken(self.pool, address, new, pattern)

        return resize

    def check_another(self):
        """Use handles that another makes."""
        for pool in rl.Arena.attach(self.space, self.arena.address).pools:
            pool.check()
            pool.describe()

    def ends(self):
        """What is done at last."""
        return [self.pool.check, self.arena.check, self.destroy]

    def destroy(self):
        """Destroy the pool and its arena."""
        for point in self.pool.points:
            point.destroy()
        self.pool.destroy()
        self.arena.destroy()


class Listed:
    """A Freelist, whose ranges a client has written to."""

    def __init__(self, kind, rng, checked):
        self.space = rl.AddressSpace(1 << 24, checked=checked)
        arena = rl.Arena(1 << 20, space=self.space)
        pool = rl.MVFF(arena)
        self.base = pool.alloc(1 << 14)
        self.land = Freelist.init(self.space, pool.alloc(Freelist.BYTES), 8)
        self.free = {}
        self.views = []
        for i in rng.sample(range(128), 40):
            base, size = self.base + 128 * i, rng.choice((8, 16, 24, 64, 128))
            self.land.insert(base, base + size)
            self.views.append(self.space.view(base, size))
        self.near = [self.land.address, self.base, *(base for base, _ in self.land)]

    def deeds(self, rng):
        """What may be done with the land."""
        land = self.land

        def edit(verb):
            base = self.base + 8 * rng.randrange(2048)
            return verb(base, base + 8 * rng.choice((1, 2, 3, 8, 16)))

        def find():
            name = rng.choice(("first", "last", "largest", "best"))
            mode = rng.choice(("none", "low", "high", "entire"))
            return getattr(land, f"find_{name}")(8 * rng.randint(1, 8), mode)

        edits = [lambda: edit(land.insert), lambda: edit(land.delete), find] * 6
        visit = lambda: land.iterate_and_delete(lambda base, limit: base % 3 == 0)  # noqa: E731
        return [*edits, lambda: edit(land.insert_steal), land.check, land.describe, visit,
                lambda: list(land), lambda: land.size]  # fmt: skip

    def ends(self):
        """What is done at last."""
        return [self.land.check, lambda: list(self.land)]


def subject(kind, rng, checked):
    """What is used in a run."""
    return (Listed if kind == "Freelist" else Pooled)(kind, rng, checked)


def scribble(subject, rng):
    """Write through some views: zeros, small ints, addresses, random bytes; in all
    of a view, or here and there."""
    for view in rng.sample(subject.views, rng.randint(1, len(subject.views))):
        kind, often = rng.randrange(5), rng.choice((0.2, 0.7, 1))
        at = rng.randrange(8) if kind == 4 else 0
        while at < len(view):
            near = rng.choice(subject.near) + rng.choice((0, 0, 8, -8, 1))
            words = (0, rng.randrange(256), near, rng.getrandbits(64), near)
            word = words[kind].to_bytes(8, "little")[: len(view) - at]
            if rng.random() < often:
                view[at : at + len(word)] = word
            at += 8


def run(kind, seed, checked):
    """One run. Returns how it ended, and why."""
    rng = random.Random(seed)
    used = subject(kind, rng, checked)
    scribble(used, rng)
    trial = garbled.Told()
    deeds = rng.choices(used.deeds(rng), k=DEEDS)
    for deed in deeds + used.ends():
        with trial.step("check" if "check" in getattr(deed, "__name__", "") else "use"):
            deed()
    return trial.verdict()


def main():
    """Try what the command line asks for. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="so many, of all classes in turn")
    parser.add_argument("--seed", type=int, default=0, help="of the first run: each has its own")
    parser.add_argument("--kind", choices=[*KINDS, "Freelist"], action="append")
    parser.add_argument("--bad", type=int, default=5, help="show so many that are not right")
    parser.add_argument("--checked", action="store_true", help="in checked mode")
    options = parser.parse_args()
    kinds = options.kind or [*KINDS, "Freelist"]
    counts, bad = {kind: Counter() for kind in kinds}, 0
    for i in range(options.runs):
        kind, seed = kinds[i % len(kinds)], options.seed + i
        outcome, text = garbled.apart(run, kind, seed, options.checked)
        counts[kind][outcome] += 1
        if outcome not in garbled.RIGHT:
            bad += outcome != garbled.WRONG
            if bad <= options.bad:
                print(f"--kind {kind!r} --seed {seed} --runs 1: {outcome}: {text}", flush=True)
    garbled.table(counts)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
