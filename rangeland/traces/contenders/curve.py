"""What was live and what was resident as a run went on (design/contenders.md#.def.curve)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """A run in at most so many intervals, each with its peaks.

    `event` is the count of events done at the end of each interval; `live` and
    `resident` are the highest of each in the interval.
    Units: bytes. Shape: int64, all of one length.
    """

    event: np.ndarray
    live: np.ndarray
    resident: np.ndarray


def limits(count, rows):
    """The ends of at most `rows` intervals, alike in length, of `count` events; ascending."""
    rows = min(count, rows)
    return (np.arange(1, rows + 1, dtype=np.int64) * count) // rows if rows else _nothing()


def curve(live, resident, rows):
    """The Curve of `rows` intervals of the columns `live` and `resident`, a row an event."""
    ends = limits(len(live), rows)
    if not len(ends):
        return Curve(ends, _nothing(), _nothing())
    starts = np.concatenate(([0], ends[:-1]))
    return Curve(ends, np.maximum.reduceat(live, starts), np.maximum.reduceat(resident, starts))


def _nothing():
    return np.zeros(0, np.int64)
