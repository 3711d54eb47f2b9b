"""Rounding: how many bytes of its memory a block takes in a pool of ours,
worked out anew from what its class promises.

Source: design/invariants.md#.sol.accounts
"""

from pools.buddy import Buddy
from pools.lifofit import LIFOFit
from pools.mfs import MFS
from pools.segfit import SegFit
from pools.slab import Slab

# A word before each block, and room for the links of a free one.
TAG = 8
LEAST = 32


def rounding_of(pool):
    """A function from the size of a block to the bytes that it takes in `pool`."""
    if isinstance(pool, MFS):
        unit = pool.unit_size
        return lambda size: unit
    align = pool.align
    if isinstance(pool, LIFOFit):
        return lambda size: max(-(-LEAST // align), -(-(size + TAG) // align)) * align
    if isinstance(pool, Buddy):
        return lambda size: doubled(size, align)
    if isinstance(pool, SegFit):
        grain, direct = pool.arena.grain_size, pool.direct_above
        return lambda size: chunked(size) if size <= direct else -(-size // grain) * grain
    if isinstance(pool, Slab):
        return lambda size: classed(size, align)
    return lambda size: -(-size // align) * align


def doubled(size, least):
    """The least of `least`, its double, the double of that, ... from `size` on."""
    while least < size:
        least *= 2
    return least


def chunked(size):
    """`size` and a word, in units of 16 bytes, two of them at least."""
    return max(2, -(-(size + 8) // 16)) * 16


def classed(size, step):
    """The least size class from `size` on: eight steps, then four of double the
    step, and so on."""
    found, count = step, 1
    while found < size:
        if count >= 8 and count % 4 == 0:
            step *= 2
        found, count = found + step, count + 1
    return found
