"""Every recorded trace in every policy, each operation judged.

The traces beside the repository are done where they are, compiled; interpreted, small ones only.
"""

from functools import cache
from pathlib import Path

import pytest

from arena.arena import Arena
from rangeland.invariants.recorded import RecordedColumns
from rangeland.invariants.stress import stress_recorded
from rangeland.traces.read import FORMATS, read_trace
from rangeland.traces.specs import POOLS, parse_spec
from vm.results import ParamError

HERE = Path(__file__).resolve().parents[1] / "traces"
SHARED = HERE.parents[2] / "shared" / "traces"
SMALL = 12_000
# Units as large as the largest block, times as many as live, are too many bytes otherwise.
MOST_UNITS = 1 << 26


def traces():
    """The files of recorded traces, each name once."""
    found = {}
    for folder in (HERE, SHARED):
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.suffix in (".gz", ".zst", ".csv", ".pickle", ".rep"):
                found.setdefault(path.name, path)
    return list(found.values())


@cache
def recorded(path):
    trace = read_trace(path)
    # Pages are judged one by one, so gigabytes of a GPU are made megabytes.
    scale = 1024 if trace.figures()["peak_bytes"] > MOST_UNITS else 1
    return trace, RecordedColumns(str(path), trace.op, trace.id, trace.size // scale)


@pytest.mark.parametrize("path", traces(), ids=lambda path: path.name)
def test_every_policy_is_right_on_every_trace(path, speed):
    try:
        trace, columns = recorded(path)
    except ParamError as error:
        if "is not installed" in str(error):
            pytest.skip(str(error))
        raise
    if speed == "interpreted" and len(trace) > SMALL:
        pytest.skip("too long for this speed")
    assert trace.format in FORMATS
    for kind in POOLS:
        if kind == "mfs" and trace.largest * columns.most > MOST_UNITS:
            continue
        spec = parse_spec(kind)
        result = stress_recorded(spec.make(trace), columns, make_arena=lambda: Arena(1 << 24))
        assert result.ok, f"{kind}: {result.finding}"
        assert result.steps == len(columns) and result.refused == 0
