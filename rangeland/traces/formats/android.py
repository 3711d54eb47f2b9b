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

# How many words a call has behind its pointer, before the two times that may follow.
WORDS = {b"malloc": 1, b"free": 0, b"calloc": 2, b"realloc": 2, b"memalign": 2, b"thread_done": 0}
EXPECTED = "a call as Android records it, such as TID: malloc 0xP N or TID: free 0xP"


def recognises(head):
    """True if a line is a call as Android records it."""
    return _RECOGNISED.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",))
    for line in heap.lines():
        if match := _LINE.fullmatch(line):
            thread, name, address, words = match.groups()
            _call(heap, line, thread, name, _number(address), words.split())
        elif _RESEMBLES.match(line):
            raise heap.bad(line, EXPECTED)
        elif line.strip():
            heap.skip(line, EXPECTED)
    heap.refuse_mixed(EXPECTED)
    return heap.trace(NAME, "allocations recorded by Android", threads=heap.threads)


def _call(heap, line, thread, name, address, words):
    count = WORDS[name]
    times = len(words) - count
    if times not in (0, 2) and (name, times) != (b"thread_done", 1):
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
