"""An allocator of somebody's own, in Python, as a contender.

Source: design/contenders.md#.sol.own
"""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from rangeland.traces.after import LOOKS, Watched, after_peak, live_quarters
from rangeland.traces.contenders.curve import limits
from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.metrics import ratio
from rangeland.traces.result import CannotReplay, Failure, Result
from vm.results import AllocationError

GRAIN = 4096
HOW = "your own, which has to get into the program: tried here as it is"
# So often there is word of progress.
TOLD = 100_000


@dataclass(frozen=True)
class Made:
    """An allocator: how it is called, and the bytes that it holds.

    `alloc(size)`, `free(address, size)`, `realloc(address, old, new)` or None,
    `aligned(align, size)` or None; a refusal is None. `held()` are its bytes, or
    `held` is None, and then they are those between the lowest and the highest address
    that it ever gave.
    """

    alloc: object
    free: object
    realloc: object = None
    aligned: object = None
    held: object = None


@dataclass(frozen=True)
class Own:
    """The contender called `text`, a new one of which `make()` gives, as a Made.

    Raises, from a replay: CannotReplay, with the event, if a call raises or gives what is
    no address.
    """

    text: str
    make: object

    # As `rangeland.traces.times.take_times` wants it.
    loop, start = "python", 0.0

    def try_out(self):
        """Make one, for nothing. Raises: what `make` raises."""
        self.make()

    def replay(self, trace, progress=None, rows=0, curve=False):
        """The Result of `trace`, with a curve of at most `rows` samples."""
        run = _Run(self, trace, progress, rows if curve else 0)
        run.all()
        return run.result()

    def timer(self, trace):
        """A call that does the trace once and returns the seconds."""
        return lambda: _Run(self, trace, None, 0).all()

    def empty(self, trace):
        """A call that does the loop with calls that do nothing and returns the seconds."""
        nothing = Made(*(lambda *_: 0,) * 4, held=int)
        return lambda: _Run(Own("", lambda: nothing), trace, None, 0).all()

    def __str__(self):
        return self.text


def _address(answer):
    if not isinstance(answer, int):
        raise TypeError(f"it gave {answer!r} for a block: expected an address, an int, or None")
    return answer


