"""Node sources: whom a land asks for the memory of its nodes.

A pool stands above a land, so the land declares the small class that it
asks, and pools derive from it. Source: design/land.md#.sol.nodes
"""

from vm import fields as vf
from vm import mmu
from vm import results as r


class NodeSource:
    """Gives out nodes of one size; the base of whatever does."""

    def __init__(self, space):
        self.space = space

    def alloc_node(self):
        """The address of a node, its contents undefined, or -code."""
        return -r.LIMIT

    def free_node(self, address):
        """Take back the node at `address`. Returns OK."""
        return r.OK

    def adopt(self, base, limit):
        """Take the first grain of [base, limit) as memory for nodes.

        Returns the bytes taken, or -code if it takes none.
        """
        return -r.LIMIT

    def take_node(self):
        """What `alloc_node` gives, unless the machine's fault plan refuses.

        Returns the address or -code (design/vm.md#.sol.faults).
        """
        if self.space.faulty and self.space.refuses_node():
            return -r.MEMORY
        return self.alloc_node()


class StackNodes(NodeSource):
    """Nodes of `size` bytes in the mapped memory [base, limit): last freed,
    first given out; fresh ones ascend. `base == limit` begins with none.
    `grain` is what `adopt` takes at a time; memory is never given back.
    """

    def __init__(self, space, size, base, limit, grain=vf.PAGE):
        self.space = space
        self.size = size
        self.grain = grain
        self.free = 0
        self.used = 0
        self.count = 0
        self.lowest = base
        self.highest = limit
        self._thread(base, limit)

    def _thread(self, base, limit):
        count = (limit - base) // self.size
        self.count += count
        if base < self.lowest:
            self.lowest = base
        if limit > self.highest:
            self.highest = limit
        w = self.space.words
        while count > 0:
            count -= 1
            n = mmu.at(self.space, base + count * self.size, self.size)
            w[n] = self.free
            self.free = base + count * self.size
        return r.OK

    def alloc_node(self):
        """The address of a node, or -LIMIT. Cost: O(1)."""
        address = self.free
        if address == 0:
            return -r.LIMIT
        w = self.space.words
        link = w[mmu.at(self.space, address, self.size)]
        if link and (
            link < self.lowest or link > self.highest - self.size or link & 7
            or self.used == self.count
        ):
            return self.space.damage("a free node", address, 0, "the address of the next, or 0")
        self.free = link
        self.used += 1
        return address

    def free_node(self, address):
        """Take back the node at `address`. Cost: O(1)."""
        w = self.space.words
        w[mmu.at(self.space, address, self.size)] = self.free
        self.free = address
        self.used -= 1
        return r.OK

    def adopt(self, base, limit):
        """Take the first grain of [base, limit), which must be mapped.

        Returns the bytes taken, or -LIMIT if there is no whole grain.
        """
        if limit - base < self.grain:
            return -r.LIMIT
        self._thread(base, base + self.grain)
        return self.grain


class CappedNodes(NodeSource):
    """At most `limit` nodes at once of another source, `inner`; a further
    one is refused with result `code`. `used` are outstanding."""

    def __init__(self, inner, limit, code=r.LIMIT):
        self.space = inner.space
        self.inner = inner
        self.limit = limit
        self.code = code
        self.used = 0

    def alloc_node(self):
        """The address of a node of the inner source, or -code."""
        if self.used >= self.limit:
            return -self.code
        address = self.inner.alloc_node()
        if address > 0:
            self.used += 1
        return address

    def free_node(self, address):
        """Give the node at `address` back to the inner source."""
        self.used -= 1
        return self.inner.free_node(address)

    def adopt(self, base, limit):
        """Let the inner source adopt, and the limit rise by what it gained.

        Returns the bytes taken, or -code.
        """
        taken = self.inner.adopt(base, limit)
        if taken > 0:
            self.limit += 1
        return taken
