"""Mistakes in land/: trees, CBS, freelist, failover, zones."""

from zoo.bug import Bug

BUGS = [
    Bug(
        "insert-misses-right-neighbour",
        "land/cbs.py",
        "            if w[m + f.BASE] == limit:\n                high = w[m + f.LIMIT]",
        "            if w[m + f.BASE] == limit and low < base:\n                high = w[m + f.LIMIT]",
        "what touches only its right neighbour is not coalesced",
    ),
    Bug(
        "insert-misses-left-neighbour",
        "land/cbs.py",
        "            if w[n + f.LIMIT] == base:\n                low",
        "            if w[n + f.LIMIT] == base and after:\n                low",
        "the highest range does not grow upwards",
    ),
    Bug(
        "insert-accepts-overlap-above",
        "land/cbs.py",
        "if w[m + f.BASE] < limit:\n                return r.FAIL",
        "if w[m + f.BASE] <= base:\n                return r.FAIL",
        "an insertion that overlaps the range above is taken",
    ),
    Bug(
        "insert-tells-half-of-a-merge",
        "land/cbs.py",
        "                self.nodes.free_node(self.tree.merge(self.found_limit))\n",
        "                self.nodes.free_node(self.tree.merge(self.found_limit))\n"
        "                self.found_limit = limit\n",
        "of a merge of two neighbours only the left one is told",
    ),
    Bug(
        "merge-keeps-its-node",
        "land/cbs.py",
        "                self.nodes.free_node(self.tree.merge(self.found_limit))",
        "                self.tree.merge(self.found_limit)",
        "the node of a range that was swallowed is never given back",
    ),
    Bug(
        "delete-of-a-whole-range-keeps-its-node",
        "land/cbs.py",
        "                self._resize(base - limit, -1)\n"
        "                self.nodes.free_node(self.tree.remove(i))\n",
        "                self._resize(base - limit, -1)\n"
        "                self.tree.remove(i)\n",
        "the node of a range that went is never given back",
    ),
    Bug(
        "delete-beyond-the-end",
        "land/cbs.py",
        "        if w[n + f.LIMIT] < limit:\n"
        "            return r.FAIL\n",
        "        if w[n + f.LIMIT] <= base:\n"
        "            return r.FAIL\n",
        "a deletion that reaches beyond the range is taken",
    ),
    Bug(
        "split-shrinks-before-it-has-a-node",
        "land/cbs.py",
        "            address = self._new_node(limit, w[n + f.LIMIT])\n"
        "            if address < 0:\n"
        "                return -address\n"
        "            self._resize(base - limit, 1)\n"
        "            w[n + f.LIMIT] = base\n",
        "            high = w[n + f.LIMIT]\n"
        "            w[n + f.LIMIT] = base\n"
        "            address = self._new_node(limit, high)\n"
        "            if address < 0:\n"
        "                return -address\n"
        "            self._resize(base - limit, 1)\n",
        "a split that is refused its node has already lost the upper part",
    ),
    Bug(
        "split-off-by-a-word",
        "land/cbs.py",
        "            address = self._new_node(limit, w[n + f.LIMIT])",
        "            address = self._new_node(limit, w[n + f.LIMIT] - self.align)",
        "the upper part of a split is a grain short",
    ),
    Bug(
        "exact-fit-leaves-an-empty-range",
        "land/cbs.py",
        "        if mode == f.ENTIRE or limit - base == size:",
        "        if mode == f.ENTIRE:",
        "a range that is used up stays, with no bytes in it",
    ),
    Bug(
        "find-forgets-to-count",
        "land/cbs.py",
        "        self._resize(-size, 0)\n"
        "        if mode == f.LOW:",
        "        if mode == f.LOW:",
        "what a find deletes is still counted in the size",
    ),
    Bug(
        "cut-leaves-the-maximum-stale",
        "land/cbs.py",
        "            w[n + f.LIMIT] = limit - size\n"
        "        self.fast.shrunk(i)\n",
        "            w[n + f.LIMIT] = limit - size\n",
        "the subtree's maximum is that of before the find",
    ),
    Bug(
        "find-high-cuts-low",
        "land/cbs.py",
        "            self.found_base = limit - size\n            w[n + f.LIMIT] = limit - size",
        "            self.found_base = limit - size\n            w[n + f.BASE] = base + size",
        "the high end is given out and the low end deleted",
    ),
    Bug(
        "largest-is-the-last-of-equals",
        "land/cbs.py",
        "return self._take(self.fast.seek_fit(largest, 0), size, mode)",
        "return self._take(self.fast.seek_fit(largest, 1), size, mode)",
        "of several largest ranges the highest is taken",
    ),
    Bug(
        "maximum-grows-one-level-only",
        "land/fasttree.py",
        "            w[n + f.MAX] = size\n            i -= 1\n        return 0",
        "            w[n + f.MAX] = size\n            i -= 2\n        return 0",
        "every other ancestor does not hear of a larger range",
    ),
    Bug(
        "maximum-shrinks-without-the-other-side",
        "land/fasttree.py",
        "                size = w[self.space.admit(link, self.node_size) + f.MAX]\n"
        "            if size > now:\n"
        "                now = size\n"
        "        return i",
        "                size = w[self.space.admit(link, self.node_size) + f.MAX]\n"
        "        return i",
        "the other child is forgotten when a maximum shrinks",
    ),
    Bug(
        "fit-needs-one-byte-more",
        "land/fasttree.py",
        "            elif w[n + f.LIMIT] - w[n + f.BASE] >= size:",
        "            elif w[n + f.LIMIT] - w[n + f.BASE] > size:",
        "a range of just the size asked for is passed over",
    ),
    Bug(
        "rotation-does-not-refresh",
        "land/tree.py",
        "        self.refresh(n)\n        self.refresh(top)",
        "        self.refresh(top)",
        "what the lower node of a rotation caches is that of before",
    ),
    Bug(
        "rotation-loses-a-tag",
        "land/tree.py",
        "            w[n + other] |= w[top + side] & 1\n",
        "",
        "a double rotation forgets which side is the taller",
    ),
    Bug(
        "removal-forgets-the-balance",
        "land/tree.py",
        "            if self.shrunk(j - 1) >= k:\n                self.shrunk(k)\n        self._shorter(j - 1)\n        return self._address(n)",
        "            if self.shrunk(j - 1) >= k:\n                self.shrunk(k)\n        return self._address(n)",
        "the tree is not balanced again after a removal",
    ),
    Bug(
        "successor-keeps-its-own-caches",
        "land/tree.py",
        "            w[m + i] = w[n + i]\n",
        "            w[m + i] = w[m + i]\n",
        "a node that takes another's place keeps what it knew of its own subtree",
    ),
    Bug(
        "zone-set-misses-its-last-zone",
        "land/zones.py",
        "        return bits.mask(first, last + 1)",
        "        return bits.mask(first, max(last, first + 1))",
        "the zone in which a range ends is not in its set",
    ),
    Bug(
        "zones-of-a-subtree-lack-the-right-side",
        "land/zonedtree.py",
        "        zones |= w[mmu.at(self.space, w[n + f.RIGHT], self.node_size) + f.ZONES]\n",
        "",
        "a subtree's zones are those of its root and left side",
    ),
    Bug(
        "run-begins-in-the-wrong-zone",
        "land/zones.py",
        "            start = ((at >> shift) + 1) << shift\n            if limit - start < size:",
        "            start = at\n            if limit - start < size:",
        "a run of zones includes the stripe that ended the one before",
    ),
    Bug(
        "freelist-joins-only-on-one-side",
        "land/freelist.py",
        "        if before and before_limit == base:",
        "        if before and before_limit == base and joined:",
        "a block that fills a gap is joined to the upper neighbour only",
    ),
    Bug(
        "freelist-count-one-short",
        "land/freelist.py",
        "(1 if limit < high else 0) - 1\n",
        "(1 if limit < high else 0) - 1\n"
        "        number -= 1 if low == base and limit == high else 0\n",
        "a block that goes whole is counted off twice",
    ),
    Bug(
        "freelist-small-block-without-tag",
        "land/freelist.py",
        "            w[mmu.at(self.space, base, 8)] = link | 1",
        "            w[mmu.at(self.space, base, 8)] = link",
        "a block of one word does not say that it is so small",
    ),
    Bug(
        "freelist-drops-the-tail-of-a-split",
        "land/freelist.py",
        "            self._write_block(slot, limit, high, link)\n            link = limit\n",
        "            self._write_block(slot, limit, high, link)\n            link = limit if low == base else link\n",
        "the upper part of a split is no more in the list",
    ),
    Bug(
        "failover-does-not-flush",
        "land/failover.py",
        "        self.flush()\n        if self.primary.first_range(size, mode):",
        "        if self.primary.first_range(size, mode):",
        "a find looks before what could move to the primary has moved",
    ),
    Bug(
        "failover-loses-the-right-part",
        "land/failover.py",
        "        if self._place(low, base) != r.OK or self._place(limit, high) != r.OK:\n",
        "        if self._place(low, base) != r.OK:\n",
        "of a range that could not be split the right part is lost",
    ),
    Bug(
        "failover-flush-keeps-what-it-moved",
        "land/failover.py",
        "            if self.secondary.delete_range(base, limit) != r.OK:\n",
        "            if limit - base <= 16:\n"
        "                return 1\n"
        "            if self.secondary.delete_range(base, limit) != r.OK:\n",
        "what moved to the primary stays in the secondary too, if it is small",
    ),
    Bug(
        "steal-forgets-what-was-taken",
        "land/land.py",
        "            if self.delete_range(first, first + taken) != r.OK:\n"
        "                return self.damage(f.SIZE, \"a land that has the range just found\")\n"
        "            self.stolen += taken",
        "            self.stolen += taken",
        "a delete leaves the grain that became nodes in the land",
    ),
    Bug(
        "steal-inserts-what-was-taken",
        "land/land.py",
        "            res = self.insert_range(base + self.stolen, limit)",
        "            res = self.insert_range(base, limit)",
        "an insert puts the grain that became nodes into the land",
    ),
    Bug(
        "steal-of-all-forgets-to-stop",
        "land/land.py",
        "            if base + self.stolen >= limit:",
        "            if base + self.stolen > limit:",
        "when all that was inserted became nodes, nothing is inserted still",
    ),
]
