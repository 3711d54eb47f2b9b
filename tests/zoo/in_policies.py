"""Mistakes in what a class promises to the byte: aligned blocks and resizing, ties,
where a search begins, an extension that is refused, slack, both lands of a failover."""

from zoo.bug import Bug

BUGS = [
    # Fits
    Bug(
        "fit-aligned-keeps-what-lies-before",
        "pools/fit.py",
        "        if address > base:\n            self.free_land.insert_range(base, address)\n",
        "",
        "what lies before an aligned block is nobody's",
    ),
    Bug(
        "fit-aligned-keeps-what-lies-after",
        "pools/fit.py",
        "        if address + size < limit:\n            self.free_land.insert_range(address + size, limit)\n",
        "",
        "what lies after an aligned block is nobody's",
    ),
    Bug(
        "fit-aligned-asks-for-too-much",
        "pools/fit.py",
        "        base = self.alloc_block(size + align - least)\n",
        "        base = self.alloc_block(size + align)\n",
        "an aligned block is cut out of one that is larger than it has to be",
    ),
    Bug(
        "fit-aligned-to-the-pool-only",
        "pools/fit.py",
        "        if align <= least:\n            return self.alloc_block(size)\n",
        "        if align <= 2 * least:\n            return self.alloc_block(size)\n",
        "twice the pool's alignment is taken for the pool's",
    ),
    Bug(
        "fit-shrinks-without-freeing",
        "pools/fit.py",
        "            return self.free_block(address + new, old - new)\n",
        "            return r.OK\n",
        "the end of a block that shrinks is never free",
    ),
    Bug(
        "fit-shrinks-without-giving-back",
        "pools/fit.py",
        "            return self.free_block(address + new, old - new)\n",
        "            return self.free_land.insert_range(address + new, address + old)\n",
        "what a block that shrinks gives back never goes to the arena",
    ),
    Bug(
        "fit-refused-extension-ends-it",
        "pools/fit.py",
        "        if base < 0 and wanted != least:\n",
        "        if base < -99 and wanted != least:\n",
        "a pool that is refused what it would like does not ask for what it needs",
    ),
    Bug(
        "fit-asks-again-for-twice-as-much",
        "pools/fit.py",
        "            wanted = least\n            base = self.grains",
        "            wanted = least + grain\n            base = self.grains",
        "a pool that is refused what it would like asks for a grain more than it needs",
    ),
    Bug(
        "fit-reduces-a-grain-less",
        "pools/fit.py",
        "            base = max(base, top - (free - target + grain - 1 & -grain))",
        "            base = max(base, top - max(grain, free - target & -grain))",
        "what goes back is rounded down to grains",
    ),
    Bug(
        "fit-reduces-to-the-limit",
        "pools/fit.py",
        "                self._reduce(free, limit // 2)",
        "                self._reduce(free, limit)",
        "memory goes back until the spare fraction is left, not half of it",
    ),
    Bug(
        "mvff-last-fit-takes-the-low-end",
        "pools/mvff.py",
        "            found = self.free_land.last_range(size, mode)",
        "            found = self.free_land.last_range(size, lf.LOW)",
        "last fit takes the low end, whatever is asked for",
    ),
    Bug(
        "nextfit-looks-at-the-range-before",
        "land/fasttree.py",
        "            side = 1 if w[n + f.LIMIT] <= address else 0",
        "            side = 1 if w[n + f.LIMIT] < address else 0",
        "the range that ends at the rover is looked at first",
    ),
    Bug(
        "nextfit-begins-where-the-block-began",
        "pools/nextfit.py",
        "        w[n + p.ROVER] = self.free_land.found_limit\n",
        "        w[n + p.ROVER] = self.free_land.found_base\n",
        "the rover is where the last block begins",
    ),
    Bug(
        "nextfit-aligned-leaves-the-rover-behind-all",
        "pools/nextfit.py",
        "        if address > 0:\n",
        "        if address == 0:\n",
        "after an aligned block the rover is where the larger one ended",
    ),
    Bug(
        "bestfit-takes-the-lowest-above",
        "pools/bestfit.py",
        "        if self.free_land.best_range(size, lf.LOW):",
        "        if self.free_land.best_range(size + 8, lf.LOW) or "
        "self.free_land.best_range(size, lf.LOW):",
        "a range that is just of the size is passed over for a larger one",
    ),
    # LIFOFit
    Bug(
        "lifofit-gives-the-low-end",
        "pools/listed.py",
        "        if rest >= (p.LEAST_TAGGED + w[n + p.POOL_ALIGN] - 1 & -w[n + p.POOL_ALIGN]):",
        "        if rest > (p.LEAST_TAGGED + w[n + p.POOL_ALIGN] - 1 & -w[n + p.POOL_ALIGN]):",
        "a rest of just the least block stays with the block",
    ),
    Bug(
        "lifofit-aligned-gap-of-the-least",
        "pools/lifofit.py",
        "        while 0 < address - p.TAG - block < least:\n",
        "        while 0 < address - p.TAG - block <= least:\n",
        "an aligned block goes on to the next multiple though what lies before is a block",
    ),
    Bug(
        "lifofit-aligned-asks-for-too-little",
        "pools/lifofit.py",
        "        found = size + align + least\n",
        "        found = size + align\n",
        "an aligned block may not fit in what was found for it",
    ),
    Bug(
        "lifofit-grows-without-telling-the-next",
        "pools/lifofit.py",
        "            w[mmu.at(self.space, block + whole + more, p.TAG)] |= p.BEFORE_IN_USE\n",
        "",
        "the block after one that grew believes that it is free still",
    ),
    Bug(
        "lifofit-resize-keeps-the-old-rest",
        "pools/lifofit.py",
        "        self.drop_rest(m)\n"
        "        self.cut(block, new)\n",
        "        w[m] &= p.SIZES | p.TAGS\n"
        "        self.cut(block, new)\n",
        "the rest of a block that is resized is counted twice",
    ),
    Bug(
        "lifofit-cut-leaves-a-rest-beside-what-is-free",
        "pools/listed.py",
        "        if rest >= self.least() or (rest > 0 and not w[after] & p.IN_USE):",
        "        if rest >= self.least():",
        "a rest that touches a free block does not become part of it",
    ),
    Bug(
        "lifofit-gives-back-to-the-last",
        "pools/lifofit.py",
        "            if is_empty and w[n + p.LIFO_FREE] - free >= target:",
        "            if is_empty and w[n + p.LIFO_FREE] - free > target:",
        "an extent stays though just half of the spare fraction would stay without it",
    ),
    Bug(
        "lifofit-refused-extension-ends-it",
        "pools/tagged.py",
        "        if base < 0 and wanted != least:\n",
        "        if base < -99 and wanted != least:\n",
        "a pool that is refused what it would like does not ask for what it needs",
    ),
    # Buddy
    Bug(
        "buddy-aligned-takes-its-own-order",
        "pools/buddy.py",
        "        return self._take(self._order(size), self._order(align))",
        "        return self._take(self._order(size), self._order(min(align, self.grains.grain)))",
        "an alignment beyond a grain is not kept",
    ),
    Bug(
        "buddy-grows-over-a-lower-buddy",
        "pools/buddy.py",
        "            if above & 1 or not self._is_free(m, above + 1):",
        "            if not self._is_free(m, above ^ 1):",
        "a block that is the upper half grows over the lower one",
    ),
    Bug(
        "buddy-shrinks-by-one-half",
        "pools/buddy.py",
        "        while k > order:\n"
        "            k -= 1\n"
        "            node *= 2\n"
        "            self._link(n, m, node + 1, k, address + (one << k))\n"
        "        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)\n"
        "        return r.OK if grows",
        "        if k > order:\n"
        "            k -= 1\n"
        "            node *= 2\n"
        "            self._link(n, m, node + 1, k, address + (one << k))\n"
        "        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)\n"
        "        return r.OK if grows",
        "a block that shrinks gives one half back, whatever it needs",
    ),
    Bug(
        "buddy-extends-by-what-is-left",
        "pools/buddy.py",
        "        if region < 0 and k > least:\n",
        "        if region < 0 and k > least + 1:\n",
        "a pool that is refused twice what it needs does not ask for what it needs",
    ),
    # SegFit
    Bug(
        "segfit-lead-of-the-least",
        "pools/segfit.py",
        "        if lead < p.LEAST_CHUNK:\n",
        "        if lead <= p.LEAST_CHUNK:\n",
        "an aligned block goes on to the next multiple though what lies before is a chunk",
    ),
    Bug(
        "segfit-aligned-slack",
        "pools/segfit.py",
        "        chunk = self._find(need + align + p.CHUNK_QUANTUM)\n",
        "        chunk = self._find(need + align + 2 * p.CHUNK_QUANTUM)\n",
        "an aligned block passes over chunks that hold it",
    ),
    Bug(
        "segfit-trim-forgets-the-slack",
        "pools/segfit.py",
        "            return self._count(p.REGION_SLACK, whole - need)\n"
        "        w[c]",
        "            return r.OK\n"
        "        w[c]",
        "what a block that shrank has too much is in no account",
    ),
    Bug(
        "segfit-grows-by-all",
        "pools/segfit.py",
        "        self._cut(chunk, whole + after, need)\n        return r.OK",
        "        self._cut(chunk, whole + after, whole + after)\n        return r.OK",
        "a block that grows takes all of the chunk behind it",
    ),
    Bug(
        "segfit-oldest-of-equals",
        "pools/bins.py",
        "            if found >= size and (best == 0 or found < least):",
        "            if found >= size and (best == 0 or found <= least):",
        "of several smallest chunks of a bin the one that came first is taken",
    ),
    # Slab
    Bug(
        "slab-aligned-in-the-first-slab-with-room",
        "pools/slab.py",
        "            if i >= 0 and (found == 0 or w[m + p.REGION_BASE] + i * unit < found):",
        "            if i >= 0 and found == 0:",
        "an aligned unit is taken of the first slab that has one, in the order of the heap",
    ),
    Bug(
        "slab-aligned-by-the-unit",
        "pools/slab.py",
        "        if unit & (align - 1) == 0 and align <= self.grains.grain:",
        "        if unit >= align and align <= self.grains.grain:",
        "a unit that is larger than the alignment is taken for a multiple of it",
    ),
    Bug(
        "slab-resize-by-a-step",
        "pools/pool.py",
        "        return r.OK if self.block_size(old) == self.block_size(new) else r.FAIL",
        "        return r.OK if self.block_size(old) >= self.block_size(new) else r.FAIL",
        "a block that shrinks stays, though it is of another class then",
    ),
    Bug(
        "slab-whole-grains-of-units",
        "pools/slab.py",
        "            found += max(0, (j * unit & -grain) - (i * unit + grain - 1 & -grain))",
        "            found += (j - i) * unit & -grain",
        "grains that are free in part count as whole",
    ),
    # Failover
    Bug(
        "failover-tells-the-left-part",
        "land/failover.py",
        "        self.found_base = low\n        self.found_limit = high\n        return r.OK",
        "        return r.OK",
        "of a range that could not be split a delete tells what it placed last",
    ),
    Bug(
        "failover-places-the-right-part-first",
        "land/failover.py",
        "        if self._place(low, base) != r.OK or self._place(limit, high) != r.OK:\n",
        "        if self._place(limit, high) != r.OK or self._place(low, base) != r.OK:\n",
        "of a range that could not be split the right part is placed first",
    ),
    Bug(
        "failover-last-in-the-secondary-first",
        "land/failover.py",
        "        if self.primary.last_range(size, mode):\n            return self._relay(self.primary, 1)\n"
        "        return self._relay(self.secondary, self.secondary.last_range(size, mode))",
        "        if self.secondary.last_range(size, mode):\n            return self._relay(self.secondary, 1)\n"
        "        return self._relay(self.primary, self.primary.last_range(size, mode))",
        "a find of the last range looks in the secondary first",
    ),
    Bug(
        "failover-next-in-the-primary-only",
        "land/failover.py",
        "        return self._relay(self.secondary, self.secondary.next_range(address, size, mode))",
        "        return 0",
        "a find of the next range does not look in the secondary",
    ),
    Bug(
        "failover-whole-of-the-primary",
        "land/failover.py",
        "        return self.primary.whole(grain) + self.secondary.whole(grain)",
        "        return self.primary.whole(grain)",
        "whole grains of the secondary are not counted",
    ),
    Bug(
        "freelist-next-begins-after",
        "land/freelist.py",
        "        while n and (self.limit <= address or self.limit - self.base < size):",
        "        while n and (self.base < address or self.limit - self.base < size):",
        "the range that the address lies in is not looked at",
    ),
    Bug(
        "freelist-best-is-the-last-of-equals",
        "land/freelist.py",
        "            if wide >= size and (found == 0 or wide < least):",
        "            if wide >= size and (found == 0 or wide <= least):",
        "of several smallest ranges the highest is taken",
    ),
    # MVT and MFS
    Bug(
        "mvt-takes-the-larger-splinter-always",
        "pools/mvt.py",
        "        if old_limit - old_base > limit - base:\n",
        "        if old_limit - old_base >= limit - base:\n",
        "of two splinters of one size the older is kept",
    ),
    Bug(
        "mvt-part-of-the-first-segment-only",
        "pools/stock.py",
        "            if limit - end < size:\n                return 0\n",
        "            return 0\n",
        "a range is not looked at in its second segment",
    ),
    Bug(
        "mvt-looks-for-any-fit-too-late",
        "pools/mvt.py",
        "        if w[n + p.AVAILABLE] >= self._available_limit() and self.stock",
        "        if w[n + p.AVAILABLE] > self._available_limit() and self.stock",
        "just at the limit of fragmentation a pool does not look for any range",
    ),
    Bug(
        "mfs-new-units-after-the-old",
        "pools/mfs.py",
        "            w[e + (address - base >> 3)] = crossed(following)\n            following = address\n",
        "            w[e + (address - base >> 3)] = crossed(following)\n"
        "            following = address\n            if address - unit < first + unit:\n                break\n",
        "the first unit of an extent is left out",
    ),
]
