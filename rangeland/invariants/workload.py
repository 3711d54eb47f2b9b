"""Workload: what the steps of an allocator's run are drawn from.

Each run draws its own sizes and lifetimes, too.
Source: design/invariants.md#.sol.workload
"""

import random
from collections import deque

from rangeland.invariants.draws import Draws

PROFILES = ("one", "few", "cliffs", "small", "pages", "wide", "large", "walk")
POWERS = tuple(1 << n for n in range(0, 17))
# What people think of first.
ROUND = (1, 10, 12, 20, 40, 48, 50, 80, 96, 100, 200, 250, 500, 1000, 2000, 5000, 10_000)
WEIGHTS = (0, 1, 3, 10)
PAGE = 4096
# In so many draws of a thousand many small blocks are made.
MANY = 6
# The step at which turns are tried in fresh allocators is below this: short
# runs end before, so that not all have it.
LATEST = 32
# Numbers of blocks that no draw of a run has.
FRESH = 3_000_000
# In so many runs there is a fill to the brim, too.
BRIMS = 0.3
# That at which it is tried what lasts is from this on, and below twice as much.
SOON = 8
# Turns where memory has no end, and the most of them.
ENDLESS = 2048
MOST_TURNS = 20_000
# Blocks of a turn have at most such a part of all that there is; others a half.
FRACTIONS = {"climb": 4, "zigzag": 4, "grow": 4}
# So many things that have to be refused are tried together.
WRONGS = 3
# The most bytes of a block, and of all blocks, that a run asks for unless
# it is told how much there is.
MOST = 1 << 16
# How many blocks a turn of each kind has.
COUNTS = {
    "plain": (1, 1, 2),
    "several": (2, 3, 4, 40, 70),
    "shrink": (1, 1, 2),
    "aligned": (2,),
    "refused": (3, 4),
}

# What turns of a single block do with it, and what an allocator needs for that.
LASTS = {
    "one": None,
    "zeros": "calloc",
    "aligned": "aligned",
    "grow": "realloc",
    "less": "realloc",
    "refused": None,
    "zigzag": None,
    "climb": None,
}


class Sizes:
    """Sizes from `least` to `most`, of a kind drawn from `rng` at the start."""

    def __init__(self, rng, least, most):
        self.rng, self.least, self.most = rng, least, most
        self.profile = rng.choice(PROFILES)
        self.recent = deque(maxlen=8)
        self.draw = getattr(self, "_" + self.profile)
        self.at = int(2 ** rng.uniform(0, 12))
        self.palette = [self._clamped(self._cliff()) for _ in range(rng.randint(1, 4))]

    def next(self):
        """A size: of the run's kind, or one that was freed of late."""
        if self.recent and self.rng.random() < 0.3:
            return self._clamped(self.rng.choice(self.recent))
        return self._clamped(self.draw())

    def freed(self, size):
        """A block of `size` bytes was freed: ask for as much again soon."""
        self.recent.append(size)

    def _clamped(self, size):
        return max(self.least, min(size, self.most))

    def _cliff(self):
        if self.rng.random() < 0.25:
            return self.rng.choice(ROUND)
        return self.rng.choice(POWERS) + self.rng.choice((-8, -1, 0, 0, 1, 8))

    def _one(self):
        return self.palette[0]

    def _few(self):
        return self.rng.choice(self.palette)

    _cliffs = _cliff

    def _small(self):
        return self.rng.randint(1, 64)

    def _pages(self):
        return PAGE * self.rng.randint(1, 4) + self.rng.choice((-8, -1, 0, 0, 0, 1, 8, 16))

    def _wide(self):
        return int(self.rng.lognormvariate(4.5, 1.8)) + 1

    def _large(self):
        return self.most // self.rng.randint(1, 12) - self.rng.choice((0, 0, 1, 8))

    def _walk(self):
        self.at = self.least if self.at > self.most else self.at + self.rng.choice((1, 8, 8, 16))
        return self.at


