"""Our own form of traces: there and back, in pieces, and damaged in every way."""

import gzip
import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rangeland.traces import arrow, parquet
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.parquet import (
    KEY,
    Pieces,
    RowError,
    read_parquet,
    recognises,
    write_parquet,
    writing,
)
from rangeland.traces.read import read_trace
from rangeland.traces.slots import PIECE
from rangeland.traces.source import TraceError
from rangeland.traces.specs import parse_spec
from rangeland.traces.trace import MOST_SIZE, Trace
from vm.results import ParamError

TRACES = Path(__file__).resolve().parents[1] / "traces"

FACTS = {
    "version": 1, "format": None, "rows": 2, "slots": 1, "blocks": 1, "peak_bytes": 5,
    "peak_row": 0, "largest": 5, "notes": {},
}  # fmt: skip


def same(a, b):
    """Whether two traces have the same columns and figures."""
    names = ("op", "id", "size", "alignment", "thread", "address")
    pairs = [(getattr(a, name, None), getattr(b, name, None)) for name in names]
    return a.figures() == b.figures() and all(
        (x is None) == (y is None) and (x is None or (x.dtype == y.dtype and x.tolist() == y.tolist()))
        for x, y in pairs
    )


def table(path, op=(ALLOC, FREE), slot=(0, 0), size=(5, 0), facts=None, **more):
    """Write a Parquet file by hand, wrong as it may be."""
    types = {"op": pa.int8(), "slot": pa.int32(), "size": pa.int64()}
    columns = {
        name: pa.array(values, types[name]) if isinstance(values, tuple) else values
        for name, values in {"op": op, "slot": slot, "size": size, **more}.items()
        if values is not None
    }
    made = pa.table(columns)
    text = facts if isinstance(facts, bytes) else json.dumps(FACTS | (facts or {})).encode()
    pq.write_table(made.replace_schema_metadata({KEY: text}), path)
    return path


@pytest.mark.parametrize("name", ["op", "slot", "size", "alignment", "thread", "address", "other"])
@pytest.mark.parametrize("read", [Pieces, read_trace, read_parquet])
def test_a_column_twice_is_told(tmp_path, name, read):
    column = {"op": pa.array((ALLOC, FREE), pa.int8()), "slot": pa.array((0, 0), pa.int32())}
    column |= {"size": pa.array((5, 0), pa.int64()), "thread": pa.array((0, 0), pa.int32())}
    twice = column.get(name, pa.array((8, 0), pa.int64()))
    names = ["op", "slot", "size", name, *([] if name in ("op", "slot", "size") else [name])]
    made = pa.table([column.get(each, twice) for each in names], names)
    path = tmp_path / "twice.parquet"
    pq.write_table(made.replace_schema_metadata({KEY: json.dumps(FACTS).encode()}), path)
    if name == "other":
        # What is not ours may be there as often as it likes.
        assert len(read(path)) == 2
        return
    with pytest.raises(TraceError, match=f"found 2 columns {name}, expected one of each name"):
        read(path)


@pytest.mark.parametrize("name", [b"n\xffame", "größe☃".encode(), b"\xf0\x9f"])
def test_a_name_of_any_bytes_is_one(tmp_path, name):
    path = os.path.join(tmp_path, os.fsdecode(name + b".parquet"))
    trace = read_trace(TRACES / "perl.rep.gz")
    write_parquet(trace, path)
    assert same(trace, read_trace(path)) and Pieces(path).path == path


@pytest.mark.parametrize("name", ["perl.rep.gz", "vg_memcheck_edge.log.gz", "vg_memcheck_make.log.gz"])
def test_a_trace_comes_back_as_it_was(tmp_path, name):
    trace, path = read_trace(TRACES / name), tmp_path / "x.parquet"
    told = []
    write_parquet(trace, path, progress=told.append)
    again = read_trace(path)
    assert same(trace, again)
    assert (again.format, again.notes, told) == ("parquet", trace.notes, [len(trace)])
    pieces = Pieces(path)
    figures = trace.figures()
    assert pieces.figures() == figures
    assert (len(pieces), pieces.rows, pieces.slots) == (len(trace), len(trace), figures["max_live"])
    assert (pieces.blocks, pieces.peak_bytes) == (trace.blocks, figures["peak_bytes"])
    assert (pieces.largest, pieces.format, pieces.notes) == (trace.largest, trace.format, trace.notes)
    assert int(np.cumsum(trace.deltas())[pieces.peak_row]) == pieces.peak_bytes
    assert pieces.has_alignment == (trace.alignment is not None)
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_are_of_the_types_promised_and_cannot_be_written(tmp_path):
    count, path = 2 * PIECE + 7, tmp_path / "x.parquet"
    rng = np.random.default_rng(1)
    with writing(path, alignment=True) as writer:
        for at in range(0, count, 600_000):
            rows = min(600_000, count - at)
            size = rng.integers(0, 1000, rows)
            writer.write(np.zeros(rows, np.int8), np.arange(at, at + rows), size, 1 << (size % 8))
    pieces = list(Pieces(path))
    assert sum(len(piece.op) for piece in pieces) == count
    for piece in pieces:
        assert len(piece.op) <= PIECE
        assert [c.dtype for c in piece] == [np.int8, np.int64, np.int64, np.int64]
        assert not any(c.flags.writeable for c in piece)
    assert np.concatenate([piece.slot for piece in pieces]).tolist() == list(range(count))


