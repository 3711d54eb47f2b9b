"""Reader of Android's recorded allocations, as memory_replay takes them.

Source: design/readers.md#.sol.android
"""

import re

from rangeland.traces.formats.heap import Heap

NAME = "android"

_P = rb"(?:0x[0-9a-fA-F]{1,16}|\(nil\))"
_LINE = re.compile(
    rb"(\d+): (malloc|free|calloc|realloc|memalign|thread_done) (P)((?: (?:P|\d{1,20}))*) *"
    .replace(b"P", _P)
)
_RECOGNISED = re.compile(rb"^\d+: (?:malloc|free|calloc|realloc|memalign) 0x[0-9a-fA-F]+", re.M)
_RESEMBLES = re.compile(rb"\d+:")

# How many words a call has behind its pointer, before what may follow.
WORDS = {b"malloc": 1, b"free": 0, b"calloc": 2, b"realloc": 2, b"memalign": 2, b"thread_done": 0}
# How many may follow: two times and, since Android 16, how many bytes of the block that
# goes were in memory; of the end of a thread one time.
FURTHER = {b"free": (0, 2, 3), b"realloc": (0, 2, 3), b"thread_done": (0, 1, 2)}
EXPECTED = "a call as Android records it, such as TID: malloc 0xP N or TID: free 0xP"


def recognises(head):
    """True if a line is a call as Android records it."""
    return _RECOGNISED.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",), is_whole=_is_whole)
    heap.through(lambda lines: _read(heap, lines))
    heap.refuse_mixed(EXPECTED)
    return heap.trace(NAME, "allocations recorded by Android", threads=heap.threads)


def _is_whole(line):
    """True if what may be missing of a call's line is no more than of a time."""
    match = _LINE.fullmatch(line)
    return bool(match) and len(match[4].split()) >= WORDS[match[2]] + 2


def _read(heap, lines):
    for line in lines:
        if match := _LINE.fullmatch(line):
            thread, name, address, words = match.groups()
            _call(heap, line, thread, name, _number(address), words.split())
        elif _RESEMBLES.match(line):
            raise heap.bad(line, EXPECTED)
        elif line.strip():
            heap.skip(line, EXPECTED)


def _call(heap, line, thread, name, address, words):
    count = WORDS[name]
    further = len(words) - count
    if further not in FURTHER.get(name, (0, 2)):
        raise heap.bad(line, EXPECTED)
    heap.by(thread)
    words = [_number(word) for word in words[:count]]
    if name == b"malloc":
        heap.alloc(words[0], address)
    elif name == b"calloc":
        heap.alloc(words[0] * words[1], address)
    elif name == b"memalign":
        heap.alloc(words[1], address, words[0])
    elif name == b"free":
        heap.free(address)
    elif name == b"realloc" and address == 0 and words[1] == 0 and words[0] != 0:
        heap.free(words[0])
    elif name == b"realloc":
        heap.realloc(words[0], words[1], address)


def _number(text):
    if text == b"(nil)":
        return 0
    return int(text, 16) if text.startswith(b"0x") else int(text)
