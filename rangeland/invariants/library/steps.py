"""The steps that are tried on a library: random, but the same from the same seed.

A step is a tuple of a name and integers. Blocks are called by ids that the
step chose which made them, so a list of steps means the same in any process,
and with steps left out. Source: design/library.md#.sol.steps
"""

from random import Random

# No address space of today is as large: a block of this size cannot be.
IMPOSSIBLE = 1 << 57
HUGE = (1 << 57, (1 << 62) + 8, (1 << 63) - 1, 1 << 63, (1 << 64) - 4096)
HUGE += ((1 << 64) - 17, (1 << 64) - 16, (1 << 64) - 8, (1 << 64) - 1)
# Possible, and so large that a lazy system may give them: 32 bits would cut them short.
LARGE = ((1 << 40) + 16, (1 << 40) + (1 << 31) + 64, (1 << 44) + 4096, (1 << 47) - 4096)
# What 31 bits, and what 32 bits, are too few for.
LARGE += ((1 << 31) + 16, (1 << 32) - 16, (1 << 32) + 16)
OVERFLOWS = (
    (1 << 32, 1 << 32),
    ((1 << 60) + 1, 16),
    (16, (1 << 60) + 2),
    ((1 << 64) // 24 + 1, 24),
    (1 << 63, 2),
    (2, (1 << 64) - 1),
    ((1 << 64) - 1, (1 << 64) - 1),
    ((1 << 33) + 1, (1 << 31) + 1),
)

# What is surveyed: the sizes for which a library's promises are told.
SURVEYED = (1, 2, 3, 4, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 100, 128, 192, 256, 512)
SURVEYED += (1000, 1024, 2048, 4096, 8192, 16384, 65536, 262144)
ALIGNS = (16, 32, 64, 128, 256, 512, 1024, 4096, 8192, 65536)
# Sizes from and to which blocks are resized, far apart.
RESIZED = ((200, 17), (5000, 100), (300000, 3000), (3 << 20, 70000), (70000, 3 << 20))
RESIZED += ((2 << 20, 4 << 20),)
# Alignments that posix_memalign must refuse.
NO_ALIGNS = (0, 4, 24, 4097, (1 << 64) - 8)
MAKERS = ("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "memalign")
MAKERS += ("valloc", "reallocarray")
# What is added to round a size up to pages.
WRAPPING = (4096, 4095, 2048, 16)
# Sizes, and how many blocks of each: they fill a room of up to 4 MiB, or 2.
BRIMS = ((4096, 1024), (65536, 64), (1000, 2100))
REQUIRED = ("malloc", "free")
# As the storm has them, which is C.
ORDER = ("malloc", "free", "calloc", "realloc", "posix_memalign", "malloc_usable_size")
ORDER += ("aligned_alloc", "memalign", "reallocarray")
FUNCTIONS = (*MAKERS, "free", "malloc_usable_size")

BYTES = 16 << 20
APART = 1 << 32
_LIVE = (4, 20, 60, 200, 1000)


def survey(offered):
    """The first example: every function, size and odd case once, in order of oddity."""
    steps = _Steps(offered)
    _sizes(steps)
    _odd(steps)
    _oddly_aligned(steps)
    _impossible(steps)
    for size in LARGE:
        steps.add("malloc", size)
    _brim(steps)
    return steps.ended()


def _impossible(steps):
    """Sizes that wrap, of every function; what a refused resize had stays alive."""
    for count, size in OVERFLOWS:
        steps.add("calloc", count, size)
        steps.add("reallocarray_null", count, size)
        steps.refused("reallocarray", count, size)
    for size in HUGE:
        steps.add("malloc", size)
        steps.add("realloc_null", size)
        steps.add("valloc", size)
        steps.refused("realloc", size)
    for align in ALIGNS:
        for short in (align, align - 1, 1):
            for name in ("posix_memalign", "aligned_alloc", "memalign"):
                steps.add(name, align, (1 << 64) - short)
    for short in WRAPPING:
        steps.add("valloc", (1 << 64) - short)


def _brim(steps):
    """Blocks of a size until there is no room, or enough for any room of fixed
    size; all are looked at, and freed."""
    for size, most in BRIMS:
        ids = [steps.add("malloc", size) for _ in range(most)]
        steps.emit("check")
        for number in ids:
            steps.of("free", number)


def _sizes(steps):
    for size in SURVEYED:
        ids = [steps.add("malloc", size) for _ in range(8)]
        for number in ids[::2]:
            steps.of("malloc_usable_size", number)
        for number in ids[1::2]:
            steps.of("free", number)
        steps.add("calloc", 1, size)
        steps.add("calloc", size, 3)
    steps.emit("check")
    for old in SURVEYED[::2]:
        for new in (old // 2 + 1, old + 1, 2 * old, 4 * old + 8):
            steps.again("realloc", old, new)
            steps.again("reallocarray", old, new, 2)
    for old, new in RESIZED:
        steps.again("realloc", old, new)
    for align in ALIGNS:
        for size in (align, 3 * align):
            for name in ("aligned_alloc", "posix_memalign", "memalign"):
                steps.add(name, align, size)
    for size in (1, 100, 4096, 10000):
        steps.add("valloc", size)


def _odd(steps):
    steps.emit("free_null")
    steps.emit("malloc_usable_size_null")
    zeros = [steps.add("malloc", 0) for _ in range(4)]
    zeros += [steps.add("calloc", 0, 16), steps.add("calloc", 16, 0)]
    for number in zeros:
        steps.of("free", number)
    for size in (1, 24, 1000, 100000):
        steps.add("realloc_null", size)
        number = steps.again("realloc", size, 0)
        steps.of("free", number)


def _oddly_aligned(steps):
    for align in (8, 1 << 20, 1 << 21):
        for name in ("posix_memalign", "memalign"):
            steps.add(name, align, 100)
    # Since C17 the size need be no multiple of the alignment.
    for align, size in ((64, 100), (512, 1000), (4096, 4200)):
        steps.of("malloc_usable_size", steps.add("aligned_alloc", align, size))
    for align in NO_ALIGNS:
        steps.add("posix_memalign", align, 64)


class _Steps:
    """A list of steps under way: leaves out what the library does not offer."""

    def __init__(self, offered):
        self.offered = offered
        self.steps = []
        self.live = []

    def emit(self, name, *args):
        if name.removesuffix("_null") in self.offered or name == "check":
            self.steps.append((name, *args))
            return True
        return False

    def add(self, name, *args):
        number = len(self.steps) + 1
        if self.emit(name, number, *args):
            self.live.append(number)
        return number

    def again(self, name, old, *args):
        """A block of `old` bytes, and `name` of it."""
        if name not in self.offered:
            return None
        number = self.add("malloc", old)
        self.emit(name, number, *args)
        return number

    def refused(self, name, *args):
        """A block, `name` of it, which has to be refused, and others of its
        size: it is none of these."""
        if name in self.offered:
            self.again(name, 100, *args)
            for _ in range(2):
                self.add("malloc", 100)

    def of(self, name, number):
        if number in self.live and self.emit(name, number) and name == "free":
            self.live.remove(number)

    def ended(self):
        self.emit("check")
        self.steps += [("free", number) for number in self.live]
        return self.steps


def example(seed, number, count, offered):
    """The steps of example `number` of `seed`: `count`, and the frees at the end.

    Each example draws its own weights of the operations, sizes and lifetimes,
    and gives the library about BYTES in blocks, however many steps there are.
    Cost: O(count).
    """
    if number == 0:
        return survey(offered)
    rng = Random(f"{seed}/{number}")
    steps, live, given = [], [], 0
    target, victim = rng.choice(_LIVE), _victims(rng)
    sizes = rng.choices(_sizes_of(rng), k=count)
    # No other example has the same ids: examples can be done one after the other.
    before = number * APART
    for index, name in enumerate(_names(rng, count, offered)):
        if name in _OF_BLOCK and not live:
            name = "malloc"
        if name == "free" or len(live) > target:
            steps.append(("free", live.pop(victim(len(live)))))
            continue
        size = sizes[index]
        given += size
        if given > BYTES:
            size &= 63
        block = before + index + 1
        steps.append(_STEPS[name](rng, block, size, live))
        if name in _MAKE:
            live.append(block)
    rng.shuffle(live)
    return [*steps, ("check",), *(("free", number) for number in live)]


_WEIGHTS = {"malloc": 40, "free": 30, "calloc": 8, "realloc": 10, "realloc_null": 1}
_WEIGHTS |= {"reallocarray": 2, "aligned_alloc": 2, "posix_memalign": 3, "memalign": 2}
_WEIGHTS |= {"valloc": 0.3, "malloc_usable_size": 5, "free_null": 0.3, "check": 0.5}
_WEIGHTS |= {"zero": 1, "huge": 0.5, "overflow": 0.5, "realloc_zero": 0.5}
_WEIGHTS |= {"huge_realloc": 0.3, "overflow_array": 0.3, "reallocarray_null": 0.3}
_NEEDS = {"realloc_null": "realloc", "free_null": "free", "check": "free", "zero": "malloc"}
_NEEDS |= {"huge": "malloc", "overflow": "calloc", "realloc_zero": "realloc"}
_NEEDS |= {"huge_realloc": "realloc", "overflow_array": "reallocarray"}
_NEEDS |= {"reallocarray_null": "reallocarray"}
_OF_BLOCK = {"free", "realloc", "reallocarray", "malloc_usable_size", "realloc_zero"}
_OF_BLOCK |= {"huge_realloc", "overflow_array"}
_MAKE = {"malloc", "calloc", "realloc_null", "aligned_alloc", "posix_memalign", "memalign"}
_MAKE |= {"valloc", "zero", "reallocarray_null"}


def _names(rng, count, offered):
    """The names of `count` operations, of weights drawn in swarm style."""
    known = [name for name in _WEIGHTS if _NEEDS.get(name, name) in offered]
    weights = {name: _WEIGHTS[name] * rng.choice((0, 1, 1, 3)) for name in known}
    for name in REQUIRED:
        weights[name] = weights[name] or _WEIGHTS[name]
    return rng.choices(known, [weights[name] for name in known], k=count)


def _sizes_of(rng):
    """Sixty-four sizes of one kind: the example's blocks have these only."""
    top = rng.choice((16, 64, 256, 1024, 4096, 1 << 15, 1 << 18, 1 << 20, 1 << 22))
    kind = rng.choice(("few", "even", "skewed", "cliffs", "multiples"))
    if kind == "few":
        return [rng.randint(1, top) for _ in range(rng.randint(1, 4))]
    if kind == "even":
        return [rng.randint(1, top) for _ in range(64)]
    if kind == "multiples":
        return [8 * rng.randint(1, top // 8) for _ in range(64)]
    powers = [1 << rng.randrange(top.bit_length()) for _ in range(64)]
    if kind == "skewed":
        return [rng.randint(1, power) for power in powers]
    return [max(1, power + rng.randint(-1, 1)) for power in powers]


def _victims(rng):
    """Which of n live blocks dies next: the last, the first, or any."""
    chance = rng.random
    return rng.choice((lambda n: n - 1, lambda n: 0, lambda n: int(chance() * n)))


def _any(rng, live):
    return live[int(rng.random() * len(live))]


def _align(rng, size):
    # Large alignments only for small blocks: an allocator may take both together.
    return 1 << rng.randint(4, 12 if size > 4096 or rng.random() < 0.95 else 16)


def _aligned(rng, number, size, live):
    align = _align(rng, size)
    return ("aligned_alloc", number, align, (size + align - 1) & -align)


_STEPS = {
    "malloc": lambda rng, number, size, live: ("malloc", number, size),
    "zero": lambda rng, number, size, live: ("malloc", number, 0),
    "calloc": lambda rng, number, size, live: ("calloc", number, *_factors(rng, size)),
    "realloc": lambda rng, number, size, live: ("realloc", _any(rng, live), size),
    "realloc_zero": lambda rng, number, size, live: ("realloc", _any(rng, live), 0),
    "realloc_null": lambda rng, number, size, live: ("realloc_null", number, size),
    "reallocarray": lambda rng, number, size, live: (
        "reallocarray",
        _any(rng, live),
        *_factors(rng, size),
    ),
    "huge_realloc": lambda rng, number, size, live: (
        "realloc",
        _any(rng, live),
        rng.choice(HUGE),
    ),
    "overflow_array": lambda rng, number, size, live: (
        "reallocarray",
        _any(rng, live),
        *rng.choice(OVERFLOWS),
    ),
    "reallocarray_null": lambda rng, number, size, live: (
        "reallocarray_null",
        number,
        *_factors(rng, size),
    ),
    "aligned_alloc": _aligned,
    "posix_memalign": lambda rng, number, size, live: (
        "posix_memalign",
        number,
        _align(rng, size),
        size,
    ),
    "memalign": lambda rng, number, size, live: ("memalign", number, _align(rng, size), size),
    "valloc": lambda rng, number, size, live: ("valloc", number, size),
    "malloc_usable_size": lambda rng, number, size, live: ("malloc_usable_size", _any(rng, live)),
    "free_null": lambda rng, number, size, live: ("free_null",),
    "check": lambda rng, number, size, live: ("check",),
    "huge": lambda rng, number, size, live: ("malloc", number, rng.choice(HUGE)),
    "overflow": lambda rng, number, size, live: ("calloc", number, *rng.choice(OVERFLOWS)),
}


def _factors(rng, size):
    factor = rng.choice((1, 1, 2, 4, 8))
    return (factor, -(-size // factor)) if rng.random() < 0.5 else (-(-size // factor), factor)


def is_alignment(align):
    """True if posix_memalign may give blocks of this alignment: all others it must refuse."""
    return align > 0 and align % 8 == 0 and align & (align - 1) == 0


def text(step):
    """The call that `step` makes, in C: b7 is the block of id 7."""
    name, *args = step
    if name == "check":
        return "check()"
    function = name.removesuffix("_null")
    if name.endswith("_null"):
        args = ["NULL", *args[1:]]
    elif name in ("free", "realloc", "reallocarray", "malloc_usable_size"):
        args = [f"b{args[0]}", *args[1:]]
    else:
        args = args[1:]
    if name == "posix_memalign":
        args = ["&p", *args]
    return f"{function}({', '.join(map(str, args))})"
