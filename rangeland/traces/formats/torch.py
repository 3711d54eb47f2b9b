"""Reader of PyTorch's snapshots of the memory of devices (design/forms.md#.sol.torch).

A pickle of plain dicts and lists: `device_traces` has the events, a list a
device; `segments` the state when the snapshot was taken.
"""

import re
from collections import Counter
from heapq import merge

from rangeland.traces.formats.plain import PickleError, load_plain
from rangeland.traces.trace import COUNTS, MOST_SIZE, Columns

NAME = "torch-snapshot"

EXPECTED = "plain dicts, lists, strings and numbers of a memory snapshot"
MOST_BYTES = 1 << 30
MOST_ADDRESS = (1 << 63) - 1
MADE, FREED, REFUSED = "alloc", "free_completed", "oom"

_START = re.compile(rb"\x80[\x00-\x05]|[(}]")
_KEY = re.compile(rb"device_traces|segments")


def recognises(head):
    """True if the file begins as a pickle, and one of a snapshot's keys is near."""
    return _START.match(head) is not None and _KEY.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    pieces, count = [], 0
    for piece in source.pieces():
        count += len(piece)
        if count > MOST_BYTES:
            raise source.error(None, f"a pickle of more than {MOST_BYTES} bytes", "fewer")
        pieces.append(piece)
    try:
        snapshot = load_plain(b"".join(pieces))
    except PickleError as error:
        raise source.error(None, f"{error.found} at byte {error.place}", EXPECTED) from None
    return _Snapshot(source, snapshot).trace()


class _Snapshot:
    """What was pickled, and the blocks that its events have made so far."""

    def __init__(self, source, snapshot):
        self.source = source
        self.snapshot = self._a(snapshot, dict, "the snapshot")
        self.columns = Columns()
        self.notes = dict.fromkeys(COUNTS, 0)
        self.live = {}
        self.threads = {}
        self.actions = Counter()

    def trace(self):
        traces = self._a(self.snapshot.get("device_traces"), list, "device_traces")
        used = [(n, t) for n, t in enumerate(traces) if self._a(t, list, f"device_traces[{n}]")]
        # Of several devices an address does not tell where.
        self.addressed = len(used) == 1
        for device, at, event in self._in_order(used):
            self._event(device, f"device_traces[{device}][{at}]", event)
        notes = self.notes | {
            "actions": dict(sorted(self.actions.items())),
            "blocks_by_state": self._states(),
            "devices": len(traces),
            "keys": sorted(map(str, self.snapshot)),
            "segments": len(self._segments()),
        }
        return self.columns.trace(notes, NAME, self.source.path)

    def _in_order(self, used):
        """(device, number, event) of each event; of several devices by their time."""
        rows = [[(device, at, event) for at, event in enumerate(t)] for device, t in used]
        if len(rows) == 1:
            return rows[0]
        return merge(*rows, key=lambda row: self._time(*row))

    def _time(self, device, at, event):
        where = f"device_traces[{device}][{at}]"
        return self._number(self._a(event, dict, where), "time_us", where, 0)

    def _event(self, device, where, event):
        action = self._a(event, dict, where).get("action")
        self.actions[self._a(action, str, f"action of {where}")] += 1
        if action == REFUSED:
            self.notes["failed"] += 1
        if action not in (MADE, FREED):
            return
        address = self._number(event, "addr", where, MOST_ADDRESS)
        stream = self._number({"stream": 0} | event, "stream", where, MOST_ADDRESS)
        thread = self.threads.setdefault((device, stream), len(self.threads))
        if action == MADE:
            self._made(device, address, self._number(event, "size", where, MOST_SIZE), thread, where)
            return
        block = self.live.pop((device, address), None)
        if block is None:
            self._odd("free_unknown", f"{where}: a free of {address:#x}", "a free of a live block")
        else:
            self.columns.free(block, thread=thread)

    def _made(self, device, address, size, thread, where):
        old = self.live.pop((device, address), None)
        if old is not None:
            found = f"{where}: a new block at {address:#x}"
            self._odd("alloc_over_live", found, "one where none is live")
            self.columns.free(old, thread=thread)
        given = address if self.addressed else None
        block = self.columns.alloc(size, address=given, thread=thread)
        self.live[device, address] = block

    def _odd(self, count, found, expected):
        if self.source.strict:
            raise self.source.error(None, found, expected)
        self.notes[count] += 1

    def _segments(self):
        return self._a(self.snapshot.get("segments", []), list, "segments")

    def _states(self):
        states = Counter()
        for at, segment in enumerate(self._segments()):
            where = f"segments[{at}]"
            blocks = self._a(segment, dict, where).get("blocks", [])
            for number, block in enumerate(self._a(blocks, list, f"blocks of {where}")):
                within = f"blocks[{number}] of {where}"
                state = self._a(block, dict, within).get("state")
                states[self._a(state, str, f"state of {within}")] += 1
        return dict(sorted(states.items()))

    def _a(self, value, sort, where):
        if type(value) is not sort:
            found = "none" if value is None else f"a {type(value).__name__}"
            raise self.source.error(None, f"{where}: {found}", f"a {sort.__name__}")
        return value

    def _number(self, event, name, where, limit):
        value = event.get(name)
        if type(value) is not int or value < 0 or (limit and value > limit):
            found = f"{where}: {name} {str(value)[:40]}"
            raise self.source.error(None, found, f"a number in 0..{limit}" if limit else "a number")
        return value
