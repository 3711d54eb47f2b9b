"""Sizes and numbers as people write them: 4096, 64K, 256M, 1G or 1T; 0.5, 1e-3."""

import math
import re

EXPECTED = "a size such as 4096, 64K, 256M, 1G or 1T"

# ASCII: the Kelvin sign is a K to a pattern that ignores case, but not to us.
_SIZE = re.compile(r"([0-9]{1,20})([KMGT]?)", re.IGNORECASE | re.ASCII)
_REAL = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def parse_size(text):
    """The bytes that `text` says: ASCII digits, and a power of 1024 by its letter.

    Raises: ValueError(EXPECTED) if it says none.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(EXPECTED)
    return int(match[1]) << _SHIFTS[match[2].upper()]


def parse_real(text):
    """The number from 0 that `text` says in ASCII digits.

    Raises: ValueError if it says none, or one that no float holds.
    """
    if _REAL.fullmatch(text) is None or math.isinf(float(text)):
        raise ValueError("a number such as 2, 0.5 or 1e-3")
    return float(text)