def test_a_trace_without_events_is_one_too(tmp_path):
    trace, path = Trace([], [], [], notes={"failed": 3}), tmp_path / "x.parquet"
    write_parquet(trace, path)
    assert same(trace, read_parquet(path))
    assert (list(Pieces(path)), Pieces(path).peak_row, len(Pieces(path))) == ([], -1, 0)


def test_every_column_comes_back(tmp_path):
    rest = {"thread": [0, 1, 0], "address": [4096, 8192, 0]}
    trace = Trace([ALLOC, REALLOC, FREE], [0, 0, 0], [7, 9, 0], [16, 0, 0], **rest)
    write_parquet(trace, tmp_path / "x.parquet")
    again = read_parquet(tmp_path / "x.parquet")
    assert same(trace, again)
    assert (again.thread.tolist(), again.address.tolist()) == ([0, 1, 0], [4096, 8192, 0])


def test_columns_beside_the_pieces_are_checked_when_all_is_read(tmp_path):
    path = table(tmp_path / "x.parquet", thread=pa.array([0, -1], pa.int32()))
    with pytest.raises(TraceError, match="x.parquet: found that event 1 .* is of a thread below 0"):
        read_parquet(path)


def test_a_file_that_is_there_is_kept(tmp_path):
    trace, path = Trace([ALLOC], [0], [1]), tmp_path / "x.parquet"
    path.write_text("mine")
    with pytest.raises(ParamError, match="found a file, expected none: only --force"):
        write_parquet(trace, path)
    assert path.read_text() == "mine"
    write_parquet(trace, path, force=True)
    assert recognises(path.read_bytes())
    assert len(read_parquet(path)) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ParamError])
def test_an_interrupt_leaves_nothing(tmp_path, error):
    def stop(rows):
        raise error

    with pytest.raises(error):
        write_parquet(Trace([ALLOC], [0], [1]), tmp_path / "x.parquet", progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1], [0], [0]), "row 0: found a free of slot 0, which holds no block, expected one that does"),
        (([0, 0], [0], [0]), "the columns are of different lengths: expected one"),
        (([0], [0], [0], [8]), "columns op, slot, size, alignment are given: expected op, slot, size"),
    ],
)
def test_rows_that_are_no_run_are_not_written(tmp_path, columns, message):
    path = tmp_path / "x.parquet"
    with pytest.raises(ParamError, match=message), writing(path) as writer:
        writer.write(*columns)
    assert not path.exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"op": (ALLOC, 3)}, "row 1: found op 3, expected 0, 1 or 2"),
        ({"slot": (0, 1)}, "row 1: found slot 1, expected one of the 1 slots from 0"),
        ({"size": (-5, 0)}, "row 0: found size -5, expected one in 0.."),
        ({"size": (6, 0)}, "row 0: found size 6, expected at most 5"),
        ({"op": (ALLOC, ALLOC)}, "row 1: found an alloc of slot 0, which holds a block"),
        ({"op": (REALLOC, FREE)}, "row 0: found a realloc of slot 0, which holds no block"),
        ({"size": (5, None)}, "row 1: found no size, expected a number"),
        ({"alignment": pa.array([12, 0], pa.int64())}, "row 0: found alignment 12, expected 0 or a power"),
    ],
)
def test_a_wrong_row_is_told_with_file_and_row(tmp_path, wrong, message):
    path = table(tmp_path / "x.parquet", **wrong)
    with pytest.raises(RowError, match=f"x.parquet, {message}") as error:
        list(Pieces(path))
    assert error.value.path == str(path)
    with pytest.raises(TraceError):
        read_trace(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"slot": None}, "found no column slot, expected the columns op, slot, size"),
        ({"size": pa.array([5, 0], pa.int32())}, "found a column size of int32, expected int64"),
        ({"alignment": pa.array(["a", "b"])}, "found a column alignment of string, expected int64"),
        ({"facts": b"{"}, "found metadata '{', expected an object in JSON"),
        ({"facts": b"[]"}, r"found metadata '\[\]', expected an object in JSON"),
        ({"facts": {"version": 2}}, "found version 2 of the form, expected version 1"),
        ({"facts": {"rows": 1}}, "found 2 rows, expected 1, as its metadata says"),
        ({"facts": {"slots": 3}}, "found metadata slots 3, expected a number in 0..2"),
        ({"facts": {"slots": "1"}}, "found metadata slots '1', expected a number in 0..2"),
        ({"facts": {"largest": MOST_SIZE + 1}}, "found metadata largest .*, expected a number in 0.."),
        ({"facts": {"peak_row": -2}}, "found metadata peak_row -2, expected a number in -1..2"),
        ({"facts": {"notes": []}}, "found metadata without notes or format, expected both"),
        ({"facts": {"notes": {"failed": "x"}}}, "found metadata note failed 'x', expected a number from 0"),
        ({"facts": {"notes": {"failed": -1}}}, "found metadata note failed -1, expected a number from 0"),
        ({"facts": {"format": 7}}, "found metadata without notes or format, expected both"),
    ],
)
def test_a_file_of_another_shape_is_refused_before_it_is_read(tmp_path, wrong, message):
    with pytest.raises(TraceError, match=message):
        Pieces(table(tmp_path / "x.parquet", **wrong))


