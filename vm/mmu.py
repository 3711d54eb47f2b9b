"""The memory management unit: from a simulated address to a word number.

No word of simulated memory is read or written but through an address that
passed here (design/vm.md#.sol.mmu): so nothing outside the machine is ever
reached, and in checked mode a stray access faults before it happens. The
three hottest walks of land/ do the same in line, for the call is a sixth of
their time interpreted. This module is never compiled: compiled modules
inline the function of the same name from ``mmu.pxd``.
"""

from vm.fields import PAGE


def at(space, address, size):
    """The number of the first word of the `size` bytes at `address`.

    Units: address and size in bytes; address a multiple of 8 (low tag bits
    are dropped).
    Raises: AccessError if a byte of them is outside the machine, or, in
    checked mode, not mapped.
    Cost: O(1); in checked mode O(pages touched).
    Source: design/vm.md#.sol.mmu
    """
    n = address - space.origin
    if 0 <= n < space.reach and 0 <= size <= PAGE:
        return n >> 3
    return space.admit(address, size)
