"""How a buffer becomes words: interpreted, a memoryview is its own pointer.

This module is never compiled. Compiled modules take the functions of the same
names from ``raw.pxd``, which return C pointers (design/speed.md#.sol.raw).
"""


def words(view):
    """The 64-bit signed words of `view`, a memoryview of format 'q'."""
    return view


def floats(view):
    """The doubles of `view`, a memoryview of format 'd'."""
    return view


def whole(x):
    """The double `x` cut to a whole number, as C does; x >= 0."""
    return int(x)
