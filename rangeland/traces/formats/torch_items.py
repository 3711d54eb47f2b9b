"""The lists of a snapshot of PyTorch, of which only what matters is kept (design/forms.md#.sol.torch).

What a list is for is told only when it is whole, as the value of a key. So it
is told by its items what each of them can be.
"""

from array import array
from collections import Counter, deque

from rangeland.traces.addresses import Addresses
from rangeland.traces.trace import MOST_ADDRESS, MOST_SIZE

# What an item can be: an event, or one with something wrong; a block; a dict that is
# neither, as a segment is; a list of nothing but events; or none of them.
EVENT, BAD_EVENT, BLOCK, OTHER_DICT, DEVICE, NOTHING = range(6)
DICTS = frozenset({EVENT, BAD_EVENT, BLOCK, OTHER_DICT})

MADE, FREED, REFUSED = "alloc", "free_completed", "oom"
ACTIVE = "active_allocated"
ROWS = 4096
FARTHEST = (1 << 32) - 1
# Codes of events: one that has no row, as it makes and frees no block; the two that have.
_NO_ROW = 0
_CODES = {FREED: 1, MADE: 2}


# All 64 bits can be an address's; the library's own pickler tells the topmost as a sign.
WORD = 1 << 64


def is_number(value, limit):
    """True if it is an int from 0 to `limit`."""
    return type(value) is int and 0 <= value <= limit


def is_word(value):
    """True if it is an int of 64 bits, with a sign or without."""
    return type(value) is int and -(WORD >> 1) <= value < WORD


class Items:
    """A list: how many items it has, and the first of each sort as (its index, it).

    `events` has the rows of those that are events, `states` counts the blocks by
    their state, also those of segments in it; `devices` has by index the lists in
    it that have events. `held` has the blocks in use: for a list of them the bytes of all
    before and the size asked for, of each; for one of segments, by device, the
    address and that size. Each is None if there is nothing of it.
    """

    __slots__ = ("count", "first", "events", "states", "devices", "held", "end")

    def __init__(self):
        self.count = 0
        self.first = {}
        self.events = self.states = self.devices = self.held = None
        self.end = 0

    def extend(self, items):
        """Add `items`; what matters of them is taken, they themselves are not kept."""
        for item in items:
            sort = self._take(item)
            if sort not in self.first:
                self.first[sort] = self.count, item
            self.count += 1

    def misfit(self, sorts):
        """(index, item) of the first item that is of none of these sorts, or None."""
        return min(
            (first for sort, first in self.first.items() if sort not in sorts),
            key=lambda first: first[0], default=None,
        )  # fmt: skip

    def _take(self, item):
        if type(item) is Items:
            return self._take_list(item)
        if type(item) is not dict:
            return NOTHING
        if "blocks" in item:
            blocks = item["blocks"]
            if type(blocks) is not Items or blocks.misfit({BLOCK}):
                return NOTHING
            self._count(blocks.states or {})
            if blocks.held is not None:
                self._hold(item, blocks.held)
            return OTHER_DICT
        if "action" in item:
            if self.events is None:
                self.events = Events()
            return EVENT if self.events.take(item) else BAD_EVENT
        state = item.get("state")
        if type(state) is str:
            self._count({state: 1})
            self._block(item, state)
            return BLOCK
        return OTHER_DICT

    def _block(self, block, state):
        size = block.get("size")
        if not is_number(size, MOST_SIZE):
            return
        if state == ACTIVE and self.end <= MOST_ADDRESS:
            asked = block.get("requested_size")
            self.held = array("Q") if self.held is None else self.held
            self.held.extend((self.end, asked if is_number(asked, MOST_SIZE) else size))
        self.end += size

    def _hold(self, segment, held):
        """Keep the blocks `held` of the segment; its blocks follow each other from its address on."""
        base, device = segment.get("address"), segment.get("device", 0)
        if not is_word(base) or not is_number(device, MOST_ADDRESS):
            return
        self.held = {} if self.held is None else self.held
        kept = self.held.setdefault(device, array("Q"))
        for at in range(0, len(held), 2):
            kept.extend(((base + held[at]) % WORD, held[at + 1]))

    def _take_list(self, inner):
        if inner.misfit({EVENT}):
            return NOTHING
        if inner.events is not None:
            self.devices = self.devices or {}
            self.devices[self.count] = inner.events
        return DEVICE

    def _count(self, states):
        self.states = self.states or Counter()
        self.states.update(states)


