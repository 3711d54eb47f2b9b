"""Traces written in other forms: what is read back, and what is told of the rest."""

import csv
import gzip
import io
import os
import pickle
import pickletools
import random
from pathlib import Path

import numpy as np
import pytest

from rangeland.traces.convert import FORMS, convert, form_of, refuse_output
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.read import read_trace
from rangeland.traces.trace import Columns, Trace
from vm.results import ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

HERE = Path(__file__).resolve().parents[1] / "traces"
NAMES = {"parquet": "x.parquet", "rep": "x.rep", "minimalloc": "x.csv", "torch": "x.pickle"}
# The operations of pickles that PyTorch's own snapshots are made of, which its viewer so knows.
KNOWN = {
    "PROTO", "FRAME", "STOP", "MARK", "EMPTY_DICT", "EMPTY_LIST", "SETITEMS", "APPENDS", "APPEND",
    "SHORT_BINUNICODE", "MEMOIZE", "BINGET", "LONG_BINGET", "BININT", "BININT1", "BININT2",
    "LONG1", "NEWFALSE", "TUPLE2",
}  # fmt: skip


def some(seed, addressed=False, reallocs=True):
    """A trace of random events, and of addresses that never overlap."""
    rng, columns, live, top = random.Random(seed), Columns(), [], 4096
    for _ in range(rng.randrange(200)):
        size, choice = rng.choice((0, 1, 100, 70_000, 1 << 33)), rng.random()
        more = {"address": top} if addressed else {}
        top += size + 16 + (1 << 21) * (choice > 0.9)
        if not live or choice < 0.5:
            live.append(columns.alloc(size, 64 if choice < 0.05 else None, **more))
        elif choice < 0.8:
            columns.free(live.pop(rng.randrange(len(live))))
        elif reallocs:
            columns.realloc(rng.choice(live), size, **more)
    return columns.trace({"free_null": 3, "failed": 2})


def effect(figures, *names):
    """The figures that calls without effect are not in."""
    names = names or ("allocs", "frees", "reallocs", "total_bytes", "peak_bytes", "max_live",
                      "live_end", "live_end_bytes")  # fmt: skip
    return {name: figures[name] for name in names}


@pytest.mark.parametrize("seed", range(8))
def test_a_rep_is_read_back_with_the_same_figures(tmp_path, seed):
    trace = some(seed, seed % 2)
    result = convert(trace, tmp_path / "x.rep")
    again = read_trace(tmp_path / "x.rep")
    assert again.op.tolist() == trace.op.tolist()
    assert (again.id.tolist(), again.size.tolist()) == (trace.id.tolist(), trace.size.tolist())
    assert effect(again.figures()) == effect(trace.figures())
    assert again.notes["header"] == [1, trace.blocks, len(trace), trace.figures()["peak_bytes"]]
    assert result["untold"].pop("calls_without_effect") == 5
    counted = {"alignment": trace.alignment, "address": trace.address}
    asked = {n: int(np.count_nonzero(c)) for n, c in counted.items() if c is not None and c.any()}
    assert result["untold"] == asked


def buffers(trace):
    """The buffers of `trace`, naively: (lower, upper, size, alignment)."""
    begun, found = {}, []
    for time, (op, block) in enumerate(zip(trace.op.tolist(), trace.id.tolist())):
        if op != ALLOC:
            found.append([*begun.pop(block)])
            found[-1][1] = time
        if op != FREE:
            asked = 0 if trace.alignment is None else int(trace.alignment[time])
            begun[block] = (time, len(trace), int(trace.size[time]), max(asked, 1))
    return sorted(map(tuple, found + list(begun.values())))


