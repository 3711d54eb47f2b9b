"""Reader of the files of glibc's mtrace (design/readers.md#.sol.mtrace)."""

import re

from rangeland.traces.formats.heap import Heap

NAME = "mtrace"

_P = rb"(0x[0-9a-f]{1,16}|\(nil\))"
_S = rb"(0x[0-9a-f]{1,16}|0)"
_FORM = rb"(?:@ .* )?(?:([-<]) P|([+>!]) P S)".replace(b"P", _P).replace(b"S", _S)
_EVENT = re.compile(_FORM)
_LINE = re.compile(rb"^" + _FORM + rb"\r?$", re.M)
_RESEMBLES = re.compile(rb"@ |[-+<>!=] ")

START = b"= Start"
END = b"= End"
EXPECTED = "an event as mtrace writes it, such as @ WHERE + 0xP 0xSIZE or @ WHERE - 0xP"


def recognises(head):
    """True if a line is the first line of mtrace, or one of its events."""
    return re.match(rb"= Start\r?$", head, re.M) is not None or _LINE.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    heap = Heap(source, ("unparsed",))
    moving = None
    for line in heap.lines():
        match = _EVENT.fullmatch(line)
        if match is None:
            _other(heap, line)
            continue
        released, old, made, place, size = match.groups()
        if released is None:
            address, size = _number(place), int(size, 16)
        if released == b"-":
            heap.free(_number(old))
        elif made == b"+":
            heap.alloc(size, address)
        elif made == b"!":
            heap.realloc(address, size, 0)
        elif released == b"<":
            if moving is not None:
                heap.skip(b"<", "a > line after the < line before")
            moving = _number(old)
        elif moving is None:
            heap.skip(line, "a < line before this > line")
            heap.alloc(size, address)
        else:
            heap.realloc(moving, size, address)
            moving = None
    if moving is not None:
        heap.skip(b"the end of the file", "a > line after the last < line")
    heap.refuse_mixed(EXPECTED)
    return heap.trace(NAME, "a file of mtrace")


def _other(heap, line):
    if line in (START, END, b""):
        return
    if _RESEMBLES.match(line):
        raise heap.bad(line, EXPECTED)
    heap.skip(line, EXPECTED)


def _number(text):
    return 0 if text == b"(nil)" else int(text, 16)
