"""Traces in pieces: which slots are live, followed and checked (design/forms.md#.sol.check).

A slot is the number of a live block, free for another block once that one is
freed. A piece is a run of rows of a trace, as columns. What is remembered
between two pieces is what lives, so a trace of any length needs memory for its
most live blocks only.
"""

from typing import NamedTuple

import numpy as np

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.trace import COUNTS, MOST_SIZE

# Most rows of a piece; a row's number and op lie in the low bits of a sort key.
PIECE = 1 << 20
MOST_SLOTS = (1 << 31) - 1
_OP_BITS = 2
_LOW_BITS = 22


class Piece(NamedTuple):
    """Some rows of a trace: int8, int64, int64, and int64 or None; none can be written to."""

    op: np.ndarray
    slot: np.ndarray
    size: np.ndarray
    alignment: np.ndarray | None = None


class Order(NamedTuple):
    """A piece's rows sorted by slot, then by row.

    `first` and `last` tell where a slot's rows begin and end.
    """

    row: np.ndarray
    op: np.ndarray
    slot: np.ndarray
    first: np.ndarray
    last: np.ndarray


class Slots:
    """Which slots hold a live block, after the pieces so far.

    `error(row, found, expected)` makes the exception that a wrong row raises;
    `rows` counts those done; `used` is one more than the highest slot met,
    `largest` the largest size. Slots must be below `most`.
    Cost: of a piece of n rows, a sort of n numbers; a byte a slot is held.
    """

    def __init__(self, error, most=MOST_SLOTS):
        self.error = error
        self.most = most
        self.rows = 0
        self.used = 0
        self.largest = 0
        self.live = np.zeros(0, bool)

    def advance(self, piece):
        """Do the rows of `piece`, at most PIECE; returns them as an Order.

        Raises: what `error` makes, if a row is of no known op, a slot or size
        out of bounds, an alloc of a live slot, or a free or realloc of a dead
        one; nothing is then changed.
        """
        op, slot, size, alignment = piece
        if not len(op):
            nothing = np.zeros(0, np.int64)
            return Order(nothing, nothing, nothing, nothing != 0, nothing != 0)
        self._check_values(op, slot, size, alignment)
        order = _ordered(op, slot)
        used = max(self.used, int(order.slot[-1]) + 1)
        live = _grown(self.live, used)
        before = np.empty(len(op), bool)
        np.not_equal(order.op[:-1], FREE, out=before[1:])
        begin = order.slot[order.first]
        before[order.first] = live[begin]
        self._check_lives(order, before)
        live[begin] = order.op[order.last] != FREE
        self.live, self.used, self.rows = live, used, self.rows + len(op)
        self.largest = max(self.largest, int(size.max()))
        return order

    def facts(self):
        """What the rows so far say of the whole trace, if there are no more: {name: number}."""
        return {"rows": self.rows, "slots": self.used, "largest": self.largest}

    def _check_values(self, op, slot, size, alignment):
        if op.view(np.uint8).max() > REALLOC:
            self._refuse((op < ALLOC) | (op > REALLOC), op, "op {}", f"{ALLOC}, {FREE} or {REALLOC}")
        if slot.min() < 0 or slot.max() >= self.most:
            bad = (slot < 0) | (slot >= self.most)
            self._refuse(bad, slot, "slot {}", f"one of the {self.most} slots from 0")
        if size.min() < 0 or size.max() > MOST_SIZE:
            bad = (size < 0) | (size > MOST_SIZE)
            self._refuse(bad, size, "size {}", f"one in 0..{MOST_SIZE}")
        freed = (op == FREE) & (size != 0)
        self._refuse(freed, size, "a free of size {}", "size 0")
        if alignment is not None:
            wild = (alignment < 0) | (alignment > MOST_SIZE) | ((alignment & (alignment - 1)) != 0)
            self._refuse(wild, alignment, "alignment {}", f"0 or a power of two up to {MOST_SIZE}")

    def _refuse(self, bad, column, found, expected):
        if bad.any():
            row = int(np.argmax(bad))
            raise self.error(self.rows + row, found.format(int(column[row])), expected)

    def _check_lives(self, order, before):
        bad = before == (order.op == ALLOC)
        if not bad.any():
            return
        at = np.flatnonzero(bad)
        at = at[np.argmin(order.row[at])]
        does = ("an alloc", "a free", "a realloc")[order.op[at]]
        found = f"{does} of slot {order.slot[at]}, which holds {'a' if before[at] else 'no'} block"
        expected = "a slot that holds none" if before[at] else "one that does"
        raise self.error(self.rows + int(order.row[at]), found, expected)


