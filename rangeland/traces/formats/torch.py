"""Reader of PyTorch's snapshots of the memory of devices (design/forms.md#.sol.torch).

A pickle of plain dicts and lists: `device_traces` has the events, a list a
device; `segments` the state when the snapshot was taken.
"""

import re
from collections import Counter, defaultdict
from heapq import merge
from itertools import chain

from rangeland.traces.addresses import Addresses
from rangeland.traces.formats.plain import Forgotten, load_plain
from rangeland.traces.formats.plain_bytes import PickleError
from rangeland.traces.formats.plain_memo import GONE
from rangeland.traces.formats.torch_items import (
    BLOCK,
    DEVICE,
    DICTS,
    EVENT,
    REFUSED,
    Items,
    is_number,
    is_word,
)
from rangeland.traces.trace import COUNTS, MOST_ADDRESS, MOST_SIZE, Columns

NAME = "torch-snapshot"

EXPECTED = "plain dicts, lists, strings and numbers of a memory snapshot"
EVENTS_EXPECTED = "a snapshot taken after torch.cuda.memory._record_memory_history()"
KEYS = frozenset(
    {"device_traces", "segments", "blocks", "state", "action", "addr", "size", "stream", "time_us",
     "address", "device", "requested_size"}
)

_START = re.compile(rb"\x80[\x00-\x05]|[(}]")
_KEY = re.compile(rb"device_traces|segments")


def recognises(head):
    """True if the file begins as a pickle, and one of a snapshot's keys is near."""
    return _START.match(head) is not None and _KEY.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    with source.lasting() as source:
        try:
            return _read(source)
        except Forgotten:
            # What is the same list, or dict, at two places takes memory for all there are.
            with source.again() as again:
                return _read(again, remember=True)


def _read(source, remember=False):
    try:
        snapshot = load_plain(source.pieces(), KEYS, Items, remember)
    except PickleError as error:
        damage = source.error(None, f"{error.found} at byte {error.place}", EXPECTED)
        if not source.partial:
            raise damage from None
        snapshot = _unfinished(error.unfinished)
        trace = _Snapshot(source, snapshot).trace()
        told = {"line": None, "found": damage.found, "expected": EXPECTED}
        trace.notes.update(damaged=1, first_damaged=told)
        return trace
    return _Snapshot(source, snapshot).trace()


def _unfinished(values):
    """What there is of a snapshot whose pickle ends too early: of its values that had no
    place in others yet the lists of events, and the events of the last."""
    whole = values[0] if values and type(values[0]) is dict else {}
    if "device_traces" in whole:
        return whole
    at = next((at for at, value in enumerate(values) if value == "device_traces"), len(values))
    lists = [value for value in values[at + 1 :] if type(value) is Items]
    events = [value for value in values[at + 1 :] if type(value) is dict and "action" in value]
    devices = lists[0] if lists else Items()
    further = [found for found in lists[1:] if found.events is not None]
    if len(lists) > 1 and lists[1] not in further:
        further.append(lists[1])
    for event in events:
        if further and "addr" in event and "size" in event:
            further[-1].extend([event])
    devices.extend(further)
    return {"device_traces": devices}


