"""Reader of heaptrack's raw files, which have addresses (design/readers.md#.sol.heaptrack)."""

from rangeland.traces.formats.heaptrack_lines import HEADER, Lines, has_addresses
from rangeland.traces.formats.heap import Heap

NAME = "heaptrack-raw"


def recognises(head):
    """True if the file begins as heaptrack's do, and its events name addresses."""
    return HEADER.match(head) is not None and has_addresses(head)


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",))
    lines = Lines(heap)
    for kind, words in lines.events(b"+-"):
        if kind == b"+":
            size, _, address = lines.numbers(words, 3, "+ SIZE TRACE ADDRESS")
            heap.alloc(size, address)
        else:
            heap.free(lines.numbers(words, 1, "- ADDRESS")[0])
    return lines.trace(NAME)