class Ledger(Slots):
    """Slots that also keep the accounts: the figures of all pieces so far.

    `peak_row` is the first row after which most bytes live, or -1. Units: bytes.
    Cost: as Slots, and eight bytes a slot.
    """

    def __init__(self, error, most=MOST_SLOTS):
        super().__init__(error, most)
        self.held = np.zeros(0, np.int64)
        self.counts = np.zeros(3, np.int64)
        self.live_bytes = 0
        self.peak_bytes = 0
        self.peak_row = -1
        self.live_blocks = 0
        self.max_live = 0
        self.total_bytes = 0

    def advance(self, piece):
        """As Slots do, and count."""
        first_row = self.rows
        order = super().advance(piece)
        if not len(piece.op):
            return order
        self.held = _grown(self.held, self.used)
        size = piece.size[order.row]
        begin = order.slot[order.first]
        before = np.empty(len(size), np.int64)
        before[1:] = size[:-1]
        before[order.first] = self.held[begin]
        self.held[begin] = size[order.last]
        delta = np.empty(len(size), np.int64)
        delta[order.row] = size - before
        self._count(piece, np.cumsum(delta), first_row)
        return order

    def facts(self):
        """As Slots, and the accounts that stand in a file's metadata."""
        accounts = {"peak_bytes": self.peak_bytes, "peak_row": self.peak_row}
        return super().facts() | {"blocks": int(self.counts[ALLOC])} | accounts

    def _count(self, piece, live, first_row):
        live += self.live_bytes
        top = int(np.argmax(live))
        if live[top] > self.peak_bytes:
            self.peak_bytes, self.peak_row = int(live[top]), first_row + top
        self.live_bytes = int(live[-1])
        blocks = np.cumsum(np.array([1, -1, 0])[piece.op])
        self.max_live = max(self.max_live, self.live_blocks + int(blocks.max()))
        self.live_blocks += int(blocks[-1])
        self.counts += np.bincount(piece.op, minlength=3)
        low = int((piece.size & 0xFFFFFF).sum())
        self.total_bytes += (int((piece.size >> 24).sum()) << 24) + low

    def figures(self, notes=()):
        """The figures that a Trace of the same rows and `notes` has."""
        notes = dict.fromkeys(COUNTS, 0) | dict(notes)
        made, freed, resized = map(int, self.counts)
        figures = {
            "allocs": made - notes["realloc_unknown"] - notes.get("before", 0),
            "frees": freed - notes["alloc_over_live"] - notes["exec_dropped"],
            "reallocs": resized,
            "total_bytes": self.total_bytes - notes.get("before_bytes", 0),
            "peak_bytes": self.peak_bytes,
            "max_live": self.max_live,
            "live_end": made - freed,
            "live_end_bytes": self.live_bytes,
        }
        effects = ("free_null", "failed", "free_unknown", "realloc_unknown")
        events = figures["allocs"] + figures["frees"] + figures["reallocs"]
        figures["events"] = events + sum(notes[name] for name in effects)
        return figures | notes


class Naming:
    """Slots for blocks that are numbered somehow, the slot freed last used again first.

    So the slots are as many as the most live blocks. No two live blocks have one
    number. Cost: O(1) a row; four bytes a number.
    """

    def __init__(self, blocks=0):
        self.of_block = np.zeros(blocks, np.int32)
        self.free = []
        self.slots = 0

    def slots_of(self, op, block):
        """The column `slot` of the next rows, whose columns are `op` and `block`."""
        self.of_block = _grown(self.of_block, int(block.max(initial=-1)) + 1)
        of_block, free = memoryview(self.of_block), self.free
        out, slots = [], self.slots
        for deed, number in zip(op.tolist(), block.tolist()):
            if deed == ALLOC:
                if free:
                    slot = free.pop()
                else:
                    slot = slots
                    slots += 1
                of_block[number] = slot
            else:
                slot = of_block[number]
                if deed == FREE:
                    free.append(slot)
            out.append(slot)
        self.slots = slots
        return np.array(out, np.int64)


class Numbering:
    """The way back: numbers, in the order of allocation, for blocks in slots."""

    def __init__(self):
        self.in_slot = np.zeros(0, np.int64)
        self.blocks = 0

    def blocks_of(self, order):
        """The column of block numbers of a piece, of which `order` is the Order."""
        count = len(order.op)
        made = np.zeros(count, bool)
        made[order.row] = order.op == ALLOC
        number = np.cumsum(made) - 1 + self.blocks
        if not count:
            return number
        self.in_slot = _grown(self.in_slot, int(order.slot[-1]) + 1)
        begin = order.slot[order.first]
        known = order.first | (order.op == ALLOC)
        value = number[order.row]
        begins_old = order.first & (order.op != ALLOC)
        value[begins_old] = self.in_slot[order.slot[begins_old]]
        value = value[np.maximum.accumulate(np.where(known, np.arange(count), 0))]
        self.in_slot[begin] = value[order.last]
        self.blocks = int(number[-1]) + 1
        out = np.empty(count, np.int64)
        out[order.row] = value
        return out


def _ordered(op, slot):
    # One sort of whole numbers, each a slot, a row and an op, is many times
    # faster than a stable sort of rows by slot.
    key = slot.astype(np.int64)
    key <<= _LOW_BITS
    rows = np.arange(len(op), dtype=np.int64)
    rows <<= _OP_BITS
    key |= rows
    key |= op
    key.sort()
    sorted_op = (key & 3).astype(np.int8)
    row = (key >> _OP_BITS) & (PIECE - 1)
    key >>= _LOW_BITS
    first = np.empty(len(op), bool)
    first[:1] = True
    np.not_equal(key[1:], key[:-1], out=first[1:])
    last = np.empty(len(op), bool)
    last[-1:] = True
    last[:-1] = first[1:]
    return Order(row, sorted_op, key, first, last)


def _grown(table, length):
    """`table` with at least `length` places, new ones being zero."""
    if length <= len(table):
        return table
    more = np.zeros(max(length, 2 * len(table)), table.dtype)
    more[: len(table)] = table
    return more
