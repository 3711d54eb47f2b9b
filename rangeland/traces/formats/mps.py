"""Reader of the MPS's telemetry as text, and of our own (design/readers.md#.sol.mps)."""

import re

from rangeland.traces.formats.heap import Heap
from rangeland.traces.source import shown

NAME = "mps-telemetry"

# What mpseventtxt prints: clock, code, name, and parameters as `name:value`, the
# numbers of memory in hexadecimal.
_MPS = re.compile(rb"[0-9A-F]{8,16} [0-9A-F]{4} (\w+|\[Unknown\]) *(.*)")
# What our own log prints: nanoseconds, name, and parameters as `name=value`.
_OURS = re.compile(rb" *\d+ ([A-Z]\w+) *(.*)")
_MPS_PARAM = re.compile(rb"(\w+):([0-9A-F]+)(?:\[[^\]]*\])?(?= |$)")
_OURS_PARAM = re.compile(rb"(\w+)=(0x[0-9a-f]+|\d+)(?:\[[^\]]*\])?(?= |$)")
_RECOGNISED = re.compile(
    rb"^(?:[0-9A-F]{8,16} [0-9A-F]{4} [A-Z]\w+ +(?:\w+:|$)| *\d+ [A-Z]\w+ +\w+=)", re.M
)

# The events that are calls, with the names of the parameters that tell address and size.
CLIENT = {b"PoolAlloc": (b"pReturn", b"size"), b"PoolFree": (b"old", b"size")}
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
    reading = Heap(source, ("unparsed",))
    told = {level: Heap(source) for level in ("client", "arena")}
    for line in reading.lines():
        match, param, base = _MPS.fullmatch(line), _MPS_PARAM, 16
        if match is None:
            match, param, base = _OURS.fullmatch(line), _OURS_PARAM, 0
        if match is None:
            if line.strip():
                reading.skip(line, EXPECTED)
            continue
        name, rest = match.groups()
        for level, calls in (("client", CLIENT), ("arena", ARENA)):
            if name in calls:
                heap = told[level]
                heap.line = reading.line
                values = dict(param.findall(rest))
                _call(heap, line, name, [values.get(key) for key in calls[name]], base)
    reading.refuse_mixed(EXPECTED)
    level = "client" if told["client"].events else "arena"
    heap = told[level]
    heap.notes["unparsed"], heap.skipped = reading.notes["unparsed"], reading.skipped
    expected = "telemetry with the kind Object, whose events are PoolAlloc and PoolFree"
    return heap.trace(NAME, expected, level=level)


def _call(heap, line, name, values, base):
    address, size = values
    if size is None or (address is None and not name.endswith(b"Fail")):
        raise heap.error(shown(line), f"the parameters of {name.decode()}")
    address = 0 if address is None else int(address, base)
    size = int(size, base)
    if name.endswith(b"Free"):
        heap.free(address)
    else:
        heap.alloc(size, address)