class _Snapshot:
    """What was pickled, and the blocks that its events have made so far."""

    def __init__(self, source, snapshot):
        self.source = source
        self.snapshot = self._a(snapshot, dict, "the snapshot")
        self.columns = Columns()
        self.notes = dict.fromkeys(COUNTS, 0)
        self.live = defaultdict(Addresses)
        self.threads = {}

    def trace(self):
        devices, segments = self._devices(), self._segments()
        used = devices.devices or {}
        actions = sum((events.actions for events in used.values()), Counter())
        if not actions:
            raise self.source.error(None, "device_traces without one event", EVENTS_EXPECTED)
        self.notes["failed"] = actions[REFUSED]
        # Of several devices an address does not tell where.
        self.addressed = len(used) == 1
        self._before(used, segments.held or {})
        for row in self._in_order(used):
            self._event(*row)
        self.live.clear()
        notes = self.notes | {
            "actions": dict(sorted(actions.items())),
            "blocks_by_state": dict(sorted((segments.states or {}).items())),
            "devices": devices.count,
            "keys": sorted(map(str, self.snapshot)),
            "segments": segments.count,
        }
        return self.columns.trace(notes, NAME, self.source.path)

    def _before(self, used, held):
        """Begin with the blocks that were live before the first event: those that are freed
        and were not made since, and those in use at the end that no event has made."""
        blocks = bytes_ = 0
        for device, events in used.items():
            live = self.live[device]
            # The free of what no event has made is refused of a strict source.
            told = () if self.source.strict else events.before
            found = [told[at : at + 3] for at in range(0, len(told), 3)]
            told = held.get(device, ())
            found += [(*told[at : at + 2], 0) for at in range(0, len(told), 2)
                      if told[at] not in events.live]  # fmt: skip
            for address, size, stream in found:
                # Of an address that is freed twice there was one block only.
                if address not in live:
                    self._event(0, device, -1, True, address, size, stream)
                    blocks, bytes_ = blocks + 1, bytes_ + size
            events.live.clear()
        self.notes["before"], self.notes["before_bytes"] = blocks, bytes_

    def _in_order(self, used):
        """The rows of each event; of several devices by their time, if they tell it."""
        rows = [events.rows(device) for device, events in used.items()]
        if len(used) == 1 or not any(events.untimed for events in used.values()):
            return merge(*rows)
        for device, events in used.items():
            if events.untimed and events.untimed[1].get("time_us") is not None:
                at, event = events.untimed
                self._number(event, "time_us", f"device_traces[{device}][{at}]", MOST_ADDRESS)
        if self.source.strict:
            raise self.source.error(None, "events of several devices without times", "times")
        self.notes["devices_in_turn"] = True
        return chain(*rows)

    def _event(self, _, device, at, is_made, address, size, stream):
        thread = self.threads.setdefault((device, stream), len(self.threads))
        live = self.live[device]
        old = live.pop(address)
        if is_made:
            if old is not None:
                found = f"a new block at {address:#x}"
                self._odd("alloc_over_live", device, at, found, "one where none is live")
                self.columns.free(old, thread=thread)
            given = address if self.addressed else None
            live[address] = self.columns.alloc(size, address=given, thread=thread)
        elif old is None:
            found = f"a free of {address:#x}"
            self._odd("free_unknown", device, at, found, "a free of a live block")
        else:
            self.columns.free(old, thread=thread)

    def _odd(self, count, device, at, found, expected):
        if self.source.strict:
            where = f"device_traces[{device}][{at}]"
            raise self.source.error(None, f"{where}: {found}", expected)
        self.notes[count] += 1

    # What the pickle should hold, and the error for what is not so

    def _devices(self):
        devices = self._a(self.snapshot.get("device_traces"), Items, "device_traces")
        if misfit := devices.misfit({DEVICE}):
            where = f"device_traces[{misfit[0]}]"
            at, event = self._a(misfit[1], Items, where).misfit({EVENT})
            self._refuse_event(event, f"{where}[{at}]")
        lists = list(map(id, (devices.devices or {}).values()))
        if len(lists) > len(set(lists)):
            raise self.source.error(None, "one list of events for two devices", "one for each")
        return devices

    def _refuse_event(self, event, where):
        """Tell what is wrong with it. Raises: TraceError; Forgotten."""
        self._a(self._a(event, dict, where).get("action"), str, f"action of {where}")
        self._word(event, "addr", where)
        self._word({"stream": 0} | event, "stream", where)
        self._number(event, "size", where, MOST_SIZE)

    def _segments(self):
        segments = self._a(self.snapshot.get("segments", Items()), Items, "segments")
        if misfit := segments.misfit(DICTS):
            where = f"segments[{misfit[0]}]"
            blocks = self._a(misfit[1], dict, where).get("blocks", Items())
            at, block = self._a(blocks, Items, f"blocks of {where}").misfit({BLOCK})
            within = f"blocks[{at}] of {where}"
            self._a(self._a(block, dict, within).get("state"), str, f"state of {within}")
            raise self.source.error(None, f"{within}: an event", "a block")
        return segments

    def _a(self, value, sort, where):
        """`value`, which should be of this sort. Raises: TraceError if not; Forgotten."""
        if value is GONE:
            raise Forgotten
        if type(value) is not sort:
            found = "none" if value is None else f"a {_name(type(value))}"
            raise self.source.error(None, f"{where}: {found}", f"a {_name(sort)}")
        return value

    def _number(self, event, name, where, limit):
        """Refuse the number of this name if it is none. Raises: TraceError; Forgotten."""
        value = event.get(name)
        if value is GONE:
            raise Forgotten
        if not is_number(value, limit):
            self._refuse(value, name, where, f"a number in 0..{limit}")

    def _word(self, event, name, where):
        """As _number, of what 64 bits hold."""
        value = event.get(name)
        if value is GONE:
            raise Forgotten
        if not is_word(value):
            self._refuse(value, name, where, "a number in 0..2**64-1, or one of 64 bits with a sign")

    def _refuse(self, value, name, where, expected):
        shown = "a list" if type(value) is Items else str(value)[:40]
        raise self.source.error(None, f"{where}: {name} {shown}", expected)


def _name(sort):
    return "list" if sort is Items else sort.__name__
