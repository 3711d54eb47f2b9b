"""Result codes inside, exceptions outside.

Inside the manager an operation that can fail returns a result code, or a
negative one in place of an address. The public face turns a code into an
exception with `failure`. Source: design/vm.md#.sol.results, MPS mps.h.
"""

OK = 0
FAIL = 1
RESOURCE = 2
MEMORY = 3
LIMIT = 4
UNIMPL = 5
IO = 6
COMMIT_LIMIT = 7
PARAM = 8

NAMES = (
    "OK",
    "FAIL",
    "RESOURCE",
    "MEMORY",
    "LIMIT",
    "UNIMPL",
    "IO",
    "COMMIT_LIMIT",
    "PARAM",
)


class RangelandError(Exception):
    """The root of what Rangeland raises; `result` names the result code."""

    result = "FAIL"


class AllocationError(RangelandError, MemoryError):
    """Memory was asked for and could not be had. Nothing has changed, but
    that spare memory may have shrunk and chunks may have been added."""

    result = "MEMORY"


class ResourceError(AllocationError):
    """No address space was left for the request."""

    result = "RESOURCE"


class MappingError(AllocationError):
    """The machine refused to map memory."""

    result = "MEMORY"


class LimitError(AllocationError):
    """An internal limit was reached, such as a pool that may not extend."""

    result = "LIMIT"


class CommitLimitError(AllocationError):
    """The request would take committed memory above the commit limit."""

    result = "COMMIT_LIMIT"


class ParamError(RangelandError, ValueError):
    """An argument is not one that the operation takes."""

    result = "PARAM"


class ParamTypeError(ParamError, TypeError):
    """An argument is of a type that the operation does not take."""


class ProtocolError(RangelandError, ValueError):
    """The caller broke the protocol: a double free, a foreign address."""


class AccessError(RangelandError, ValueError):
    """An access to memory that is not mapped: by a client through a view, or,
    as checked mode tells, by anybody."""


class DamageError(RangelandError, AssertionError):
    """A word of the simulated memory is not what it can be, for somebody wrote
    where they should not: the message names the structure, the address and the
    word. What was asked for is not done."""


_RAISED = {
    FAIL: ProtocolError,
    RESOURCE: ResourceError,
    MEMORY: MappingError,
    LIMIT: LimitError,
    COMMIT_LIMIT: CommitLimitError,
    PARAM: ParamError,
}


def failure(code, message):
    """The exception that stands for result `code`, saying `message`."""
    return _RAISED[abs(code)](f"{message} ({NAMES[abs(code)]})")


def integer(name, value, least=None, most=None):
    """`value` as an int, if it is one and lies in [least, most].

    Raises: ParamTypeError if it is no int (bool is none); ParamError beside
    the bounds, with the value found and the bound.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ParamTypeError(f"{name} is {value!r}: expected an int, found {type(value).__name__}")
    value = value.__index__()
    if least is not None and value < least:
        raise ParamError(f"{name} is {value}: expected at least {least}")
    if most is not None and value > most:
        raise ParamError(f"{name} is {value}: expected at most {most}")
    return value


def fraction(name, value):
    """`value` as a float in [0, 1]. Raises: ParamTypeError, ParamError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ParamTypeError(f"{name} is {value!r}: expected a number from 0 to 1")
    if not 0 <= value <= 1:
        raise ParamError(f"{name} is {value!r}: expected a number from 0 to 1")
    return float(value)


def power_of_two(name, value, least=1, most=None):
    """`value` as a power of two in [least, most]. Raises: ParamError."""
    value = integer(name, value, least, most)
    if value & (value - 1):
        raise ParamError(f"{name} is {value}: expected a power of two")
    return value


def signed(value):
    """`value` as the signed 64-bit word that compiled code makes of it."""
    return (value + (1 << 63) & (1 << 64) - 1) - (1 << 63)
