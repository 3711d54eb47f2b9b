"""Cycle: the same block, allocated and freed again and again.

What never gives back has a policy, and so has what never uses an address
again: neither is a leak. Source: design/invariants.md#.sol.cycle
"""

from rangeland.invariants.finding import Broken

# So many turns of a cycle fill whatever keeps freed blocks for a while.
SETTLED = 16
# Each of so many sizes, by halves, is allocated and freed so often before a
# refusal, or growth, is taken for a leak.
HALVES, PAIRS = 16, 16


def cycle_text(text, size, times, used):
    """The lines of a program that allocate and free the same many times, by
    calls of this `text`; `used` is what tells the bytes in use, if any."""
    return (
        *(["used = []"] if used else []),
        f"for _ in range({times}):",
        f"    block = pool.{text['alloc'].format(size=size)}",
        "    if block is None:",
        "        break",
        f"    pool.{text['free'].format(address='block', size=size)}",
        *([f"    used.append({used})"] if used else []),
    )


def is_refused_late(used, reused):
    """True if a refusal after a turn for each of `used` shows something."""
    return len(used) >= SETTLED and reused


def expect_reuse(used, reused, size):
    """Judge a refusal of `size` bytes after a turn for each of `used`, in
    which addresses were used again if `reused`. Raises: Broken."""
    if is_refused_late(used, reused):
        raise Broken(
            "leak",
            f"{size} bytes are refused in turn {len(used) + 1} of the same allocation "
            f"and free, with nothing else alive",
            "assert block is not None",
        )


def is_growing(used):
    """True if the bytes in use, `used`, are more after each turn; a None in
    them is not known."""
    if len(used) < 4 or None in used:
        return False
    return all(before < after for before, after in zip(used, used[1:]))


def comes_back(pair, largest, is_back):
    """True if, when blocks are allocated and freed some time longer, it shows
    by `is_back()` that nothing was lost: some frees are delayed, and some
    places a matter of chance. `pair(size)` does that once."""
    for n in range(HALVES):
        for _ in range(PAIRS):
            if is_back():
                return True
            if not pair(largest >> n):
                break
    return is_back()


def expect_no_growth(used):
    """Judge the bytes in use, `used`, after each turn. Raises: Broken if each
    turn leaves more."""
    if is_growing(used):
        raise Broken(
            "leak",
            f"with nothing alive {used[0]} bytes are in use after the first turn, "
            f"{used[1]} after the second, {used[-1]} after the last",
            "assert used[-1] == used[0], used",
        )
