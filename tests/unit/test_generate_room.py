"""What will not fit is refused with the size that it would have, before anything is written."""

import os
import re
from types import SimpleNamespace

import pytest

from rangeland.traces.generate import room
from rangeland.traces.generate.patterns import PATTERNS, plan_of
from rangeland.traces.generate.room import refuse_too_large
from rangeland.traces.generate.write import Hands, generate
from vm.results import ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

HUGE = 10**12


def rows_of(name, events):
    return PATTERNS[name].make(plan_of(PATTERNS[name], events))


def disk(free, blocks=1):
    """What statvfs says of a disk with so many bytes free."""
    return lambda path: SimpleNamespace(f_bavail=free, f_frsize=1, f_blocks=blocks)


@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_of_a_million_million_events_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(os, "statvfs", disk(1 << 36))
    path = tmp_path / "huge.parquet"
    with pytest.raises(ParamError) as caught:
        refuse_too_large(rows_of(name, HUGE), HUGE, path, "parquet")
    told = re.search(r"1,000,000,000,000 events would take about ([\d,]+) bytes on the disk: "
                     r"expected at most 68,719,476,736, which are free there$", str(caught.value))  # fmt: skip
    assert int(told[1].replace(",", "")) > HUGE // 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".parquet", ".rep", ".csv", ".csv.gz", ".rep.gz", ".pickle"])
@pytest.mark.parametrize("threads", [None, 3])
def test_the_size_told_is_the_size_it_has(tmp_path, monkeypatch, suffix, threads):
    form = {"p": "parquet", "r": "rep", "c": "minimalloc"}[suffix[1]] if suffix != ".pickle" else "torch"
    path, events = tmp_path / f"x{suffix}", 5000
    hands = Hands(threads) if threads else None
    size = generate(rows_of("steady", events), events, path, form, hands=hands)["bytes"]
    monkeypatch.setattr(os, "statvfs", disk(size // 2))
    with pytest.raises(ParamError) as caught:
        refuse_too_large(rows_of("steady", events), events, path, form, hands and Hands(threads))
    told = int(re.search(r"about ([\d,]+) bytes", str(caught.value))[1].replace(",", ""))
    assert 0.8 * size < told < 1.2 * size
    monkeypatch.setattr(os, "statvfs", disk(2 * size))
    rows = refuse_too_large(rows_of("steady", events), events, path, form, hands and Hands(threads))
    assert sum(len(op) for op, _, _ in rows) == events


def test_a_disk_that_tells_nothing_refuses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "statvfs", disk(0, blocks=0))
    refuse_too_large(rows_of("steady", 100), 100, tmp_path / "x.rep", "rep")


def test_what_memory_does_not_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "available", lambda: 1_000_000)
    monkeypatch.setattr(os, "statvfs", disk(1 << 62))
    with pytest.raises(ParamError, match="100,000 events would take about 8,000,000 bytes of memory: "
                                         "expected at most 1,000,000, which are available; a Par"):  # fmt: skip
        refuse_too_large(rows_of("steady", 100_000), 100_000, tmp_path / "x.rep", "rep")
    refuse_too_large(rows_of("steady", 100_000), 100_000, tmp_path / "x.parquet", "parquet")
    with pytest.raises(ParamError, match="which are available$"):
        refuse_too_large(rows_of("steady", 9), HUGE, "x.parquet", "parquet", at_once=HUGE // 20_000)


@pytest.mark.parametrize("what", [["steady"], ["--like", "like.rep"]])
@pytest.mark.parametrize("limit", [1, 8])
def test_the_command_refuses_in_one_line(rangeland, python, tmp_path, what, limit):
    rangeland("generate", "stack", "--events", "2000", "--out", "like.rep")
    done = python("-c", LIMITED.format(limit << 10), "generate", *what, "--events", HUGE, "--out", "x.parquet")
    assert done.returncode == 2 and "events would take about" in done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("rangeland: x.parquet: 1,000,")
    assert os.listdir(tmp_path) == ["like.rep"]


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
from rangeland.__main__ import main
main()
"""
