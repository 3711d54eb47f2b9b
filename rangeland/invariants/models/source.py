"""Source: what a pool asked of its arena in one operation, and what it was told.

Where grains lie is the arena's matter; a model is given the same answers, and
has to ask the same questions in the same order.
Source: design/invariants.md#.sol.models
"""

from collections import deque

from rangeland.invariants.finding import Broken


class Source:
    """The questions and answers `told`, in order: ("alloc", size, base), with
    None for a base that was refused, and ("free", size, base)."""

    def __init__(self, told=()):
        self.told = deque(told)
        # Memory that was got and given back at once, for want of a node or a descriptor.
        self.undone = False

    def alloc(self, size):
        """The base of `size` bytes that the arena gave, or None.

        Raises: Broken if the pool did not ask for so many."""
        if not self.told or self.told[0][:2] != ("alloc", size):
            raise Broken("placement", f"the pool {self._next()}: expected that it asks for {size} bytes")
        return self.told.popleft()[2]

    def free(self, base, size):
        """The arena has it back. Raises: Broken if it has not."""
        if not self.told or self.told[0] != ("free", size, base):
            told = f"expected that it gives [{base:#x}, {base + size:#x}) back"
            raise Broken("give-back", f"the pool {self._next()}: {told}")
        self.told.popleft()

    def is_undone(self, base, size):
        """True if what the arena gave just now goes back at once."""
        if not self.told or self.told[0] != ("free", size, base):
            return False
        self.told.popleft()
        self.undone = True
        return True

    def expect_no_more(self):
        """Raises: Broken if the pool asked, or gave back, more."""
        if self.told:
            invariant = "give-back" if self.told[0][0] == "free" else "placement"
            raise Broken(invariant, f"the pool {self._next()}: expected nothing of the kind")

    def _next(self):
        if not self.told:
            return "asks the arena for nothing, and gives nothing back"
        verb, size, base = self.told[0]
        if verb == "free":
            return f"gives [{base:#x}, {base + size:#x}) back"
        return f"asks the arena for {size} bytes"
