"""A judge that also notes what the library does where the C standard leaves a choice.

Runs in the child, over the first example. Source: design/library.md#.sol.survey
"""

from rangeland.invariants.library.judge import Judge
from rangeland.invariants.library.steps import IMPOSSIBLE

_UNSEEN = "not seen"


class Survey(Judge):
    """A judge that notes alignment and usable size by size, and what zero sizes give."""

    def __init__(self, functions, progress, row, known=(), rooms=None):
        super().__init__(functions, progress, row, known, rooms)
        self.seen = {}
        self.usable = {}
        self.zero = set()
        self.resized_to_zero = _UNSEEN
        self.overflow = set()
        self.impossible = set()

    def _malloc(self, step):
        super()._malloc(step)
        _, number, size = step
        block = self.blocks.get(number)
        if size == 0:
            self.zero.add("a block of its own" if block else "NULL")
        elif block and size < 1 << 30:
            self.seen[size] = self.seen.get(size, 0) | block[0]
        elif size >= IMPOSSIBLE:
            self.impossible.add("NULL")

    def _calloc(self, step):
        super()._calloc(step)
        if step[2] * step[3] >> 64:
            self.overflow.add("NULL")

    def _malloc_usable_size(self, step):
        super()._malloc_usable_size(step)
        if block := self.blocks.get(step[1]):
            least, most = self.usable.get(block[1], (block[2], block[2]))
            self.usable[block[1]] = (min(least, block[2]), max(most, block[2]))

    def _realloc(self, step):
        was = step[1] in self.blocks
        super()._realloc(step)
        if was and step[2] == 0:
            there = step[1] in self.blocks
            self.resized_to_zero = "a block of no bytes" if there else "NULL"

    def promises(self):
        """What was seen, as plain data: alignments and usable sizes in bytes, by size."""
        return {
            "alignment": [[size, bits & -bits] for size, bits in sorted(self.seen.items())],
            "usable_size": [[size, *pair] for size, pair in sorted(self.usable.items())],
            "malloc_zero": " or ".join(sorted(self.zero)) or _UNSEEN,
            "realloc_to_zero": self.resized_to_zero,
            "calloc_overflow": " or ".join(sorted(self.overflow)) or _UNSEEN,
            "impossible_size": " or ".join(sorted(self.impossible)) or _UNSEEN,
        }
