"""Patterns in which each block's death is known at its birth (design/generate.md#.sol.births)."""

import numpy as np

from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.generate.plan import BATCH

# Later than anything.
NEVER = 1 << 62


def live(plan, blocks, births=NEVER):
    """The rows of a run of which `blocks(born, rng)` tells the blocks.

    `born` are the numbers of the next allocations, from 0; it gives their sizes
    and deaths, the numbers of the allocations before which they are freed. After
    the last of `births` the blocks that have a death are freed in its order.
    Yields (op, key, size) until there are plan.events rows.
    """
    rng, rows, keys = plan.chance(), plan.events, _Keys()
    pending = np.zeros((2, 0), np.int64)
    first = 0
    while rows > 0 and (first < births or pending.shape[1]):
        born = np.arange(first, min(first + BATCH, births))
        size, death = blocks(born, rng) if len(born) else (born, born)
        # A block dies after its birth, if only just.
        death = np.maximum(death, born + 1)
        first += len(born)
        due_before = first if len(born) else NEVER
        key = keys.take(len(born))
        waiting = np.concatenate([pending, [death, key]], axis=1)
        due = waiting[0] < due_before
        pending = waiting[:, ~due]
        if not len(born):
            pending = pending[:, :0]
        dead, freed = waiting[:, due]
        # Deaths at a time come before the birth of that time.
        order = np.argsort(np.concatenate([2 * born + 1, 2 * dead]), kind="stable")
        op = np.repeat(np.array([ALLOC, FREE], np.int8), [len(born), len(dead)])[order][:rows]
        every = np.concatenate([key, freed])[order][:rows]
        sizes = np.concatenate([size, np.zeros(len(dead), np.int64)])[order][:rows]
        keys.give_back(freed)
        rows -= len(op)
        if len(op):
            yield op, every, sizes


class _Keys:
    """Numbers for blocks, used again only after the batch in which they became free."""

    def __init__(self):
        self._free = np.zeros(0, np.int64)
        self._next = 0

    def take(self, count):
        old, self._free = self._free[:count], self._free[count:]
        new = np.arange(self._next, self._next + count - len(old))
        self._next += len(new)
        return np.concatenate([old, new])

    def give_back(self, keys):
        self._free = np.concatenate([self._free, keys])


def steady(plan):
    """Sizes and lifetimes as distributions say."""
    def blocks(born, rng):
        return plan.sizes.draw(rng, len(born)), born + plan.lifetimes.draw(rng, len(born))

    return live(plan, blocks)


def balanced(plan):
    """As many live blocks on average as are asked for, with exponential lifetimes."""
    def blocks(born, rng):
        lifetime = np.ceil(rng.exponential(plan.live, len(born))).astype(np.int64)
        return plan.sizes.draw(rng, len(born)), born + lifetime

    return live(plan, blocks)


def queue(plan):
    """The oldest block is freed first."""
    def blocks(born, rng):
        return plan.sizes.draw(rng, len(born)), born + plan.live

    return live(plan, blocks)


def knuth(plan):
    """Lifetimes equally likely up to a limit, so that births and deaths balance."""
    def blocks(born, rng):
        lifetime = rng.integers(1, 2 * plan.live, len(born), endpoint=True)
        return plan.sizes.draw(rng, len(born)), born + lifetime

    return live(plan, blocks)


def generations(plan):
    """Most blocks die young, some old."""
    def blocks(born, rng):
        count = len(born)
        young = rng.random(count) < 0.95
        # So that young and old together are as many as asked for.
        mean = np.where(young, max(plan.live // 100, 1), plan.live * 20 * 0.99)
        lifetime = np.ceil(rng.exponential(1, count) * mean).astype(np.int64)
        return plan.sizes.draw(rng, count), born + lifetime

    return live(plan, blocks)


def ramp(plan):
    """Of the blocks three in ten are kept for ever, the others die soon."""
    def blocks(born, rng):
        count = len(born)
        death = born + np.ceil(rng.exponential(plan.live, count)).astype(np.int64)
        kept = rng.random(count) < 0.3
        return plan.sizes.draw(rng, count), np.where(kept, NEVER, death)

    return live(plan, blocks)


def peak(plan):
    """Blocks gather, and all but some die together, over and over."""
    births = -(-plan.events // 2)
    period = max(births // plan.phases, 1)

    def blocks(born, rng):
        count = len(born)
        end = (born // period + 1) * period
        soon = born + np.ceil(rng.exponential(max(period // 50, 1), count)).astype(np.int64)
        gathers = rng.random(count) < 0.5
        return plan.sizes.draw(rng, count), np.where(gathers, end, np.minimum(soon, end))

    return live(plan, blocks, births)


def plateau(plan):
    """As many blocks as asked for are made and live to the end, while others come and go."""
    births = -(-plan.events // 2)

    def blocks(born, rng):
        count = len(born)
        mean = max(plan.live // 20, 1)
        soon = born + np.ceil(rng.exponential(mean, count)).astype(np.int64)
        death = np.where(born < plan.live, births, np.minimum(soon, births))
        return plan.sizes.draw(rng, count), death

    return live(plan, blocks, births)


def phases(plan):
    """Each phase has sizes of its own, and leaves a tenth of its blocks to the next ones."""
    births = -(-plan.events // 2)
    period = max(births // plan.phases, 1)
    scales = 1 << np.array([0, 2, 1, 3])

    def blocks(born, rng):
        count = len(born)
        phase = born // period
        end = (phase + 1) * period
        soon = np.minimum(born + np.ceil(rng.exponential(plan.live, count)).astype(np.int64), end)
        later = end + rng.integers(0, 3 * period, count)
        death = np.where(rng.random(count) < 0.1, later, soon)
        return plan.sizes.draw(rng, count) * scales[phase % 4], death

    return live(plan, blocks)
