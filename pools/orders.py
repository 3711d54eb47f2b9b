"""Orders: binary logarithms, and the lowest bit of a word, by halving.

Source: design/classes.md#.sol.orders
"""


def floor_order(n):
    """The largest k with 2^k <= n, for n from 1. Cost: O(1)."""
    k = 0
    while n >= 65536:
        n >>= 16
        k += 16
    if n >= 256:
        n >>= 8
        k += 8
    if n >= 16:
        n >>= 4
        k += 4
    if n >= 4:
        n >>= 2
        k += 2
    return k + (n >> 1)


def ceiling_order(n):
    """The least k with n <= 2^k, for n from 1. Cost: O(1)."""
    return floor_order(n - 1) + 1 if n > 1 else 0


def power(k):
    """2^k, for k from 0 to 62."""
    one = 1
    return one << k


def lowest_bit(word):
    """The number of the lowest bit that is set in `word`, not 0. Cost: O(1)."""
    k = 0
    while word & 65535 == 0:
        word >>= 16
        k += 16
    if word & 255 == 0:
        word >>= 8
        k += 8
    if word & 15 == 0:
        word >>= 4
        k += 4
    if word & 3 == 0:
        word >>= 2
        k += 2
    return k if word & 1 else k + 1
