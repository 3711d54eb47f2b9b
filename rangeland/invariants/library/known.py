"""Faults of released libraries that are known, and fixed since: excused, and told.

A fault is excused only in the library that is known to have it, by its own
version, and only where it is known; it is told in every result.
Source: design/library.md#.sol.known
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """One known fault: it is there if `symbol()` gives one of `versions`."""

    name: str
    symbol: str
    versions: tuple
    told: str

    def excuses(self, align, size, address):
        """True if this is the fault: an aligned request of 256, 512 or 1024 bytes."""
        return size in (256, 512, 1024) and 128 < align <= size and address % 128 == 0


KNOWN = {
    fault.name: fault
    for fault in (
        Known(
            name="mimalloc-700",
            symbol="mi_version",
            versions=(209,),
            told="aligned blocks of 256, 512 or 1024 bytes are aligned to 128 bytes only "
            "(microsoft/mimalloc issue 700, fixed since)",
        ),
    )
}
