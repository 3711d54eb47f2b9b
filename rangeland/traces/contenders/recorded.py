"""What the traced program's own allocator did, as far as the addresses tell.

Source: design/contenders.md#.sol.recorded
"""

import time
from dataclasses import dataclass

import numpy as np

from rangeland.traces.after import LOOKS, Watched, after_peak, live_quarters
from rangeland.traces.contenders.curve import Curve, curve, limits
from rangeland.traces.contenders.lives import lives_of
from rangeland.traces.result import CannotReplay
from vm.results import power_of_two

# Recorders that put an allocator of their own in the place of the program's.
_OTHERS = {"valgrind": "valgrind's"}


@dataclass(frozen=True)
class RecordedFigures:
    """What the recorded addresses come to; each figure is defined in
    design/contenders.md#.def.recorded.

    Units: bytes, counts, seconds.
    """

    name: str
    allocator: str
    operations: int
    peak_live: int
    mean_live: int
    unaddressed: int
    page: int
    peak_resident: int
    mean_resident: int
    live_at_peak_resident: int
    resident_at_peak_live: int
    end_resident: int
    touched: int
    lowest: int
    highest: int
    after_peak: dict | None
    live_quarters: list | None
    seconds: float
    curve: Curve

    @property
    def span(self):
        """From the lowest to the highest address that a block ever had. Units: bytes."""
        return self.highest - self.lowest


@dataclass(frozen=True)
class Recorded:
    """The contender that is the program's own allocator, in pages of `page` bytes.

    Raises: ParamError if `page` is no power of two.
    """

    page: int = 4096

    def __post_init__(self):
        power_of_two("page", self.page)

    def __str__(self):
        return "recorded" if self.page == 4096 else f"recorded:page={self.page}"

    def try_out(self):
        """Nothing: whether there are addresses, the trace tells."""

    def replay(self, trace, rows=0, progress=None):
        """The RecordedFigures of `trace`, with a curve of at most `rows` samples.

        Raises: CannotReplay if the trace has no addresses, or those of several
        processes. Cost: O(n log n) time; some 200 bytes of memory a life.
        """
        start = time.perf_counter()
        _refuse(trace)
        count = len(trace)
        lives = lives_of(trace)
        base = trace.address[lives.lower]
        live = lives.live(count)
        known = (base != 0) & (lives.size > 0)
        pages = _Pages(lives, base, known, self.page)
        resident = pages.live(count) * self.page
        if progress is not None:
            progress(count)
        return RecordedFigures(
            name=str(self),
            allocator=_OTHERS.get(trace.origin, "the program's own"),
            operations=count,
            peak_live=int(live.max(initial=0)),
            mean_live=_mean(live),
            unaddressed=int(np.count_nonzero((base == 0) & (lives.size > 0))),
            page=self.page,
            peak_resident=int(resident.max(initial=0)),
            mean_resident=_mean(resident),
            live_at_peak_resident=int(live[np.argmax(resident)]) if count else 0,
            resident_at_peak_live=int(resident[np.argmax(live)]) if count else 0,
            end_resident=int(resident[-1]) if count else 0,
            touched=pages.ever() * self.page,
            lowest=int(base[known].min()) if known.any() else 0,
            highest=int((base[known] + lives.size[known]).max()) if known.any() else 0,
            **_after(trace, live, resident, self.page),
            seconds=time.perf_counter() - start,
            curve=curve(live, resident, rows),
        )


def _after(trace, live, resident, page):
    """What the columns say of the time after the peak."""
    count, watched = len(trace), Watched()
    for _ in watched.pieces(trace.pieces()):
        pass
    peak = int(np.argmax(live)) + 1 if count else 0
    ends = np.union1d(limits(count, LOOKS), [peak] if count else [])
    ends = ends.astype(np.int64)
    columns = ends.tolist(), live[ends - 1].tolist(), resident[ends - 1].tolist()
    looks = list(zip(*columns, strict=True))
    return {
        "after_peak": after_peak(looks, peak, watched.made, page),
        "live_quarters": live_quarters(looks, count),
    }


def _refuse(trace):
    if trace.address is None:
        of = f" of the form {trace.origin}" if trace.origin else ""
        raise CannotReplay(
            f"the trace{of} has no addresses: expected one that tells where the program's own "
            "allocator put its blocks"
        )
    processes = trace.notes.get("processes", 1)
    if processes > 1:
        raise CannotReplay(
            f"the trace is of {processes} processes, each with addresses of its own: expected one"
        )


def _mean(column):
    return int(column.mean()) if len(column) else 0


class _Pages:
    """The pages that lives lie in: of each the numbers of its first and its last."""

    def __init__(self, lives, base, known, page):
        shift = page.bit_length() - 1
        self.lower, self.upper = lives.lower[known], lives.upper[known]
        base = base[known]
        self.first = base >> shift
        self.last = (base + lives.size[known] - 1) >> shift

    def live(self, count):
        """How many pages hold a live byte after each of `count` events."""
        change = np.zeros(count + 1, np.int64)
        # A page inside a block is of no other block.
        inside = np.maximum(self.last - self.first - 1, 0)
        np.add.at(change, self.lower, inside)
        np.subtract.at(change, self.upper, inside)
        self._count_shared(change)
        return np.cumsum(change)[:count]

    def _count_shared(self, change):
        """Add to `change` the pages that blocks may have in common: first and last ones."""
        two = self.last > self.first
        page = np.concatenate((self.first, self.last[two]))
        begin = np.concatenate((self.lower, self.lower[two]))
        end = np.concatenate((self.upper, self.upper[two]))
        page, when = np.concatenate((page, page)), np.concatenate((begin, end))
        by = np.ones(len(page), np.int64)
        by[len(begin) :] = -1
        order = np.lexsort((when, page))
        when, by = when[order], by[order]
        # Those of each page come to 0 at its end, so that one sum does for all pages.
        holders = np.cumsum(by)
        came = (holders > 0) & (holders == by)
        went = (holders == 0) & (by < 0)
        np.add.at(change, when[came], 1)
        np.subtract.at(change, when[went], 1)

    def ever(self):
        """How many pages held a live byte at any time."""
        order = np.argsort(self.first, kind="stable")
        first, last = self.first[order], self.last[order]
        if not len(first):
            return 0
        before = np.concatenate(([first[0] - 1], np.maximum.accumulate(last)[:-1]))
        return int(np.maximum(last - np.maximum(first - 1, before), 0).sum())