class Events:
    """The events of a list, in rows that are given once, from the front.

    `actions` counts them by action; `untimed` is the first, (its number, it), that
    has no time, or None. `before` has address, size and stream of each block that is
    freed and that no event has made; `live` those that are live at the end.
    """

    def __init__(self):
        self.count = 0
        self.actions = Counter()
        self.untimed = None
        self.before = array("Q")
        self.live = Addresses()
        self._time = 0
        self._chunks = deque()

    def take(self, event):
        """Add `event`, a dict with an action. Returns False if a number in it is none."""
        action = event["action"]
        if type(action) is not str:
            return False
        code = _CODES.get(action, _NO_ROW)
        address, size, stream = event.get("addr"), event.get("size"), event.get("stream", 0)
        if code != _NO_ROW and not (
            is_word(address) and is_word(stream) and (action == FREED or is_number(size, MOST_SIZE))
        ):
            return False
        self.actions[action] += 1
        time = event.get("time_us")
        if is_number(time, MOST_ADDRESS):
            self._time = max(self._time, time)
        elif self.untimed is None:
            self.untimed = self.count, event
        self.count += 1
        if code != _NO_ROW:
            address, stream = address % WORD, stream % WORD
            self._follow(code, address, size, stream)
        self._chunk().add(code, address, size, stream, self._time)
        return True

    def _follow(self, code, address, size, stream):
        if code == _CODES[MADE]:
            self.live[address] = 0
        elif self.live.pop(address) is None and is_number(size, MOST_SIZE):
            self.before.extend((address, size, stream))

    def _chunk(self):
        chunks = self._chunks
        if not chunks or chunks[-1].is_full(self._time):
            chunks.append(_Chunk(self._time))
        return chunks[-1]

    def rows(self, device):
        """(time, device, number, is made, address, size, stream) of each event that
        makes or frees a block; the time is the latest so far. They are forgotten."""
        number = 0
        while self._chunks:
            chunk = self._chunks.popleft()
            yield from chunk.rows(device, number)
            number += len(chunk.codes)


class _Chunk:
    """Up to ROWS events, in columns: one of all, and those of what makes or frees a block."""

    __slots__ = ("base", "codes", "address", "size", "stream", "time")

    def __init__(self, time):
        self.base = time
        self.codes = bytearray()
        self.address = array("Q")
        self.size = array("q")
        self.stream = None
        self.time = array("I")

    def is_full(self, time):
        return len(self.codes) == ROWS or time - self.base > FARTHEST

    def add(self, code, address, size, stream, time):
        self.codes.append(code)
        if code == _NO_ROW:
            return
        if stream and self.stream is None:
            self.stream = array("Q", [0]) * len(self.address)
        if self.stream is not None:
            self.stream.append(stream)
        self.address.append(address)
        self.time.append(time - self.base)
        if code == _CODES[MADE]:
            self.size.append(size)

    def rows(self, device, first):
        """As of Events, if the chunk's first event has the number `first`."""
        sizes = iter(self.size)
        streams = self.stream or [0] * len(self.address)
        codes = ((number, code) for number, code in enumerate(self.codes, first) if code != _NO_ROW)
        for (number, code), address, time, stream in zip(codes, self.address, self.time, streams):
            is_made = code == _CODES[MADE]
            size = next(sizes) if is_made else 0
            yield self.base + time, device, number, is_made, address, size, stream
