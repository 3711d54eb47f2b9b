"""The machine's stack, on which descriptors start their lives.

Source: design/vm.md#.sol.stack
"""

from contextlib import contextmanager

from vm.results import LimitError


class Stack:
    """Memory [base, limit) that grows downwards, always mapped and counted
    in no account. Only the stack pointer is not memory: it is a register."""

    def __init__(self, space, base, limit):
        self._space = space
        self.base = base
        self.limit = limit
        self.pointer = limit

    def push(self, size):
        """The address of `size` zeroed bytes on top of the stack.

        Raises: LimitError if the stack is full.
        """
        if self.pointer - size < self.base:
            raise LimitError(f"the stack has no room for {size} bytes")
        self.pointer -= size
        self._space.view(self.pointer, size)[:] = bytes(size)
        return self.pointer

    def pop(self, size):
        """Drop the `size` bytes pushed last."""
        assert self.pointer + size <= self.limit, "nothing is popped that was not pushed"
        self.pointer += size

    @contextmanager
    def frame(self, size):
        """The address of `size` zeroed bytes that last as long as the context."""
        address = self.push(size)
        try:
            yield address
        finally:
            self.pop(size)
