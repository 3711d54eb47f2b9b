"""Other lists of steps that break the same: for the program, and for people.

Source: design/library.md#.sol.program
"""

import re

from rangeland.invariants.library.steps import MAKERS

# Larger blocks are not made only for what they leave in memory.
LARGEST_USED = 1 << 24
# So many blocks, where one may be right by chance.
OFTEN = 16

_ARRAYS = ("calloc", "reallocarray_null")


def used_before(steps):
    """The steps, after blocks of the same sizes that were filled and freed: what
    a block then holds is not zero, even where all memory is fresh."""
    sizes = [s[2] * s[3] if s[0] in _ARRAYS else s[-1] for s in steps if len(s) > 2]
    number = max((s[1] for s in steps if len(s) > 1), default=0)
    before = []
    for size in sorted({size for size in sizes if 0 < size < LARGEST_USED}):
        number += 1
        before += [("malloc", number, size), ("free", number)]
    return before + steps


def often(steps):
    """The steps, the last of them for some more blocks: where blocks lie by
    chance, one is not placed wrongly each time, and one of several is."""
    name, *args = steps[-1]
    if name not in MAKERS or name.startswith("realloc"):
        return steps
    number = max(step[1] for step in steps if len(step) > 1)
    return steps + [(name, number + k, *args[1:]) for k in range(1, OFTEN)]


def numbers(steps):
    """{id: number}: the ids of `steps` by 1, 2, ... in the order in which they appear."""
    return {number: k for k, number in enumerate(dict.fromkeys(s[1] for s in steps if s[1:]), 1)}


def renumbered(steps):
    """The steps with their ids so numbered."""
    known = numbers(steps)
    return [(s[0], known[s[1]], *s[2:]) if len(s) > 1 else s for s in steps]


def in_words(message, steps):
    """The message, with the ids of `steps` as `renumbered` gives them; ? for any other."""
    known = numbers(steps)
    return re.sub(r"\bb(\d+)\b", lambda found: f"b{known.get(int(found[1]), '?')}", message)
