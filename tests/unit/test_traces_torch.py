"""Snapshots of PyTorch: what is counted, and what is refused."""

import gzip
import json
import os
import pickle
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recordings import VIEWED

from rangeland.traces.formats import torch_items
from rangeland.traces.read import read_trace
from rangeland.traces.source import TraceError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

SHARED = Path(__file__).resolve().parents[3] / "shared" / "traces"


def event(action, addr, size=64, stream=0, time=0):
    """An event as PyTorch writes it."""
    return {"action": action, "addr": addr, "size": size, "stream": stream, "time_us": time, "frames": []}


def write(path, traces, segments=(), **more):
    snapshot = {"segments": list(segments), "device_traces": traces, **more}
    path.write_bytes(pickle.dumps(snapshot, 4))
    return path


def freed(*args, **more):
    return [event("free_requested", *args, **more), event("free_completed", *args, **more)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared traces are not here")
@pytest.mark.parametrize("name", ["torch_eval.pickle.gz", "torch_train_a.pickle.gz"])
def test_the_figures_are_those_of_the_recordings(name):
    expected = json.loads((SHARED / "expected.json").read_text())[name] | VIEWED.get(name, {})
    trace = read_trace(SHARED / name)
    assert trace.format == expected.pop("format")
    figures = trace.figures()
    assert {key: figures[key] for key in expected} == expected


def test_events_become_rows(tmp_path):
    events = [
        *freed(16), event("segment_alloc", 4096, 1 << 20), event("alloc", 4096, 100),
        event("alloc", 8192, 50, stream=7), *freed(4096, 100), event("oom", 0, 1 << 40),
        event("alloc", 8192, 70), event("snapshot", 0, 0),
    ]  # fmt: skip
    block = {"state": "inactive"}
    path = write(tmp_path / "x.pickle", [events], [{"blocks": [block, block]}], extra=1)
    trace = read_trace(path)
    figures = trace.figures()
    assert (trace.op.tolist(), trace.id.tolist()) == ([0, 1, 0, 0, 1, 1, 0], [0, 0, 1, 2, 1, 2, 3])
    assert trace.address.tolist() == [16, 0, 4096, 8192, 0, 0, 8192]
    assert trace.thread.tolist() == [0, 0, 0, 1, 0, 0, 0]
    told = {"free_unknown": 0, "before": 1, "before_bytes": 64, "alloc_over_live": 1, "failed": 1, "devices": 1, "segments": 1,
            "blocks_by_state": {"inactive": 2}, "keys": ["device_traces", "extra", "segments"]}  # fmt: skip
    assert {key: figures[key] for key in told} == told
    assert figures["actions"] == {
        "alloc": 3, "free_completed": 2, "free_requested": 2, "oom": 1, "segment_alloc": 1, "snapshot": 1,
    }  # fmt: skip


def test_devices_have_addresses_of_their_own_and_one_time(tmp_path):
    first = [event("alloc", 64, 1, time=1), *freed(64, time=4)]
    second = [event("alloc", 64, 2, time=2), event("alloc", 128, 3, time=3)]
    trace = read_trace(write(tmp_path / "x.pickle", [first, [], second]))
    assert trace.size.tolist() == [1, 2, 3, 0]
    assert trace.id.tolist() == [0, 1, 2, 0]
    assert trace.address is None
    assert trace.notes["devices"] == 3


GOOD = event("alloc", 64)
TWICE = []


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        ([1], "the snapshot: a list, expected a dict"),
        ({"segments": []}, "device_traces: none, expected a list"),
        ({"device_traces": [7]}, r"device_traces\[0\]: a int, expected a list"),
        ({"device_traces": [[7]]}, r"device_traces\[0\]\[0\]: a int, expected a dict"),
        ({"device_traces": [[{}]]}, r"action of device_traces\[0\]\[0\]: none, expected a str"),
        ({"device_traces": [[GOOD | {"addr": "x"}]]}, r"\[0\]\[0\]: addr x, expected a number in 0.."),
        ({"device_traces": [[GOOD | {"addr": 1 << 64}]]}, r"\[0\]\[0\]: addr 18446744073709551616"),
        ({"device_traces": [[GOOD | {"size": -5}]]}, r"\[0\]\[0\]: size -5, expected a number in 0.."),
        ({"device_traces": [[GOOD | {"size": 1 << 60}]]}, r"\[0\]\[0\]: size 1152921504606846976"),
        ({"device_traces": [[GOOD | {"stream": None}]]}, r"\[0\]\[0\]: stream None, expected"),
        ({"device_traces": [[GOOD], [GOOD | {"time_us": "x"}]]}, r"\[1\]\[0\]: time_us x, expected a num"),
        ({"device_traces": [[GOOD | {"addr": -(1 << 63) - 1}]]}, r"addr -9223372036854775809"),
        ({"device_traces": [], "segments": {}}, "segments: a dict, expected a list"),
        ({"device_traces": [], "segments": [1]}, r"segments\[0\]: a int, expected a dict"),
        ({"device_traces": [], "segments": [{"blocks": 1}]}, r"blocks of segments\[0\]: a int"),
        ({"device_traces": [], "segments": [{"blocks": [{}]}]}, r"state of blocks\[0\] of segments\[0\]"),
        ({"device_traces": [], "segments": [{"blocks": [GOOD | {"state": "x"}]}]}, r"blocks\[0\] of segments\[0\]: an event"),
        ({"device_traces": [[GOOD | {"addr": TWICE}], [GOOD | {"addr": TWICE}]]}, r"\[0\]\[0\]: addr a list"),
        ({"device_traces": [[TWICE], [TWICE]]}, r"device_traces\[0\]\[0\]: a list, expected a dict"),
    ],
)
def test_what_is_no_snapshot_is_told_with_its_place(tmp_path, snapshot, message):
    (tmp_path / "x.pickle").write_bytes(pickle.dumps(snapshot))
    with pytest.raises(TraceError, match=message):
        read_trace(tmp_path / "x.pickle", "torch-snapshot")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (freed(64), r"device_traces\[0\]\[1\]: a free of 0x40, expected a free of a live block"),
        ([GOOD, GOOD], r"device_traces\[0\]\[1\]: a new block at 0x40, expected one where none is live"),
    ],
)
def test_what_cannot_be_is_refused_of_a_strict_reading(tmp_path, events, message):
    path = write(tmp_path / "x.pickle", [events])
    read_trace(path)
    with pytest.raises(TraceError, match=message):
        read_trace(path, strict=True)


