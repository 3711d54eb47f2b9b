"""Reader of the CSV logs of RMM's logging adaptor (design/readers.md#.sol.rmm)."""

import re

from rangeland.traces.formats.heap import Heap

NAME = "rmm-csv"

HEADER = b"Thread,Time,Action,Pointer,Size,Stream"
COLUMNS = HEADER.split(b",")
MARK = b"\xef\xbb\xbf"
FAILURE = b"allocate failure"
FREES = (b"free", b"deallocate")
EXPECTED = "Thread,Time,Action,Pointer,Size,Stream; Action is allocate, free or allocate failure"

_POINTER = re.compile(rb"(?:0x)?[0-9a-fA-F]{1,16}").fullmatch
_SIZE = re.compile(rb"\d{1,20}").fullmatch
_NULLS = (b"(nil)", b"nullptr", b"")


def recognises(head):
    """True if the first line is the header of RMM."""
    return head.removeprefix(MARK).lstrip().startswith(HEADER)


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",))
    for line in heap.lines():
        text = line.removeprefix(MARK).strip()
        if not text or text == HEADER:
            continue
        words = [word.strip() for word in text.split(b",")]
        if len(words) != len(COLUMNS):
            raise heap.bad(line, EXPECTED)
        _row(heap, line, *words)
    return heap.trace(NAME, f"rows of {HEADER.decode()}", threads=heap.threads)


def _row(heap, line, thread, _, action, pointer, size, __):
    if not (_SIZE(size) and (_POINTER(pointer) or pointer in _NULLS)):
        raise heap.bad(line, EXPECTED)
    address = 0 if pointer in _NULLS else int(pointer, 16)
    heap.by(thread)
    if action == b"allocate":
        heap.alloc(int(size), address)
    elif action in FREES:
        heap.free(address)
    elif action == FAILURE:
        heap.alloc(int(size), 0)
    else:
        raise heap.bad(action, "allocate, free, deallocate or allocate failure")
