"""Orders: binary logarithms, and the lowest bit of a word.

This module is never compiled. Compiled modules take the functions of the same
names from ``orders.pxd``, each an instruction or two (design/speed.md#.sol.twin).
Source: design/classes.md#.sol.orders
"""


def floor_order(n):
    """The largest k with 2^k <= n, for n from 1. Cost: O(1)."""
    return n.bit_length() - 1


def ceiling_order(n):
    """The least k with n <= 2^k, for n from 1. Cost: O(1)."""
    return (n - 1).bit_length() if n > 1 else 0


def power(k):
    """2^k, for k from 0 to 62."""
    return 1 << k


def lowest_bit(word):
    """The number of the lowest bit that is set in `word`, not 0. Cost: O(1)."""
    return (word & -word).bit_length() - 1
