"""The ideal: what no allocator beats, and what one that knew the future could do.

Source: design/contenders.md#.sol.ideal
"""

import heapq
import random
import time
from dataclasses import dataclass

import numpy as np

from rangeland.traces.contenders.curve import Curve, curve
from rangeland.traces.contenders.lives import lives_of
from rangeland.traces.contenders.placing import Packer
from rangeland.traces.contenders.verdict import check_placement
from vm.results import integer, power_of_two

# More lives than this are not placed: the cost of a placement is their square.
LIMIT = 100_000
# Steps of the inner loops: some seconds, compiled.
EFFORT = 300_000_000
HIGHEST = (1 << 62) - 1
# Attempts to repair that may fail, one after the other, before the best is taken up again.
PATIENCE = 3000
# In first fit a block that did not fit moves ahead by about this part of the order.
STRIDE = 0.03


@dataclass(frozen=True)
class Placement:
    """Where each life lies, all within [0, height); `order` names the heuristic
    that found it, `steps` what it took. Units: bytes. Shape: `base` int64, a life."""

    base: np.ndarray
    height: int
    order: str
    steps: int


@dataclass(frozen=True)
class IdealFigures:
    """What the ideal comes to; each figure is defined in design/contenders.md#.def.ideal.

    `height` and `order` are None if there are more lives than the limit.
    Units: bytes, counts, seconds.
    """

    name: str
    operations: int
    peak_live: int
    mean_live: int
    peak_event: int
    lives: int
    limit: int
    bound: int
    height: int | None
    order: str | None
    seconds: float
    curve: Curve


@dataclass(frozen=True)
class Ideal:
    """The contender that knows all lives before it places the first block.

    `align`: what every address is a multiple of; `limit`: the most lives that
    are placed; `effort`: the steps after which no better placement is sought.
    Raises: ParamError.
    """

    align: int = 8
    limit: int = LIMIT
    effort: int = EFFORT

    def __post_init__(self):
        power_of_two("align", self.align)
        integer("limit", self.limit, 0)
        integer("effort", self.effort, 0)

    def __str__(self):
        return "ideal" if self.align == 8 else f"ideal:align={self.align}"

    def try_out(self):
        """Nothing: it works everywhere."""

    def replay(self, trace, rows=0, progress=None):
        """The IdealFigures of `trace`, with a curve of at most `rows` samples.

        Raises: AssertionError if a placement does not hold, which says that
        the loops are broken. Cost: O(n log n); with a placement O(n**2) of
        the lives, until `effort`.
        """
        start = time.perf_counter()
        lives = lives_of(trace)
        live = lives.live(len(trace))
        needed = lives.rounded(self.align).sized()
        resident = needed.live(len(trace))
        bound = int(resident.max(initial=0))
        placement = None
        if len(needed) <= self.limit:
            placement = place(needed, self.effort)
            check_placement(needed, placement.base, placement.height)
            resident = tops(needed, placement.base, len(trace))
        if progress is not None:
            progress(len(trace))
        return IdealFigures(
            name=str(self),
            operations=len(trace),
            peak_live=int(live.max(initial=0)),
            mean_live=int(live.mean()) if len(live) else 0,
            peak_event=int(np.argmax(live)) if len(live) else 0,
            lives=len(needed),
            limit=self.limit,
            bound=bound,
            height=placement and placement.height,
            order=placement and placement.order,
            seconds=time.perf_counter() - start,
            curve=curve(live, resident, rows),
        )


def tops(lives, base, count):
    """The highest limit of a live block after each of `count` events. Cost: O(n log n)."""
    highest = np.zeros(count, np.int64)
    limit, upper = (np.asarray(base) + lives.size).tolist(), lives.upper.tolist()
    begins = iter(zip(lives.lower.tolist(), range(len(lives)), strict=True))
    next_one = next(begins, None)
    live = []
    for event in range(count):
        while next_one is not None and next_one[0] == event:
            heapq.heappush(live, (-limit[next_one[1]], next_one[1]))
            next_one = next(begins, None)
        while live and upper[live[0][1]] <= event:
            heapq.heappop(live)
        highest[event] = -live[0][0] if live else 0
    return highest


