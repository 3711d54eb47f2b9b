"""Garbling: one word of a structure made what it cannot be, and all that is asked
of the structure afterwards.

A run makes a pool with blocks in use and free, writes one word, and then
allocates, frees, resizes, walks, describes, checks and attaches, each for
itself. An error of ours is right wherever it comes, and so is none: what may
not be is any other error, a crash, or a walk without an end. Each run is made in
a space of its own.

    python -m support.garble KIND [MOST]     every word, every value, counts told
"""

import random
import sys

from support import garbled

import rangeland as rl
from pools import fields as p

FIT_LANDS = range(p.FIT_TOTAL_AT, p.FIT_SIZE)
LANDS = {kind: FIT_LANDS for kind in (rl.MVFF, rl.BestFit, rl.WorstFit, rl.NextFit)}
LANDS[rl.MVT] = range(p.MVT_PRIMARY_AT, p.MIN_SIZE * 8)


class Stray(Exception):
    """An error that is none of ours: which, and where."""


def write(space, address, word):
    """Write the word at `address`."""
    space.view(address, 8)[:] = word.to_bytes(8, "little", signed=True)


def ours(deed, *arguments):
    """The result of `deed`, or the error of ours that it ended with.

    Raises: Stray for any other error.
    """
    try:
        return deed(*arguments)
    except (rl.RangelandError, AssertionError) as error:
        return error
    except Exception as error:
        name = getattr(deed, "__qualname__", deed)
        raise Stray(f"{name} ended with {type(error).__name__}: {error}") from error


