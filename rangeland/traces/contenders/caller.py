"""The loops that do a trace's events with the functions of a C allocator.

They run in a child process (design/contenders.md#.sol.caller).
"""

from rangeland.traces import fields as f
from rangeland.traces.contenders import native
from vm import fields as v
from vm import raw


class Caller:
    """A C allocator, and the blocks that it holds for a trace.

    `functions` are the addresses of its malloc, free, realloc and posix_memalign.
    `op` is a buffer of int8, `id`, `size` and `alignment` of int64: a piece of
    the trace, written anew before each run. An alignment is 0 or a power of two
    of at least 8. `address` and `held` are zeros of int64, one for each block; in the
    only place of `row`, of int64, stands the row that is being done.
    `done` is for the caller to set: how many rows were done before the piece.
    `failures` counts the calls that gave NULL; of the first of them `failed_row` is
    how many rows were done before it, or -1, and `failed_size` what was asked.
    `live` is the sum of the sizes that are held now, `peak_live` the highest since
    it was last set; only `touch` counts them.
    Units: bytes.
    """

    def __init__(self, functions, op, id, size, alignment, row, address, held):
        self.malloc, self.free, self.realloc, self.memalign = functions
        self.op = memoryview(op)
        self.id = memoryview(id)
        self.size = memoryview(size)
        self.alignment = memoryview(alignment)
        self.row = memoryview(row)
        self.address = memoryview(address)
        self.held = memoryview(held)
        self.words_id = raw.words(self.id)
        self.words_size = raw.words(self.size)
        self.words_alignment = raw.words(self.alignment)
        self.words_row = raw.words(self.row)
        self.words_address = raw.words(self.address)
        self.words_held = raw.words(self.held)
        self.done = 0
        self.failures = 0
        self.failed_row = -1
        self.failed_size = 0
        self.live = 0
        self.peak_live = 0

    def call(self, first, limit):
        """Do the rows [first, limit) of the piece, and nothing else. Cost: that of the allocator."""
        for row in range(first, limit):
            self.words_row[0] = row
            block = self.words_id[row]
            old = self.words_address[block]
            if self.op[row] == f.FREE:
                native.drop(self.free, old)
                self.words_address[block] = 0
            else:
                self._get(row, block, old)
        return 0

    def touch(self, first, limit):
        """Do the rows [first, limit), and write to each page of what is got.

        The first byte, the last, and the first of each page between them; of a
        block that grew, in what is new.
        """
        for row in range(first, limit):
            self.words_row[0] = row
            block = self.words_id[row]
            old = self.words_address[block]
            if self.op[row] == f.FREE:
                native.drop(self.free, old)
                self.words_address[block] = 0
                self._hold(block, 0)
            elif self._get(row, block, old) != 0:
                self._write(self.words_address[block], self.words_held[block], self._asked(row))
                self._hold(block, self.words_size[row])
        return 0

    def _asked(self, row):
        # As of a pool (design/replay.md#.sol.zero).
        size = self.words_size[row]
        return size if size > 0 else 1

    def _get(self, row, block, old):
        """The new address of `block`, or 0, and then nothing has changed."""
        size = self._asked(row)
        if old != 0:
            new = native.resize(self.realloc, old, size)
        elif self.words_alignment[row] != 0:
            new = native.get_aligned(self.memalign, self.words_alignment[row], size)
        else:
            new = native.get(self.malloc, size)
        if new == 0:
            if self.failures == 0:
                self.failed_row = self.done + row
                self.failed_size = size
            self.failures += 1
            return 0
        self.words_address[block] = new
        return new

    def _write(self, base, first, limit):
        at = first
        while at < limit:
            native.touch(base + at)
            at = ((base + at) | (v.PAGE - 1)) + 1 - base
        if first < limit:
            native.touch(base + limit - 1)
        return 0

    def _hold(self, block, size):
        self.live += size - self.words_held[block]
        self.words_held[block] = size
        if self.live > self.peak_live:
            self.peak_live = self.live
        return 0
