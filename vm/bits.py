"""Bit tables: arrays of bits packed into words, searched a word at a time.

The functions work on the words `w` from word number `n` on.
Source: design/vm.md#.sol.bits, MPS bt.c
"""


def table_size(length):
    """The size in bytes of a table of `length` bits, in whole words."""
    return (length + 63) // 64 * 8


def mask(lo, hi):
    """A word with the bits lo to hi - 1 set; 0 <= lo < hi <= 64."""
    word = -1 << lo
    if hi < 64:
        word &= ~(-1 << hi)
    return word


def set_range(w, n, lo, hi):
    """Set the bits lo to hi - 1. Cost: O(words)."""
    i = n + (lo >> 6)
    last = n + ((hi - 1) >> 6)
    if i == last:
        w[i] |= mask(lo & 63, ((hi - 1) & 63) + 1)
        return 0
    w[i] |= mask(lo & 63, 64)
    i += 1
    while i < last:
        w[i] = -1
        i += 1
    w[last] |= mask(0, ((hi - 1) & 63) + 1)
    return 0


def reset_range(w, n, lo, hi):
    """Reset the bits lo to hi - 1. Cost: O(words)."""
    i = n + (lo >> 6)
    last = n + ((hi - 1) >> 6)
    if i == last:
        w[i] &= ~mask(lo & 63, ((hi - 1) & 63) + 1)
        return 0
    w[i] &= ~mask(lo & 63, 64)
    i += 1
    while i < last:
        w[i] = 0
        i += 1
    w[last] &= ~mask(0, ((hi - 1) & 63) + 1)
    return 0


def next_bit(w, n, lo, hi, flip):
    """The first set bit (reset bit, if `flip` is -1, not 0) in [lo, hi), or hi.

    Cost: O(words), and at most 64 steps in the word where the bit is.
    """
    while lo < hi:
        word = (w[n + (lo >> 6)] ^ flip) >> (lo & 63)
        if word == 0:
            lo = (lo | 63) + 1
        else:
            while not word & 1:
                word >>= 1
                lo += 1
            return lo if lo < hi else hi
    return hi
