"""Neighbours: other arenas in the space of a trial, that must not be disturbed.

Source: design/stress.md#.sol.neighbours
"""

from arena.arena import Arena
from pools.mvff import MVFF
from rangeland.invariants.blocks import pattern
from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import audit
from rangeland.invariants.trial import described

SIZE = 3000


class Neighbour:
    """An arena in `space` with a pool and a block of its own.

    Raises: ParamError; AllocationError, and then nothing is left of it.
    """

    def __init__(self, space, size):
        self.space = space
        self.arena = arena = Arena(size, space=space)
        try:
            self.pool = MVFF(arena)
            self.block = self.pool.alloc(SIZE)
        except MemoryError:
            arena.__exit__()
            raise
        # Different in each, and in all of it.
        self.contents = pattern(arena.serial, 0, SIZE)
        arena.view(self.block, SIZE)[:] = self.contents

    @staticmethod
    def text(number, size):
        """The lines of a program that make one."""
        return (
            f"arena{number} = rl.Arena({size}, space=space)",
            f"block{number} = rl.MVFF(arena{number}).alloc({SIZE})",
        )

    def check(self):
        """Judge that it is as it was. Raises: Broken."""
        arena = self.arena
        if arena.view(self.block, SIZE) != self.contents:
            raise Broken("contents", f"the block of {arena!r} was written by another arena")
        try:
            arena.check()
        except Exception as error:
            raise Broken("own-check", f"{arena!r}.check(): {described(error)}") from error
        audit(self.space, arena.address)

    def end(self):
        """Judge and destroy it: what it had is given back, and no more."""
        self.check()
        before = self.space.reserved, self.space.mapped
        own = self.arena.reserved, audit(self.space, self.arena.address).summary["mapped"]
        self.pool.free(self.block, SIZE)
        self.arena.__exit__()
        left = self.space.reserved, self.space.mapped
        reserved = before[0] - own[0]
        if left[0] != reserved:
            told = f"{left[0]} bytes are reserved after the end of {self.arena!r}"
            raise Broken("teardown", f"{told}: expected {reserved}")
        if left[1] != before[1] - own[1]:
            told = f"{left[1]} bytes are mapped after the end of {self.arena!r}"
            raise Broken("teardown", f"{told}: expected {before[1] - own[1]}")
