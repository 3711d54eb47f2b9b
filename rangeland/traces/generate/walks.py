"""Patterns that go by what lives: stacks, full memories, combs, vectors (design/generate.md#.sol.walks)."""

import numpy as np

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.generate.plan import BATCH

GRAIN = 16


def stack(plan):
    """The newest block is freed first; the depth is a walk by chance between 0 and twice `live`.

    Yields (op, key, size), as all patterns here do; a key is a depth.
    """
    rng, height, at = plan.chance(), 2 * plan.live, 0
    for count in batches(plan.events):
        walk = np.concatenate([[at], at + np.cumsum(rng.integers(0, 2, count) * 2 - 1)])
        at = int(walk[-1])
        # Folded at both ends: a walk of steps of one again.
        depth = height - np.abs(walk % (2 * height) - height)
        op = np.where(np.diff(depth) > 0, ALLOC, FREE).astype(np.int8)
        key = np.minimum(depth[:-1], depth[1:])
        yield op, key, np.where(op == ALLOC, plan.sizes.draw(rng, count), 0)


def batches(events):
    """The lengths of batches that make `events` rows."""
    while events > 0:
        yield min(events, BATCH)
        events -= BATCH


def full(plan):
    """Whenever the next block would be more than the memory, blocks by chance are freed for it."""
    rng, live, sizes_of, held = plan.chance(), [], {}, 0
    out, done = [], 0
    sizes = _drawn(plan, rng)
    picks = _chances(rng)
    free = []
    while done + len(out) < plan.events:
        size = next(sizes)
        while held + size > plan.memory and live:
            at = int(next(picks) * len(live))
            key, live[at] = live[at], live[-1]
            live.pop()
            held -= sizes_of[key]
            free.append(key)
            out.append((FREE, key, 0))
        if size <= plan.memory:
            key = free.pop() if free else len(sizes_of)
            sizes_of[key] = size
            live.append(key)
            held += size
            out.append((ALLOC, key, size))
        if len(out) >= BATCH:
            yield columns(out)
            done += len(out)
            out = []
    yield columns(out[: plan.events - done])


def _drawn(plan, rng):
    while True:
        yield from plan.sizes.draw(rng, BATCH).tolist()


def _chances(rng):
    while True:
        yield from rng.random(BATCH).tolist()


def columns(rows):
    """The columns of `rows`, each (op, key, size)."""
    table = np.array(rows, np.int64).reshape(-1, 3)
    return table[:, 0].astype(np.int8), table[:, 1], table[:, 2]


def comb(plan):
    """Rows of blocks lose every other block, and those of the next row are a little too large for the holes."""
    first = plan.sizes.draw(plan.chance(), 1)[0]
    for _ in range(plan.events):
        size, row = first, np.arange(plan.live)
        teeth = []
        while size <= plan.largest:
            yield from _rows(ALLOC, row, size)
            yield from _rows(FREE, row[::2], 0)
            teeth.append(row[1::2])
            # The keys of the holes, and as many new ones as teeth were left.
            more = int(row.max()) + 1 + np.arange(len(row) - len(row[::2]))
            row, size = np.concatenate([row[::2], more]), size + GRAIN
        yield from _rows(FREE, np.concatenate(teeth), 0)


def _rows(op, keys, size):
    for at in range(0, len(keys), BATCH):
        part = keys[at : at + BATCH]
        yield np.full(len(part), op, np.int8), part, np.full(len(part), size, np.int64)


def vectors(plan):
    """Vectors grow by realloc to twice their size, among blocks that come and go."""
    rng = plan.chance()
    size_of = plan.sizes.draw(rng, plan.live)
    yield from ((o, k, size_of[k]) for o, k, _ in _rows(ALLOC, np.arange(plan.live), 0))
    rows = plan.events - plan.live
    while rows > 0:
        key = rng.permutation(plan.live)[:BATCH]
        ends = (size_of[key] * 2 > plan.largest) | (rng.random(len(key)) < 0.05)
        fresh = plan.sizes.draw(rng, len(key))
        size_of[key] = np.where(ends, fresh, size_of[key] * 2)
        # A vector that ends is two rows, its free and the alloc of the next.
        times = np.where(ends, 2, 1)
        op = np.repeat(np.where(ends, FREE, REALLOC), times).astype(np.int8)
        second = np.cumsum(times) - 1
        op[second[ends]] = ALLOC
        size = np.repeat(size_of[key], times)
        size[op == FREE] = 0
        yield op, np.repeat(key, times), size
        rows -= len(op)
