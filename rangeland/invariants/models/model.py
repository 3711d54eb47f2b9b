"""Model: what all models of pool classes share.

A model is plain lists and searches from one end to the other, and shares no
code with what it predicts. Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.source import Source


def up(value, step):
    """`value`, or the next multiple of `step`."""
    return -(-value // step) * step


def down(value, step):
    """`value`, or the multiple of `step` before it."""
    return value // step * step


def whole_grains(ranges, grain):
    """The bytes of whole aligned grains in `ranges`, of (base, limit)."""
    return sum(max(0, down(limit, grain) - up(base, grain)) for base, limit in ranges)


class Model:
    """What a pool of these keywords has to do; `grain` is the arena's.

    A class of models defines what raises here. `source` is what the arena
    answers in the operation that is done now.
    """

    def __init__(self, grain, **keywords):
        self.grain = grain
        self.keywords = keywords
        self.source = Source()
        # The bytes of memory of the arena, and of those that no block can have.
        self.total = self.slack = 0

    def alloc(self, size, align=None):
        """Where the block lies, or None if it has to be refused."""
        raise NotImplementedError

    def free(self, address, size):
        """The block is freed."""
        raise NotImplementedError

    def resize(self, address, old, new):
        """True if the block stays where it is with its new size."""
        raise NotImplementedError

    def ranges(self):
        """What is free, (base, limit) of each, in the order that the class has:
        a list."""
        raise NotImplementedError

    def has_few(self, most):
        """True if there are no more free ranges than that."""
        return len(self.ranges()) <= most

    def largest(self):
        """The bytes of the largest block that needs no more memory."""
        raise NotImplementedError

    @property
    def free_size(self):
        """The bytes that are free."""
        return sum(limit - base for base, limit in self.ranges())

    def whole(self):
        """The bytes of free memory in whole grains."""
        return whole_grains(self.ranges(), self.grain)