class Workload(Draws):
    """The next step of a run of `trial`, an AllocatorTrial that has begun."""

    def __init__(self, rng, trial):
        super().__init__(rng, trial)
        least, most = trial.limits
        self.sizes = Sizes(rng, least, most)
        self.life = rng.choice(("newest", "oldest", "any", "any", "low", "high"))
        self.target = rng.choice((2, 4, 8, 30, 200))
        names = [name for name in self.OPTIONAL if self._offers(name)]
        self.names = ["alloc", "free", *names]
        self.weights = [10, rng.choice((3, 10))] + [rng.choice(WEIGHTS) for _ in names]
        # So often what was freed is freed again, and resized.
        self.again = rng.choice((0, 0.2, 0.5)) if self._offers("wrong") else 0
        # Drawn aside, so that all else is drawn as it is without that.
        self.aside = random.Random()
        self.aside.setstate(rng.getstate())
        self.until = self.aside.randrange(LATEST) if self._offers("wear") else -1
        self.filling = random.Random()
        self.filling.setstate(rng.getstate())
        brims = self._offers("wear") and self.filling.random() < BRIMS
        self._begin_fresh(trial)
        self.brims_at = self.filling.randrange(LATEST) if brims else -1
        self.beside = random.Random(f"last {rng.getstate()[1][:2]}")
        self.after = self._latest()

    def next(self):
        """A step: two of them, if a run is so long, are turns."""
        self.until -= 1
        self.brims_at -= 1
        if self.brims_at == -1:
            return self._brim()
        self.after -= 1
        if self.after == -1:
            return self._last()
        return self._wear() if self.until == -1 else super().next()

    def _begin_fresh(self, trial):
        """While memory is fresh, now and then: a block that is made larger and goes,
        and zeros where it was."""
        calls, rng = trial.calls, self.filling
        if calls.realloc is None or calls.calloc is None or rng.random() < 0.6:
            return
        least, most = trial.limits
        size = max(least, min(8 * rng.randint(1, 20), most // 4))
        large = min(most, size * rng.choice((2, 3)))
        grows = FRESH, FRESH + 1
        self._add("alloc", grows[0], size)
        if rng.random() < 0.5:
            # It has to move.
            self._add("alloc", FRESH + 2, size)
        self._add("realloc", grows[0], large)
        self._add("free", grows[0])
        self._add("calloc", grows[1], 1, large)

    def _latest(self):
        """The step before which it is tried what lasts; below 0: it is not."""
        part = 0.6 if self.trial.arena is None else 0.3
        # Not at once: of what breaks soon, single steps tell more.
        return SOON + self.beside.randrange(SOON) if self.beside.random() < part else -1

    OPTIONAL = (
        "realloc", "calloc", "aligned", "fill", "drain", "thin", "swap", "pair", "cycle",
        "reunite", "limit", "refuse", "collect", "renew", "reserve", "resize", "wrong",
        "rows", "odd",
    )  # fmt: skip

    def _offers(self, name):
        calls = self.trial.calls
        if name in ("realloc", "calloc", "aligned"):
            return getattr(calls, name) is not None
        if name == "rows":
            return getattr(self.trial, "row", 0) > 0
        if name == "odd":
            return hasattr(self.trial, "do_resize")
        if name in ("renew", "reserve", "resize", "wrong"):
            return hasattr(self.trial, f"do_{name}")
        if name in ("reunite", "wear"):
            return bool(self.trial.whole())
        return self.trial.arena is not None or name not in ("limit", "refuse", "collect")

    def _drawn(self):
        """The name of what is done next: with many blocks, rather a free."""
        if self.rng.randrange(1000) < MANY:
            return "many"
        name = super()._drawn()
        if len(self.trial.blocks) > self.target and self.rng.random() < 0.5:
            return "free"
        return name

    def _alloc(self):
        self._add("alloc", self._new(), self.sizes.next())

    def _calloc(self):
        count = self.rng.choice((1, 1, 2, 3, 8))
        size = max(self.trial.limits[0], self.sizes.next() // count)
        self._add("calloc", self._new(), count, size)

    def _aligned(self):
        self._add("aligned", self._new(), 1 << self.rng.randint(0, 12), self.sizes.next())

    def _fill(self):
        size = self.sizes.next()
        for _ in range(self.rng.choice((2, 3, 5, 12))):
            self._add("alloc", self._new(), size)

    def _many(self):
        """More blocks than a table has entries, or a slab, of a small size;
        then some go, or all."""
        least, most = self.trial.limits
        size = max(least, min(8 * self.rng.randint(1, 8), most))
        numbers = [self._new() for _ in range(self.rng.choice((70, 140, 280)))]
        for number in numbers:
            self._add("alloc", number, size)
        order = self.rng.choice(("thin", "thin", "up", "down", "any", "stay"))
        if order == "down":
            numbers.reverse()
        elif order == "any":
            self.rng.shuffle(numbers)
        for number in numbers[:: {"thin": 2, "stay": len(numbers)}.get(order, 1)]:
            self._add("free", number)

    def _free(self):
        block = self._victim()
        if block is None:
            self._alloc()
        else:
            self._release(block)

    def _release(self, block):
        self.sizes.freed(block.size)
        self._add("free", block.number)
        if self.again and self.rng.random() < self.again:
            for kind in self.trial.GONE:
                self._add("wrong", kind, block.number)

    def _victim(self):
        blocks = self.trial.blocks
        if not len(blocks):
            return None
        life = self.life if self.rng.random() < 0.8 else "any"
        ascending = blocks.ascending()
        if life == "newest":
            return blocks[next(reversed(blocks.live))]
        if life == "oldest":
            return blocks[next(iter(blocks.live))]
        return ascending[{"low": 0, "high": -1}.get(life, self.rng.randrange(len(ascending)))]

    def _realloc(self):
        block = self._victim()
        if block is None:
            return self._alloc()
        near = block.size + 8, block.size // 2 or 1, block.size * 2, self._room(block)
        size = self.rng.choice((self.sizes.next(), *near))
        least, most = self.trial.limits
        self._add("realloc", block.number, max(least, min(size, most)))

    def _resize(self):
        """As a realloc, of a block that has to stay; often the other way round at once."""
        block = self._victim()
        if block is not None:
            near = block.size + 8, block.size // 2 or 1, block.size * 2, self._room(block)
            sizes = [self.rng.choice((self.sizes.next(), *near, self._room(block)))]
            if self.rng.random() < 0.5:
                sizes.append(self.rng.choice((block.size, *near)))
            least, most = self.trial.limits
            for size in sizes:
                self._add("resize", block.number, max(least, min(size, most)))

    def _odd(self):
        """A little less where a block was, so that a rest is left that is no block;
        then that block has other sizes."""
        block = self._victim()
        if block is not None:
            self._release(block)
            least, most = self.trial.limits
            number, size = self._new(), block.size - self.rng.choice((1, 8, 8, 16, 16, 24, 32, 40))
            self._add("alloc", number, max(least, min(size, most)))
            for _ in range(self.rng.randrange(4)):
                other = size + self.rng.choice((-40, -24, -16, -8, 0, 8, 16, 24, 32, 40))
                self._add("resize", number, max(least, min(other, most)))

    def _rows(self):
        """Rows of blocks that fill what a class gets at a time; most of each go, so
        that there are more wide ranges than it keeps in mind."""
        size = max(1, self.trial.row - self.rng.choice((0, 0, 8, 100)))
        count = self.rng.choice((8, 16, 40))
        numbers = [self._new() for _ in range(count)]
        for number in numbers:
            self._add("alloc", number, size)
        every = self.rng.choice((3, 4, 5, 100))
        going = [number for i, number in enumerate(numbers) if i % every]
        self.rng.choice((list, list.reverse, self.rng.shuffle))(going)
        for number in going:
            self._add("free", number)
        for _ in range(self.rng.randrange(2 * count)):
            self._add("alloc", self._new(), self.sizes.next())

    def _wrong(self):
        """Things that have to be refused, at last of a block that has just gone: later
        its place is taken."""
        blocks = [block.number for block in self.trial.blocks]
        if not blocks:
            return
        for kind in self.rng.sample(self.trial.WRONG, WRONGS):
            self._add("wrong", kind, self.rng.choice(blocks))
        if len(blocks) > 1:
            gone = self.rng.choice(blocks)
            self._add("free", gone)
            for kind in self.trial.GONE:
                self._add("wrong", kind, gone)

    def _room(self, block):
        """About as many bytes as there are up to the next block that lives."""
        after = [other.address for other in self.trial.blocks if other.address > block.address]
        room = min(after) - block.address if after else block.size
        return room + self.rng.choice((0, 1, 8, 16))

    def _drain(self):
        """Free everything, in some order."""
        blocks = list(self.trial.blocks.ascending())
        order = self.rng.choice(("up", "down", "age", "any"))
        if order == "age":
            blocks = list(self.trial.blocks)
        elif order == "down":
            blocks.reverse()
        elif order == "any":
            self.rng.shuffle(blocks)
        for block in blocks[:400] or ():
            self._release(block)

    def _thin(self):
        """Keep every nth block."""
        n = self.rng.choice((2, 2, 3, 4))
        for i, block in enumerate(list(self.trial.blocks.ascending())[:400]):
            if i % n:
                self._release(block)

    def _swap(self):
        """Free a block, and ask for about as much at once."""
        block = self._victim()
        if block is not None:
            self._release(block)
            size = block.size + self.rng.choice((0, 0, 0, 1, -1, 8, -8))
            least, most = self.trial.limits
            self._add("alloc", self._new(), max(least, min(size, most)))

    def _pair(self):
        """Free two neighbours, and ask for as much as both had."""
        blocks = self.trial.blocks.ascending()
        if len(blocks) > 1:
            at = self.rng.randrange(len(blocks) - 1)
            two = list(blocks[at : at + 2])
            self.rng.shuffle(two)
            for block in two:
                self._release(block)
            least, most = self.trial.limits
            size = max(least, min(two[0].size + two[1].size, most))
            self._add("alloc", self._new(), size)

    def _cycle(self):
        """Free everything, then allocate and free the same again and again."""
        self._drain()
        self._add("cycle", self.sizes.next(), 40)

    def _reunite(self):
        """Blocks, to be freed in every order, while the rest is full or free."""
        count = self.rng.choice((2, 2, 3, 3, 4))
        same = self.sizes.next()
        most = self.trial.whole() // count
        sizes = [same if self.rng.random() < 0.5 else self.sizes.next() for _ in range(count)]
        sizes = (max(self.trial.limits[0], min(size, most)) for size in sizes)
        self._add("reunite", self.rng.choice((0, 1, 1)), *sizes)

    def _wear(self):
        """The step that does turns of some kind, over and over."""
        rng, calls, least = self.aside, self.trial.calls, self.trial.limits[0]
        lacks = {"shrink": calls.realloc is None, "aligned": calls.aligned is None}
        kind = rng.choice([kind for kind in COUNTS if not lacks.get(kind)])
        count = rng.choice(COUNTS[kind])
        most = max(least, self.trial.whole() // (2 * count))
        if rng.random() < 0.5:
            size = int(least * (most / least) ** rng.random())
        else:
            size = most // rng.choice((1, 1, 2, 3, 10, 30, 100))
        return ("wear", kind, max(least, size), count)

    def _brim(self):
        """The step that fills a fresh allocator to the brim: with the least blocks,
        with what fills pages, or so that a small rest is left."""
        rng, least, whole = self.filling, self.trial.limits[0], self.trial.whole()
        count = rng.randint(2, 12)
        sizes = least, 8 * rng.randint(1, 16), 1 << rng.randint(3, 8), whole // count,
        sizes += ((whole - 8 * rng.randint(1, 4)) // count,) * 2
        size = rng.choice(sizes)
        return ("brim", max(least, min(size, whole // 2, self.trial.limits[1])))

    def _last(self):
        """The step that tries what lasts, after turns of some kind."""
        rng, calls, trial = self.beside, self.trial.calls, self.trial
        kinds = [kind for kind, needs in LASTS.items() if not needs or getattr(calls, needs)]
        kind = rng.choice(kinds)
        least, most = trial.limits
        whole = min(trial.fresh_whole() or most, most)
        least, most = min(least, whole), max(least, whole // FRACTIONS.get(kind, 2))
        if kind == "one" and rng.random() < 0.5:
            size = max(least, min(16, most))
            turns = min(MOST_TURNS, rng.choice((1, 1, 4, 10)) * max(400, 2 * whole // size))
        else:
            size = int(least * (most / least) ** rng.random())
            size = rng.choice((size, size, most // rng.choice((1, 2, 3, 10))))
            turns = rng.choice((200, 400, 400, 2000))
        turns = turns if trial.fresh_whole() is not None else max(turns, ENDLESS)
        return ("last", kind, max(least, size), turns // trial.cost)

    def _limit(self):
        """A commit limit near what is committed, for some steps."""
        if self.rng.random() < 0.3:
            self._add("limit", None)
            return
        self._add("limit", self.rng.choice((-4, -1, 0, 0, 0, 1, 2, 16)))
        for _ in range(self.rng.randint(1, 6)):
            self._add("alloc", self._new(), self.sizes.next())
        self._drain_some()
        self._add("limit", None)

    def _refuse(self):
        """Faults of the machine, for some steps."""
        kind = self.rng.choice(("node", "node", "mapping", "reservation"))
        nth = self.rng.choice((1, 1, 2, 3))
        self._add("refuse", kind, nth, self.rng.choice((1, 1, 3, 1000)))
        for _ in range(self.rng.randint(1, 4)):
            self._add("alloc", self._new(), self.sizes.next())
        self._drain_some()
        self._add("relent")

    def _drain_some(self):
        blocks = list(self.trial.blocks)
        for block in self.rng.sample(blocks, min(len(blocks), self.rng.randint(0, 8))):
            self._release(block)

    def _collect(self):
        self._add("collect")

    def _renew(self):
        self._add("renew", self.rng.randrange(4))

    def _reserve(self):
        """Something reserved at a point, while the others go on."""
        number = self._new()
        self._add("reserve", number, self.sizes.next())
        for _ in range(self.rng.randrange(4)):
            self._add("alloc", self._new(), self.sizes.next())
        self._drain_some()
        self._add("commit", number)