class Garbled:
    """An arena with a pool that `make` gives, and what lives in it.

    `make(arena)` returns the pool, and a function that allocates in it.
    """

    def __init__(self, make, seed, checked=False):
        self.rng = random.Random(seed)
        self.space = rl.AddressSpace(1 << 26, checked=checked)
        self.arena = rl.Arena(1 << 20, space=self.space)
        self.pool, self.alloc, self.sizes = make(self.arena)
        self.live = []
        for _ in range(60):
            size = self.rng.choice(self.sizes)
            self.live.append((self.alloc(size), size))
        self.freed = []
        for _ in range(30):
            address, size = self.live.pop(self.rng.randrange(len(self.live)))
            self.pool.free(address, size)
            self.freed.append((address, size))

    def words(self):
        """The addresses of the words that are garbled: those of the descriptor, but
        for its lands and for what the arena's roster has there, and the first and last ones of what was freed."""
        address = self.pool.address
        lands = LANDS.get(type(self.pool), ())
        offsets = [n for n in range(8 * p.POOL_ALIGN, self.pool.descriptor_size, 8) if n not in lands]
        found = [address + n for n in offsets]
        found += [a for base, size in self._beside() for a in range(base, base + size, 8)]
        # The fits and MVT keep nothing in what is free, while they have nodes.
        for address, size in self.freed if isinstance(self.pool, (rl.MFS, rl.LIFOFit)) else ():
            end = address + max(8, size // 8 * 8)
            found += [a for a in range(address - 8, end + 8, 8) if not address + 24 < a < end - 24]
        return sorted(set(found))

    def _beside(self):
        """The (address, size) of what belongs to the pool, and is not its descriptor."""
        pool = self.pool
        found = [(point.address, p.POINT_SIZE) for point in pool.points]
        if isinstance(pool, rl.MVT):
            queue = pool.stock.queue
            found += [(segment, p.SEG_SIZE) for segment in pool.stock.segments.all()]
            found += [(pool.blocks.address, p.MFS_SIZE), (queue.ring(), 8 * p.SLOT_SIZE)]
        if isinstance(pool, rl.MFS):
            found += [(base, p.EXTENT_HEADER) for base, _ in pool.extents()]
        if isinstance(pool, rl.LIFOFit):
            found += [(base, 32) for base, _ in pool.extents]
        return found

    def others(self):
        """Addresses of the arena that look like what links name."""
        return [self.arena.address, self.pool.address, *(a for a, _ in self.live + self.freed)]

    def use(self):
        """Do everything once. Raises: Stray. Returns how many deeds an error of
        ours ended."""
        deeds = [
            (self.pool.check,),
            (self.pool.describe,),
            (lambda: list(self.pool.free_ranges()),),
            (lambda: (self.pool.largest_free, self.pool.whole_free_size),),
            (lambda: (self.pool.free_size, self.pool.slack_size, self.pool.total_size),),
            (lambda: self.pool.points and [point.check() for point in self.pool.points],),
        ]
        for address, size in self.live[:6]:
            deeds.append((self.pool.free, address, size))
        for address, size in self.live[6:12]:
            deeds.append((self.pool.resize, address, size, size + 8))
            deeds.append((self.pool.resize, address, size, max(1, size - 16)))
        for size in self.sizes * 3:
            deeds.append((self.alloc, size))
        for address, size in self.freed[:4]:
            deeds.append((self.pool.free, address, size))
        deeds += [(self.pool.check,), (self._attach,), (self.arena.check,), (self.pool.destroy,)]
        told = sum(isinstance(ours(*deed), Exception) for deed in deeds)
        return told + isinstance(ours(self.arena.destroy), Exception)

    def _attach(self):
        for pool in rl.Arena.attach(self.space, self.arena.address).pools:
            ours(pool.check)
            ours(pool.describe)


def simple(kind, *sizes, **options):
    """What makes a pool of class `kind` whose blocks have one of `sizes`."""

    def make(arena):
        pool = kind(arena, **options)
        return pool, pool.alloc, list(sizes)

    return make


def pointed(arena):
    """An MVT pool, whose blocks come from a point."""
    pool = rl.MVT(arena, max_size=4096, mean_size=64)
    point = pool.allocation_point()

    def alloc(size):
        address = point.reserve(size)
        point.commit(address, size)
        return address

    return pool, alloc, [64, 480, 1000, 4000, 9000]


SIZES = (16, 24, 40, 100, 300, 1000, 5000)
KINDS = {
    "mfs": simple(rl.MFS, 48, unit_size=48, extend_by=4096),
    "mvff": simple(rl.MVFF, *SIZES),
    "bestfit": simple(rl.BestFit, *SIZES),
    "worstfit": simple(rl.WorstFit, *SIZES),
    "nextfit": simple(rl.NextFit, *SIZES),
    "lifofit": simple(rl.LIFOFit, *SIZES, extend_by=8192, spare=0.1),
    "mvt": pointed,
}


def usual(name, seed, checked):
    """How many deeds end with an error of ours if nothing is garbled: those of a
    second free do."""
    return Garbled(KINDS[name], seed, checked).use()


def garble(name, seed, most=None, checked=False, words=Garbled.words):
    """Garble the words of a pool of the kind `name`: all, or `most` of them at random.

    Returns how many runs were made, and how many told of more than is usual.
    Raises: Stray.
    """
    rng = random.Random(seed)
    first = Garbled(KINDS[name], seed, checked)
    cases = [
        (address, word)
        for address in words(first)
        for word in garbled.values_of(first.space, address, rng, first.others())
    ]
    if most is not None:
        cases = rng.sample(cases, most)
    told, least = 0, usual(name, seed, checked)
    for address, word in cases:
        subject = Garbled(KINDS[name], seed, checked)
        write(subject.space, address, word)
        told += _used(subject, least, f"{name}: {word:#x} at {address:#x}")
    return len(cases), told


def _used(subject, least, what):
    try:
        return subject.use() > least
    except Stray as error:
        raise Stray(f"{what}, pool at {subject.pool.address:#x}: {error}") from error


def main(name, most=None, seed=20261201):
    """Garble a pool of the kind `name`, checked and not, and tell the counts."""
    most = None if most in (None, "all") else int(most)
    for checked in (False, True):
        runs, told = garble(name, int(seed), most, checked)
        print(name, "checked" if checked else "unchecked", runs, told, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
