"""Tree: an AVL tree whose nodes lie in simulated memory.

A node begins with the words LEFT, RIGHT, BASE, LIMIT; it stands for the
range [BASE, LIMIT), and the ranges of a tree are disjoint. Links are
addresses. The low bit of a link says that this side is the taller one, so
that balance takes no space. An empty link names `space.nil`, which reads as
zeros: no walk asks whether it has fallen off the tree but by `n == 0`.

Every change begins with one walk down, which records the way in `path`: an
entry is a node's word number times 2, plus the side that the way took there
(0 left, 1 right); entry 0 is the root's word, which counts as a left link.
Everything after that follows the recorded way upwards.
Source: design/land.md#.sol.tree
"""

from land import fields as f
from vm import fields as vf
from vm import mmu
from vm import results as r
from vm.results import failure


class Tree:
    """The handle of a tree of nodes of `node_size` bytes, the address of
    whose root lies in the word at `root_at`."""

    def __init__(self, space, root_at, node_size):
        self.space = space
        self.root_at = root_at
        self.node_size = node_size
        self.path = [0] * 96
        self.turn = [0] * 2
        self.depth = 0
        self.before = 0
        self.after = 0

    # Hooks for what a subclass caches about subtrees, in the words from
    # MAX on (design/land.md#.sol.cache)

    def refresh(self, n):
        """Recompute what node n caches. Returns 1 if that changed it."""
        return 0

    def is_stale(self, n):
        """1 if what node n caches is wrong, else 0."""
        return 0

    def grown(self, i):
        """The range of the node at path[i] is new or has grown: correct
        the caches from there upwards, as long as they change."""
        return 0

    def shrunk(self, i):
        """A range at or below path[i] has shrunk or gone: correct the
        caches from there upwards, as long as they change.

        Returns the first entry left as it was, 0 if there is none.
        """
        return 0

    # Links (design/land.md#.sol.bounds)

    def follow(self, slot):
        """The node that the link in word `slot` names, 0 if that is nil.

        Raises: DamageError if no node can be there; AccessError.
        """
        m = self.space.words[slot] - self.space.base
        if 0 <= m < self.space.room and m & 6 == 0:
            return (m >> 3) + f.FIRST
        return self.beyond(slot)

    def beyond(self, slot):
        """As `follow`, where it cannot tell by itself."""
        link = self.space.words[slot] & -2
        if link == self.space.nil:
            return 0
        if link & 6 or link < self.space.base or link > self.space.origin + self.space.extent:
            return self.damage(slot, 0, "the address of a node, or nil")
        return self.space.admit(link, self.node_size)

    def damage(self, n, field, expected):
        """Raises: DamageError, for the word `field` of what begins with word n."""
        return self.space.damage("a node or link of a tree", self._address(n), field, expected)

    def too_deep(self):
        """Raises: DamageError, for more levels than a tree can have."""
        return self.space.damage("a tree", self.root_at, 0, f"at most {f.DEEPEST} nodes on a way down")

    def expect_range(self, n):
        """Raises: DamageError, if the range of node n cannot be one."""
        w = self.space.words
        if w[n + f.BASE] < 0:
            return self.damage(n, f.BASE, "an address")
        if (w[n + f.LIMIT] - w[n + f.BASE] - 1) >> 62:
            return self.damage(n, f.LIMIT, "an address above the base")
        return 0

    # The way down

    def seek(self, base):
        """Walk to where a node for a range at `base` hangs or would hang.

        Leaves the way in path[0 .. depth - 1], to its very end; in `before`
        the entry of the last node with BASE <= base, and in `after` that of
        the first with BASE > base, 0 if there is none.
        Cost: O(log n), one walk.
        """
        w = self.space.words
        path = self.path
        slot = mmu.at(self.space, self.root_at, 8)
        path[0] = slot << 1
        d = 1
        turn = self.turn
        turn[0] = 0
        turn[1] = 0
        low = self.space.base
        room = self.space.room
        while d <= f.DEEPEST:
            m = w[slot] - low
            if 0 <= m < room:
                n = (m >> 3) + f.FIRST
            else:
                n = self.beyond(slot)
                if n == 0:
                    self.before = turn[1]
                    self.after = turn[0]
                    self.depth = d
                    return 0
            # The comparison is a coin toss: no branch (design/land.md#.sol.toss)
            side = 1 if w[n + f.BASE] <= base else 0
            turn[side] = d
            path[d] = (n << 1) + side
            slot = n + side
            d += 1
        return self.too_deep()

    def extend(self, k):
        """Continue the way from the node at path[k] to the end of its
        right side, where its successor is or would be."""
        path = self.path
        n = path[k] >> 1
        path[k] = (n << 1) + 1
        n = self.follow(n + f.RIGHT)
        k += 1
        while n:
            if k > f.DEEPEST:
                return self.too_deep()
            path[k] = n << 1
            n = self.follow(n + f.LEFT)
            k += 1
        self.depth = k
        return 0

    # Changes, at the end of the way

    def link(self, address):
        """Hang the node at `address`, with its BASE and LIMIT, at the end
        of the way. Cost: O(log n) upwards, O(1) on average."""
        d = self.depth
        self._hang(address)
        self._taller(d - 1)
        return 0

    def _hang(self, address):
        """Hang the node at `address` without regard to balance."""
        w = self.space.words
        m = mmu.at(self.space, address, self.node_size)
        if m < f.FIRST:
            return self.damage(m, 0, "nothing: no node is on the nil page")
        w[m + f.LEFT] = self.space.nil
        w[m + f.RIGHT] = self.space.nil
        i = f.MAX
        while i < self.node_size >> 3:
            w[m + i] = 0
            i += 1
        d = self.depth
        self._aim(d - 1, address)
        self.path[d] = m << 1
        self.depth = d + 1
        self.grown(d)
        return 0

    def link_above(self, k, address):
        """Hang the node at `address` at the end of the way, as successor of
        the node at path[k], whose range has shrunk for it. Cost: as `link`."""
        d = self.depth
        self._hang(address)
        self.shrunk(k)
        self._taller(d - 1)
        return 0

    def remove(self, k):
        """Take the node at path[k] out of the tree; its right side was
        walked to the end, by `seek` to it or `extend`.

        Its successor takes its place. Returns its address.
        Cost: O(log n) upwards, O(1) on average.
        """
        n = self.path[k] >> 1
        j = self.depth - 1
        if j == k:
            self._unlink(k)
            self.shrunk(k - 1)
        else:
            self._supplant(k, j)
            if self.shrunk(j - 1) >= k:
                self.shrunk(k)
        self._shorter(j - 1)
        return self._address(n)

    def merge(self, limit):
        """Of the two neighbours to which the way leads, remove the node
        `after` and let the node `before` extend to `limit`.

        One of them is at the end of the way, above it the other. Returns
        the address of the node removed. Cost: as `remove`.
        """
        w = self.space.words
        k = self.before
        j = self.after
        gone = self.path[j] >> 1
        if j > k:
            self._unlink(j)
        else:
            k = j
            j = self.before
            self._supplant(k, j)
        # In this order: a cache first loses what has gone, then gains.
        self.shrunk(j - 1)
        w[(self.path[k] >> 1) + f.LIMIT] = limit
        self.grown(k)
        self._shorter(j - 1)
        return self._address(gone)

    def _address(self, n):
        return (n << 3) + self.space.origin

    def _aim(self, i, address):
        """Let the link that path[i] takes name `address`; its tag stays."""
        w = self.space.words
        slot = (self.path[i] >> 1) + (self.path[i] & 1)
        w[slot] = address | (w[slot] & 1)
        return 0

    def _unlink(self, k):
        """Put the only child of the node at path[k], or none, in its place."""
        w = self.space.words
        m = self.path[k] >> 1
        # Of an only child the side is the taller one; without, both are nil.
        side = f.LEFT if w[m + f.LEFT] & 1 else f.RIGHT
        if w[m + 1 - side] != self.space.nil:
            return self.damage(m, 1 - side, "nil, for the node has one child at most")
        return self._aim(k - 1, w[m + side] & -2)

    def _supplant(self, k, j):
        """Unlink the node at path[j], below path[k], and put it, with the
        links and caches found there, in the place of the node at path[k]."""
        w = self.space.words
        path = self.path
        n = path[k] >> 1
        m = path[j] >> 1
        self._unlink(j)
        w[m + f.LEFT] = w[n + f.LEFT]
        w[m + f.RIGHT] = w[n + f.RIGHT]
        i = f.MAX
        while i < self.node_size >> 3:
            w[m + i] = w[n + i]
            i += 1
        self._aim(k - 1, self._address(m))
        path[k] = (m << 1) + (path[k] & 1)
        return 0

    # Balance (design/land.md#.sol.balance)

    def _taller(self, i):
        """The side that path[i] takes has become one level taller."""
        w = self.space.words
        while i > 0:
            n = self.path[i] >> 1
            side = self.path[i] & 1
            if w[n + 1 - side] & 1:
                w[n + 1 - side] -= 1
                return 0
            if w[n + side] & 1:
                self._rotate(i, side)
                return 0
            w[n + side] += 1
            i -= 1
        return 0

    def _shorter(self, i):
        """The side that path[i] takes has become one level shorter."""
        w = self.space.words
        while i > 0:
            n = self.path[i] >> 1
            side = self.path[i] & 1
            if w[n + side] & 1:
                w[n + side] -= 1
            elif w[n + 1 - side] & 1:
                if not self._rotate(i, 1 - side):
                    return 0
            else:
                w[n + 1 - side] += 1
                return 0
            i -= 1
        return 0

    def _rotate(self, i, side):
        """Restore the balance of the node n at path[i], whose `side` is two
        levels taller. Returns 1 if the whole is now one level shorter.

             n              c      |        n                g
            . `c    to    n` `x    |       . `c     to     n` `c
             y` `x       . y       |        g` `x         . y z x
        """
        w = self.space.words
        other = 1 - side
        n = self.path[i] >> 1
        c = self.follow(n + side)
        if c == 0:
            return self.damage(n, side, "a node: the side is the taller one")
        top = c
        even = 0
        if w[c + other] & 1:
            top = self.follow(c + other)
            if top == 0:
                return self.damage(c, other, "a node: the side is the taller one")
            w[n + side] = w[top + other] & -2
            w[c + other] = w[top + side] & -2
            w[n + other] |= w[top + side] & 1
            w[c + side] |= w[top + other] & 1
            w[top + side] = self._address(c)
            w[top + other] = self._address(n)
            self.refresh(c)
        else:
            even = 1 - (w[c + side] & 1)
            w[n + side] = (w[c + other] & -2) + even
            w[c + side] &= -2
            w[c + other] = self._address(n) + even
        self.refresh(n)
        self.refresh(top)
        self._aim(i - 1, self._address(top))
        return 1 - even

    # Nodes as such, whatever they are for

    def insert_node(self, address):
        """Insert the node at `address`, with its BASE and LIMIT.

        Returns OK, or FAIL if its range overlaps another. Cost: O(log n).
        """
        w = self.space.words
        m = mmu.at(self.space, address, self.node_size)
        self.seek(w[m + f.BASE])
        if self.before and w[(self.path[self.before] >> 1) + f.LIMIT] > w[m + f.BASE]:
            return r.FAIL
        if self.after and w[(self.path[self.after] >> 1) + f.BASE] < w[m + f.LIMIT]:
            return r.FAIL
        self.link(address)
        return r.OK

    def remove_node(self, address):
        """Remove the node at `address`.

        Returns OK, or FAIL if it is not in the tree. Cost: O(log n).
        """
        w = self.space.words
        m = mmu.at(self.space, address, self.node_size)
        self.seek(w[m + f.BASE])
        if self.path[self.before] >> 1 != m or not self.before:
            return r.FAIL
        self.remove(self.before)
        return r.OK

    def find(self, address):
        """The address of the node whose range contains `address`, or 0.

        Cost: O(log n).
        """
        w = self.space.words
        n = self.follow(mmu.at(self.space, self.root_at, 8))
        d = 1
        while n:
            if d > f.DEEPEST:
                return self.too_deep()
            if address < w[n + f.BASE]:
                n = self.follow(n + f.LEFT)
            elif address < w[n + f.LIMIT]:
                return self._address(n)
            else:
                n = self.follow(n + f.RIGHT)
            d += 1
        return 0

    def first_ending_after(self, address):
        """The address of the first node with LIMIT > address, or 0.

        An iteration in order begins with 0 and goes on with the LIMIT of
        the node found. Cost: O(log n).
        """
        w = self.space.words
        n = self.follow(mmu.at(self.space, self.root_at, 8))
        found = 0
        d = 1
        while n:
            if d > f.DEEPEST:
                return self.too_deep()
            if w[n + f.LIMIT] > address:
                found = self._address(n)
                n = self.follow(n + f.LEFT)
            else:
                n = self.follow(n + f.RIGHT)
            d += 1
        return found

    def is_empty(self):
        """1 if the tree has no node, else 0."""
        return 1 if self.follow(mmu.at(self.space, self.root_at, 8)) == 0 else 0

    # The public face

    def insert(self, address):
        """Insert the node at `address`. Raises: ProtocolError if its range
        overlaps another."""
        if self.insert_node(address) != r.OK:
            raise failure(r.FAIL, f"the range of the node at {address:#x} overlaps another")

    def take_out(self, address):
        """Remove the node at `address`. Raises: ProtocolError if it is not
        in the tree."""
        if self.remove_node(address) != r.OK:
            raise failure(r.FAIL, f"there is no node at {address:#x} in the tree")

    def node_of(self, address):
        """The address of the node whose range contains `address`, or None."""
        return self.find(address) or None

    def __iter__(self):
        """The addresses of the nodes in order."""
        address = self.first_ending_after(0)
        while address:
            limit = self.space.word(address + f.LIMIT * vf.WORD)
            yield address
            address = self.first_ending_after(limit)

    def check(self):
        """Assert order, balance and caches. Returns how many nodes it has.

        Cost: O(n).
        """
        n = mmu.at(self.space, self.root_at, 8)
        assert not self.space.words[n] & 1, "the root's link has no tag"
        return self._check_subtree(self.follow(n), 1, 0, 1 << 62)[0]

    def _check_subtree(self, n, level, least, most):
        """The nodes and levels of the subtree at n, inside [least, most); it
        hangs on that level."""
        if n == 0:
            return 0, 0
        if level > f.DEEPEST:
            self.too_deep()
        w = self.space.words
        base, limit = w[n + f.BASE], w[n + f.LIMIT]
        assert least <= base < limit <= most, f"[{base:#x}, {limit:#x}) is in order"
        left, right = self.follow(n + f.LEFT), self.follow(n + f.RIGHT)
        count, left_levels = self._check_subtree(left, level + 1, least, base)
        more, right_levels = self._check_subtree(right, level + 1, limit, most)
        self._check_balance(n, right_levels - left_levels)
        assert not self.is_stale(n), f"the caches of [{base:#x}, {limit:#x}) are right"
        return count + more + 1, max(left_levels, right_levels) + 1

    def _check_balance(self, n, lean):
        """Assert that the right side of n is `lean` levels taller, and one at most."""
        w = self.space.words
        assert not (w[n + f.RIGHT] & w[n + f.LEFT] & 1), "one side at most is the taller"
        told = (w[n + f.RIGHT] & 1) - (w[n + f.LEFT] & 1)
        assert lean == told, "the tag is on the taller side"
