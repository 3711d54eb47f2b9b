"""Calls of C's allocation functions, given by their addresses, through ctypes.

This module is never compiled. Compiled modules take the functions of the same
names from ``native.pxd``, which call C directly (design/contenders.md#.sol.native).
An address is an int, 0 for none.
"""

import ctypes
from functools import cache

_MALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)
_FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_REALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_MEMALIGN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)

_result = ctypes.c_void_p()


@cache
def _callable(kind, function):
    return kind(function)


def get(function, size):
    """malloc."""
    return _callable(_MALLOC, function)(size) or 0


def get_aligned(function, alignment, size):
    """posix_memalign; `alignment` is a power of two of at least 8."""
    refused = _callable(_MEMALIGN, function)(ctypes.addressof(_result), alignment, size)
    return 0 if refused else _result.value or 0


def resize(function, address, size):
    """realloc."""
    return _callable(_REALLOC, function)(address, size) or 0


def drop(function, address):
    """free."""
    _callable(_FREE, function)(address)
    return 0


def touch(address):
    """Write the byte at `address`."""
    ctypes.memset(address, 1, 1)
    return 0
