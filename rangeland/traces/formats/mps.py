"""Reader of the MPS's telemetry as text, and of our own (design/readers.md#.sol.mps)."""

import re

from rangeland.traces.formats.heap import Heap
from rangeland.traces.source import shown

NAME = "mps-telemetry"

# What mpseventtxt prints: clock, code, name, and parameters as `name:value`, the
# numbers of memory in hexadecimal.
_MPS = re.compile(rb"[0-9A-F]{8,16} ([0-9A-F]{4}) (\w+|\[Unknown\]) *(.*)")
# What our own log prints: nanoseconds, name, and parameters as `name=value`.
_OURS = re.compile(rb" *\d+ ()([A-Z]\w+) *(.*)")
# A label may hold brackets and, behind a backslash, quotes.
_LABEL = rb'(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?(?= |$)'
_MPS_PARAM = re.compile(rb"(\w+):([0-9A-F]{1,16})" + _LABEL)
_OURS_PARAM = re.compile(rb"(\w+)=(0x[0-9a-f]{1,16}|0|[1-9]\d{0,19})" + _LABEL)
# mpseventtxt writes a blank behind the last parameter, too.
_WHOLE = re.compile(rb".* (?:size|newSize):[0-9A-F]+(?:\[.*\])? (?:.* )?").fullmatch
_RECOGNISED = re.compile(
    rb"^(?:[0-9A-F]{8,16} [0-9A-F]{4} [A-Z]\w+ +(?:\w+:|$)| *\d+ [A-Z]\w+ +\w+=)", re.M
)

# The events that are calls, with the names of the parameters that tell address and size.
CLIENT = {
    b"PoolAlloc": (b"pReturn", b"size"),
    b"PoolFree": (b"old", b"size"),
    b"PoolResize": (b"old", b"newSize"),
    b"BufferCommit": (b"p", b"size"),
}
ARENA = {
    b"ArenaAlloc": (b"base", b"size"),
    b"ArenaFree": (b"base", b"size"),
    b"ArenaAllocFail": (None, b"size"),
}
EXPECTED = "an event as mpseventtxt prints it, or as a log of ours does"


def recognises(head):
    """True if a line is an event of the telemetry."""
    return _RECOGNISED.search(head) is not None


def read(source):
    """The Trace in `source`: what clients asked of pools, or, if no pool told
    that, what pools asked of the arena. Raises: TraceError."""
    log = _Log(source)
    log.reading.through(log.read)
    return log.trace()


class _Log:
    """The heaps that were told so far: what clients have, and what pools have of the arena."""

    def __init__(self, source):
        self.reading = Heap(source, ("unparsed",), is_whole=_WHOLE)
        self.client, self.arena = Heap(source), Heap(source)
        self.names = {}

    def read(self, lines):
        """Read the lines."""
        for line in lines:
            match, param, base = _MPS.fullmatch(line), _MPS_PARAM, 16
            if match is None:
                match, param, base = _OURS.fullmatch(line), _OURS_PARAM, 0
            if match is None:
                if line.strip():
                    self.reading.skip(line, EXPECTED)
                continue
            code, name, rest = match.groups()
            known = self.names.setdefault(code or name, name)
            if known != name:
                # A damaged name would be another event, of no interest.
                found = f"{shown(known)}, as before, for the code {code.decode()}"
                raise self.reading.bad(line, found)
            for heap, calls in ((self.client, CLIENT), (self.arena, ARENA)):
                if name in calls:
                    heap.line = self.reading.line
                    _call(heap, line, name, _values(param.findall(rest), calls[name]), base)

    def trace(self):
        """The Trace of what clients asked of pools or, if no pool told that, of the arena."""
        self.reading.refuse_mixed(EXPECTED)
        level = "client" if self.client.events else "arena"
        heap = getattr(self, level)
        heap.take_told(self.reading)
        expected = "telemetry with the kind Object, whose events are PoolAlloc and PoolFree"
        return heap.trace(NAME, expected, level=level)


def _values(found, keys):
    """What each of `keys` is; None for one that is not there once."""
    told = [[value for name, value in found if name == key] for key in keys]
    return [values[0] if len(values) == 1 else None for values in told]


def _call(heap, line, name, values, base):
    address, size = values
    if size is None or (address is None and not name.endswith(b"Fail")):
        raise heap.error(shown(line), f"the parameters of {name.decode()}, each once")
    address = 0 if address is None else int(address, base)
    size = int(size, base)
    if name.endswith(b"Free"):
        heap.free(address)
    elif name.endswith(b"Resize"):
        heap.realloc(address, size, address)
    else:
        heap.alloc(size, address)
