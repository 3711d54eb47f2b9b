"""What the real MPS was recorded doing, repeated: every placement, every
result, every account and every event has to be the same.

Source: design/conform.md#.req.same
"""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest

from rangeland.conform.run import conform
from rangeland.conform.shapes import ASIDES
from rangeland.conform.vectors import VectorError

FILES = sorted((Path(__file__).parents[1] / "vectors").glob("*.jsonl.gz"))
KINDS = {"bootstrap": 15, "mfs": 5, "mvff": 14, "arena": 10, "land": 9}


def name(path):
    """What a test of `path` is called."""
    return path.name.split(".")[0]


@cache
def content(path):
    """The header of `path`, and its other lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        header, *rest = map(json.loads, lines)
    return header, rest


def needs_mvt(path):
    """True if `path` has a pool of class MVT, which there is none of here."""
    header, lines = content(path)
    return header.get("mode") == "mvt" or any(
        line[0] == "pc" and line[2] == "MVT" for line in lines
    )


OURS = [path for path in FILES if not needs_mvt(path)]
WITH_MVT = [path for path in FILES if needs_mvt(path)]


def test_the_recordings_are_all_here():
    kinds = [content(path)[0]["kind"] for path in FILES]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == KINDS
    assert len(WITH_MVT) == 10


@pytest.mark.parametrize("path", OURS, ids=name)
def test_a_recording_repeats(path):
    header, lines = content(path)
    outcome = conform(path)
    assert outcome.first is None
    assert outcome.mismatches == 0
    if header["kind"] == "bootstrap":
        assert 50 < outcome.operations <= len(lines)
    else:
        assert outcome.operations == 1 + sum(line[0] not in ASIDES for line in lines) > 1000


@pytest.mark.parametrize("path", WITH_MVT, ids=name)
def test_a_recording_with_mvt_is_refused_by_name(path):
    header, lines = content(path)
    with pytest.raises(VectorError, match="MVT") as caught:
        conform(path)
    where = 1
    if header["kind"] == "arena":
        where = 2 + next(i for i, line in enumerate(lines) if line[0] == "pc" and line[2] == "MVT")
    assert str(caught.value).startswith(f"{path}: line {where}: ")
