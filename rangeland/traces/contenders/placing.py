"""Placing blocks whose lives are all known: two greedy loops (design/contenders.md#.sol.placing).

Each block is a rectangle: its life in time, its size in addresses. Two blocks
that live at a common time may have no address in common.
"""

from array import array

from vm import raw


class Packer:
    """Blocks [lower, upper) in time of `size` bytes at multiples of `align`, to be placed.

    The arguments are buffers of int64, all of one length of at least 1, that
    nobody else writes. `order` is what the caller writes before a call: for
    `first_fit` the blocks in the order of their placement, for `skyline` the
    rank of each block. `base` is what a call writes: where each block lies.
    After a call that gave up, `stuck` is the block that did not fit. `steps`
    counts what the inner loops did in all calls.
    Units: bytes; events. Cost: 12 words of memory a block.
    """

    def __init__(self, lower, upper, size, align):
        self.count = len(lower)
        self.lower = memoryview(lower)
        self.upper = memoryview(upper)
        self.size = memoryview(size)
        self.align = memoryview(align)
        self.order = memoryview(array("q", range(self.count)))
        self.base = memoryview(array("q", bytes(8 * self.count)))
        self.placed = memoryview(array("q", bytes(8 * 4 * self.count)))
        self.words_lower = raw.words(self.lower)
        self.words_upper = raw.words(self.upper)
        self.words_size = raw.words(self.size)
        self.words_align = raw.words(self.align)
        self.words_order = raw.words(self.order)
        self.words_base = raw.words(self.base)
        self.words_placed = raw.words(self.placed)
        self.steps = 0
        self.stuck = -1

    def first_fit(self, most):
        """Place each block, in order, in the lowest gap that takes it.

        Returns the height of the placement; 0 if it would be more than `most`.
        Cost: O(n**2).
        """
        height = 0
        for done in range(self.count):
            block = self.words_order[done]
            top = self._into_gap(block, done)
            if top > most:
                self.stuck = block
                return 0
            if top > height:
                height = top
        return height

    def _into_gap(self, block, done):
        """Place `block` beside the `done` blocks placed before it; returns its limit.

        `placed` has base, limit, lower and upper of those, by ascending base.
        """
        placed = self.words_placed
        first = self.words_lower[block]
        last = self.words_upper[block]
        mask = self.words_align[block] - 1
        size = self.words_size[block]
        base = 0
        at = 0
        end = 4 * done
        while at < end:
            if placed[at + 2] < last and placed[at + 3] > first:
                if placed[at] - base >= size:
                    break
                if placed[at + 1] > base:
                    base = (placed[at + 1] + mask) & ~mask
            at += 4
        self.steps += at >> 2
        at = end
        while at > 0 and placed[at - 4] > base:
            at -= 4
            placed[at + 4] = placed[at]
            placed[at + 5] = placed[at + 1]
            placed[at + 6] = placed[at + 2]
            placed[at + 7] = placed[at + 3]
        placed[at] = base
        placed[at + 1] = base + size
        placed[at + 2] = first
        placed[at + 3] = last
        self.words_base[block] = base
        return base + size

    def skyline(self, most):
        """Place next, of all blocks, the one that can lie lowest upon those placed
        before it; of several the one of the least rank.

        Returns the height of the placement; 0 if it would be more than `most`.
        Cost: O(n**2).
        """
        left = self.words_placed
        for block in range(self.count):
            left[block] = block
            self.words_base[block] = 0
        height = 0
        count = self.count
        while count > 0:
            at = self._lowest(count)
            block = left[at]
            count -= 1
            left[at] = left[count]
            top = self.words_base[block] + self.words_size[block]
            if top > most:
                self.stuck = block
                return 0
            if top > height:
                height = top
            self._raise(block, top, count)
        return height

    def _lowest(self, count):
        """Where in the first `count` of those left the next one to place is."""
        left = self.words_placed
        best = 0
        for at in range(1, count):
            gain = self.words_base[left[at]] - self.words_base[left[best]]
            if gain < 0 or (
                gain == 0 and self.words_order[left[at]] < self.words_order[left[best]]
            ):
                best = at
        self.steps += count
        return best

    def _raise(self, block, top, count):
        """Lift those of the first `count` left that live beside `block` to its limit, `top`."""
        left = self.words_placed
        for at in range(count):
            other = left[at]
            if (
                self.words_lower[other] < self.words_upper[block]
                and self.words_upper[other] > self.words_lower[block]
                and self.words_base[other] < top
            ):
                mask = self.words_align[other] - 1
                self.words_base[other] = (top + mask) & ~mask
        self.steps += count
        return top
