"""VM descriptors: 56 bytes that say what one VM has reserved and mapped.

A descriptor is memory like any other: it may lie on the stack, be copied
into the memory that it describes, and be copied out again before that is
unmapped. Source: design/vm.md#.sol.descriptor, design/bootstrap.md#.sol.vm
"""

from vm import events as ev
from vm import fields as f
from vm import mmu
from vm import results as r


class VM:
    """The handle of a VM descriptor at `address`."""

    def __init__(self, space, address):
        self.space = space
        self.address = address

    def init(self, size, grain):
        """Reserve `size` bytes, rounded up to `grain`, aligned to `grain`.

        Returns OK or RESOURCE; then nothing was reserved or written.
        """
        size = (size + grain - 1) // grain * grain
        base = self.space.set_aside(size, grain)
        if base < 0:
            return -base
        n = mmu.at(self.space, self.address, f.VM_SIZE)
        w = self.space.words
        w[n + f.SIG] = f.VM_SIG
        w[n + f.VM_PAGE_SIZE] = f.PAGE
        w[n + f.VM_BLOCK] = self.space.reservation_block(base)
        w[n + f.VM_BASE] = base
        w[n + f.VM_LIMIT] = base + size
        w[n + f.VM_RESERVED] = size + grain - f.PAGE
        w[n + f.VM_MAPPED] = 0
        self.space.telemetry.tell(ev.VM_INIT, self.address, base, base + size)
        self.space.telemetry.tell(
            ev.VM_RESERVE, self.address, w[n + f.VM_BLOCK], w[n + f.VM_RESERVED]
        )
        return r.OK

    def map(self, base, limit):
        """Map [base, limit). Returns OK or MEMORY; then nothing changed.

        Raises: ProtocolError if that is not unmapped pages of this VM.
        """
        res = self.space.map(base, limit)
        if res == r.OK:
            n = mmu.at(self.space, self.address, f.VM_SIZE)
            w = self.space.words
            w[n + f.VM_MAPPED] += limit - base
            if self.space.telemetry.mask & ev.SEG:
                self.space.telemetry.note(ev.VM_MAP, self.address, base, limit, 0, 0)
        return res

    def unmap(self, base, limit):
        """Unmap [base, limit): its contents are gone. Always OK.

        The descriptor must not lie there. Raises: ProtocolError if that is
        not mapped pages of this VM; then nothing has changed.
        """
        self.space.unmap(base, limit)
        n = mmu.at(self.space, self.address, f.VM_SIZE)
        w = self.space.words
        w[n + f.VM_MAPPED] -= limit - base
        if self.space.telemetry.mask & ev.SEG:
            self.space.telemetry.note(ev.VM_UNMAP, self.address, base, limit, 0, 0)
        return r.OK

    def copy(self, target):
        """Copy the descriptor to `target`. Returns the handle of the copy."""
        n = mmu.at(self.space, self.address, f.VM_SIZE)
        m = mmu.at(self.space, target, f.VM_SIZE)
        w = self.space.words
        for i in range(f.VM_SIZE // f.WORD):
            w[m + i] = w[n + i]
        self.space.telemetry.tell(ev.VM_COPY, self.address, target)
        return VM(self.space, target)

    def finish(self):
        """Give the reservation back; nothing may be mapped any more.

        Raises: ProtocolError if something is. The descriptor must not lie
        in the VM's own memory, which is gone.
        """
        n = mmu.at(self.space, self.address, f.VM_SIZE)
        base = self.space.words[n + f.VM_BASE]
        self.space.take_back(base)
        self.space.words[n + f.SIG] = 0
        self.space.telemetry.tell(ev.VM_FINISH, self.address)

    def get(self, field):
        """The word `field` (a number from vm.fields) of the descriptor."""
        return self.space.words[mmu.at(self.space, self.address, f.VM_SIZE) + field]

    @property
    def base(self):
        """The first address of the VM."""
        return self.get(f.VM_BASE)

    @property
    def limit(self):
        """The address after the last one of the VM."""
        return self.get(f.VM_LIMIT)

    @property
    def reserved(self):
        """The bytes that count as reserved for this VM."""
        return self.get(f.VM_RESERVED)

    @property
    def mapped(self):
        """The bytes mapped in this VM."""
        return self.get(f.VM_MAPPED)

    def check(self):
        """Assert the descriptor's invariants (design/vm.md#.req.account)."""
        assert self.get(f.SIG) == f.VM_SIG, "a VM descriptor has its signature"
        assert self.get(f.VM_PAGE_SIZE) == f.PAGE, "the page size is the machine's"
        block, base, limit = self.get(f.VM_BLOCK), self.base, self.limit
        assert block <= base < limit <= block + self.reserved, "a VM lies in its block"
        pages = self.space.mapped_pages(base, limit)
        assert self.mapped == pages * f.PAGE <= self.reserved, "mapped counts the mapped pages"
