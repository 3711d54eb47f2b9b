"""Rooms: the objects of fixed size in a library, from which it may give blocks.

Runs in the child. Source: design/library.md#.sol.rooms
"""

import struct
from bisect import bisect_right

# An object of fewer bytes is no room for blocks.
LEAST = 1024
# A block that begins so soon after a room is one too many of it.
NEAR = 4096

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_TABLES = (2, 11)
_OBJECT = 1


def objects(path):
    """[(offset, bytes)] of the objects of the ELF file at `path`, ascending:
    none if its symbols are stripped, or it is none of 64 bits."""
    try:
        with open(path, "rb") as file:
            return sorted(set(_objects(file.read())))
    except (OSError, struct.error):
        return []


def _objects(data):
    header = _HEADER.unpack_from(data)
    if header[0][:6] != b"\x7fELF\x02\x01":
        return
    begin, width, count = header[6], header[11], header[12]
    for n in range(count):
        section = _SECTION.unpack_from(data, begin + n * width)
        if section[1] not in _TABLES:
            continue
        at, size = section[4], section[5]
        for _, info, _, index, value, length in _SYMBOL.iter_unpack(data[at : at + size]):
            if info & 15 == _OBJECT and index and length >= LEAST:
                yield value, length


class Rooms:
    """The `objects` of a library that was loaded at `base`."""

    def __init__(self, base, objects):
        self.base = base
        self.begins = [base + offset for offset, _ in objects]
        self.ends = [base + offset + size for offset, size in objects]
        self.low = min(self.begins, default=0)
        self.high = max(self.ends, default=0) + NEAR
        self.used = set()

    def left(self, address, size):
        """(base, limit) of the room that a block lies in, or began beyond, and
        that does not hold all of it; else None."""
        if not self.low <= address < self.high:
            return None
        at = bisect_right(self.begins, address) - 1
        begin, end = self.begins[at], self.ends[at]
        if address < end:
            self.used.add(at)
            return (begin, end) if address + size > end else None
        return (begin, end) if at in self.used and address < end + NEAR else None