@pytest.mark.parametrize("seed", range(8))
def test_a_minimalloc_csv_has_every_buffer_and_its_life(tmp_path, seed):
    trace = some(seed)
    result = convert(trace, tmp_path / "x.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    names = ("lower", "upper", "size")
    found = [(*(int(r[n]) for n in names), int(r.get("alignment", 1))) for r in rows]
    assert found == buffers(trace)
    assert [r["id"] for r in rows] == [str(n) for n in range(len(rows))]
    assert result["untold"].get("reallocs", 0) == np.count_nonzero(trace.op == REALLOC)
    if len(trace):
        again, figures = read_trace(tmp_path / "x.csv").figures(), trace.figures()
        made = figures["allocs"] + figures["reallocs"]
        same = effect(figures, "total_bytes", "peak_bytes", "max_live")
        assert effect(again, *same) == same
        assert (again["allocs"], again["frees"], again["live_end"]) == (made, made, 0)


def offsets(path):
    """The column of offsets, or None."""
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    return [int(row["offset"]) for row in rows] if "offset" in rows[0] else None


@pytest.mark.parametrize("seed", range(4))
def test_a_minimalloc_csv_has_the_addresses_as_offsets(tmp_path, seed):
    trace = some(seed, True)
    result = convert(trace, tmp_path / "x.csv")
    assert "address" not in result["untold"]
    placed = trace.address[trace.op != FREE].tolist()
    assert offsets(tmp_path / "x.csv") == placed
    assert sorted(read_trace(tmp_path / "x.csv").address.tolist())[-len(placed) :] == sorted(placed)


@pytest.mark.parametrize(
    "address, notes", [([8, 0], {}), ([8, 16], {"processes": 2}), ([8, 0], {"columns": ["offset"], "unplaced": 1})]
)
def test_addresses_that_are_no_placement_are_told_and_not_written(tmp_path, address, notes):
    trace = Trace([ALLOC, ALLOC], [0, 1], [8, 8], address=address, notes=notes)
    result = convert(trace, tmp_path / "x.csv")
    assert offsets(tmp_path / "x.csv") is None
    assert result["untold"]["address"] == np.count_nonzero(address)


def test_a_placement_of_minimalloc_is_kept(tmp_path):
    path, again = tmp_path / "x.csv", tmp_path / "y.csv"
    path.write_text("id,lower,upper,size,offset\n0,0,2,8,0\n1,1,3,8,8\n2,2,3,8,0\n")
    convert(read_trace(path), again)
    assert offsets(again) == [0, 8, 0]
    convert(read_trace(path), tmp_path / "x.parquet")
    convert(read_trace(tmp_path / "x.parquet"), again, force=True)
    assert offsets(again) == [0, 8, 0]
    path.write_text("id,lower,upper,size,offset\n0,0,2,8,-1\n1,1,3,8,8\n")
    assert read_trace(path).notes["unplaced"] == 1
    assert convert(read_trace(path), again, force=True)["untold"]["address"] == 1


@pytest.mark.parametrize("addressed", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_a_snapshot_is_read_back_with_the_same_figures(tmp_path, seed, addressed):
    trace = some(seed, addressed)
    result = convert(trace, tmp_path / "x.pickle")
    again, figures = read_trace(tmp_path / "x.pickle"), trace.figures()
    moved = figures["reallocs"]
    expected = effect(figures) | {"reallocs": 0}
    expected |= {"allocs": figures["allocs"] + moved, "frees": figures["frees"] + moved}
    assert effect(again.figures()) == expected
    assert again.notes["blocks_by_state"].get("active_allocated", 0) == figures["live_end"]
    if addressed:
        placed = trace.address[trace.op != FREE].tolist()
        assert again.address[again.op == ALLOC].tolist() == placed
    assert "address" not in result["untold"]


@pytest.mark.parametrize("addressed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_snapshot_is_what_the_viewer_wants(tmp_path, seed, addressed):
    trace = some(seed, addressed)
    convert(trace, tmp_path / "x.pickle")
    data = (tmp_path / "x.pickle").read_bytes()
    assert {op.name for op, _, _ in pickletools.genops(data)} <= KNOWN
    snapshot = pickle.loads(data)
    live = {}
    for event in snapshot["device_traces"][0]:
        assert event["frames"] == []
        if event["action"] == "alloc":
            base, size = event["addr"], event["size"]
            assert all(base + size <= a or a + s <= base for a, s in live.items() if size and s)
            assert base not in live
            live[base] = size
        elif event["action"] == "free_completed":
            assert live.pop(event["addr"]) == event["size"]
        within = [s for s in snapshot["segments"] if s["address"] <= event["addr"]]
        assert any(event["addr"] < s["address"] + s["total_size"] for s in within)
    held = {}
    for segment in snapshot["segments"]:
        at = segment["address"]
        for block in segment["blocks"]:
            assert block["address"] == at
            at += block["size"]
            if block["state"] == "active_allocated":
                held[block["address"]] = block["requested_size"]
        assert at == segment["address"] + segment["total_size"]
    assert held == live


def test_no_more_items_are_added_at_a_time_than_the_viewer_can(tmp_path):
    count = 3000
    trace = Trace([ALLOC] * count, range(count), [1] * count, address=range(4096, 4096 + 3 * count, 3))
    convert(trace, tmp_path / "x.pickle")
    since_mark, most = [], 0
    for op, _, _ in pickletools.genops((tmp_path / "x.pickle").read_bytes()):
        if op.name == "MARK":
            since_mark.append(0)
        elif op.name == "APPENDS":
            most = max(most, since_mark.pop())
        elif op.name == "SETITEMS":
            since_mark.pop()
            if since_mark:
                since_mark[-1] += 1
    assert 0 < most <= 1000
    snapshot = pickle.loads((tmp_path / "x.pickle").read_bytes())
    assert len(snapshot["device_traces"][0]) == count
    assert len(snapshot["segments"][0]["blocks"]) == 2 * count - 1


@pytest.mark.parametrize(
    "address",
    [[64, 64, 128], [64, 0, 128], [64, 100, 128]],
    ids=["two at one place", "one untold", "two overlap"],
)
def test_blocks_are_laid_out_where_the_trace_does_not_tell_places(tmp_path, address):
    trace = Trace([ALLOC] * 3, [0, 1, 2], [50, 50, 50], address=address)
    result = convert(trace, tmp_path / "x.pickle")
    again = read_trace(tmp_path / "x.pickle").address
    assert (np.diff(np.sort(again)) >= 50).all()
    assert result["untold"] == {"address": int(np.count_nonzero(address))}


def test_threads_are_streams_of_a_snapshot_and_elsewhere_counted(tmp_path):
    trace = Trace([ALLOC, ALLOC, FREE], [0, 1, 0], [1, 2, 0], thread=[0, 1, 1])
    assert convert(trace, tmp_path / "x.pickle")["untold"] == {}
    assert read_trace(tmp_path / "x.pickle").thread.tolist() == [0, 1, 1]
    assert convert(trace, tmp_path / "x.rep")["untold"] == {"thread": 2}
    alone = Trace([ALLOC], [0], [1], thread=[0])
    assert convert(alone, tmp_path / "y.rep")["untold"] == {}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("addressed", [False, True])
def test_a_trace_without_events_is_written(tmp_path, form, addressed):
    more = {"address": []} if addressed else {}
    result = convert(Trace([], [], [], **more), tmp_path / NAMES[form])
    assert (result["form"], result["events"], result["untold"]) == (form, 0, {})
    assert result["bytes"] == (tmp_path / NAMES[form]).stat().st_size > 0


@pytest.mark.parametrize("form", ["rep", "minimalloc", "torch"])
def test_a_packed_file_has_the_same_bytes_within(tmp_path, form):
    trace = read_trace(HERE / "vg_memcheck_edge.log.gz")
    plain, packed = tmp_path / NAMES[form], tmp_path / (NAMES[form] + ".gz")
    told = []
    convert(trace, plain, progress=told.append)
    convert(trace, packed)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert told[-1] >= len(trace) - trace.figures()["frees"]
    before = packed.read_bytes()
    convert(trace, packed, force=True)
    assert packed.read_bytes() == before


@pytest.mark.parametrize("form", FORMS)
def test_an_interrupt_leaves_nothing(tmp_path, form):
    def stop(rows):
        raise KeyboardInterrupt

    for name in (NAMES[form], NAMES[form] + ".gz")[: 1 if form == "parquet" else 2]:
        with pytest.raises(KeyboardInterrupt):
            convert(some(1), tmp_path / name, progress=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "form", "message"),
    [
        ("x.txt", None, "the name says no form: expected one of .parquet, .rep, .csv, .pickle, or --to"),
        ("x", None, "the name says no form"),
        ("x.rep", "zip", "unknown form 'zip': expected one of parquet, rep, minimalloc, torch"),
        ("x.parquet.gz", None, "a Parquet file is packed within: expected a name without .gz"),
        ("there.rep", None, "found a file, expected none: only --force overwrites it"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, form, message):
    (tmp_path / "there.rep").write_text("mine")
    with pytest.raises(ParamError, match=message):
        convert(some(1), tmp_path / name, form)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        convert(some(1), tmp_path / "no" / "x.rep")


def test_the_file_that_is_read_is_never_written(tmp_path):
    (tmp_path / "x.rep").write_text("mine")
    os.link(tmp_path / "x.rep", tmp_path / "y.rep")
    for path in ("x.rep", "y.rep"):
        with pytest.raises(ParamError, match="is the trace that is read, expected another file"):
            refuse_output(tmp_path / "x.rep", tmp_path / path, "rep", force=True)


def test_suffixes_say_forms():
    assert [form_of(name) for name in NAMES.values()] == list(NAMES)
    assert form_of("a.b/x.csv.gz") == "minimalloc"
