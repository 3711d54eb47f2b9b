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

FILES = sorted((Path(__file__).parents[1] / "vectors").glob("*.jsonl.gz"))
KINDS = {"bootstrap": 15, "mfs": 5, "mvff": 14, "mvt": 4, "arena": 10, "land": 9}


def name(path):
    """What a test of `path` is called."""
    return path.name.split(".")[0]


@cache
def content(path):
    """The header of `path`, and its other lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        header, *rest = map(json.loads, lines)
    return header, rest


def test_the_recordings_are_all_here():
    kinds = [content(path)[0]["kind"] for path in FILES]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == KINDS


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_recording_repeats(path):
    header, lines = content(path)
    outcome = conform(path)
    assert outcome.first is None
    assert outcome.mismatches == 0
    if header["kind"] == "bootstrap":
        assert 50 < outcome.operations <= len(lines)
    else:
        assert outcome.operations == 1 + sum(line[0] not in ASIDES for line in lines) > 1000
