"""Reader of heaptrack's raw files, which have addresses (design/readers.md#.sol.heaptrack)."""

from rangeland.traces.formats.heaptrack_lines import HEADER, Lines, has_addresses, is_whole
from rangeland.traces.formats.heap import Heap

NAME = "heaptrack-raw"


def recognises(head):
    """True if the file begins as heaptrack's do, and its events name addresses."""
    return HEADER.match(head) is not None and has_addresses(head)


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",), is_whole=is_whole)
    told = Lines(heap)
    heap.through(lambda lines: _read(heap, told, lines))
    return told.trace(NAME)


def _read(heap, told, lines):
    for kind, words in told.events(lines, b"+-"):
        if kind == b"+":
            size, _, address = told.numbers(words, 3, "+ SIZE TRACE ADDRESS")
            heap.alloc(size, address)
        else:
            heap.free(told.numbers(words, 1, "- ADDRESS")[0])
