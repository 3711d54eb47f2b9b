"""A naive judge of allocators: it knows blocks as intervals and bytes.

It asks nobody who is judged, but for who owns an address, and shares no code
with them. A verdict is a string; OK is the only good one.
"""

OK = "ok"
MISALIGNED = "misaligned"
OVERLAP = "overlaps a live block"
FOREIGN = "not in memory of its pool"
CHANGED = "contents changed"
UNKNOWN = "no such live block"


class Judge:
    """Every live block of several pools: {address: (size, owner, stamp)}.

    `owner_of(address)` says who owns the grain there; `view(address, size)`
    gives the bytes; `grain` is the size of a grain.
    """

    def __init__(self, view, owner_of, grain):
        self.view, self.owner_of, self.grain = view, owner_of, grain
        self.blocks = {}
        self._stamp = 0

    def allocated(self, address, size, owner, align):
        """The verdict on a new block, which then gets contents of its own."""
        if address % align:
            return MISALIGNED
        if any(a < address + size and address < a + s for a, (s, _, _) in self.blocks.items()):
            return OVERLAP
        if not self._owned(address, size, owner):
            return FOREIGN
        self._stamp += 1
        self.blocks[address] = (size, owner, self._stamp)
        self.view(address, size)[:] = self._contents(size, self._stamp)
        return OK

    def freed(self, address, size):
        """The verdict on a block about to be freed."""
        block = self.blocks.pop(address, None)
        if block is None or block[0] != size:
            return UNKNOWN
        return OK if self._kept(address, *block) else CHANGED

    def dropped(self, owner):
        """All blocks of `owner` are gone, with their pool."""
        self.blocks = {a: block for a, block in self.blocks.items() if block[1] != owner}

    def all(self):
        """The verdict on all live blocks: apart, owned, with their contents."""
        end = 0
        for address in sorted(self.blocks):
            size, owner, stamp = self.blocks[address]
            if address < end:
                return OVERLAP
            if not self._owned(address, size, owner):
                return FOREIGN
            if not self._kept(address, size, owner, stamp):
                return CHANGED
            end = address + size
        return OK

    def _owned(self, address, size, owner):
        first = address - address % self.grain
        return all(
            self.owner_of(page) == owner for page in range(first, address + size, self.grain)
        )

    def _contents(self, size, stamp):
        # Odd first bytes and even ones: an MFS pool tags what is free.
        word = (stamp * 0x9E3779B97F4A7C15 & (1 << 64) - 1).to_bytes(8, "little")
        return (word * (size // 8 + 1))[:size]

    def _kept(self, address, size, owner, stamp):
        return self.view(address, size) == self._contents(size, stamp)
