"""Mistakes in what is told of wrong uses: a block that was freed, one of another size, an
operation that never ends."""

from zoo.bug import Bug

BUGS = [
    Bug(
        "resize-of-a-freed-block",
        "pools/pool.py",
        "            if self.is_partly_free(address, old):\n"
        "                raise self._already_free(address, old)\n",
        "",
        "a resize of a block that has been freed is taken",
    ),
    Bug(
        "fit-free-in-part-is-none",
        "pools/fit.py",
        "        return 1 if land.next_after(base) and land.found_base < limit else 0\n",
        "        return 1 if land.next_after(base) and land.found_limit == limit else 0\n",
        "a resize of a block is refused only if a free range ends where it ends",
    ),
    Bug(
        "lifofit-resize-of-a-freed-block",
        "pools/lifofit.py",
        "        return 0 if tag & p.IN_USE else 1\n",
        "        return 0\n",
        "a resize does not look at the tag of the block",
    ),
    Bug(
        "lifofit-frees-a-part",
        "pools/lifofit.py",
        "        if whole != self.block_size(size):\n",
        "        if whole < self.block_size(size):\n",
        "a free of fewer bytes than the block has is taken",
    ),
    Bug(
        "mvt-resize-of-a-freed-block",
        "pools/mvt.py",
        "        if self._is_free_in(self.stock.free_land.primary, address, limit):\n"
        "            return 1\n",
        "",
        "a resize of a block that lies free in the primary land is taken",
    ),
    Bug(
        "buddy-takes-any-order",
        "pools/buddy.py",
        "        if self.space.words[m + p.LIVE + (node >> 6) * 2] >> (node & 63) & 1:\n"
        "            return node\n"
        "        return 0\n",
        "        return node\n",
        "a block is freed by any order at whose multiple it lies",
    ),
    Bug(
        "segfit-takes-any-size",
        "pools/segfit.py",
        "        if not head & p.TAG_USED or rest < 0 or rest >= p.LEAST_CHUNK:\n",
        "        if not head & p.TAG_USED or rest < 0:\n",
        "a free of far fewer bytes than the chunk has is taken",
    ),
    Bug(
        "segfit-header-outlives-the-chunk",
        "pools/segfit.py",
        "            # A second free finds no header of a chunk in use here.\n"
        "            w[c] = 0\n",
        "",
        "a block that became one with the chunk before it can be freed again",
    ),
    Bug(
        "slab-resize-of-a-free-unit",
        "pools/slab.py",
        "            or w[m + p.UNIT_TABLE + (i >> 6)] >> (i & 63) & 1\n",
        "",
        "a resize of a unit that is free is taken",
    ),
    Bug(
        "slab-takes-another-class",
        "pools/slab.py",
        "            w[m + p.SLAB_UNIT] != unit\n            or i * unit",
        "            w[m + p.SLAB_UNIT] < unit\n            or i * w[m + p.SLAB_UNIT]",
        "a unit is freed by the size of a smaller class",
    ),
]
