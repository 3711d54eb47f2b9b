"""Imitating a trace: what is kept of it, and how close that is (design/generate.md#.sol.like)."""

import numpy as np

from rangeland.traces.fields import FREE
from rangeland.traces.generate.births import NEVER, live
from rangeland.traces.generate.plan import Plan
from vm.results import ParamError

# A window has about so many blocks, and there are at most so many windows.
IN_WINDOW = 256
MOST_WINDOWS = 512


class Imitation:
    """A run that is like `trace`: blocks of its sizes, living as long, in its phases.

    The trace is cut into windows of equally many blocks. A block that lives for
    longer than a window comes once, with its size, in its window, and dies at
    its time in proportion; the others are drawn from those of the window, with
    their sizes and lifetimes together, and spread over it by chance. A realloc
    counts as a death and a birth.
    Raises: ParamError if the trace has no block.
    Cost: 24 bytes a block of the trace.
    """

    def __init__(self, trace, events=None, seed=0):
        self.size, self.death = _blocks(trace)
        count = len(self.size)
        if not count:
            raise ParamError("a trace without a block cannot be imitated: expected one that allocates")
        never = int((self.death == NEVER).sum())
        own = 2 * count - never
        self.plan = Plan(events=own if events is None else events, seed=seed)
        self.births = max((self.plan.events + min(never, self.plan.events)) // 2, 1)
        self.windows = max(1, min(MOST_WINDOWS, count // IN_WINDOW))
        self._short = np.flatnonzero(self._lifetimes(np.arange(count)) <= self._span())
        self._ready = np.zeros((2, 0), np.int64)
        self._next = 0

    def rows(self):
        """The rows, as patterns give them."""
        return live(self.plan, self._take, self.births)

    def _span(self):
        return len(self.size) / self.windows

    def _lifetimes(self, blocks):
        return self.death[blocks] - blocks

    def _take(self, born, rng):
        """Sizes and deaths of the blocks `born`, which follow those asked for before."""
        parts, ready = [self._ready], self._ready.shape[1]
        while ready < len(born):
            parts.append(self._window(self._next, rng))
            ready += parts[-1].shape[1]
            self._next += 1
        made = np.concatenate(parts, axis=1)
        self._ready = made[:, len(born) :]
        return made[0, : len(born)], made[1, : len(born)]

    def _window(self, number, rng):
        """Sizes and deaths of the blocks of a window."""
        count, births, windows = len(self.size), self.births, self.windows
        first, limit = (n * births // windows for n in (number, number + 1))
        room = limit - first
        inside = np.arange(*(n * count // windows for n in (number, number + 1)))
        lasting = self._lifetimes(inside) > self._span()
        long = _spread(inside[lasting], min(room, int(lasting.sum())), rng)
        source = inside[~lasting]
        if not len(source):
            source = self._short if len(self._short) else inside
        short = _spread(source, room - len(long), rng)
        chosen = np.concatenate([long, short])
        mixed = rng.permutation(room)
        chosen, is_long = chosen[mixed], (np.arange(room) < len(long))[mixed]
        born = np.arange(first, limit)
        kept = np.where(self.death[chosen] == NEVER, 0, self.death[chosen])
        at = np.where(is_long, (kept * (births / count)).astype(np.int64), born + self._lifetimes(chosen))
        at[self.death[chosen] == NEVER] = NEVER
        return np.array([self.size[chosen], at])


def _spread(blocks, count, rng):
    """`count` of `blocks`, as evenly as can be: no block comes twice more often than another."""
    if not count:
        return blocks[:0]
    at = (np.arange(count) + rng.random()) * (len(blocks) / count)
    return blocks[np.minimum(at.astype(np.int64), len(blocks) - 1)]


def _blocks(trace):
    """(size, death) of each block: how many births came before its death, or NEVER."""
    begins = trace.op != FREE
    born = np.cumsum(begins) - begins
    order = np.argsort(trace.id, kind="stable")
    same = trace.id[order[1:]] == trace.id[order[:-1]]
    death = np.full(len(trace), NEVER)
    death[order[:-1][same]] = born[order[1:][same]]
    return trace.size[begins], death[begins]


def closeness(trace, other):
    """How like `other` is to `trace`: {what: (of the one, of the other, distance in 0..1)}.

    For a figure the distance is the difference over the larger. For `sizes` and
    `lifetimes` it is the share of blocks that are in another class (of powers of two)
    than they would have to be; there is no one figure of those, but None.
    """
    ours, theirs = ({"events": len(t)} | _lasting(t.figures()) for t in (trace, other))
    told = {}
    for name, one in ours.items():
        two = theirs[name]
        told[name] = (one, two, abs(one - two) / max(one, two, 1))
    for name, of in (("sizes", _sizes), ("lifetimes", _ages)):
        one, two = of(trace), of(other)
        told[name] = (None, None, float(np.abs(one - two).sum() / 2))
    return told


def _lasting(figures):
    names = ("peak_bytes", "max_live", "live_end_bytes", "total_bytes")
    return {name: figures[name] for name in names}


def _sizes(trace):
    return _histogram(trace.size[trace.op != FREE])


def _ages(trace):
    size, death = _blocks(trace)
    age = death - np.arange(len(size))
    return _histogram(age[death != NEVER])


def _histogram(values):
    """The shares of `values` by powers of two."""
    exponent = np.frexp(values.astype(float))[1]
    return np.bincount(exponent, minlength=64)[:64] / max(len(values), 1)
