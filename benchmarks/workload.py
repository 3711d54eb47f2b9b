"""Generated traces: a set of live blocks that turns over at random."""

import numpy as np

ALLOC, FREE = 0, 1
MEAN_SIZE = 120
SIGMA = 1.0


def turnover(live, operations, seed, unit=None):
    """Columns (op, id, size) and the number of blocks: `live` allocations,
    then frees of a random live block and allocations in turn.

    Sizes are lognormal with a mean of about 120 bytes, or all `unit`.
    """
    rng = np.random.default_rng(seed)
    pairs = max(0, (operations - live) // 2)
    blocks = live + pairs
    if unit is None:
        mu = np.log(MEAN_SIZE) - SIGMA**2 / 2
        sizes = np.maximum(1, rng.lognormal(mu, SIGMA, blocks)).astype(np.int64)
    else:
        sizes = np.full(blocks, unit, np.int64)
    holder = list(range(live))
    freed = np.empty(pairs, np.int64)
    for i, slot in enumerate(rng.integers(0, live, pairs).tolist()):
        freed[i] = holder[slot]
        holder[slot] = live + i
    op = np.concatenate([np.zeros(live, np.int8), np.tile(np.array([FREE, ALLOC], np.int8), pairs)])
    ids = np.empty(live + 2 * pairs, np.int64)
    ids[:live] = np.arange(live)
    ids[live::2] = freed
    ids[live + 1 :: 2] = np.arange(live, blocks)
    return op, ids, sizes[ids], blocks