class _Run:
    """A replay on its way: the blocks, and what was seen so far."""

    def __init__(self, own, trace, progress, rows):
        self.own, self.trace, self.progress = own, trace, progress
        self.made = own.make()
        self.blocks = {}
        self.live = self.peak_live = self.peak_held = self.live_then = 0
        self.lowest, self.highest = None, 0
        self.fixed = self.made.held() if self.made.held else 0
        self.failures, self.first = 0, None
        self.in_place = self.moved = 0
        self.count = len(trace)
        self.peak = trace.peak_event
        ends = np.union1d(limits(self.count, max(rows, LOOKS)), [self.peak])
        self.stops = iter(ends[ends > 0].tolist())
        self.rows = rows
        self.looks, self.curve = [], []
        self.watched = Watched()
        self.live_sum = 0
        self.at_peak = 0

    def all(self):
        """Do all events. Returns the seconds."""
        done, stop = 0, next(self.stops, None)
        began = time.perf_counter()
        for piece in self.watched.pieces(self.trace.pieces()):
            at = 0
            while at < len(piece[0]):
                limit = min(len(piece[0]), at + stop - done)
                self._events(done, [None if c is None else c[at:limit].tolist() for c in piece])
                done, at = done + limit - at, limit
                if done == stop:
                    self._look(done)
                    stop = next(self.stops, None)
        self.seconds = time.perf_counter() - began
        if self.progress is not None:
            self.progress(done)
        return self.seconds

    def _events(self, first, columns):
        op, id, size, alignment = columns
        for at, kind in enumerate(op):
            try:
                if kind == FREE:
                    self._free(id[at])
                elif kind == ALLOC or id[at] not in self.blocks:
                    self._alloc(first + at, id[at], size[at], alignment[at] if alignment else 0)
                else:
                    self._realloc(first + at, id[at], size[at])
            except Exception as error:
                how = f"in event {first + at} it raised {type(error).__name__}: {error}"
                raise CannotReplay(f"{self.own}: {how}") from error
            self.live_sum += self.live

    def _get(self, event, size, align):
        """The address of a new block, or None if it was refused."""
        asked, made = max(size, 1), self.made
        try:
            if align <= 1:
                address = made.alloc(asked)
            elif made.aligned:
                address = made.aligned(align, asked)
            else:
                # It promises no alignment: there is room to find one.
                asked += align - 1
                address = made.alloc(asked)
        except (MemoryError, AllocationError):
            address = None
        if address is None:
            self.failures += 1
            self.first = self.first or Failure(event, asked, "None", max(align, 0))
            return None
        return _address(address), asked

    def _alloc(self, event, block, size, align):
        got = self._get(event, size, align)
        if got:
            self.blocks[block] = *got, size
            self._gained(got, size)

    def _free(self, block):
        if block in self.blocks:
            address, asked, size = self.blocks.pop(block)
            self.made.free(address, asked)
            self.live -= size

    def _realloc(self, event, block, size):
        """By its own realloc, if it has one and no room for an alignment was asked for;
        else by a new block and a free."""
        address, asked, held = self.blocks[block]
        if self.made.realloc and asked == max(held, 1):
            try:
                new = self.made.realloc(address, asked, max(size, 1))
            except (MemoryError, AllocationError):
                new = None
            if new is None:
                self.failures += 1
                self.first = self.first or Failure(event, max(size, 1), "None")
                return
            got = _address(new), max(size, 1)
        else:
            got = self._get(event, size, 0)
            if not got:
                return
            self._gained(got, 0)
            self.made.free(address, asked)
        self.in_place += got[0] == address
        self.moved += got[0] != address
        self.blocks[block] = *got, size
        self._gained(got, size - held)

    def _gained(self, got, size):
        """Count `size` bytes more that live, and what is held then."""
        self.live += size
        self.peak_live = max(self.peak_live, self.live)
        if self.made.held is None:
            address, asked = got
            self.lowest = address if self.lowest is None else min(self.lowest, address)
            self.highest = max(self.highest, address + asked)
        held = self._held()
        if held > self.peak_held:
            self.peak_held, self.live_then = held, self.live

    def _held(self):
        return self.made.held() if self.made.held else self.highest - (self.lowest or 0)

    def _look(self, event):
        held = self._held()
        self.looks.append((event, self.live, held))
        if event == self.peak:
            self.at_peak = held
        if self.progress is not None and event % TOLD < self.count // LOOKS:
            self.progress(event)

    def result(self):
        """The Result of the events done. Raises: CannotReplay if less was held than lived."""
        if self.peak_held < self.peak_live:
            found = f"it held {self.peak_held:,} bytes at most when {self.peak_live:,} lived"
            raise CannotReplay(f"{self.own}: {found}: blocks overlap, as rangeland prove will show")
        count = max(1, self.count)
        held = [look[2] for look in self.looks]
        mean_held = sum(held) / len(held) if held else 0
        mean_live = self.live_sum / count
        pairs = {
            "mean": (mean_held, mean_live),
            "at_peak_live": (self.at_peak, self.peak_live),
            "at_peak_committed": (self.peak_held, self.live_then),
            "peak_to_peak": (self.peak_held, self.peak_live),
        }
        return Result(
            pool=str(self.own),
            operations=self.count,
            peak_live=self.peak_live,
            peak_committed=self.peak_held,
            measure="committed" if self.made.held else "span",
            how=HOW,
            failures=self.failures,
            first_failure=self.first,
            mean_live=mean_live,
            mean_committed=mean_held,
            live_at_peak_committed=self.live_then,
            committed_at_peak_live=self.at_peak,
            reallocs_in_place=self.in_place,
            reallocs_moved=self.moved,
            fixed=self.fixed,
            ratios={name: ratio(*pair, GRAIN) for name, pair in pairs.items()},
            after_peak=after_peak(self.looks, self.peak, self.watched.made),
            live_quarters=live_quarters(self.looks, self.count),
            seconds=self.seconds,
            operations_per_second=self.count / self.seconds if self.seconds else 0.0,
            curve=self._curve(),
        )

    def _curve(self):
        """The looks at the ends of so many intervals, as JSON has them."""
        kept = set(limits(self.count, self.rows).tolist())
        names = "event", "live", "committed"
        return [dict(zip(names, look, strict=True)) for look in self.looks if look[0] in kept]
