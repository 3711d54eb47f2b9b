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
    """Heaps of slabs in `space`, each named by the address of its root's word."""

    def __init__(self, space):
        self.space = space

    def insert(self, root, slab):
        """Add a slab. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        n = mmu.at(self.space, root, 8)
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
        below = self._merge_all(w[m + p.HEAP_CHILD])
        if w[n] == slab:
            w[n] = below
            return r.OK
        following = w[m + p.HEAP_NEXT]
        back = w[m + p.HEAP_BACK]
        b = mmu.at(self.space, back, p.SLAB_HEAD)
        if w[b + p.HEAP_CHILD] == slab:
            w[b + p.HEAP_CHILD] = following
        else:
            w[b + p.HEAP_NEXT] = following
        if following:
            w[mmu.at(self.space, following, p.SLAB_HEAD) + p.HEAP_BACK] = back
        w[n] = self._merge(w[n], below)
        return r.OK

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
        w[b + p.HEAP_NEXT] = child
        w[b + p.HEAP_BACK] = one
        if child:
            w[mmu.at(self.space, child, p.SLAB_HEAD) + p.HEAP_BACK] = other
        w[a + p.HEAP_CHILD] = other
        return one

    def _merge_all(self, first):
        """The root of the heap of all siblings from `first` on, or 0: they are
        merged in pairs from the first on, and the pairs from the last on."""
        w = self.space.words
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

    def _alone(self, slab):
        """Make `slab` the root of what is below it. Returns its next sibling."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        following = w[m + p.HEAP_NEXT]
        w[m + p.HEAP_NEXT] = 0
        w[m + p.HEAP_BACK] = 0
        return following

    def after(self, slab):
        """The slab that comes after `slab` in a walk that begins at the root
        and visits all, or 0."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        if w[m + p.HEAP_CHILD]:
            return w[m + p.HEAP_CHILD]
        while slab:
            m = mmu.at(self.space, slab, p.SLAB_HEAD)
            if w[m + p.HEAP_NEXT]:
                return w[m + p.HEAP_NEXT]
            slab = self._parent(slab)
        return 0

    def _parent(self, slab):
        """The slab that `slab` is a child of, or 0."""
        w = self.space.words
        back = w[mmu.at(self.space, slab, p.SLAB_HEAD) + p.HEAP_BACK]
        while back:
            b = mmu.at(self.space, back, p.SLAB_HEAD)
            if w[b + p.HEAP_CHILD] == slab:
                return back
            slab = back
            back = w[b + p.HEAP_BACK]
        return 0

    def slabs(self, root):
        """All slabs of a heap, as they are linked: a list. Asserts that it is one."""
        found = []
        slab = self.space.word(root)
        assert not slab or self.space.words_at(slab, p.SLAB_HEAD)[p.HEAP_BACK] == 0, "a root"
        while slab:
            w = self.space.words_at(slab, p.SLAB_HEAD)
            if following := w[p.HEAP_NEXT]:
                back = self.space.words_at(following, p.SLAB_HEAD)[p.HEAP_BACK]
                assert back == slab, "a slab names the sibling before it"
            if child := w[p.HEAP_CHILD]:
                below = self.space.words_at(child, p.SLAB_HEAD)
                assert below[p.HEAP_BACK] == slab, "a first child names its parent"
            parent = self._parent(slab)
            if parent:
                base = self.space.words_at(parent, p.SLAB_HEAD)[p.REGION_BASE]
                assert base < w[p.REGION_BASE], "a parent lies lower"
            found.append(slab)
            slab = self.after(slab)
        return found
