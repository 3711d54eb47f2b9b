"""Writer of a snapshot as PyTorch makes them, which its public viewer opens.

Source: design/forms.md#.sol.snapshot
"""

import struct
from bisect import bisect_left

import numpy as np

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.writers.told import pieces, untold

NAME = "torch"

ROUND = 512
BASE = 1 << 32
# Blocks farther apart than this lie in different segments.
GAP = 1 << 20
MOST_ITEMS = 1000


def write(trace, file, progress=None):
    """Write `trace` to the binary `file`; returns what the form cannot say, counted.

    Blocks lie where the trace has them; if it does not say so of all, or has two
    live ones overlap, they are laid out one after another.
    """
    address = trace.address
    if address is None or not _usable(trace):
        address = _laid_out(trace)
    writer = _Plain(file)
    writer.begin_dict()
    live = _events(trace, address, writer, progress)
    writer.word("segments")
    writer.begin_list()
    places = sorted(live.items())
    for base, limit in _clusters(trace, address):
        first, last = (bisect_left(places, (end,)) for end in (base, limit))
        _segment(writer, base, limit, places[first:last])
    writer.end_list()
    writer.word("allocator_settings")
    writer.empty_dict()
    writer.word("external_annotations")
    writer.begin_list()
    writer.end_list()
    writer.end_dict()
    writer.end()
    counts = untold(trace, "alignment", *(["address"] if address is not trace.address else []))
    resized = int(np.count_nonzero(trace.op == REALLOC))
    return counts | ({"reallocs": resized} if resized else {})


def _events(trace, address, writer, progress):
    """Write the events; returns what lives at the end: {address: size}."""
    where, size_of = np.zeros(trace.blocks, np.int64), np.zeros(trace.blocks, np.int64)
    where, size_of = memoryview(where), memoryview(size_of)
    threads = trace.thread if trace.thread is not None else np.zeros(len(trace), np.int8)
    columns = (trace.op, trace.id, trace.size, address, threads)
    live, time = {}, 0
    writer.word("device_traces")
    writer.begin_list()
    writer.begin_list()
    for values in pieces(trace, progress, *columns):
        for op, block, size, at, thread in zip(*values):
            if op != ALLOC:
                old = where[block], size_of[block], thread, time
                writer.event("free_requested", *old)
                writer.event("free_completed", *old)
                del live[where[block]]
            if op != FREE:
                writer.event("alloc", at, size, thread, time)
                where[block], size_of[block] = at, size
                live[at] = size
            time += 1
    writer.end_list()
    writer.end_list()
    return live


def _usable(trace):
    """True if the trace's addresses tell where each block lies, no two live ones at one
    place, and no two overlap that live at the end."""
    if np.any((trace.op != FREE) & (trace.address == 0)):
        return False
    where, taken = memoryview(np.zeros(trace.blocks, np.int64)), {}
    columns = (trace.op, trace.id, trace.address, trace.size)
    for ops, blocks, addresses, sizes in pieces(trace, None, *columns):
        for op, block, address, size in zip(ops, blocks, addresses, sizes):
            if op != ALLOC:
                del taken[where[block]]
            if op != FREE:
                if address in taken:
                    return False
                taken[address] = size
                where[block] = address
    places = sorted(taken.items())
    return all(base + size <= after for (base, size), (after, _) in zip(places, places[1:]))


def _laid_out(trace):
    """A column of addresses: a block takes the place of one of its class freed before,
    or else comes after all others. A class has the sizes up to a power of two."""
    class_of = memoryview(np.zeros(trace.blocks, np.int8))
    where = memoryview(np.zeros(trace.blocks, np.int64))
    free, top, out = [[] for _ in range(64)], BASE, []
    for ops, blocks, sizes in pieces(trace, None, trace.op, trace.id, trace.size):
        for op, block, size in zip(ops, blocks, sizes):
            at = 0
            if op != ALLOC:
                free[class_of[block]].append(where[block])
            if op != FREE:
                kind = (max(size, ROUND) - 1).bit_length()
                if free[kind]:
                    at = free[kind].pop()
                else:
                    at, top = top, top + (1 << kind)
                class_of[block], where[block] = kind, at
            out.append(at)
    return np.array(out, np.int64)


