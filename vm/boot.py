"""Boot allocation: a bump pointer over memory that nobody manages yet.

Source: design/bootstrap.md#.sol.boot, MPS boot.c
"""

from vm import events as ev
from vm import fields as f
from vm import mmu
from vm import results as r


class BootBlock:
    """The handle of a boot block, 32 bytes at `address` on the stack, that
    gives out [base, limit) from the bottom. Nothing is ever freed."""

    def __init__(self, space, address):
        self.space = space
        self.address = address

    def init(self, base, limit):
        """Begin with nothing allocated of [base, limit)."""
        n = mmu.at(self.space, self.address, f.BOOT_SIZE)
        w = self.space.words
        w[n + f.SIG] = f.BOOT_SIG
        w[n + f.BOOT_BASE] = base
        w[n + f.BOOT_ALLOC] = base
        w[n + f.BOOT_LIMIT] = limit

    def alloc(self, size, align, what=""):
        """The address of `size` bytes aligned to `align`, or -MEMORY.

        The memory may be unmapped: only its address is given out. The event
        says `what` it is for.
        """
        n = mmu.at(self.space, self.address, f.BOOT_SIZE)
        w = self.space.words
        if not 0 <= w[n + f.BOOT_BASE] <= w[n + f.BOOT_ALLOC] <= w[n + f.BOOT_LIMIT]:
            return self.space.damage(
                "boot block", self.address, f.BOOT_ALLOC, "an address from its base to its limit"
            )
        base = (w[n + f.BOOT_ALLOC] + align - 1) // align * align
        if base + size > w[n + f.BOOT_LIMIT]:
            return -r.MEMORY
        w[n + f.BOOT_ALLOC] = base + size
        self.space.telemetry.tell(ev.BOOT_ALLOC, self.address, base, size, align, what)
        return base

    @property
    def allocated(self):
        """The bytes from the base to the end of the last allocation."""
        n = mmu.at(self.space, self.address, f.BOOT_SIZE)
        w = self.space.words
        return w[n + f.BOOT_ALLOC] - w[n + f.BOOT_BASE]

    def check(self):
        """Assert the boot block's invariants (design/bootstrap.md#.sol.boot)."""
        n = mmu.at(self.space, self.address, f.BOOT_SIZE)
        w = self.space.words
        assert w[n + f.SIG] == f.BOOT_SIG, "a boot block has its signature"
        assert 0 <= w[n + f.BOOT_BASE] <= w[n + f.BOOT_ALLOC] <= w[n + f.BOOT_LIMIT], "alloc is inside"
