"""Heap: the slabs of one size class that have room, the lowest at the root.

A pairing heap, whose three links lie in the slabs' descriptors: an insertion
costs O(1), a removal O(log n) on average over many.
Source: design/classes.md#.sol.heap; M. L. Fredman, R. Sedgewick, D. D. Sleator,
R. E. Tarjan, "The pairing heap: a new form of self-adjusting heap",
Algorithmica 1, 1986.
"""

from pools import fields as p
from vm import mmu
from vm import results as r


class Heap:
    """Heaps of slabs of the pool at `pool` in `space`, each named by the address
    of its root's word.

    A link is followed if what it names is a slab of the pool that names it
    back: so every walk ends (design/classes.md#.sol.damage).
    """

    def __init__(self, space, pool):
        self.space = space
        self.pool = pool

    def insert(self, root, slab):
        """Add a slab. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        n = mmu.at(self.space, root, 8)
        self.first(root)
        w[m + p.HEAP_CHILD] = 0
        w[m + p.HEAP_NEXT] = 0
        w[m + p.HEAP_BACK] = 0
        w[n] = self._merge(w[n], slab)
        return r.OK

    def remove(self, root, slab):
        """Take a slab out. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        n = mmu.at(self.space, root, 8)
        top = self.first(root)
        following = w[m + p.HEAP_NEXT]
        back = w[m + p.HEAP_BACK]
        if following:
            self._member(following, slab, p.HEAP_NEXT, slab)
        if top == slab:
            w[n] = self._merge_all(w[m + p.HEAP_CHILD], slab)
            return r.OK
        b = self._above(slab, back)
        below = self._merge_all(w[m + p.HEAP_CHILD], slab)
        if w[b + p.HEAP_CHILD] == slab:
            w[b + p.HEAP_CHILD] = following
        else:
            w[b + p.HEAP_NEXT] = following
        if following:
            w[mmu.at(self.space, following, p.SLAB_HEAD) + p.HEAP_BACK] = back
        w[n] = self._merge(w[n], below)
        return r.OK

    def _member(self, slab, at, field, back):
        """The number of the first word of a slab, which the word `field` at the
        address `at` names, and which names `back`. Raises: DamageError."""
        w = self.space.words
        m = 0
        if slab & 7 == 0 and self.space.base <= slab < self.space.limit:
            m = mmu.at(self.space, slab, p.SLAB_HEAD)
        if m == 0 or w[m] != p.REGION_SIG or w[m + p.REGION_POOL] != self.pool:
            return self.space.damage("a heap's link", at, field, "a slab of the pool, or 0")
        if w[m + p.HEAP_BACK] != back:
            return self.space.damage("slab", slab, p.HEAP_BACK, "the slab that names it")
        return m

    def _above(self, slab, back):
        """The number of the first word of `back`, which must name `slab`."""
        w = self.space.words
        b = 0
        if back & 7 == 0 and self.space.base <= back < self.space.limit:
            b = mmu.at(self.space, back, p.SLAB_HEAD)
        if b == 0 or w[b] != p.REGION_SIG:
            return self.space.damage("slab", slab, p.HEAP_BACK, "a slab of the pool")
        if w[b + p.HEAP_CHILD] != slab and w[b + p.HEAP_NEXT] != slab:
            return self.space.damage("slab", slab, p.HEAP_BACK, "the slab that names it")
        return b

    def _merge(self, one, other):
        """The root of two heaps, each the root of one or 0, that become one."""
        if one == 0:
            return other
        if other == 0:
            return one
        w = self.space.words
        a = mmu.at(self.space, one, p.SLAB_HEAD)
        b = mmu.at(self.space, other, p.SLAB_HEAD)
        if w[b + p.REGION_BASE] < w[a + p.REGION_BASE]:
            one, other = other, one
            a, b = b, a
        child = w[a + p.HEAP_CHILD]
        if child:
            w[self._member(child, one, p.HEAP_CHILD, one) + p.HEAP_BACK] = other
        w[b + p.HEAP_NEXT] = child
        w[b + p.HEAP_BACK] = one
        w[a + p.HEAP_CHILD] = other
        return one

    def _merge_all(self, first, parent):
        """The root of the heap of all siblings from `first` on, or 0: they are
        merged in pairs from the first on, and the pairs from the last on."""
        w = self.space.words
        self._expect_siblings(first, parent)
        pairs = 0
        while first:
            one = first
            other = self._alone(one)
            first = self._alone(other) if other else 0
            one = self._merge(one, other)
            w[mmu.at(self.space, one, p.SLAB_HEAD) + p.HEAP_NEXT] = pairs
            pairs = one
        root = 0
        while pairs:
            one = pairs
            pairs = self._alone(one)
            root = self._merge(root, one)
        return root

    def _expect_siblings(self, first, parent):
        """Returns OK if each of the siblings from `first` on names the one
        before it, and the first the parent. Raises: DamageError."""
        w = self.space.words
        back = parent
        field = p.HEAP_CHILD
        while first:
            m = self._member(first, back, field, back)
            back = first
            field = p.HEAP_NEXT
            first = w[m + p.HEAP_NEXT]
        return r.OK

    def _alone(self, slab):
        """Make `slab` the root of what is below it. Returns its next sibling."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        following = w[m + p.HEAP_NEXT]
        w[m + p.HEAP_NEXT] = 0
        w[m + p.HEAP_BACK] = 0
        return following

    def first(self, root):
        """The slab at the root of a heap, or 0. Raises: DamageError."""
        slab = self.space.words[mmu.at(self.space, root, 8)]
        if slab:
            m = self._member(slab, root, 0, 0)
            if self.space.words[m + p.HEAP_NEXT]:
                return self.space.damage("slab", slab, p.HEAP_NEXT, "0, for it is a root")
        return slab

    def after(self, slab):
        """The slab that comes after `slab` in a walk that begins with `first`
        and visits all, or 0. Raises: DamageError."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        child = w[m + p.HEAP_CHILD]
        if child:
            self._member(child, slab, p.HEAP_CHILD, slab)
            return child
        while slab:
            m = mmu.at(self.space, slab, p.SLAB_HEAD)
            following = w[m + p.HEAP_NEXT]
            if following:
                self._member(following, slab, p.HEAP_NEXT, slab)
                return following
            slab = self._parent(slab)
        return 0

    def _parent(self, slab):
        """The slab that `slab` is a child of, or 0."""
        w = self.space.words
        back = w[mmu.at(self.space, slab, p.SLAB_HEAD) + p.HEAP_BACK]
        while back:
            b = self._above(slab, back)
            if w[b + p.HEAP_CHILD] == slab:
                return back
            slab = back
            back = w[b + p.HEAP_BACK]
        return 0

    def slabs(self, root):
        """All slabs of a heap, as they are linked: a list.

        Raises: DamageError if they are none.
        """
        found = []
        slab = self.first(root)
        while slab:
            parent = self._parent(slab)
            if parent and self._base(slab) <= self._base(parent):
                self.space.damage("slab", slab, p.REGION_BASE, "more than that of its parent")
            found.append(slab)
            slab = self.after(slab)
        return found

    def _base(self, slab):
        return self.space.words[mmu.at(self.space, slab, p.SLAB_HEAD) + p.REGION_BASE]