def _clusters(trace, address):
    """The ranges (base, limit) of addresses in which all blocks ever lay, low ones first."""
    placed = trace.op != FREE
    base = address[placed]
    limit = base + np.maximum(trace.size[placed], 1)
    order = np.argsort(base)
    base, limit = base[order], np.maximum.accumulate(limit[order])
    starts = np.ones(len(base), bool)
    starts[1:] = base[1:] > limit[:-1] + GAP
    ends = np.append(starts[1:], True)[: len(base)]
    return list(zip(base[starts].tolist(), limit[ends].tolist()))


def _segment(writer, base, limit, inside):
    held = sum(size for _, size in inside)
    writer.item()
    writer.begin_dict()
    for name, value in (
        ("device", 0), ("address", base), ("total_size", limit - base), ("allocated_size", held),
        ("active_size", held), ("requested_size", held), ("stream", 0),
    ):  # fmt: skip
        writer.word(name)
        writer.number(value)
    writer.word("segment_type")
    writer.word("large")
    writer.word("segment_pool_id")
    writer.pair(0, 0)
    writer.word("is_expandable")
    writer.no()
    writer.word("frames")
    writer.frames()
    writer.word("blocks")
    writer.begin_list()
    at = base
    for place, size in inside:
        if place > at:
            writer.block(at, place - at, 0, "inactive")
        room = min(max(size, 1), limit - place)
        writer.block(place, room, size, "active_allocated")
        at = place + room
    if at < limit:
        writer.block(at, limit - at, 0, "inactive")
    writer.end_list()
    writer.end_dict()


class _Plain:
    """A pickle written as it is made, of the few operations that the viewer knows."""

    def __init__(self, file):
        self.file = file
        self.parts = [b"\x80\x04"]
        self.kept = {}
        self.counts = []

    def _keep(self, key, first):
        """`first` makes the value; later it is fetched."""
        number = self.kept.get(key)
        if number is None:
            self.kept[key] = len(self.kept)
            return first + b"\x94"
        return b"h" + bytes([number])

    def _word(self, text):
        data = text.encode()
        return self._keep(text, b"\x8c" + bytes([len(data)]) + data)

    def word(self, text):
        self.parts.append(self._word(text))

    def number(self, value):
        self.parts.append(_number(value))

    def pair(self, one, two):
        self.parts.append(_number(one) + _number(two) + b"\x86")

    def no(self):
        self.parts.append(b"\x89")

    def frames(self):
        self.parts.append(self._keep(None, b"]"))

    def begin_dict(self):
        self.parts.append(b"}(")

    def end_dict(self):
        self.parts.append(b"u")

    def empty_dict(self):
        self.parts.append(b"}")

    def begin_list(self):
        self.parts.append(b"](")
        self.counts.append(0)

    def item(self):
        """The next value is an item of the list; the viewer can add only so many at a time."""
        if self.counts[-1] == MOST_ITEMS:
            self.parts.append(b"e(")
            self.counts[-1] = 0
        self.counts[-1] += 1

    def end_list(self):
        self.parts.append(b"e")
        self.counts.pop()

    def event(self, action, address, size, stream, time):
        self.item()
        word = self._word
        self.parts += (
            b"}(", word("action"), word(action), word("addr"), _number(address),
            word("size"), _number(size), word("stream"), _number(stream),
            word("time_us"), _number(time), word("frames"), self._keep(None, b"]"), b"u",
        )  # fmt: skip
        if len(self.parts) > 1 << 16:
            self._flush()

    def block(self, address, size, requested, state):
        self.item()
        word = self._word
        self.parts += (
            b"}(", word("address"), _number(address), word("size"), _number(size),
            word("requested_size"), _number(requested), word("state"), word(state),
            word("frames"), self._keep(None, b"]"), b"u",
        )  # fmt: skip

    def _flush(self):
        self.file.write(b"".join(self.parts))
        self.parts.clear()

    def end(self):
        self.parts.append(b".")
        self._flush()


def _number(value):
    if value < 1 << 8:
        return b"K" + bytes([value])
    if value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    if value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)
