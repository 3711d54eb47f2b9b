"""Buddy, the binary buddy pool: blocks of 2^k bytes at multiples of 2^k, which
are split in halves and made whole again.

Vital statistics
    Alignment: that of the block itself, its size rounded up to a power of two;
    `min_size` at least. Least block: `min_size` bytes. Overhead: none per
    block; two bits of control memory per `min_size` bytes. Worst case: nearly
    half of a block is rounding; a quarter for sizes uniform in a doubling.
    Alloc and free: O(log of region over block). Not for several threads.

The story of an allocation is `alloc_block`, that of a free `free_block`.
Source: design/classes.md#.sol.buddy; K. C. Knowlton, "A fast storage
allocator", Communications of the ACM 8(10), 1965; D. E. Knuth, "The Art of
Computer Programming", volume 1, section 2.5, algorithms R and S.
"""

from pools import fields as p
from pools.orders import ceiling_order, floor_order, power
from pools.pool import MOST
from pools.regions import RegionPool
from vm import bits, mmu
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError, fraction, integer, power_of_two


class Buddy(RegionPool):
    """The handle of a Buddy pool.

    Each region is a power of two at a multiple of itself, and has a tree of
    bits: node 1 is all of it, nodes 2n and 2n + 1 are the halves of node n. A
    bit is set if its node is a free block, which is then in the list of its
    order; the two words of the list lie in the block.

    Buddy(arena, extend_by=65536, min_size=16, spare=0.75, arena_high=False, audit=False, label="")
    """

    class_name = "BuddyPool"
    descriptor_size = p.BUDDY_SIZE

    def __init__(
        self,
        arena,
        extend_by=65536,
        min_size=16,
        spare=0.75,
        arena_high=False,
        audit=False,
        label="",
    ):
        """Make a pool in `arena` that asks it for `extend_by` bytes, rounded up
        to a power of two, or for as much as a block takes.

        `min_size` is the least block, a power of two from 16 to the grain;
        `spare` the fraction of the pool's memory that may be free before whole
        regions go back; `arena_high` says from which end of the arena they come.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        grain = getattr(arena, "grain_size", 16)
        extend_by = integer("extend_by", extend_by, least=1, most=MOST)
        self._create(
            arena,
            audit,
            label,
            extend_by=power(ceiling_order(max(extend_by, grain))),
            min_size=power_of_two("min_size", min_size, least=16, most=grain),
            spare=fraction("spare", spare),
            arena_high=bool(arena_high),
        )

    def bind(self, space, address, grains):
        """Make this the handle of the Buddy pool at `address`."""
        RegionPool.bind(self, space, address, grains)
        self.sig = p.BUDDY_SIG

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        least = options["min_size"]
        self.init_regions(arena_address, least, ceiling_order(least), options)
        self.told_init()

    def _order(self, size):
        """The order of a block of `size` bytes."""
        return max(ceiling_order(size), self._word(p.LEAST_ORDER))

    # Allocation

    def alloc_block(self, size):
        """The address of a block of `size` bytes, or a negative code.

        Takes the free block that came last of the least order that holds it,
        and splits that: the low half goes on, the high one is free. If there
        is none, the pool gets a region.
        """
        order = self._order(size)
        return self._take(order, order)

    def alloc_aligned(self, size, align):
        """As `Pool.alloc_aligned`: a block of the order of `align` is split."""
        return self._take(self._order(size), self._order(align))

    def _take(self, order, least):
        """A block of `order`, out of a free one of the order `least` or more."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        w = self.space.words
        k = least = max(order, least)
        while k <= p.MOST_ORDER and w[n + p.ORDERS + k] == 0:
            k += 1
        if k > p.MOST_ORDER:
            k = self._extend(least)
            if k < 0:
                return k
        address = w[n + p.ORDERS + k]
        region = self.region_of(address)
        m = mmu.at(self.space, region, p.TREE_HEAD)
        node = self._node(m, address, k)
        if node == 1:
            self.make_busy(region)
        self._unlink(n, m, node, k, address)
        one = 1
        while k > order:
            k -= 1
            node *= 2
            self._link(n, m, node + 1, k, address + (one << k))
        w[n + p.REGION_FREE] -= one << order
        return address

    def _extend(self, order):
        """Get a region for a block of `order`, of `extend_by` bytes if it can be
        had. Returns its order, or a negative code."""
        if order > p.MOST_ORDER:
            return -r.RESOURCE
        least = max(order, floor_order(self.grains.grain))
        k = max(order, ceiling_order(self._word(p.REGION_BY)))
        region = self._new_region(k)
        if region < 0 and k > least:
            k = least
            region = self._new_region(k)
        return k if region >= 0 else region

    def _new_region(self, k):
        """A free region of 2^k bytes, idle; or a negative code."""
        one = 1
        size = one << k
        leaves = one << k - self._word(p.LEAST_ORDER)
        region = self.get_region(size, size, p.TREE_HEAD + (leaves + 31 >> 5) * 8)
        if region < 0:
            return region
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        m = mmu.at(self.space, region, p.TREE_HEAD)
        w = self.space.words
        w[m + p.TREE_ORDER] = k
        self._link(n, m, 1, k, w[m + p.REGION_BASE])
        w[n + p.REGION_FREE] += size
        self.make_idle(region)
        return region

    # Free

    def free_block(self, address, size):
        """Free a block of `size` bytes, and make it whole with its buddy as
        long as that is free; then give back what is too much.

        Returns OK, or FAIL if it was free; then nothing changed.
        """
        k = self._order(size)
        region = self.region_of(address)
        if region == 0:
            return r.FAIL
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        m = mmu.at(self.space, region, p.TREE_HEAD)
        w = self.space.words
        if k > w[m + p.TREE_ORDER]:
            return r.FAIL
        node = self._node(m, address, k)
        if self._is_free(m, node):
            return r.FAIL
        one = 1
        w[n + p.REGION_FREE] += one << k
        while node > 1 and self._is_free(m, node ^ 1):
            self._unlink(n, m, node ^ 1, k, address ^ (one << k))
            node >>= 1
            address &= ~(one << k)
            k += 1
        self._link(n, m, node, k, address)
        if node == 1:
            self.make_idle(region)
        return self.reduce()

    def resize_block(self, address, old, new):
        """As `Pool.resize_block`: a block gives its upper halves back, or takes
        free buddies above it."""
        k = self._order(old)
        order = self._order(new)
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        m = mmu.at(self.space, self.region_of(address), p.TREE_HEAD)
        w = self.space.words
        if order > w[m + p.TREE_ORDER]:
            return r.FAIL
        node = self._node(m, address, k)
        above = node
        for _ in range(k, order):
            if above & 1 or not self._is_free(m, above + 1):
                return r.FAIL
            above >>= 1
        one = 1
        w[n + p.REGION_FREE] += (one << k) - (one << order)
        while k < order:
            self._unlink(n, m, node + 1, k, address + (one << k))
            node >>= 1
            k += 1
        if k == order:
            return r.OK
        while k > order:
            k -= 1
            node *= 2
            self._link(n, m, node + 1, k, address + (one << k))
        return self.reduce()

    # The tree of a region at the word m, and the lists of the pool at the word n

    def _node(self, m, address, k):
        """The node of the block of order `k` at `address`."""
        w = self.space.words
        one = 1
        return (one << w[m + p.TREE_ORDER] - k) + (address - w[m + p.REGION_BASE] >> k)

    def _is_free(self, m, node):
        """1 if the node is a free block, else 0."""
        return self.space.words[m + p.TREE + (node >> 6)] >> (node & 63) & 1

    def _link(self, n, m, node, k, address):
        """The node is a free block of order `k`, at `address`. Returns OK."""
        w = self.space.words
        bits.set_range(w, m + p.TREE, node, node + 1)
        b = mmu.at(self.space, address, 16)
        following = w[n + p.ORDERS + k]
        w[b] = following
        w[b + 1] = 0
        if following:
            w[mmu.at(self.space, following, 16) + 1] = address
        w[n + p.ORDERS + k] = address
        return r.OK

    def _unlink(self, n, m, node, k, address):
        """The node is no free block any more. Returns OK."""
        w = self.space.words
        bits.reset_range(w, m + p.TREE, node, node + 1)
        b = mmu.at(self.space, address, 16)
        following = w[b]
        previous = w[b + 1]
        if following:
            w[mmu.at(self.space, following, 16) + 1] = previous
        if previous:
            w[mmu.at(self.space, previous, 16)] = following
        else:
            w[n + p.ORDERS + k] = following
        return r.OK

    def unhook(self, region):
        """Take the one free block of an idle region from its list. Returns OK."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        m = mmu.at(self.space, region, p.TREE_HEAD)
        w = self.space.words
        self._unlink(n, m, 1, w[m + p.TREE_ORDER], w[m + p.REGION_BASE])
        w[n + p.REGION_FREE] -= w[m + p.REGION_LIMIT] - w[m + p.REGION_BASE]
        return r.OK

    # Accounts

    def block_size(self, size):
        """`size` rounded up to a power of two, `min_size` at least."""
        return power(self._order(size))

    def largest(self):
        """The bytes of the largest free block."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        w = self.space.words
        k = p.MOST_ORDER
        while k >= 0 and w[n + p.ORDERS + k] == 0:
            k -= 1
        return power(k) if k >= 0 else 0

    def whole_free(self):
        """The bytes of the free blocks that are a grain or more."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        w = self.space.words
        one = 1
        found = 0
        for k in range(floor_order(self.grains.grain), p.MOST_ORDER + 1):
            address = w[n + p.ORDERS + k]
            while address:
                found += one << k
                address = w[mmu.at(self.space, address, 16)]
        return found

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no block of `size`
        bytes lies at `address`."""
        k = self._order(size)
        taken = power(k)
        region = self.expect_in_region(address, taken)
        if address % taken:
            raise ProtocolError(
                f"block {address:#x} of {self!r} is freed with size {size}: expected a size "
                f"of at most {address & -address}"
            )
        m = mmu.at(self.space, region, p.TREE_HEAD)
        node = self._node(m, address, k)
        while node:
            if self._is_free(m, node):
                raise ProtocolError(
                    f"block [{address:#x}, {address + taken:#x}) of {self!r} is already free"
                )
            node >>= 1

    # End

    def free_ranges(self):
        """As `Pool.free_ranges`: each free block, ascending."""
        return ((base, base + size) for base, size in self.free_blocks())

    def free_blocks(self):
        """The free blocks by their lists: a list of (base, size), ascending."""
        found = []
        for k in range(p.MOST_ORDER + 1):
            address, previous = self._word(p.ORDERS + k), 0
            while address:
                found.append((address, 1 << k))
                following, back = self.space.words_at(address, 16)[:2]
                assert back == previous, "a free block names the one before it"
                address, previous = following, address
        return sorted(found)

    @walks
    def check(self):
        """Assert the pool's invariants (design/classes.md#.req.check)."""
        self.check_regions()
        listed = self.free_blocks()
        assert sum(size for _, size in listed) == self.free_bytes(), "free counts the free blocks"
        found = []
        for region in self.regions():
            w = self._region_words(region)
            base, size = w[p.REGION_BASE], w[p.REGION_LIMIT] - w[p.REGION_BASE]
            assert size == 1 << w[p.TREE_ORDER] and base % size == 0, "a region is a block"
            free = [64 * i + j for i, word in enumerate(w[p.TREE :]) if word
                    for j in range(64) if word >> j & 1]  # fmt: skip
            assert w[p.IS_IDLE] == (free == [1]), "what is all free is idle"
            apart = all(node ^ 1 not in free for node in free)
            assert apart, "no two buddies are free"
            for node in free:
                order = w[p.TREE_ORDER] - node.bit_length() + 1
                offset = node - (1 << node.bit_length() - 1) << order
                found.append((base + offset, 1 << order))
        assert sorted(found) == listed, "the tree has what the lists have"
        for (base, size), (above, _) in zip(listed, listed[1:]):
            assert base + size <= above, "free blocks are apart"

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        orders = {}
        for _, size in self.free_blocks():
            orders[size] = orders.get(size, 0) + 1
        listed = ", ".join(f"{count} of {size}" for size, count in sorted(orders.items()))
        return self.described(f"  free blocks: {listed or 'none'}\n")
