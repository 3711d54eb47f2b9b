"""An arena with pools of all classes, the words that keep it together, and what
happens when one of them is written over.

Each case runs in a forked child, so that a crash, an endless walk or a huge
allocation is an outcome and not the end. Source: design/arena.md#.sol.words
"""

import os
import random
import resource
import signal
import traceback
from collections import Counter
from contextlib import contextmanager

import rangeland as rl
from arena import fields as a
from pools import fields as p

# The most processor time that a case may take, in seconds, and memory beyond
# what the process has, in bytes.
SECONDS = 10
MEMORY = 1 << 30
# How a case may end. The first three are right.
CORRECT, OURS, CHECKED, FOREIGN, WRONG, CRASH, ENDLESS = (
    "correct arena",
    "error of ours",
    "check tells",
    "foreign exception",
    "wrong silently",
    "crash",
    "endless",
)
RIGHT = (CORRECT, OURS, CHECKED)
OUTCOMES = (CORRECT, OURS, CHECKED, FOREIGN, WRONG, CRASH, ENDLESS)
KINDS = {
    "MFS": (lambda arena: rl.MFS(arena, 32), (32,)),
    "MVFF": (rl.MVFF, (24, 100, 3000)),
    "MVT": (rl.MVT, (24, 100)),
    "BestFit": (rl.BestFit, (24, 100, 3000)),
    "WorstFit": (rl.WorstFit, (24, 100)),
    "NextFit": (rl.NextFit, (24, 100)),
    "LIFOFit": (rl.LIFOFit, (24, 100, 3000)),
    "Buddy": (rl.Buddy, (24, 100, 3000)),
    "SegFit": (rl.SegFit, (24, 100, 3000)),
    "Slab": (rl.Slab, (24, 100, 3000)),
}


class Client:
    """Who allocates, writes a pattern into every block, and looks after it."""

    def __init__(self, arena):
        self.arena = arena
        self.blocks = {}
        self.points = {}
        self.count = 0

    def alloc(self, pool, size):
        """Allocate a block, of which nothing may be in another."""
        address = self._take(pool, size)
        self.count += 1
        self.taken(pool, address, size, self.count & 255)
        return address

    def taken(self, pool, address, size, pattern):
        """Note a block, and write its pattern."""
        for other, (_, other_size, _) in self.blocks.items():
            if address < other + other_size and other < address + size:
                raise Overlap(f"[{address:#x}, {address + size:#x}) is in {other:#x}")
        self.blocks[address] = (pool, size, pattern)
        self.arena.space.view(address, size)[:] = bytes([pattern]) * size

    def _take(self, pool, size):
        if isinstance(pool, rl.MVT):
            point = self.points.get(pool) or pool.points[0]
            self.points[pool] = point
            size = size + 7 & -8
            address = point.reserve(size)
            point.commit(address, size)
            return address
        return pool.alloc(size)

    def free(self, address):
        """Free a block, whose pattern must be there still."""
        pool, size, pattern = self.blocks.pop(address)
        if bytes(self.arena.space.view(address, size)) != bytes([pattern]) * size:
            raise Overlap(f"[{address:#x}, {address + size:#x}) was written over")
        pool.free(address, size + 7 & -8 if isinstance(pool, rl.MVT) else size)


class Overlap(Exception):
    """Two blocks have the same byte: nobody said so, and everything is wrong."""


def built(checked):
    """An arena of three chunks with a pool of each class, each with living and
    with free blocks, and their Client."""
    space = rl.AddressSpace(1 << 30, checked=checked)
    arena = rl.Arena(1 << 20, space=space)
    client = Client(arena)
    rng = random.Random(1)
    for make, sizes in KINDS.values():
        pool = make(arena)
        if isinstance(pool, rl.MVT):
            pool.allocation_point()
        for i in range(24):
            client.alloc(pool, sizes[i % len(sizes)])
    for address in rng.sample(sorted(client.blocks), 100):
        client.free(address)
    spare = rl.MFS(arena, 4096, extend_by=65536)
    spare.add_extent()
    spare.destroy()
    arena.check()
    return arena, client