def test_an_event_told_twice_is_read_as_two(tmp_path):
    made, gone = event("alloc", 64), event("free_completed", 64)
    blocks = [{"state": "inactive"}]
    path = write(tmp_path / "x.pickle", [[made, gone] * 3], [{"blocks": blocks}, {"blocks": blocks}])
    trace = read_trace(path)
    assert trace.op.tolist() == [0, 1] * 3
    assert trace.notes["blocks_by_state"] == {"inactive": 2}


def test_one_list_of_events_for_two_devices_is_refused(tmp_path):
    with pytest.raises(TraceError, match="one list of events for two devices, expected one for each"):
        read_trace(write(tmp_path / "x.pickle", [[GOOD]] * 2))


def test_times_far_apart_and_out_of_order_keep_their_events_in_turn(tmp_path):
    first = [event("alloc", 64, 1, time=10), event("alloc", 65, 2, time=1 << 50), event("alloc", 66, 3, time=5)]
    second = [event("alloc", 64, 4, stream=9, time=11), event("alloc", 65, 5, time=(1 << 50) + 1)]
    trace = read_trace(write(tmp_path / "x.pickle", [first, second]))
    assert trace.size.tolist() == [1, 4, 2, 3, 5]
    assert trace.thread.tolist() == [0, 1, 0, 0, 2]


def told_by(devices):
    """What a snapshot of these lists of events tells: (op, block, size, thread) of each
    row, by the simplest way there is."""
    merged, rows, live, threads, made = [], [], {}, {}, 0
    for device, events in enumerate(devices):
        known = set()
        for told in events:
            place = device, told["addr"]
            if told["action"] == "alloc":
                known.add(place)
            elif told["action"] == "free_completed" and place not in known and place not in live:
                # It was made before the first event.
                live[place] = made
                rows.append((0, made, told["size"], threads.setdefault((device, told["stream"]), len(threads))))
                made += 1
            elif told["action"] == "free_completed":
                known.discard(place)
    for device, events in enumerate(devices):
        latest = 0
        for number, told in enumerate(events):
            latest = max(latest, told["time_us"])
            merged.append((latest, device, number, told))
    for _, device, _, told in sorted(merged, key=lambda row: row[:3]):
        if told["action"] not in ("alloc", "free_completed"):
            continue
        place = device, told["addr"]
        thread = threads.setdefault((device, told["stream"]), len(threads))
        if place in live:
            rows.append((1, live.pop(place), 0, thread))
        elif told["action"] == "free_completed":
            continue
        if told["action"] == "alloc":
            live[place] = made
            rows.append((0, made, told["size"], thread))
            made += 1
    return rows


EVENTS = st.builds(
    event,
    st.sampled_from(["alloc", "free_requested", "free_completed", "oom"]),
    st.sampled_from([64, 128, 192]), st.integers(0, 1 << 40), st.sampled_from([0, 0, 7]),
    st.integers(0, 20) | st.integers(0, 1 << 50),
)  # fmt: skip


@given(
    st.lists(st.lists(EVENTS, max_size=20), max_size=3), st.integers(1, 5),
    st.integers(0, pickle.HIGHEST_PROTOCOL),
)  # fmt: skip
def test_a_naive_reader_tells_the_same(devices, rows, protocol):
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_items, "ROWS", rows)
        path = Path(folder) / "x.pickle"
        path.write_bytes(pickle.dumps({"device_traces": devices}, protocol))
        if not any(devices):
            with pytest.raises(TraceError, match="without one event, expected a snapshot taken after"):
                read_trace(path)
            return
        trace = read_trace(path)
    thread = trace.thread.tolist() if trace.thread is not None else []
    assert list(zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist(), thread)) == told_by(devices)
    actions = [told["action"] for events in devices for told in events]
    assert trace.notes["actions"] == dict(sorted(Counter(actions).items()))


class Evil:
    """Its pickle would run a command."""

    def __reduce__(self):
        return (os.system, ("false",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_code_is_refused_and_names_the_class(tmp_path, protocol):
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps({"device_traces": [[Evil()]], "segments": []}, protocol))
    with pytest.raises(TraceError, match=r"the class (posix|os).system at byte \d+, expected plain dicts"):
        read_trace(path)


def test_a_cut_pickle_is_told(tmp_path):
    path = write(tmp_path / "x.pickle", [[GOOD] * 100])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TraceError, match="the end, though .* at byte"):
        read_trace(path)


def test_a_packed_one_is_read(tmp_path):
    path = write(tmp_path / "x.pickle", [[GOOD]])
    (tmp_path / "y.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_trace(tmp_path / "y.gz").figures() == read_trace(path).figures()
