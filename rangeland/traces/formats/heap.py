"""The blocks of a recording that names them by their addresses (design/readers.md#.sol.heap)."""

from sortedcontainers import SortedDict

from rangeland.traces.formats.reading import Reading

class Heap(Reading):
    """What a recording has told so far: the live blocks by address, and the counts.

    A reader tells it each call. It numbers the blocks, makes the columns, and
    counts what has no effect or cannot be. `live` has the blocks of the only
    process; a reader of several has such a dict for each.
    """

    def __init__(self, source, counts=()):
        super().__init__(source, counts, addressed=True)
        self.live = {}
        self._threads = {}
        # Of a strict source: for each dict of live blocks, the limits of them by base.
        self._extents = {}

    def by(self, thread):
        """What is told next was done by the thread of this name."""
        number = self._threads.get(thread)
        if number is None:
            number = self._threads[thread] = len(self._threads)
        self.columns.by(number)

    @property
    def threads(self):
        """How many threads were named."""
        return len(self._threads)

    def alloc(self, size, address, alignment=None):
        """A call for a new block gave `address`, 0 if it failed. Raises: TraceError."""
        if address == 0:
            self.notes["failed"] += 1
        else:
            self.place(self.live, address, size, address, alignment)

    def free(self, address):
        """A call released the block at `address`, 0 for none. Raises: TraceError."""
        if address == 0:
            self.notes["free_null"] += 1
        else:
            self.release(self.live, address, address)

    def realloc(self, old, size, address):
        """A realloc of the block at `old`, which may be 0, gave `address`, 0 if it
        failed. Raises: TraceError."""
        if old == 0:
            self.alloc(size, address)
        elif address == 0:
            self.notes["failed"] += 1
            self.notes["failed_realloc"] += old in self.live
        else:
            self.move(self.live, old, address, size, address, old)

    def place(self, live, key, size, address, alignment=None):
        """A new block, known by `key` in `live`, lies at `address`. Raises: TraceError."""
        self.sane(size)
        self._drop(live, key, address)
        self._occupy(live, address, size)
        live[key] = self.columns.alloc(size, alignment, address=address)

    def release(self, live, key, address):
        """The block known by `key` is gone, if there is one. Raises: TraceError if strict."""
        block = live.pop(key, None)
        if block is not None:
            self.vacate(live, address)
            self.columns.free(block)
        else:
            self.odd("free_unknown", f"a free of {address:#x}", "a free of a live block")

    def move(self, live, old, key, size, address, old_address):
        """The block known by `old` is now known by `key`. Raises: TraceError."""
        block = live.get(old)
        if block is None:
            found = f"a realloc of {old_address:#x}"
            self.odd("realloc_unknown", found, "a realloc of a live block")
            self.place(live, key, size, address)
            return
        self.sane(size)
        self.vacate(live, old_address)
        del live[old]
        self._drop(live, key, address)
        self._occupy(live, address, size)
        self.columns.realloc(block, size, address=address)
        live[key] = block

    def exec(self, live):
        """The process with these blocks has become another program, and has lost them."""
        for block in live.values():
            self.columns.free(block)
        self.notes["exec_dropped"] += len(live)
        live.clear()
        self._extents.pop(id(live), None)

    def _drop(self, live, key, address):
        block = live.get(key)
        if block is not None:
            self.odd("alloc_over_live", f"a new block at {address:#x}", "one where none is live")
            self.columns.free(block)
            del live[key]

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

    def vacate(self, live, address):
        """The block at `address` no longer keeps others from lying there."""
        if self.source.strict:
            self._extents.get(id(live), {}).pop(address, None)