def words_of(arena):
    """(structure, number of the word, address) of each word that is tried."""
    found = {}

    def add(structure, base, size):
        for i in range(size // 8):
            found.setdefault(base + 8 * i, (structure, i))

    grains = arena.grains
    at = arena.address
    for structure, offset, size in (
        ("control pool", a.CONTROL_AT, p.FIT_SIZE),
        ("free nodes", a.FREE_BLOCKS_AT, p.MFS_SIZE),
        ("free land", a.FREE_LAND_AT, 120),
        ("spare nodes", a.SPARE_BLOCKS_AT, p.MFS_SIZE),
        ("spare land", a.SPARE_LAND_AT, 120),
        ("arena", 0, a.ARENA_SIZE),
    ):
        add(structure, at + offset, size)
    for chunk in arena.chunks:
        add("chunk", chunk.address, a.CHUNK_SIZE)
        add("bit tables", chunk.allocated.address, 32)
        add("bit tables", chunk.descriptors.mapped.address, 32)
        add("bit tables", chunk.descriptors.pages.address, 8)
        for lo, hi, _ in chunk.runs():
            for i in {lo, (lo + hi) // 2, hi - 1}:
                add("page descriptors", chunk.entry(i), a.PAGE_DESC_SIZE)
    for pool in arena.pools:
        add(f"{pool.class_name} descriptor", pool.address, pool.descriptor_size)
        free = pool.free_land if isinstance(pool, rl.MVT) else pool.free_ranges()
        for base, _ in list(free)[:6]:
            add(f"{pool.class_name} free memory", base, 24)
    for base, limit in _used(grains.control):
        add("control memory", base, limit - base)
    for land in (grains.free_land, grains.spare_land, *arena.pools, grains.control):
        if hasattr(land, "blocks"):
            for base, limit in land.blocks.extents():
                add("nodes", base, min(limit - base, 48 * 8))
    return [(structure, i, address) for address, (structure, i) in sorted(found.items())]


def _used(pool):
    """What of the memory of a fit pool is in no free range."""
    free = sorted(pool.free_ranges())
    for base, limit in pool.total_land:
        for low, high in free:
            if base <= low < limit:
                if base < low:
                    yield base, low
                base = high
        if base < limit:
            yield base, limit


def values_of(space, address, rng, others=(), count=None):
    """The values that the word at `address` may have by mistake, `count` at most:
    odd ones, near ones, its own address, its neighbours, `others`, at random."""
    word = space.words_at(address, 8)[0]
    near = [space.words_at(at, 8)[0] for at in (address - 8, address + 8) if mapped(space, at)]
    values = [0, 1, -1, word + 1, word - 1, word + 8, word - 8, address, address + 8, address - 8]
    values += [*near, space.nil, space.base, space.limit, *rng.sample(others, min(3, len(others)))]
    values += [2, 8, 1 << 61, 1 << 62, -(1 << 63), (1 << 63) - 1, word ^ 1 << 12]
    values += [rng.getrandbits(63), -rng.getrandbits(63)]
    fit = [v for v in values if v != word and -(1 << 63) <= v < 1 << 63]
    return list(dict.fromkeys(fit))[:count]


def mapped(space, address):
    """True if a word lies at `address`."""
    return space.first_unmapped(address, address + 8) == address + 8


class Told:
    """What was told in the steps of a case, and what that makes of it."""

    def __init__(self):
        self.told = []

    @contextmanager
    def step(self, name):
        """A step called `name`, whose exception is noted."""
        try:
            yield
        except rl.RangelandError as error:
            self.told.append((OURS, f"{name}: {type(error).__name__}: {error}"))
        except AssertionError as error:
            kind = CHECKED if name.startswith("check") else FOREIGN
            self.told.append((kind, f"{name}: AssertionError: {error}"))
        except Overlap as error:
            # Whoever was told before knows that the arena is no more.
            if not self.told:
                self.told.append((WRONG, f"{name}: {error}"))
        except BaseException as error:
            self.told.append((FOREIGN, f"{name}: {type(error).__name__}: {error}"))

    def verdict(self):
        """The outcome, and what it was that made it so."""
        for outcome in (FOREIGN, WRONG, OURS, CHECKED):
            for kind, text in self.told:
                if kind == outcome:
                    return outcome, text
        return CORRECT, ""


class Trial(Told):
    """What is done with a garbled arena, step by step."""

    def __init__(self, arena, client):
        super().__init__()
        self.arena = arena
        self.client = client

    def run(self):
        """The outcome, and what it was that made it so."""
        arena, client = self.arena, self.client
        pools = {}
        for address, (pool, _, _) in list(client.blocks.items()):
            pools.setdefault(pool, []).append(address)
        for (pool, blocks), (_, sizes) in zip(pools.items(), KINDS.values()):
            with self.step(f"free {pool.class_name}"):
                client.free(blocks[0])
            with self.step(f"alloc {pool.class_name}"):
                for size in sizes:
                    client.alloc(pool, size)
            with self.step(f"free {pool.class_name}"):
                for address in blocks[1:4]:
                    client.free(address)
        with self.step("a new pool"):
            pool = rl.MVFF(arena)
            client.alloc(pool, 70_000)
            pool.destroy()
        for step in (self._ask, arena.collect, arena.check, arena.describe):
            with self.step(getattr(step, "__name__", "ask")):
                step()
        with self.step("attach"):
            other = rl.Arena.attach(arena.space, arena.address)
            other.pools  # noqa: B018
            other.describe()
        with self.step("check by another"):
            rl.Arena.attach(arena.space, arena.address).check()
        with self.step("destroy"):
            for pool in reversed(arena.pools):
                for point in pool.points:
                    point.destroy()
                pool.destroy()
            arena.destroy()
        return self.verdict()

    def _ask(self):
        for chunk in self.arena.chunks:
            list(chunk.runs())
            self.arena.pool_of(chunk.base + 40 * self.arena.grain_size)
        for pool in self.arena.pools:
            assert pool.total_size is not None
        self.arena.spare = 0.25
        self.arena.commit_limit = None


def written(arena, client, address, value):
    """The outcome of a run with `value` in the word at `address`, and why."""
    arena.space.words_at(address, 8)[0] = value
    return Trial(arena, client).run()


def tried(arena, client, address, value):
    """As `written`, in a process of its own."""
    return apart(written, arena, client, address, value)


def apart(case, *arguments):
    """The outcome of a case, and why, which is run in a forked child: one that
    dies, or takes too long, has an outcome, too."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_AS, (_size() + MEMORY, resource.RLIM_INFINITY))
            outcome, text = case(*arguments)
            os.write(write, f"{outcome}\n{text}"[:2000].encode("utf-8", "replace"))
        except BaseException:
            os.write(write, f"{FOREIGN}\n{traceback.format_exc()[-1500:]}".encode())
        finally:
            os._exit(0)
    os.close(write)
    said = b""
    while part := os.read(read, 4096):
        said += part
    os.close(read)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        ended = ENDLESS if number == signal.SIGPROF else CRASH
        return ended, signal.Signals(number).name
    if not said:
        return CRASH, "no word from the child"
    outcome, _, text = said.decode("utf-8", "replace").partition("\n")
    return outcome, text


def _size():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def table(counts):
    """Print how many cases ended how: a line for each name in `counts`, and one for all."""
    wide = max(map(len, counts), default=0)
    print(" " * wide, *(f"{outcome:>17}" for outcome in OUTCOMES))
    total = sum(counts.values(), Counter())
    for name, ended in [*sorted(counts.items()), ("all", total)]:
        print(f"{name:{wide}}", *(f"{ended[outcome]:17,}" for outcome in OUTCOMES))
