"""The replay loop: a trace's events done in a pool (design/replay.md#.sol.loop)."""

from array import array

from rangeland.traces import fields as f
from vm import events as ev
from vm import results as r
from vm.results import ParamError


class Engine:
    """A replay in progress: the pool, a piece of the trace, and the counts so far.

    `blocks` is how many blocks the ids of the pieces name; an id is that of one
    live block at a time. `live` is the sum of the sizes of the blocks that the
    pool holds now. What begins with `peak_`, and the sums, are of the events
    since the last sample. Of the first allocation that failed: `failed_event`,
    its row, or -1; `failed_size`, `failed_align` (0 for none) and `failed_code`, what
    was asked and the result. `witness_event` is the first that failed though as many bytes were
    free in the pool, or -1. With `aligned`, the pieces may ask for alignments.
    With `threads` the pool is a Crew, which is told whose turn it is.
    Units: bytes.
    """

    def __init__(self, pool, blocks, aligned=False, threads=False):
        self.pool = pool
        self.is_told = False
        self.grains = pool.grains
        self.address = memoryview(array("q", bytes(8 * blocks)))
        self.held = memoryview(array("q", bytes(8 * blocks)))
        # How much larger a block is than the program asked, to be aligned.
        self.pad = memoryview(array("q", bytes(8 * blocks if aligned else 0)))
        self.is_aligned = aligned
        self.align = pool.align if aligned else 0
        self.crew = pool if threads else None
        # The number of the pool that a block lies in.
        self.owner = memoryview(array("i", bytes(4 * blocks if threads else 0)))
        self.sampled = memoryview(array("q", bytes(8 * f.WIDTH)))
        self.top = memoryview(array("q", bytes(8 * f.WIDTH)))
        self.load(0, array("b"), array("q"), array("q"))
        self.live = 0
        self.failures = 0
        self.failed_event = self.witness_event = -1
        self.failed_size = self.witness_size = 0
        self.failed_align = self.witness_align = 0
        self.failed_code = r.OK
        self.moved = self.in_place = 0
        self._begin()

    def load(self, start, op, id, size, alignment=None, thread=None):
        """Go on with a piece of the trace that begins at event `start`.

        `op`, `id`, `size` are buffers of int8, int64, int64, all valid:
        design/readers.md#.sol.columns. So is `thread`, of int32; without it, if
        it is wanted, all is of thread 0. Nothing is copied. Raises: ParamError
        if the piece asks for alignments and the engine was not told.
        """
        if alignment is not None and not self.is_aligned:
            raise ParamError("a piece has alignments: expected an Engine with aligned=True")
        self.start = start
        self.op = memoryview(op)
        self.id = memoryview(id)
        self.size = memoryview(size)
        self.has_alignment = alignment is not None
        self.alignment = memoryview(array("q") if alignment is None else alignment)
        if self.crew is not None:
            self.thread = memoryview(array("i", bytes(4 * len(op))) if thread is None else thread)

    def run(self, first, limit):
        """Do the events [first, limit), which lie in the piece.

        A failed allocation is counted and the next event done. Returns -1; or
        the event after which it stopped: one whose free the pool refused, or
        `witness_event`. Blocks are told to those who listen when it begins.
        Cost: that of the pool, an event.
        """
        self.is_told = self.pool.space.telemetry.mask & ev.OBJECT != 0
        return self._run(first, limit) if self.crew is None else self._run_in_turn(first, limit)

    def _run_in_turn(self, first, limit):
        for event in range(first, limit):
            block = self.id[event - self.start]
            self.crew.turn(self.thread[event - self.start], self.owner[block])
            res = self._run(event, event + 1)
            self.owner[block] = self.crew.got
            if res >= 0:
                return res
        return -1

    def _run(self, first, limit):
        for event in range(first, limit):
            res = self._do(event - self.start)
            self.live_sum += self.live
            committed = self.grains.committed()
            self.committed_sum += committed
            # A free, too, may need a page: for a node.
            if committed > self.peak_committed:
                self._note_committed(committed, self.live)
            if res != r.OK:
                return event
        return -1

    def _do(self, row):
        if self.op[row] == f.ALLOC:
            return self._alloc(row)
        if self.op[row] == f.FREE:
            return self._free(row)
        if self.address[self.id[row]] == 0:
            return self._alloc(row)
        return self._realloc(row)

    def _alloc(self, row):
        block = self.id[row]
        self.new_pad = 0
        address = self._place(row)
        if address < 0:
            return self._failed(row, -address)
        self.live += self.size[row]
        self._hold(block, address, self.size[row])
        return self._note_peaks(self.live)

    def _free(self, row):
        block = self.id[row]
        if self.address[block] == 0:
            return r.OK
        res = self._release(block)
        self.live -= self.held[block]
        self.address[block] = 0
        self.held[block] = 0
        return res

    def _realloc(self, row):
        """In place if the pool can, else a new block and a free of the old
        one; without a new block the old one is left."""
        block = self.id[row]
        held = self.held[block]
        size = self.size[row]
        pad = self.pad[block] if self.is_aligned else 0
        old = self._asked(held) + pad
        new = self._asked(size) + pad
        if self.pool.resize_block(self.address[block], old, new) == r.OK:
            if self.is_told:
                self.pool.told_resize(self.address[block], old, new)
            self.live += size - held
            self.held[block] = size
            self.in_place += 1
            if size > held:
                self.grains.fill(size - held)
            return self._note_peaks(self.live)
        self.new_pad = 0
        address = self._place(row)
        if address < 0:
            return self._failed(row, -address)
        # As long as it copies, the program has both.
        self._note_total()
        if self.grains.committed() > self.peak_committed:
            self._note_committed(self.grains.committed(), self.live + size)
        res = self._release(block)
        self.live += size - held
        self._hold(block, address, size)
        self.moved += 1
        if self.live > self.peak_live:
            self.peak_live = self.live
        return res

    def _place(self, row):
        """The address of a new block for the event, as the pool's own `alloc`
        gets it, or a negative code; what it is larger in `new_pad`."""
        size = self._asked(self.size[row])
        self.grains.poll()
        align = self.alignment[row] if self.has_alignment else 0
        if align <= self.align:
            address = self.pool.alloc_block(size)
        else:
            address = self.pool.alloc_aligned(size, align)
            if address == -r.UNIMPL:
                self.new_pad = align - self.align
                address = self.pool.alloc_block(size + self.new_pad)
        if address >= 0:
            self.grains.fill(size)
            if self.is_told:
                self.pool.told_alloc(address, size + self.new_pad)
        return address

    def _hold(self, block, address, size):
        self.address[block] = address
        self.held[block] = size
        if self.is_aligned:
            self.pad[block] = self.new_pad
        return r.OK

    def _release(self, block):
        size = self._asked(self.held[block])
        if self.is_aligned:
            size += self.pad[block]
        if self.is_told:
            return self._release_told(self.address[block], size)
        return self.pool.free_block(self.address[block], size)

    def _release_told(self, address, size):
        res = self.pool.free_block(address, size)
        if res == r.OK:
            self.pool.told_free(address, size)
        return res

    def _asked(self, size):
        # A pool has no blocks of no bytes; malloc has (design/replay.md#.sol.zero).
        return size if size > 0 else 1

    def _failed(self, row, code):
        """Count a failed allocation. FAIL if it is the witness, else OK."""
        size = self._asked(self.size[row])
        if self.failures == 0:
            self.failed_event = self.start + row
            self.failed_size = size
            self.failed_align = self.alignment[row] if self.has_alignment else 0
            self.failed_code = code
        self.failures += 1
        if self.witness_event < 0 and self.pool.free_bytes() >= size:
            self.witness_event = self.start + row
            self.witness_size = size
            self.witness_align = self.alignment[row] if self.has_alignment else 0
            return r.FAIL
        return r.OK

    def _note_peaks(self, live):
        if live > self.peak_live:
            self.peak_live = live
        return self._note_total()

    def _note_total(self):
        """Nothing but an allocation raises what the pool has."""
        total = self.pool.total()
        if total > self.peak_total:
            self.peak_total = total
        return r.OK

    def _note_committed(self, committed, live):
        self.peak_committed = committed
        if committed > self.top[f.COMMITTED]:
            self._picture(self.top, live)
        return r.OK

    def sample(self, event):
        """A row of the curve, as of after `event` events, in `sampled`; the
        peaks and sums in it are of the events since the last one.

        Cost: one walk of the pool's free memory at most.
        """
        s = self.sampled
        s[f.EVENT] = event
        self._picture(s, self.live)
        s[f.LARGEST] = self.pool.largest()
        s[f.PEAK_LIVE] = self.peak_live
        s[f.PEAK_COMMITTED] = self.peak_committed
        s[f.PEAK_TOTAL] = self.peak_total
        s[f.LIVE_SUM] = self.live_sum
        s[f.COMMITTED_SUM] = self.committed_sum
        self._restart()
        return list(s)

    def _picture(self, s, live):
        """What is committed, and for what, in the sample `s`."""
        s[f.LIVE] = live
        s[f.COMMITTED] = self.grains.committed()
        s[f.TOTAL] = self.pool.total()
        s[f.FREE_BYTES] = self.pool.free_bytes()
        s[f.SLACK] = self.pool.slack()
        s[f.WHOLE_FREE] = self.pool.whole_free()
        s[f.SPARE] = self.grains.spare()
        s[f.PAGE_TABLES] = self.grains.page_tables()
        return r.OK

    def at_top(self):
        """As `sample`, when most was committed for the first time, with no peaks."""
        return list(self.top)

    def _begin(self):
        self._picture(self.top, 0)
        self._restart()

    def _restart(self):
        self.peak_live = self.live
        self.peak_committed = self.grains.committed()
        self.peak_total = self.pool.total()
        self.live_sum = self.committed_sum = 0
