"""Fewer and smaller steps that break the same: delta debugging over fresh children.

Source: design/library.md#.sol.shrink
"""

from time import monotonic

from rangeland.invariants.library.steps import IMPOSSIBLE

SMALL = (1, 8, 16, 24, 32, 48, 64, 128, 256, 512, 1024, 4096, 16384, 65536, 131072, 262144)

# More steps than that are tried to be explained by their number.
MANY = 24


class Budget:
    """What shrinking may cost: runs and seconds; "breaks" counts both."""

    def __init__(self, breaks, runs, seconds):
        self._breaks = breaks
        self.runs = runs
        self.until = monotonic() + seconds

    def breaks(self, steps):
        """True if `steps` break the same, as long as the budget lasts."""
        if self.is_spent():
            return False
        self.runs -= 1
        return self._breaks(steps)

    def is_spent(self):
        """True if no more may be tried."""
        return self.runs <= 0 or monotonic() > self.until


def shrink(steps, breaks, runs=800, seconds=20.0):
    """The fewest and smallest steps found that still break.

    `breaks(steps)` tells whether they do; `steps` are known to.
    Cost: O(n log n) runs for the n steps that are left at the end, mostly.
    """
    budget = Budget(breaks, runs, seconds)
    steps = _last_ones(steps, budget)
    if len(steps) > MANY and (counted := _counted(steps, budget)):
        return counted
    before = None
    while steps != before and not budget.is_spent():
        before = steps
        steps = _fewer(steps, budget)
        steps = _smaller(steps, budget)
    return steps


def _last_ones(steps, budget):
    """Often the block of the last step is enough, or the last steps are."""
    last = steps[-1]
    if len(last) > 1:
        mine = [step for step in steps if len(step) > 1 and step[1] == last[1]]
        if len(mine) < len(steps) and budget.breaks(mine):
            return mine
    size = 1
    while size < len(steps):
        if budget.breaks(steps[-size:]):
            return steps[-size:]
        size *= 4
    return steps


def _counted(steps, budget):
    """Perhaps it is only the number of calls that counts: then they can be alike."""
    for alike in (_blocks, _pairs, _pairs_among):
        count = 16
        while count <= 2 * len(steps):
            if budget.breaks(alike(count)):
                low = count // 2
                while low + 1 < count:
                    middle = (low + count) // 2
                    low, count = (low, middle) if budget.breaks(alike(middle)) else (middle, count)
                return alike(count)
            count *= 2
    return None


def _blocks(count):
    return [("malloc", number, 16) for number in range(1, count + 1)]


def _pairs(count):
    return [s for n in range(1, count + 1) for s in (("malloc", n, 16), ("free", n))]


def _pairs_among(count):
    """Pairs that use one place again and again, between two blocks that stay."""
    live = [("malloc", number, 16) for number in (1, 2, 3)]
    pairs = [(s[0], s[1] + 3, *s[2:]) for s in _pairs(count)]
    return [*live, ("free", 2), *pairs, ("check",)]


def _fewer(steps, budget):
    """Without every run of steps that is not needed, the longest runs first."""
    size = max(1, len(steps) // 2)
    while True:
        at = len(steps)
        removed = False
        while at > 0:
            low = max(0, at - size)
            rest = steps[:low] + steps[at:]
            if rest and budget.breaks(rest):
                steps, removed = rest, True
            at = low
        if size == 1 and not removed or budget.is_spent():
            return steps
        size = max(1, size // 2) if not removed or size > len(steps) else size


def _smaller(steps, budget):
    """With every size, count and alignment as small as it may be."""
    steps = _all_alike(steps, budget)
    for index, step in enumerate(steps):
        for place in range(2, len(step)):
            for value in _candidates(steps[index], place):
                tried = list(steps[index])
                tried[place] = value
                rest = [*steps[:index], tuple(tried), *steps[index + 1 :]]
                if budget.breaks(rest):
                    steps = rest
                    break
    return steps


def _all_alike(steps, budget):
    """Many mallocs of one size are read, and written, more easily than of many."""
    sizes = {step[2] for step in steps if step[0] == "malloc" and step[2] < IMPOSSIBLE}
    if len(sizes) > 1:
        for size in (1, 16, 24, *sorted(sizes)):
            rest = [
                (*step[:2], size) if step[0] == "malloc" and step[2] < IMPOSSIBLE else step
                for step in steps
            ]
            if budget.breaks(rest):
                return rest
    return steps


def _candidates(step, place):
    name, value = step[0], step[place]
    product = 1
    for number in step[2:]:
        product *= number
    if value >= 1 << 32 or (name in ("calloc", "reallocarray") and product >= IMPOSSIBLE):
        return []
    if name in ("posix_memalign", "memalign", "aligned_alloc"):
        if place == 2:
            return [1 << k for k in range(4, 17) if 1 << k < value]
        if name == "aligned_alloc":
            return [step[2]] if step[2] < value else []
    return [small for small in SMALL if small < value]
