"""Repeating a file of recorded vectors and telling where it differs.

Source: design/conform.md
"""

from collections import deque
from dataclasses import asdict, dataclass, field

from rangeland.conform.boot import BootRepeater
from rangeland.conform.facts import compared
from rangeland.conform.lands import LandRepeater
from rangeland.conform.pools import ArenaRepeater, PoolRepeater
from rangeland.conform.vectors import Vectors, at_line

# How many operations before the first mismatch are told.
BEFORE = 5


@dataclass
class Mismatch:
    """One operation that went otherwise: its line in the file, what was
    recorded, what came, and the operations before it."""

    line: int
    expected: list
    came: list
    before: list


@dataclass
class Outcome:
    """What came of one file."""

    path: str
    kind: str
    operations: int = 0
    mismatches: int = 0
    first: Mismatch | None = None
    before: deque = field(default_factory=lambda: deque(maxlen=BEFORE), repr=False)

    def count(self, number, expected, came):
        """Count one operation; keep the first that differs."""
        self.operations += 1
        if expected != came:
            self.mismatches += 1
            if self.first is None:
                self.first = Mismatch(number, expected, came, list(self.before))
        self.before.append(expected)

    def as_json(self):
        """The outcome as plain data."""
        data = asdict(self)
        del data["before"]
        return data


REPEATERS = {
    "land": LandRepeater,
    "mfs": PoolRepeater,
    "mvff": PoolRepeater,
    "mvt": PoolRepeater,
    "arena": ArenaRepeater,
}


def conform(path, progress=None):
    """Repeat the vector file at `path`. Returns its Outcome.

    `progress(done, total)`, if given, is called now and then.
    Raises: VectorError, with the line and what was expected there; OSError.
    """
    vectors = Vectors(path)
    outcome = Outcome(vectors.path, vectors.kind)
    if vectors.kind == "bootstrap":
        with at_line(path, 1):
            repeater = BootRepeater(vectors.header, vectors.lines)
        for number, expected, came in repeater.operations():
            outcome.count(number, expected, came)
    else:
        _repeat(vectors, REPEATERS[vectors.kind], outcome, progress)
    return outcome


def _repeat(vectors, kind, outcome, progress):
    with at_line(vectors.path, 1):
        repeater = kind(vectors.header, [line for _, line in vectors.lines])
    try:
        with at_line(vectors.path, 1):
            told, expected_asides = repeater.expected_start()
        here, asides = repeater.start()
        told, came = compared(told, here)
        outcome.count(1, [*expected_asides, told], [*asides, came])
        total = len(vectors.lines)
        for number, expected_asides, line in vectors.operations():
            with at_line(vectors.path, number):
                asides, came = repeater.do(line)
            outcome.count(number, [*expected_asides, line], [*asides, came])
            if progress is not None and outcome.operations % 256 == 0:
                progress(number, total)
    finally:
        repeater.close()
