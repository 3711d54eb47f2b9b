"""The replay loop: a trace's events done in a pool (design/replay.md#.sol.loop)."""

from array import array

from rangeland.traces import fields as f
from vm import results as r


class Engine:
    """A replay in progress: the pool, the trace's columns, and the counts so far.

    `op`, `id`, `size` are buffers of int8, int64, int64; `blocks` is how many
    blocks they name. `live` is the sum of the sizes of the blocks that the pool
    holds now. Of the first allocation that failed: `failed_event`, its row,
    or -1; `failed_size` and `failed_code`, what was asked and the result.
    Units: bytes.
    """

    def __init__(self, pool, op, id, size, blocks):
        self.pool = pool
        self.grains = pool.grains
        self.op = memoryview(op)
        self.id = memoryview(id)
        self.size = memoryview(size)
        self.address = memoryview(array("q", bytes(8 * blocks)))
        self.held = memoryview(array("q", bytes(8 * blocks)))
        self.live = 0
        self.peak_live = 0
        self.peak_total = 0
        self.peak_committed = self.grains.committed()
        self.failures = 0
        self.failed_event = -1
        self.failed_size = 0
        self.failed_code = r.OK

    def run(self, first, limit):
        """Do the events [first, limit).

        A failed allocation is counted and the next event done. Returns -1; or
        the event whose free the pool refused, and then no later one was done.
        Cost: that of the pool, an event.
        """
        for event in range(first, limit):
            if self._do(event) != r.OK:
                return event
        return -1

    def _do(self, event):
        block = self.id[event]
        old = self.address[block]
        if self.op[event] != f.FREE:
            new = self._alloc(event, self.size[event])
        else:
            new = 0
        # Without a new block a realloc leaves the old one; a free leaves none.
        if new == 0 and (old == 0 or self.op[event] != f.FREE):
            return r.OK
        if old:
            res = self.pool.free_block(old, self._asked(self.held[block]))
            if res != r.OK:
                return res
        self.live += self.size[event] - self.held[block]
        self.address[block] = new
        self.held[block] = self.size[event]
        if self.live > self.peak_live:
            self.peak_live = self.live
        return r.OK

    def _asked(self, size):
        # A pool has no blocks of no bytes; malloc has (design/replay.md#.sol.zero).
        return size if size > 0 else 1

    def _alloc(self, event, size):
        """The address of a new block, as the pool's own `alloc` gets it; 0 if that fails."""
        size = self._asked(size)
        self.grains.poll()
        address = self.pool.alloc_block(size)
        if address < 0:
            if self.failures == 0:
                self.failed_event = event
                self.failed_size = size
                self.failed_code = -address
            self.failures += 1
            return 0
        self.grains.fill(size)
        self._note_peaks()
        return address

    def _note_peaks(self):
        """Nothing but an allocation raises what the pool has and what the
        arena has committed."""
        total = self.pool.total()
        if total > self.peak_total:
            self.peak_total = total
        committed = self.grains.committed()
        if committed > self.peak_committed:
            self.peak_committed = committed
        return r.OK

    def sizes(self):
        """(total, free, largest free) bytes of the pool now."""
        return self.pool.total(), self.pool.free_bytes(), self.pool.largest()
