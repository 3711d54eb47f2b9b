"""`rangeland convert`: its words, its JSON, its errors."""

import json
from pathlib import Path

import pytest

from rangeland.cli.main import cli
from rangeland.traces.read import read_trace

pytestmark = pytest.mark.once

HERE = Path(__file__).resolve().parents[1] / "traces"
EDGE = str(HERE / "vg_memcheck_edge.log.gz")
MAKE = str(HERE / "vg_memcheck_make.log.gz")


def run(capsys, *words):
    """(status, output, errors) of the command."""
    with pytest.raises(SystemExit) as stop:
        cli.main([*words])
    return stop.value.code, *capsys.readouterr()


def test_what_was_written_and_what_was_not_is_told(tmp_path, capsys):
    out = str(tmp_path / "x.rep")
    status, text, errors = run(capsys, "convert", EDGE, out)
    size = Path(out).stat().st_size
    assert (status, errors) == (0, "")
    first, *rest = text.splitlines()
    assert first == f"{out}: rep, 248 events in {size:,} bytes"
    assert "  not in it: 6 alignments" in rest
    assert "  not in it: 116 calls without effect" in rest


def test_json_is_one_object(tmp_path, capsys):
    out = str(tmp_path / "x.parquet")
    status, text, _ = run(capsys, "convert", EDGE, out, "--json")
    told = json.loads(text)
    assert status == 0
    assert told == {
        "trace": EDGE, "format": "valgrind", "out": out, "form": "parquet", "events": 248,
        "bytes": Path(out).stat().st_size, "untold": {},
    }  # fmt: skip
    assert read_trace(out).figures() == read_trace(EDGE).figures()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{there}", "{there}", "--force"], "is the trace that is read, expected another file to write"),
        ([EDGE, "{there}"], "found a file, expected none: only --force overwrites it"),
        ([EDGE, "{tmp}/x.zip"], "the name says no form: expected one of .parquet, .rep, .csv, .pickle"),
        ([EDGE, "{tmp}/x.parquet.gz"], "a Parquet file is packed within"),
        ([EDGE, "{tmp}/no/x.rep"], "no/x.rep: No such file or directory"),
        (["{tmp}/none.rep", "{tmp}/x.rep"], "none.rep: No such file or directory"),
        ([EDGE, "{tmp}/x.rep", "--format", "rep"], "vg_memcheck_edge.log.gz:1: found"),
        ([MAKE, "{tmp}/x.rep", "--strict"], "vg_memcheck_make.log.gz:"),
        ([EDGE, "{tmp}/x.rep", "--to", "zip"], "Invalid value for '--to'"),
        ([EDGE], "Missing argument 'OUT'"),
    ],
)
def test_errors_are_one_line_and_change_nothing(tmp_path, capsys, words, message):
    there = tmp_path / "there.rep"
    there.write_text("1\n0\n0\n0\n")
    words = [word.format(there=there, tmp=tmp_path) for word in words]
    status, text, errors = run(capsys, "convert", *words)
    assert (status, text) == (2, "")
    assert errors.startswith("rangeland: ") and errors.count("\n") == 1
    assert message in errors
    assert [p.read_text() for p in tmp_path.iterdir()] == ["1\n0\n0\n0\n"]


def test_force_overwrites(tmp_path, capsys):
    (tmp_path / "x").write_text("mine")
    status, _, _ = run(capsys, "convert", EDGE, str(tmp_path / "x"), "--to", "rep", "--force")
    assert status == 0
    assert len(read_trace(tmp_path / "x")) == 248
