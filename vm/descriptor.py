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
        mapped = self._mapped()
        res = self.space.map(base, limit)
        if res == r.OK:
            n = mmu.at(self.space, self.address, f.VM_SIZE)
            self.space.words[n + f.VM_MAPPED] = mapped + limit - base
            if self.space.telemetry.mask & ev.SEG:
                self.space.telemetry.note(ev.VM_MAP, self.address, base, limit, 0, 0)
        return res

    def unmap(self, base, limit):
        """Unmap [base, limit): its contents are gone. Always OK.

        The descriptor must not lie there. Raises: ProtocolError if that is
        not mapped pages of this VM; then nothing has changed.
        """
        mapped = self._mapped()
        self.space.unmap(base, limit)
        n = mmu.at(self.space, self.address, f.VM_SIZE)
        self.space.words[n + f.VM_MAPPED] = mapped - (limit - base)
        if self.space.telemetry.mask & ev.SEG:
            self.space.telemetry.note(ev.VM_UNMAP, self.address, base, limit, 0, 0)
        return r.OK

    def _mapped(self):
        """The bytes mapped, if they can be. Raises: DamageError."""
        n = mmu.at(self.space, self.address, f.VM_SIZE)
        w = self.space.words
        mapped = w[n + f.VM_MAPPED]
        if mapped < 0 or mapped > w[n + f.VM_RESERVED] or mapped > self.space.size:
            return self.damage(f.VM_MAPPED, "the bytes that are mapped, of those reserved")
        return mapped

    def damage(self, field, expected):
        """Raises: DamageError, for the word `field` of the descriptor."""
        return self.space.damage("VM descriptor", self.address, field, expected)

    def held(self):
        """The reservation that the descriptor tells of.

        Raises: DamageError, if it is not what the machine knows of it.
        """
        if self.get(f.SIG) != f.VM_SIG:
            self.damage(f.SIG, f"the signature {f.VM_SIG:#x}")
        held = self.space.reservations.of(self.base)
        if held is None or held.base != self.base:
            self.damage(f.VM_BASE, "the base of a reservation")
        for field, word in (
            (f.VM_PAGE_SIZE, f.PAGE),
            (f.VM_BLOCK, held.block),
            (f.VM_LIMIT, held.base + held.size),
            (f.VM_RESERVED, held.counted),
        ):
            if self.get(field) != word:
                self.damage(field, f"{word:#x}")
        return held

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
        self.space.take_back(self.held().base)
        n = mmu.at(self.space, self.address, f.VM_SIZE)
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
        self.held()
        block, base, limit = self.get(f.VM_BLOCK), self.base, self.limit
        assert block <= base < limit <= block + self.reserved, "a VM lies in its block"
        pages = self.space.mapped_pages(base, limit)
        assert self.mapped == pages * f.PAGE <= self.reserved, "mapped counts the mapped pages"
