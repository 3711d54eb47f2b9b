"""Rounding: how many bytes of its memory a block takes in a pool of ours,
worked out anew from what its class promises.

Source: design/invariants.md#.sol.accounts
"""

from pools.lifofit import LIFOFit
from pools.mfs import MFS

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
    return lambda size: -(-size // align) * align