def orders(lives):
    """The orders in which blocks are tried, by name. Of equals the earlier comes first."""
    span = lives.upper - lives.lower
    # Bytes times events may be beyond 64 bits.
    area = lives.size.astype(float) * span
    return {
        "size": np.lexsort((-span, -lives.size)),
        "life": np.lexsort((-lives.size, -span)),
        "area": np.lexsort((-span, -area)),
        "time": np.arange(len(lives)),
    }


def place(lives, effort=EFFORT):
    """The lowest Placement found of `lives`, a Lives with sizes above 0, by a few
    heuristics, and then by repair of the best until `effort` steps are done.

    The same lives and the same effort give the same placement.
    Cost: O(n**2) time for each heuristic; one is done in any case.
    """
    if not len(lives):
        return Placement(np.zeros(0, np.int64), 0, "none", 0)
    search = _Search(lives, effort)
    found = orders(lives)
    for name, order in found.items():
        search.first_fit(name, order)
    for name in ("life", "time"):
        search.skyline(name, found[name])
    search.repair(found["life"])
    return Placement(search.base, search.height, search.name, search.packer.steps)


class _Search:
    """The best placement so far, and the packer that tries others."""

    def __init__(self, lives, effort):
        columns = (lives.lower, lives.upper, lives.size, lives.alignment)
        self.packer = Packer(*(np.array(column, np.int64) for column in columns))
        self.order = np.asarray(self.packer.order)
        self.placed = np.asarray(self.packer.base)
        self.effort = effort
        self.bound = int(lives.live(int(lives.upper.max())).max())
        self.span = lives.upper - lives.lower
        self.height = HIGHEST
        self.base = None
        self.name = None

    @property
    def done(self):
        """True if nothing better can be found, or no steps are left."""
        if self.base is None:
            return False
        return self.height == self.bound or self.packer.steps >= self.effort

    def first_fit(self, name, order):
        """First fit of the blocks in `order`. True if it is the best so far."""
        if self.done:
            return False
        self.order[:] = order
        return self._kept(f"first fit by {name}", self.packer.first_fit(self.height - 1))

    def skyline(self, name, order):
        """The skyline, of equals by their place in `order`. True if it is the best so far."""
        if self.done:
            return False
        self.order[order] = np.arange(len(order))
        return self._kept(f"skyline by {name}", self.packer.skyline(self.height - 1))

    def _kept(self, name, height):
        if height == 0:
            return False
        self.height, self.name, self.base = height, name, self.placed.copy()
        return True

    def repair(self, order):
        """Half of the steps left for each loop: what does not fit below the best
        height goes ahead in the order; that of the skyline is at first `order`."""
        last, self.effort = self.effort, (self.packer.steps + self.effort) // 2
        self._repair(self.skyline, order, lambda chance, at: int(at * chance.random()))
        self.effort = last
        stride = STRIDE * len(order)
        order = np.lexsort((-self.span, self.base))
        self._repair(
            self.first_fit, order, lambda chance, at: at - 1 - int(chance.expovariate(1 / stride))
        )

    def _repair(self, attempt, order, ahead):
        """Attempt with `order`, and again with what did not fit moved to `ahead` of its place."""
        chance = random.Random(len(order))
        best = order = order.tolist()
        failed = 0
        while not self.done:
            if attempt("repair", order):
                best, failed = order, 0
                continue
            failed += 1
            # What is kept as the best is not changed, but its copy.
            order = (best if failed % PATIENCE == 0 else order).copy()
            at = order.index(self.packer.stuck)
            order.insert(max(0, ahead(chance, at)), order.pop(at))