@pytest.mark.parametrize(
    "name, wrong", [("slots", 2), ("blocks", 2), ("largest", 6), ("peak_bytes", 4), ("peak_row", 1)]
)
def test_a_file_whose_rows_come_to_other_numbers_is_refused_at_their_end(tmp_path, name, wrong):
    path = table(tmp_path / "x.parquet", facts={name: wrong})
    message = f"x.parquet: found {name} {FACTS[name]}, expected {wrong}, as its metadata says"
    pieces = Pieces(path)
    for read in (pieces.figures, lambda: list(pieces), lambda: list(pieces), lambda: read_parquet(path)):
        with pytest.raises(TraceError, match=message):
            read()
    with pytest.raises(TraceError, match=message):
        parse_spec("mvff").replay(Pieces(path))


def test_the_accounts_are_kept_until_a_file_was_read_whole(tmp_path, monkeypatch):
    path, made = tmp_path / "x.parquet", []
    write_parquet(Trace([ALLOC], [0], [1]), path)
    ledger = parquet.Ledger
    monkeypatch.setattr(parquet, "Ledger", lambda *given: made.append(1) or ledger(*given))
    pieces = Pieces(path)
    next(iter(pieces))
    assert list(pieces) and list(pieces) and len(made) == 2
    assert pieces.figures()["peak_bytes"] == 1 and len(made) == 3


def test_a_parquet_file_of_others_is_no_trace(tmp_path):
    pq.write_table(pa.table({"op": [1]}), tmp_path / "x.parquet")
    with pytest.raises(TraceError, match="without the metadata rangeland, expected a trace in it"):
        Pieces(tmp_path / "x.parquet")


def test_names_of_columns_that_are_no_text_are_damage(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(Trace([ALLOC], [0], [1]), path)
    path.write_bytes(path.read_bytes().replace(b"slot", b"sl\xfft"))
    with pytest.raises(TraceError, match="x.parquet: found what pyarrow cannot read"):
        read_trace(path)


def test_what_few_bytes_say_is_not_read_whole_without_bound(tmp_path, monkeypatch):
    count, path = 100_000, tmp_path / "x.parquet"
    with writing(path) as writer:
        writer.write(np.tile([ALLOC, FREE], count), np.zeros(2 * count, int), np.zeros(2 * count, int))
    monkeypatch.setattr(parquet, "MOST_SPARE", 0)
    monkeypatch.setattr(parquet, "MOST_RATIO", 1)
    with pytest.raises(TraceError, match="found 200000 rows in so small a file, expected at most"):
        read_parquet(path)
    assert sum(len(piece.op) for piece in Pieces(path)) == 2 * count


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        Pieces(tmp_path / "x.parquet")


def test_damage_is_told_and_never_read_as_something_else(tmp_path):
    trace, path = read_trace(TRACES / "perl.rep.gz"), tmp_path / "x.parquet"
    write_parquet(trace, path)
    whole, rng, refused = path.read_bytes(), random.Random(5), 0
    for turn in range(60):
        damaged = bytearray(whole)
        if turn % 3:
            damaged[rng.randrange(4, len(damaged))] ^= 1 << rng.randrange(8)
        else:
            del damaged[rng.randrange(4, len(damaged)) :]
        path.write_bytes(damaged)
        try:
            again = read_trace(path)
        except (TraceError, MemoryError):
            refused += 1
        else:
            assert again.op.tolist() == trace.op.tolist()
            assert again.size.tolist() == trace.size.tolist()
    assert refused > 40


def test_a_packed_file_is_to_be_unpacked(tmp_path):
    write_parquet(Trace([ALLOC], [0], [1]), tmp_path / "x.parquet")
    (tmp_path / "y").write_bytes(gzip.compress((tmp_path / "x.parquet").read_bytes()))
    with pytest.raises(TraceError, match="a Parquet file packed by gzip, expected a plain one"):
        read_trace(tmp_path / "y")


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    write_parquet(Trace([ALLOC], [0], [1]), path)
    arrow.pyarrow.cache_clear()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParamError, match=r"needs pyarrow, .*: pip install 'rangeland\[parquet\]'"):
        read_trace(path)
    with pytest.raises(ParamError, match=r"rangeland\[parquet\]"):
        write_parquet(Trace([ALLOC], [0], [1]), tmp_path / "y.parquet")
    assert not (tmp_path / "y.parquet").exists()
