"""Mistakes in pools over regions: Buddy, SegFit, Slab."""

from zoo.bug import Bug

BUGS = [
    Bug(
        "buddy-unites-with-a-neighbour-that-is-no-buddy",
        "pools/buddy.py",
        "            self._unlink(n, m, node ^ 1, k, address ^ (one << k))\n            node >>= 1\n            address &= ~(one << k)",
        "            self._unlink(n, m, node ^ 1, k, address ^ (one << k))\n            node >>= 1",
        "of two buddies that become one the freed one gives the address, though it is the upper",
    ),
    Bug(
        "buddy-unites-once",
        "pools/buddy.py",
        "        while node > 1 and self._is_free(m, node ^ 1):",
        "        if node > 1 and self._is_free(m, node ^ 1):",
        "what two buddies became is not made one with its own",
    ),
    Bug(
        "buddy-forgets-who-lives",
        "pools/buddy.py",
        "        w[n + p.REGION_FREE] += one << k\n        w[m + p.LIVE + (node >> 6) * 2] ^= self._bit(node)\n",
        "        w[n + p.REGION_FREE] += one << k\n",
        "a block that was freed is told to live, too",
    ),
    Bug(
        "buddy-splits-the-largest",
        "pools/buddy.py",
        "        while k <= p.MOST_ORDER and w[n + p.ORDERS + k] == 0:\n            k += 1\n        if k > p.MOST_ORDER:",
        "        k = p.MOST_ORDER\n        while k >= least and w[n + p.ORDERS + k] == 0:\n            k -= 1\n        if k < least:",
        "a block is split off the largest free one",
    ),
    Bug(
        "buddy-idle-region-stays-in-its-list",
        "pools/buddy.py",
        "        return self._unlink(n, m, 1, w[m + p.TREE_ORDER], w[m + p.REGION_BASE])\n",
        "        return r.OK\n",
        "a region that went back is still a free block",
    ),
    Bug(
        "segfit-first-in-the-bin",
        "pools/bins.py",
        "            if found >= size and (best == 0 or found < least):",
        "            if found >= size and best == 0:",
        "in a bin of several sizes the first that fits is taken",
    ),
    Bug(
        "segfit-forgets-that-the-one-before-is-free",
        "pools/segfit.py",
        "        w[c + (size >> 3)] &= ~p.TAG_BEFORE\n",
        "",
        "a chunk is not told that the one before it has become free",
    ),
    Bug(
        "segfit-rest-is-no-slack",
        "pools/segfit.py",
        "        if rest:\n            self._count(p.REGION_SLACK, -rest)\n        self._unite",
        "        self._unite",
        "what a cut left with a block is slack for ever",
    ),
    Bug(
        "segfit-frees-what-is-not-in-use",
        "pools/segfit.py",
        "        if not head & p.TAG_USED or rest < 0 or rest >= p.LEAST_CHUNK:\n            return 0\n        if not w[mmu.at(self.space, chunk + need + rest, 8)] & p.TAG_BEFORE:\n            return 0\n",
        "        if rest < 0:\n            return 0\n",
        "a chunk is freed whose header or whose neighbour says that it is free",
    ),
    Bug(
        "slab-keeps-full-slabs-in-the-heap",
        "pools/slab.py",
        "        if room == 0:\n            self._expect_units(slab, m)\n            self.heap.insert",
        "        if room == 1:\n            self._expect_units(slab, m)\n            self.heap.insert",
        "a slab that was full is used again when two of its units are free",
    ),
    Bug(
        "slab-heap-by-the-descriptor",
        "pools/heap.py",
        "        if w[b + p.REGION_BASE] < w[a + p.REGION_BASE]:",
        "        if other < one:",
        "of slabs the one is used whose descriptor lies lowest",
    ),
    Bug(
        "slab-one-class-too-small",
        "pools/slab.py",
        "        return (k - least - 1) * 4 + (size - 1 >> k - 2 & 3)",
        "        return (k - least - 1) * 4 + (size >> k - 2 & 3)",
        "a size that is just a class takes the next one",
    ),
    Bug(
        "region-without-a-descriptor-keeps-its-grains",
        "pools/regions.py",
        "            self.grains.free_grains(base, size, self.address)\n            return region\n",
        "            return region\n",
        "grains for which there was no descriptor stay the pool's for ever",
    ),
    Bug(
        "region-trimmed-at-one-end",
        "pools/regions.py",
        "        if aligned > base:\n            self.grains.free_grains(base, aligned - base, self.address)\n",
        "",
        "what was got below an aligned region is nobody's",
    ),
]
