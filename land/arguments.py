"""What the public methods of a land accept: checked in plain Python,
identically at both speeds (design/speed.md#.sol.arguments)."""

from land import fields as f
from vm.results import ParamError, integer, power_of_two

TOP = 1 << 62
MODES = {"none": f.KEEP, "low": f.LOW, "high": f.HIGH, "entire": f.ENTIRE}


def whole_range(align, base, limit):
    """(base, limit) as ints. Raises: ParamError, ParamTypeError unless they
    bound a range that is not empty and aligned to `align`."""
    base = integer("base", base, least=0)
    limit = integer("limit", limit, most=TOP)
    if base >= limit:
        raise ParamError(f"[{base:#x}, {limit:#x}) is empty: expected base < limit")
    if base % align or limit % align:
        raise ParamError(f"[{base:#x}, {limit:#x}): expected multiples of {align}")
    return base, limit


def whole_size(align, size):
    """`size` as an int. Raises: ParamError, ParamTypeError unless it is a
    positive multiple of `align`."""
    size = integer("size", size, least=1, most=TOP)
    if size % align:
        raise ParamError(f"size is {size}: expected a multiple of {align}")
    return size


def mode(delete):
    """The number of the find mode named `delete`. Raises: ParamError."""
    if not isinstance(delete, str) or delete not in MODES:
        raise ParamError(f"delete is {delete!r}: expected one of {', '.join(MODES)}")
    return MODES[delete]


def zone_set(zones):
    """The signed word of a zone set given as an unsigned one.

    Raises: ParamError, ParamTypeError.
    """
    zones = integer("zones", zones, least=0, most=(1 << 64) - 1)
    return zones - (1 << 64) if zones >> 63 else zones


def alignment(align):
    """`align` as an int. Raises: ParamError, ParamTypeError unless it is a
    power of two of at least a word."""
    return power_of_two("align", align, least=8, most=TOP)
