"""Reader of the CSV logs of RMM's logging adaptor (design/readers.md#.sol.rmm)."""

import re

from rangeland.traces.formats.heap import Heap

NAME = "rmm-csv"

HEADER = b"Thread,Time,Action,Pointer,Size,Stream"
COLUMNS = HEADER.split(b",")
FAILURE = b"allocate failure"
FREES = (b"free", b"deallocate")
ACTIONS = (b"allocate", *FREES, FAILURE)
EXPECTED = "Thread,Time,Action,Pointer,Size,Stream; Action is allocate, free or allocate failure"

_POINTER = re.compile(rb"(?:0x)?[0-9a-fA-F]{1,16}").fullmatch
_SIZE = re.compile(rb"\d{1,20}").fullmatch
_NULLS = (b"(nil)", b"nullptr", b"")
_FORM = (
    rb"[ \t]*\d+[ \t]*,[^,\n]*,[ \t]*(?:allocate(?: failure)?|free|deallocate)[ \t]*,[^,\n]*,"
    rb"[ \t]*\d+[ \t]*,[^,\n]*"
)
_ROW = re.compile(rb"^(?:" + _FORM + rb"$|" + HEADER + rb"[ \t\r]*$)", re.M)
_WHOLE = re.compile(_FORM + rb"|" + HEADER).fullmatch
_RESEMBLES = re.compile(
    rb"\d+[ \t]*,[ \t]*[\d:.]+[ \t]*,[ \t]*[a-z]|Thread,"
    rb"|.*,[ \t]*(?:allocate(?: failure)?|free|deallocate)[ \t]*,"
).match
MOST_OTHERS = 0.95


def recognises(head):
    """True if a line is the header of RMM, or a row of it."""
    if head.lstrip().startswith(b"Thread,"):
        return head.lstrip().startswith(HEADER)
    return _ROW.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",), is_whole=_WHOLE)
    heap.through(lambda lines: _read(heap, lines))
    # Where a program logs to its standard output, more lines may be others than rows.
    heap.refuse_mixed(EXPECTED, most=MOST_OTHERS)
    return heap.trace(NAME, f"rows of {HEADER.decode()}", threads=heap.threads)


def _read(heap, lines):
    for line in lines:
        text = line.strip()
        if not text or text == HEADER:
            continue
        words = [word.strip() for word in text.split(b",")]
        if len(words) == len(COLUMNS) and words[2] in ACTIONS:
            _row(heap, line, *words)
        elif not _RESEMBLES(text):
            heap.skip(line, EXPECTED)
        elif len(words) == len(COLUMNS):
            raise heap.bad(words[2], "allocate, free, deallocate or allocate failure")
        else:
            raise heap.bad(line, EXPECTED)


def _row(heap, line, thread, _, action, pointer, size, __):
    if not (_SIZE(size) and (_POINTER(pointer) or pointer in _NULLS)):
        raise heap.bad(line, EXPECTED)
    address = 0 if pointer in _NULLS else int(pointer, 16)
    heap.by(thread)
    if action == b"allocate":
        # Nothing that was asked for is NULL, and has not failed.
        if address or int(size):
            heap.alloc(int(size), address)
    elif action in FREES:
        heap.free(address)
    else:
        heap.alloc(int(size), 0)
