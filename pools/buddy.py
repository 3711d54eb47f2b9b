"""Buddy, the binary buddy pool: blocks of 2^k bytes at multiples of 2^k, which
are split in halves and made whole again.

Vital statistics
    Alignment: that of the block itself, its size rounded up to a power of two;
    `min_size` at least. Least block: `min_size` bytes. Overhead: none per
    block; four bits of control memory per `min_size` bytes. Worst case: nearly
    half of a block is rounding; a quarter for sizes uniform in a doubling.
    Alloc and free: O(log of region over block). Not for several threads.
    Told of a wrong free or resize: an address where no live block begins, and a
    size that rounds to another power of two. Not told: a size that rounds to
    the same one, and a block that has been freed and is in use again.

The story of an allocation is `alloc_block`, that of a free `free_block`.
Source: design/classes.md#.sol.buddy; K. C. Knowlton, "A fast storage
allocator", Communications of the ACM 8(10), 1965; D. E. Knuth, "The Art of
Computer Programming", volume 1, section 2.5, algorithms R and S.
"""

from pools import fields as p
from pools import orders
from pools.pool import MOST
from pools.regions import RegionPool
from vm import mmu
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError, fraction, integer, power_of_two


class Buddy(RegionPool):
    """The handle of a Buddy pool.

    Each region is a power of two at a multiple of itself, and has a tree of
    two bits a node: node 1 is all of it, nodes 2n and 2n + 1 are the halves of
    node n. One bit is set if its node is a free block, which is then in the
    list of its order; the two words of the list lie in the block. The other is
    set if its node is a live block.

    Buddy(arena, extend_by=65536, min_size=16, spare=0.75, arena_high=False, audit=False, label='')
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
            extend_by=orders.power(orders.ceiling_order(max(extend_by, grain))),
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
        self.init_regions(arena_address, least, orders.ceiling_order(least), options)
        self.told_init()

    def _order(self, size):
        """The order of a block of `size` bytes."""
        return max(orders.ceiling_order(size), self.least)

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
        region = self.grains.segment_of(address, self.address)
        if region == 0:
            return self._free_node(0, address, k)
        m = self._tree(region, address)
        node = self._free_node(m, address, k)
        if w[n + p.REGION_FREE] >> k == 0 or w[n + p.REGION_FREE] >> 60:
            return self.space.damage("pool", self.address, p.REGION_FREE, "what is free")
        one = 1
        self._unlink(n, m, node, k, address)
        w[n + p.REGION_FREE] -= one << order
        if node == 1:
            self.make_busy(region)
        while k > order:
            k -= 1
            node *= 2
            self._link(n, m, node + 1, k, address + (one << k))
        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)
        return address

    def _extend(self, order):
        """Get a region for a block of `order`, of `extend_by` bytes if it can be
        had. Returns its order, or a negative code."""
        if order > p.MOST_ORDER:
            return -r.RESOURCE
        least = max(order, orders.floor_order(self.grains.grain))
        k = max(order, orders.ceiling_order(self._extend_by()))
        region = self._new_region(k)
        if region < 0 and k > least:
            k = least
            region = self._new_region(k)
        return k if region >= 0 else region

    def _new_region(self, k):
        """A free region of 2^k bytes, idle; or a negative code."""
        one = 1
        size = one << k
        self._least_order()
        region = self.get_region(size, size, self._tree_bytes(k))
        if region < 0:
            return region
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        m = mmu.at(self.space, region, p.TREE_HEAD)
        w = self.space.words
        w[m + p.TREE_ORDER] = k
        self._link(n, m, 1, k, w[m + p.REGION_BASE])
        self._count(p.REGION_FREE, size)
        self.make_idle(region)
        return region

    def _tree_bytes(self, k):
        """The bytes of the descriptor of a region of 2^k bytes."""
        one = 1
        return p.TREE_HEAD + ((one << k - self.least) + 31 >> 5) * 16

    # Free

    def free_block(self, address, size):
        """Free a block of `size` bytes, and make it whole with its buddy as
        long as that is free; then give back what is too much.

        Returns OK, or FAIL if no such block lives; then nothing changed.
        """
        k = self._order(size)
        region = self.grains.segment_of(address, self.address)
        if region == 0:
            return r.FAIL
        m = self._tree(region, address)
        node = self._live_node(m, address, k)
        if node == 0:
            return r.FAIL
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        w = self.space.words
        one = 1
        if w[n + p.REGION_FREE] >> 60:
            return self.space.damage("pool", self.address, p.REGION_FREE, "what is free")
        w[n + p.REGION_FREE] += one << k
        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)
        while node > 1 and self._is_free(m, node ^ 1):
            self._unlink(n, m, node ^ 1, k, address ^ (one << k))
            node >>= 1
            address &= ~(one << k)
            k += 1
        self._link(n, m, node, k, address)
        if node == 1:
            self.make_idle(region)
        return self.reduce() if w[n + p.FIRST_IDLE] else r.OK

    def resize_block(self, address, old, new):
        """As `Pool.resize_block`: a block gives its upper halves back, or takes
        free buddies above it."""
        k = self._order(old)
        order = self._order(new)
        region = self.region_of(address)
        if region == 0:
            return r.FAIL
        m = self._tree(region, address)
        w = self.space.words
        node = self._live_node(m, address, k)
        if node == 0 or order > w[m + p.TREE_ORDER]:
            return r.FAIL
        above = node
        for _ in range(k, order):
            if above & 1 or not self._is_free(m, above + 1):
                return r.FAIL
            above >>= 1
        if k == order:
            return r.OK
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        one = 1
        self._count(p.REGION_FREE, (one << k) - (one << order))
        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)
        grows = k < order
        while k < order:
            self._unlink(n, m, node + 1, k, address + (one << k))
            node >>= 1
            k += 1
        while k > order:
            k -= 1
            node *= 2
            self._link(n, m, node + 1, k, address + (one << k))
        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)
        return r.OK if grows else self.reduce()

    # The tree of a region at the word m, and the lists of the pool at the word n

    def _tree(self, region, address):
        """The number of the first word of the descriptor of `region`, which has
        the tree of `address`. Raises: DamageError if it has not."""
        w = self.space.words
        m = mmu.at(self.space, region, p.TREE_HEAD)
        order = w[m + p.TREE_ORDER]
        base = w[m + p.REGION_BASE]
        one = 1
        # One branch for all: it goes the same way each time.
        wrong = w[m] ^ p.REGION_SIG | w[m + p.REGION_POOL] ^ self.address | region & 7
        wrong |= order & -64 | address - base >> (order & 63)
        if wrong | (one << (order & 63)) ^ w[m + p.REGION_LIMIT] - base:
            return self._no_tree(region)
        return m

    def _no_tree(self, region):
        """Raises: DamageError, for what the page table names."""
        self._named(region)
        return self.space.damage("region", region, p.TREE_ORDER, "the order of its size")

    def _node(self, m, address, k):
        """The node of the block of order `k` at `address`, or 0 if there can be
        none."""
        w = self.space.words
        one = 1
        offset = address - w[m + p.REGION_BASE]
        if k > w[m + p.TREE_ORDER] or offset & (one << k) - 1:
            return 0
        return (one << w[m + p.TREE_ORDER] - k) + (offset >> k)

    def _live_node(self, m, address, k):
        """The node of the live block of order `k` at `address`, or 0."""
        node = self._node(m, address, k)
        if self.space.words[m + p.LIVE + (node >> 6) * 2] >> (node & 63) & 1:
            return node
        return 0

    def _free_node(self, m, address, k):
        """The node of the free block of the order `k` that its list begins with.

        Raises: DamageError if there is none, or no region at the word `m`.
        """
        node = self._node(m, address, k) if m else 0
        if node == 0 or not self._is_free(m, node):
            return self.space.damage(
                "pool", self.address, p.ORDERS + k, "a free block of that order"
            )
        return node

    def _is_free(self, m, node):
        """1 if the node is a free block, else 0."""
        return self.space.words[m + p.TREE + (node >> 6) * 2] >> (node & 63) & 1

    def _bit(self, node):
        """The bit of a node in its word."""
        one = 1
        return one << (node & 63) if node & 63 != 63 else -one << 63

    def _link(self, n, m, node, k, address):
        """The node is a free block of order `k`, at `address`. Returns OK."""
        w = self.space.words
        b = mmu.at(self.space, address, 16)
        following = w[n + p.ORDERS + k]
        if following:
            w[self._neighbour(following, k, self.address, p.ORDERS + k, 1, 0) + 1] = address
        w[b] = following
        w[b + 1] = 0
        w[n + p.ORDERS + k] = address
        w[m + p.TREE + (node >> 6) * 2] ^= self._bit(node)
        return r.OK

    def _unlink(self, n, m, node, k, address):
        """The node is no free block any more. Returns OK."""
        w = self.space.words
        b = mmu.at(self.space, address, 16)
        following = w[b]
        previous = w[b + 1]
        q = n + p.ORDERS + k
        if previous:
            q = self._neighbour(previous, k, address, 1, 0, address)
        elif w[q] != address:
            return self.space.damage("free block", address, 1, "the block before it")
        if following:
            w[self._neighbour(following, k, address, 0, 1, address) + 1] = previous
        w[q] = following
        w[m + p.TREE + (node >> 6) * 2] ^= self._bit(node)
        return r.OK

    def _neighbour(self, block, k, address, field, back, expected):
        """The number of the first word of a free block of order `k`, which the
        word `field` at `address` names, and which has `expected` in its word
        `back`. Raises: DamageError."""
        w = self.space.words
        one = 1
        b = 0
        if block & (one << k) - 1 == 0 and self.space.base <= block < self.space.limit:
            b = mmu.at(self.space, block, 16)
        # What names itself both ways would be found good.
        if b == 0 or block == address or w[b + back] != expected:
            return self.space.damage("link", address, field, "a free block that names it")
        return b

    def unhook(self, region):
        """Take the one free block of an idle region from its list. Returns OK."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        m = mmu.at(self.space, region, p.TREE_HEAD)
        w = self.space.words
        if not self._is_free(m, 1):
            return self.space.damage("region", region, p.IS_IDLE, "0, for not all is free")
        self._count(p.REGION_FREE, w[m + p.REGION_BASE] - w[m + p.REGION_LIMIT])
        return self._unlink(n, m, 1, w[m + p.TREE_ORDER], w[m + p.REGION_BASE])

    def _verify_own(self, region, m):
        """As `RegionPool._verify_own`: the region is a block."""
        w = self.space.words
        order = w[m + p.TREE_ORDER]
        size = w[m + p.REGION_LIMIT] - w[m + p.REGION_BASE]
        one = 1
        if order < self.least or order > p.MOST_ORDER or one << order != size:
            return self.space.damage("region", region, p.TREE_ORDER, "the order of its size")
        if w[m + p.REGION_BASE] & size - 1:
            return self.space.damage("region", region, p.REGION_BASE, "a multiple of its size")
        if w[m + p.SOLE_BLOCK]:
            return self.space.damage("region", region, p.SOLE_BLOCK, "0")
        return r.OK

    def _own_bytes(self, m):
        """As `RegionPool._own_bytes`."""
        return self._tree_bytes(self.space.words[m + p.TREE_ORDER])

    # Accounts

    def block_size(self, size):
        """`size` rounded up to a power of two, `min_size` at least."""
        return orders.power(self._order(size))

    def largest(self):
        """The bytes of the largest free block."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        w = self.space.words
        k = p.MOST_ORDER
        while k >= 0 and w[n + p.ORDERS + k] == 0:
            k -= 1
        return orders.power(k) if k >= 0 else 0

    def whole_free(self):
        """The bytes of the free blocks that are a grain or more."""
        n = mmu.at(self.space, self.address, p.BUDDY_SIZE)
        w = self.space.words
        one = 1
        found = 0
        for k in range(orders.floor_order(self.grains.grain), p.MOST_ORDER + 1):
            address = w[n + p.ORDERS + k]
            at = self.address
            field = p.ORDERS + k
            previous = 0
            # Each names the one before it, so none comes twice.
            while address:
                b = self._neighbour(address, k, at, field, 1, previous)
                found += one << k
                at = previous = address
                field = 0
                address = w[b]
        return found

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no block of `size`
        bytes lies at `address`."""
        k = self._order(size)
        m = self._tree(self._expect_in_region(address, 1), address)
        if self._live_node(m, address, k) == 0:
            self._refuse_block(address, size, m)
        return r.OK

    def _refuse_block(self, address, size, m):
        """Raises: ProtocolError, for a block that does not live so."""
        k = self._order(size)
        if address + orders.power(k) > self.space.words[m + p.REGION_LIMIT]:
            self._refuse(address, orders.power(k), 0)
        for other in range(self.least, self.space.words[m + p.TREE_ORDER] + 1):
            base = address & -orders.power(other)
            node = self._node(m, base, other)
            if self._is_free(m, node):
                raise ProtocolError(
                    f"block [{address:#x}, {address + orders.power(k):#x}) of {self!r} is already free"
                )
            if self._live_node(m, base, other):
                if base == address:
                    raise ProtocolError(
                        f"block {address:#x} of {self!r} is freed with size {size}, of the order "
                        f"{k}: expected one of the order {other}, of {orders.power(other)} bytes at most"
                    )
                raise ProtocolError(
                    f"no block of {self!r} begins at {address:#x}: it lies in that of "
                    f"{orders.power(other)} bytes at {base:#x}"
                )
        self.space.damage("region", self.region_of(address), p.TREE, "a tree with its block")

    # End

    def free_ranges(self):
        """As `Pool.free_ranges`: each free block, ascending."""
        return ((base, base + size) for base, size in self.free_blocks())

    def free_blocks(self):
        """The free blocks by their lists: a list of (base, size), ascending.

        Raises: DamageError if a link cannot be.
        """
        found = []
        for k in range(p.MOST_ORDER + 1):
            at, field, previous = self.address, p.ORDERS + k, 0
            while address := self.space.word(at + 8 * field):
                self._neighbour(address, k, at, field, 1, previous)
                found.append((address, 1 << k))
                at, field, previous = address, 0, address
        return sorted(found)

    @walks
    def check(self):
        """Verify the pool (design/classes.md#.req.check). Raises: DamageError."""
        self.check_regions()
        listed = self.free_blocks()
        self._expect_free(sum(size for _, size in listed))
        found = []
        for region in self.regions():
            free = self._check_tree(region)
            self._expect_idle(region, free[:1] == [self._span(region)])
            found += free
        for base, size in set(listed) ^ set(found):
            told = f"a free block of {size} bytes, in the tree and in a list"
            self.space.damage("free block", base, 0, told)

    def _span(self, region):
        """The (base, bytes) of a region."""
        w = self._region_words(region)
        return w[p.REGION_BASE], w[p.REGION_LIMIT] - w[p.REGION_BASE]

    def _check_tree(self, region):
        """The free blocks of a region by its tree, as (base, size).

        Raises: DamageError if they and the live ones are not just all of it.
        """
        w = self._region_words(region)
        order, at = w[p.TREE_ORDER], w[p.REGION_BASE]
        nodes = {}
        for i, word in enumerate(w[p.TREE :]):
            for j in range(64) if word else ():
                if word >> j & 1:
                    node = i // 2 * 64 + j
                    k = order - node.bit_length() + 1
                    if not self.least <= k <= order:
                        self.space.damage("region", region, p.TREE + i, "no bits without nodes")
                    base = w[p.REGION_BASE] + (node << k) - (1 << order)
                    nodes.setdefault(base, []).append((k, node, i))
        free = []
        while at < w[p.REGION_LIMIT]:
            known = nodes.pop(at, [])
            if len(known) != 1:
                told = f"one block at {at:#x}, free or live"
                self.space.damage("region", region, p.TREE, told)
            k, node, i = known[0]
            if i % 2 == 0:
                if node > 1 and self._is_free(self._named(region), node ^ 1):
                    told = f"no two buddies free at {at:#x}"
                    self.space.damage("region", region, p.TREE + i, told)
                free.append((at, 1 << k))
            at += 1 << k
        if nodes or at != w[p.REGION_LIMIT]:
            self.space.damage("region", region, p.TREE, "blocks that lie side by side")
        return free

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        orders = {}
        for _, size in self.free_blocks():
            orders[size] = orders.get(size, 0) + 1
        listed = ", ".join(f"{count} of {size}" for size, count in sorted(orders.items()))
        return self.described(f"  free blocks: {listed or 'none'}\n")
