"""Cycle: the same block, allocated and freed again and again.

What never gives back has a policy, and so has what never uses an address
again: neither is a leak. Source: design/invariants.md#.sol.cycle
"""

from rangeland.invariants.finding import Broken

# So many turns of a cycle fill whatever keeps freed blocks for a while.
SETTLED = 16


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


def expect_reuse(used, reused, size):
    """Judge a refusal of `size` bytes after a turn for each of `used`, in
    which addresses were used again if `reused`. Raises: Broken."""
    if len(used) >= SETTLED and reused:
        raise Broken(
            "leak",
            f"{size} bytes are refused in turn {len(used) + 1} of the same allocation "
            f"and free, with nothing else alive",
            "assert block is not None",
        )


def expect_no_growth(used):
    """Judge the bytes in use, `used`, after each turn; None is not known.

    Raises: Broken if each turn leaves more.
    """
    if len(used) < 4 or None in used:
        return
    if all(before < after for before, after in zip(used, used[1:])):
        raise Broken(
            "leak",
            f"with nothing alive {used[0]} bytes are in use after the first turn, "
            f"{used[1]} after the second, {used[-1]} after the last",
            "assert used[-1] == used[0], used",
        )
