"""Calls: how an allocator is called, found out from what it offers.

Source: design/invariants.md#.sol.calls
"""

import inspect

from rangeland.invariants.finding import CannotTry
from rangeland.invariants.offers import offered
from rangeland.invariants.workload import MOST

ALIGNED = ("alloc_aligned", "aligned_alloc")
UNITS = ("client_size", "unit_size", "block_size")


class Calls:
    """The operations of `allocator`, each with the same arguments for all
    allocators; None for one that it does not have.

    `alloc(size)`, `free(address, size)`, `realloc(address, old, new)`,
    `calloc(count, size)`, `aligned(align, size)`. `text` has, for each, what
    a program writes. Raises: CannotTry for what is no allocator.
    """

    def __init__(self, allocator):
        for name in ("alloc", "free"):
            if not callable(getattr(allocator, name, None)):
                raise CannotTry(f"{allocator!r} has no {name}: expected alloc and free")
        self.text = {"alloc": "alloc({size})"}
        self.alloc = allocator.alloc
        self.free = self._free(allocator.free)
        self.realloc = self._realloc(getattr(allocator, "realloc", None))
        self.calloc = self._calloc(getattr(allocator, "calloc", None))
        name = next((n for n in ALIGNED if callable(getattr(allocator, n, None))), None)
        self.aligned = self._aligned(name, getattr(allocator, name)) if name else None

    def _free(self, free):
        if _takes_size(free, 1):
            self.text["free"] = "free({address}, {size})"
            return free
        self.text["free"] = "free({address})"
        return lambda address, size: free(address)

    def _realloc(self, realloc):
        if not callable(realloc):
            return None
        if _takes_size(realloc, 2):
            self.text["realloc"] = "realloc({address}, {old}, {size})"
            return realloc
        self.text["realloc"] = "realloc({address}, {size})"
        return lambda address, old, new: realloc(address, new)

    def _calloc(self, calloc):
        if not callable(calloc):
            return None
        if _takes_size(calloc, 1):
            self.text["calloc"] = "calloc({count}, {size})"
            return calloc
        self.text["calloc"] = "calloc({count} * {size})"
        return lambda count, size: calloc(count * size)

    def _aligned(self, name, aligned):
        names = _parameters(aligned) or [("align", True)]
        if "size" in names[0][0]:
            self.text["aligned"] = name + "({size}, {align})"
            return lambda align, size: aligned(size, align)
        self.text["aligned"] = name + "({align}, {size})"
        return aligned


def _parameters(function):
    """(name, must it be given) of each argument by position; None if that
    cannot be told."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    found = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            # It takes whatever comes.
            found += [("size", True)] * 3
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            found.append((parameter.name, parameter.default is parameter.empty))
    return found


def _takes_size(function, place):
    """True if the argument at `place` is one to give a size in: one that
    must be given, or that is called so. Assumed where it cannot be told."""
    parameters = _parameters(function)
    if parameters is None:
        return True
    if len(parameters) <= place:
        return False
    name, required = parameters[place]
    return required or "size" in name


def align_of(pool):
    """The alignment that `pool` promises: 1 if it tells none. A method of
    that name is something else.

    Raises: CannotTry for what can be none.
    """
    align = offered(pool, "align")
    if align is None or callable(align):
        return 1
    if type(align) is not int or align <= 0 or align & (align - 1):
        raise CannotTry(f"the align of {pool!r} is {align!r}: expected a power of two, an int")
    return align


def limits_of(pool, memory):
    """(least, most) bytes of a block, so far as `pool` tells."""
    for name in UNITS:
        size = offered(pool, name)
        if type(size) is int and size > 0:
            return size, size
    least, most = offered(pool, "min_size", 1), offered(pool, "max_size")
    if type(most) is not int:
        # Memory of next to nothing is there to grow.
        size = memory.size
        most = size if size is not None and size > 1 else MOST
    return least if type(least) is int and 0 < least <= most else 1, max(1, most)
