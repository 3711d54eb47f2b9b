"""Segments, allocation points and queues in raw words: what an MVT pool has in
control memory.

Source: design/raw.md#.sol.mvt
"""

from dataclasses import dataclass

from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.words import hold, inside


@dataclass(frozen=True)
class Segment:
    """A segment: its descriptor, its memory, and the bytes of the one block
    that it was made for, or 0."""

    address: int
    base: int
    limit: int
    block: int


def walk_segments(raw, pool, grain):
    """The segments of the MVT pool at `pool`, in the order of their making.

    Each must name the one before it, and the pool; each is whole grains.
    """
    found, previous, address = [], 0, raw.word(pool + at.MVT["first_segment"])
    while address:
        words = raw.read(at.SEGMENT, address)
        told = f"the segment at {address:#x} of the pool at {pool:#x}"
        ours = words["sig"] == at.name("SEG") and words["pool"] == pool
        hold(ours, "links", f"{told} is none, or of another pool")
        linked = words["previous"] == previous
        hold(linked, "links", f"{told} comes after {previous:#x}, and does not say so")
        base, limit = words["base"], words["limit"]
        whole = base < limit and not (base | limit) % grain
        hold(whole, "links", f"{told} has [{base:#x}, {limit:#x}): expected whole grains")
        found.append(Segment(address, base, limit, words["block"]))
        previous, address = address, words["next"]
    last = raw.word(pool + at.MVT["last_segment"])
    hold(previous == last, "links", f"the last segment is {previous:#x}, not {last:#x}")
    return found


def walk_points(raw, pool, align):
    """The allocation points of the pool at `pool`, {address: (base, init,
    limit)}, the first made first: the ends of the memory of each, and between
    them where its next block begins."""
    found, address = {}, raw.word(pool + at.POOL["first_point"])
    while address:
        words = raw.read(at.POINT, address)
        told = f"the point at {address:#x} of the pool at {pool:#x}"
        ours = words["sig"] == at.name("POINT") and words["pool"] == pool
        hold(ours and address not in found, "links", f"{told} is none, another's, or twice there")
        marks = [words[key] for key in ("base", "init", "alloc", "limit")]
        hold(marks == sorted(marks), "ranges", f"the addresses of {told} are {marks}")
        hold(all(marks) or not any(marks), "ranges", f"{told} has half of its memory: {marks}")
        aligned = not any(mark % align for mark in marks)
        hold(aligned, "ranges", f"the memory of {told} is not aligned to {align}")
        found[address] = words["base"], words["init"], words["limit"]
        address = words["next"]
    return found


def walk_queue(raw, address, free, least):
    """(base, limit) for each range in the queue at `address`, oldest first,
    with the bytes of control memory that its ring takes: a pair.

    Each has to be at least `least` bytes of one of the ranges `free`; no two
    have anything in common.
    """
    words = raw.read(at.QUEUE, address)
    told = f"the queue at {address:#x}"
    slots, oldest, count = words["slots"], words["oldest"], words["count"]
    fits = 0 <= oldest < slots and 0 <= count < slots
    hold(fits, "links", f"{told} has {count} ranges from {oldest} on, in {slots} slots")
    found = []
    for i in range(count):
        slot = words["ring"] + (oldest + i) % slots * at.SLOT_BYTES
        found.append(tuple(raw.words(slot, 2)))
    end = 0
    for base, limit in sorted(found):
        large = limit - base >= least
        hold(large, "links", f"{told} has [{base:#x}, {limit:#x}), which is below {least} bytes")
        apart = end <= base
        hold(apart, "links", f"{told} has [{base:#x}, {limit:#x}) twice, in whole or in part")
        hold(inside(free, base, limit), "links", f"[{base:#x}, {limit:#x}) is queued and not free")
        end = limit
    return found, slots * at.SLOT_BYTES
