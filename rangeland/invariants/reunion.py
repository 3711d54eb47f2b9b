"""Reunion: what can be had when blocks have been freed does not depend on the
order in which they were.

Many policies never make one free block of two, and that is no fault. One that
does after frees in some order has to after frees in any. So fresh allocators
are compared with each other, and no promise is needed.
Source: design/invariants.md#.sol.reunion
"""

from itertools import permutations

from rangeland.invariants.calls import Calls
from rangeland.invariants.finding import Broken

# The largest block that is asked for to find out how much there is.
MOST = 1 << 24


def capacity(make, most):
    """The bytes of the largest block, up to `most`, that a fresh allocator of
    `make` gives; None if it gives all that it is asked for."""
    low, high = 0, min(most, MOST) + 1
    if any(_address(Calls(make()), size) is not None for size in (MOST, high)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        granted = _address(Calls(make()), middle) is not None
        low, high = (middle, high) if granted else (low, middle)
    return low or None


def expect_reunion(make, sizes, whole, full):
    """Raises: Broken if, when blocks of `sizes` have been freed, as much as
    all of them can be had or not, as the order of the frees will have it.

    If `full`, the rest of the memory is taken meanwhile; else `whole` bytes
    are asked for. Then an order that undoes the allocations one by one shows
    nothing: even a pointer that goes up and down survives that.
    """
    undone = None if full else tuple(reversed(range(len(sizes))))
    wanted = sum(sizes) if full else whole
    united, apart = [], []
    for order in permutations(range(len(sizes))):
        outcome = _outcome(Calls(make()), sizes, order, wanted, full and whole)
        if outcome is None:
            return
        (united if outcome else apart).append(order)
    shown = [order for order in united if order != undone]
    if shown and apart:
        raise Broken(
            "reunion",
            f"when blocks of {list(sizes)} bytes are freed in the order {list(shown[0])}, {wanted} "
            f"bytes can be had; in the order {list(apart[0])} they cannot",
            _proof(Calls(make()), sizes, apart[0], wanted, full and whole),
        )


def _outcome(calls, sizes, order, wanted, whole):
    """True if `wanted` bytes can be had in the end; None if it did not get
    there. Whatever is wrong here, other steps judge."""
    blocks = [_address(calls, size) for size in sizes]
    rest = _rest(calls, min(sizes), whole, wanted) if whole else []
    if None in blocks or rest is None:
        return None
    try:
        for i in order:
            calls.free(blocks[i], sizes[i])
    except Exception:
        return None
    return _address(calls, wanted) is not None


def _rest(calls, least, whole, wanted):
    """Take a block of `least` bytes, which parts the blocks before it from
    what is free, and then memory until no `wanted` bytes are left. Returns
    the sizes taken; None if the first cannot be had."""
    if _address(calls, least) is None:
        return None
    taken = [least]
    while whole:
        while _address(calls, whole) is not None:
            taken.append(whole)
        whole = 0 if whole == wanted else max(whole // 2, wanted)
    return taken


def _address(calls, size):
    try:
        answer = calls.alloc(size)
    except Exception:
        return None
    return answer if type(answer) is int and answer >= 0 else None


def _proof(calls, sizes, order, wanted, whole):
    alloc, free = calls.text["alloc"], calls.text["free"]
    lines = [f"blocks = [pool.{alloc.format(size='size')} for size in {list(sizes)}]"]
    if whole:
        for size in sizes:
            _address(calls, size)
        rest = _rest(calls, min(sizes), whole, wanted)
        lines.append(f"rest = [pool.{alloc.format(size='size')} for size in {rest}]")
    lines += [f"pool.{free.format(address=f'blocks[{i}]', size=sizes[i])}" for i in order]
    return "\n".join([*lines, f"assert pool.{alloc.format(size=wanted)} is not None"])
