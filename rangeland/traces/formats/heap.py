"""The blocks of a recording that names them by their addresses (design/readers.md#.sol.heap)."""

from sortedcontainers import SortedDict

from rangeland.traces.addresses import Addresses
from rangeland.traces.formats.reading import Reading
from rangeland.traces.trace import MOST_SIZE


def is_address(number):
    """True if it is an address of at most 64 bits."""
    return 0 <= number < 1 << 64


class Heap(Reading):
    """What a recording has told so far: the live blocks by address, and the counts.

    A reader tells it each call. It numbers the blocks, makes the columns, and
    counts what has no effect or cannot be. `live` has the blocks of the only
    process; a reader of several has such a table for each.
    """

    def __init__(self, source, counts=(), is_whole=None):
        super().__init__(source, counts, addressed=True, is_whole=is_whole)
        self.live = Addresses()
        self._threads = {}
        self._thread = None
        # Of a strict source: for each table of live blocks, the limits of them by base.
        self._extents = {}

    def trace(self, format, expected, **notes):
        """As of a Reading; the live blocks are forgotten, for the memory that they take."""
        self.live.clear()
        self._extents.clear()
        return super().trace(format, expected, **notes)

    def by(self, thread):
        """What is told next was done by the thread of this name."""
        if thread == self._thread:
            return
        self._thread = thread
        number = self._threads.get(thread)
        if number is None:
            number = self._threads[thread] = len(self._threads)
        self.columns.by(number)

    def knows(self, thread):
        """True if the thread of this name has done something."""
        return thread in self._threads

    @property
    def threads(self):
        """How many threads were named."""
        return len(self._threads)

    def alloc(self, size, address, alignment=None):
        """A call for a new block gave `address`, 0 if it failed. Raises: TraceError."""
        if address == 0:
            self.notes["failed"] += 1
        else:
            self.place(self.live, size, address, alignment)

    def free(self, address):
        """A call released the block at `address`, 0 for none. Raises: TraceError."""
        if address == 0:
            self.notes["free_null"] += 1
        else:
            self.release(self.take(self.live, address), address)

    def realloc(self, old, size, address):
        """A realloc of the block at `old`, which may be 0, gave `address`, 0 if it
        failed. Raises: TraceError."""
        if old == 0:
            self.alloc(size, address)
        elif address == 0:
            self.notes["failed"] += 1
            self.notes["failed_realloc"] += is_address(old) and old in self.live
        else:
            # Before its block is taken: a partial reading goes on, and may have it freed.
            self.sane(size)
            self.move(self.live, self.take(self.live, old), old, size, address)

    def place(self, live, size, address, alignment=None):
        """A new block lies at `address`. Raises: TraceError."""
        self.sane(size)
        self._expect_address(address)
        if alignment is not None and alignment > MOST_SIZE:
            raise self.error(f"an alignment of {alignment}", f"at most {MOST_SIZE}")
        self._drop(live, address)
        self._occupy(live, address, size)
        live[address] = self.columns.alloc(size, alignment, address=address)

    def take(self, live, address):
        """The block at `address`, which lies there no more, or None."""
        block = live.pop(address) if is_address(address) else None
        if block is not None:
            self._vacate(live, address)
        return block

    def release(self, block, address):
        """`block`, which was at `address`, is gone; None if there was none.

        Raises: TraceError if it is None and the source strict.
        """
        if block is not None:
            self.columns.free(block)
        else:
            self.odd("free_unknown", f"a free of {address:#x}", "a free of a live block")

    def move(self, live, block, old, size, address):
        """`block`, which was at `old`, is now at `address`; None if there was none.

        Raises: TraceError.
        """
        if block is None:
            found = f"a realloc of {old:#x}"
            self.odd("realloc_unknown", found, "a realloc of a live block")
            self.place(live, size, address)
            return
        self.sane(size)
        self._expect_address(address)
        self._drop(live, address)
        self._occupy(live, address, size)
        self.columns.realloc(block, size, address=address)
        live[address] = block

    def exec(self, live):
        """The process with these blocks has become another program, and has lost them."""
        for block in live.blocks():
            self.columns.free(block)
        self.notes["exec_dropped"] += len(live)
        live.clear()
        self._extents.pop(id(live), None)

    def _expect_address(self, address):
        if not is_address(address):
            raise self.error(f"a block at {address:#x}", "an address of at most 64 bits")

    def _drop(self, live, address):
        block = live.pop(address)
        if block is not None:
            self.odd("alloc_over_live", f"a new block at {address:#x}", "one where none is live")
            self.columns.free(block)

    def _occupy(self, live, address, size):
        """Refuse a block that overlaps a live one, if the source is strict. Raises: TraceError."""
        if not self.source.strict:
            return
        extents = self._extents.setdefault(id(live), SortedDict())
        limit = address + max(size, 1)
        at = extents.bisect_left(limit)
        if at > 0:
            base, end = extents.peekitem(at - 1)
            if end > address:
                found = f"a block of {size} bytes at {address:#x}"
                expected = f"one that does not overlap that of {end - base} bytes at {base:#x}"
                raise self.error(found, expected)
        extents[address] = limit

    def _vacate(self, live, address):
        """The block at `address` no longer keeps others from lying there."""
        if self.source.strict:
            self._extents.get(id(live), {}).pop(address, None)
