"""Real allocators as contenders: the C libraries of this machine.

Source: design/contenders.md#.sol.real
"""

import os
from dataclasses import dataclass
from functools import partial

import numpy as np

from rangeland.traces.after import Watched, after_peak, live_quarters
from rangeland.traces.contenders.curve import Curve, limits
from rangeland.traces.contenders.lives import powers
from rangeland.traces.contenders.nursery import PIECE, Child, ChildError
from rangeland.traces.contenders.settings import Settings
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.result import CannotReplay
from vm.results import ParamError

# Samples of resident memory in a run, at least.
SAMPLES = 200
# The kernel's high-water mark may be off by what its counters hold back.
SLACK = 1 << 18
WORD = 8
# What is called for each kind of event.
_OPS = {"free": FREE, "realloc": REALLOC}
# Threads of a trace, at most: each is a thread of the machine.
MOST_THREADS = 4096


@dataclass(frozen=True)
class _Known:
    """An allocator: the names of its library, in the order in which they are tried,
    and the package that has it."""

    libraries: tuple
    package: str


KNOWN = {
    "glibc": _Known(("",), ""),
    "jemalloc": _Known(("libjemalloc.so.2", "libjemalloc.so"), "libjemalloc2"),
    "mimalloc": _Known(
        ("libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so"), "libmimalloc2.0"
    ),
    "tcmalloc": _Known(
        ("libtcmalloc_minimal.so.4", "libtcmalloc_minimal.so", "libtcmalloc.so.4"),
        "libtcmalloc-minimal4",
    ),
}


@dataclass(frozen=True)
class RealFailure:
    """The first call that gave NULL: its row in the trace, and what it asked. Units: bytes."""

    event: int
    size: int


@dataclass(frozen=True)
class RealFigures:
    """What a real allocator came to; each figure is defined in design/contenders.md#.def.real.

    Units: bytes, counts, seconds.
    """

    name: str
    library: str
    version: str
    how: str
    operations: int
    failures: int
    first_failure: RealFailure | None
    peak_live: int
    mean_live: int
    peak_resident: int
    mean_resident: int
    live_at_peak_resident: int
    resident_at_peak_live: int
    end_resident: int
    peak_page_tables: int
    baseline: int
    samples: int
    high_water: bool
    after_peak: dict | None
    live_quarters: list | None
    threads: int
    seconds: float | None
    operations_per_second: float | None
    curve: Curve


@dataclass(frozen=True)
class Real:
    """The contender that is a C allocator: one of KNOWN, or the path of a library.

    With `own`, each thread of the trace is a thread of the process; `settings` are
    pairs of a setting and its value; `text` is what to call it.
    Raises: ParamError for another name.
    """

    name: str
    own: bool = False
    settings: tuple = ()
    text: str = ""

    def __post_init__(self):
        if self.name not in KNOWN and "/" not in self.name:
            raise ParamError(
                f"unknown allocator {self.name!r}: expected {', '.join(KNOWN)} or the path of a library"
            )

    def __str__(self):
        return self.text or (f"{self.name}:threads=own" if self.own else self.name)

    def try_out(self):
        """See that the library is there, and has the functions, and knows the settings.

        Raises: ParamError, which says what was looked for, and what has it.
        Cost: one short process for each name tried.
        """
        self._library()

    def _library(self):
        """What to load."""
        if "/" in self.name:
            path = os.path.abspath(self.name)
            if not os.path.isfile(path):
                raise ParamError(f"{self.name}: found no such file, expected a library")
            names, hint = (path,), ""
        else:
            known = KNOWN[self.name]
            names = known.libraries
            hint = f"; the Debian package {known.package} has it" if known.package else ""
        refused = ""
        for library in names:
            with self._child(library, -1) as child:
                if not child.refused:
                    self._expect_settings(child)
                    return library
                refused = refused or child.refused
        looked = f"looked for {', '.join(names)}: " if names[0] else ""
        raise ParamError(f"{self.name}: {looked}{refused}{hint}")

    def _child(self, library, blocks, threads=0):
        """The process that has it."""
        environment = Settings(self.name, self.settings).strict()
        try:
            return Child(self.name, library, blocks, threads, environment)
        except ChildError as ended:
            if not environment:
                raise
            raise ParamError(f"{self}: refuses its settings, or does not start: {ended}") from None

    def _expect_settings(self, child):
        try:
            Settings(self.name, self.settings).expect_known(child.home)
        except ParamError as error:
            raise ParamError(f"{self}: {error}") from None

    def replay(self, trace, rows=0, progress=None):
        """The RealFigures of `trace`, in memory or in pieces, with a curve of at
        most `rows` samples.

        `progress(done)` is told the events done, each of several runs its part.
        Raises: ParamError as try_out; ChildError if the process dies;
        CannotReplay if it cannot have so many threads.
        Cost: that of the allocator, twice, and the memory that it takes.
        """
        threads = trace.threads if self.own else 0
        if threads > MOST_THREADS:
            raise CannotReplay(f"{self}: the trace has {threads:,} threads, expected at most {MOST_THREADS:,}")
        pieces = partial(trace.pieces, threads=True) if threads else trace.pieces
        peak = trace.peak_event
        return self.replay_pieces(pieces, trace.slots, len(trace), rows, progress, threads, peak)

    def replay_pieces(self, pieces, blocks, count, rows=0, progress=None, threads=0, peak=0):
        """As `replay`, of a trace in pieces.

        `pieces()` gives an iterator of (op, id, size, alignment or None), all
        numbers of blocks below `blocks`, `count` rows in all; it is called once a run.
        A number may be used again once its block is free. With `threads` a fifth
        column has numbers below that, and no time is taken. `peak` is after how many
        events most bytes live, if that is known: there is a sample there, too.
        Raises: as `replay`; ParamError for other rows.
        """
        library, seconds = self._library(), None
        told = _Progress(progress, 1 if threads else 2)
        fit = partial(self._served, blocks=blocks, count=count, threads=threads)
        if not threads:
            seconds = self._time(library, blocks, partial(fit, pieces()), told)
            told.before = count
        with self._child(library, blocks, threads) as child:
            if child.refused:
                raise CannotReplay(f"{self}: {child.refused}")
            baseline, watched = child.ask(sample=True), Watched()
            regular = limits(count, max(rows, SAMPLES))
            ends = np.union1d(regular, [peak]) if 0 < peak <= count else regular
            samples = list(_sampled(child, watched.pieces(fit(pieces(), child)), ends, told))
        sampled = _figures(baseline, samples, ends, regular, rows)
        sampled |= _after(baseline, samples, ends, watched.made)
        return RealFigures(
            name=str(self),
            library=child.home,
            version=child.version,
            how=self._how(child.home),
            operations=count,
            threads=threads,
            seconds=seconds,
            operations_per_second=count / seconds if seconds else None if threads else 0.0,
            **sampled,
        )

    def timer(self, trace, library=None):
        """A call that does `trace` once, in a process of its own, without a look at memory,
        and returns the seconds. `library` is what to load, if it is known."""
        library = self._library() if library is None else library
        blocks, count = trace.slots, len(trace)

        def once():
            pieces = partial(self._served, trace.pieces(), blocks=blocks, count=count, threads=0)
            return self._time(library, blocks, pieces, _Progress(None, 1))

        return once

    def _time(self, library, blocks, pieces, told):
        with self._child(library, blocks) as child:
            return _timed(child, pieces(child), told)

    def _served(self, pieces, child, blocks, count, threads):
        """The pieces, each checked, of a trace that asks `child` for what it has.

        Raises: CannotReplay, ParamError.
        """
        for piece in _checked(pieces, blocks, count, threads):
            for name in child.missing:
                rows = _wanting(name, piece)
                if rows.any():
                    raise CannotReplay(
                        f"{self}: it has no {name} of its own, and the trace needs it"
                    )
            yield piece

    def fixed(self):
        """The resident bytes that a first block of one byte brings. Raises: as `replay`."""
        with self._child(self._library(), 1) as child:
            before = child.ask(sample=True)
            op, id, size, alignment = child.columns
            op[0], id[0], size[0], alignment[0] = ALLOC, 0, 1, 0
            return max(child.ask(1, touch=True, sample=True).resident - before.resident, 0)

    def _how(self, home):
        """How a program gets it."""
        if self.name == "glibc" and not self.settings:
            return "what programs of this machine have"
        return Settings(self.name, self.settings).command("" if self.name == "glibc" else home)


class _Progress:
    """Tells the events done of so many runs as if they were one."""

    def __init__(self, progress, runs):
        self.progress = progress
        self.runs = runs
        self.before = 0

    def __call__(self, done):
        if self.progress is not None:
            self.progress((self.before + done) // self.runs)


def _at_peak(one, other):
    """The highest of `other` in the first interval in which `one` is highest."""
    return int(other[int(np.argmax(one))]) if len(one) else 0


def _mean(values):
    return sum(values) // len(values) if values else 0


def _timed(child, pieces, told):
    """Do all pieces without a look at memory: the seconds that the calls took."""
    spent = 0
    for rows, _ in _loaded(child, pieces, None):
        spent += child.ask(rows).spent
        told(child.done)
    return spent / 1e9


def _sampled(child, pieces, ends, told):
    """Do all pieces, touching: the Answer at each of `ends`."""
    ends = iter(ends.tolist())
    end = next(ends, None)
    for rows, turns in _loaded(child, pieces, lambda: end - child.done):
        last = child.done + rows == end
        answer = child.ask(rows, touch=True, sample=last, turns=turns)
        if last:
            yield answer
            end = next(ends, None)
            told(child.done)


def _checked(pieces, blocks, count, threads):
    """The pieces, each looked at before the child trusts it."""
    done = 0
    for piece in pieces:
        op, id, size, _, *thread = piece
        if len(op) == 0:
            continue
        if int(id.min()) < 0 or int(id.max()) >= blocks:
            raise ParamError(f"the rows from {done} on name a block beside 0..{blocks - 1}")
        if int(size.min()) < 0:
            raise ParamError(f"the rows from {done} on have a size below 0")
        if threads and not 0 <= int(thread[0].min()) <= int(thread[0].max()) < threads:
            raise ParamError(f"the rows from {done} on name a thread beside 0..{threads - 1}")
        done += len(op)
        if done > count:
            break
        yield piece
    if done != count:
        raise ParamError(f"the pieces have {done} rows or more: expected {count}")


def _wanting(name, piece):
    """Which rows of the piece need the function of that name."""
    op, alignment = np.asarray(piece[0]), piece[3]
    if name in _OPS:
        return op == _OPS[name]
    return np.zeros(len(op), bool) if alignment is None else _alignments(op, alignment) > 0


def _loaded(child, pieces, most):
    """Put the rows into the child's buffer, at most `most()` at a time: how many each
    time, and in how many turns of threads."""
    op, id, size, alignment = child.columns
    for piece in pieces:
        at, count = 0, len(piece[0])
        while at < count:
            rows = min(count - at, PIECE, PIECE if most is None else most())
            part = slice(at, at + rows)
            op[:rows], id[:rows], size[:rows] = (column[part] for column in piece[:3])
            alignment[:rows] = 0 if piece[3] is None else _alignments(piece[0][part], piece[3][part])
            yield rows, _turns(child, piece[4][part]) if len(piece) > 4 else 0
            at += rows


def _turns(child, thread):
    """Put the runs of rows of one thread into the child's buffer: how many."""
    limits, threads = child.turns
    ends = np.append(np.flatnonzero(thread[1:] != thread[:-1]) + 1, len(thread))
    limits[: len(ends)] = ends
    threads[: len(ends)] = thread[ends - 1]
    return len(ends)


def _alignments(op, alignment):
    """The alignments as posix_memalign takes them; 0 where malloc is called."""
    wanted = (alignment > 0) & (op == ALLOC)
    return np.where(wanted, np.maximum(powers(alignment), WORD), 0)


def _figures(baseline, samples, ends, regular, rows):
    """What the samples of the run for memory, at `ends`, say, and the curve of them: in
    the intervals that end at `regular`, to which one of `ends` may be added."""
    last = samples[-1] if samples else baseline
    tables = max((s.tables for s in samples), default=baseline.tables)
    live = np.array([s.peak_live for s in samples], np.int64)
    resident = _peaks(baseline, samples)
    if len(regular) < len(ends):
        kept = np.searchsorted(ends, regular)
        starts = np.concatenate(([0], kept[:-1] + 1))
        live, resident = (np.maximum.reduceat(column, starts) for column in (live, resident))
        samples = [samples[at] for at in kept.tolist()]
    ended = [s.resident - baseline.resident for s in samples]
    return {
        "curve": _merged(regular, live, resident, rows),
        "failures": last.failures,
        "first_failure": RealFailure(last.failed_row, last.failed_size) if last.failures else None,
        "peak_live": int(live.max(initial=0)),
        "mean_live": _mean([s.live for s in samples]),
        "peak_resident": int(resident.max(initial=0)),
        "mean_resident": _mean(ended),
        "live_at_peak_resident": _at_peak(resident, live),
        "resident_at_peak_live": _at_peak(live, resident),
        "end_resident": ended[-1] if ended else 0,
        "peak_page_tables": tables - baseline.tables,
        "baseline": baseline.resident,
        "samples": len(samples),
        "high_water": last.highest >= 0,
    }


def _after(baseline, samples, ends, made):
    """What the samples say of the time after the peak."""
    looks = [
        (int(end), s.live, s.resident - baseline.resident)
        for end, s in zip(ends, samples, strict=True)
    ]
    top = max(range(len(samples)), key=lambda at: samples[at].peak_live, default=0)
    return {
        "after_peak": after_peak(looks, int(ends[top]) if samples else 0, made),
        "live_quarters": live_quarters(looks, looks[-1][0] if looks else 0),
    }


def _peaks(baseline, samples):
    """The highest resident bytes in each interval, above the baseline.

    The samples at both ends are exact; between them there is the high-water
    mark, if it is above them by more than its error (design/contenders.md#.sol.peak).
    """
    before, peaks = baseline, []
    for sample in samples:
        exact = max(before.resident, sample.resident)
        beyond = sample.highest - exact > SLACK
        peaks.append((sample.highest if beyond else exact) - baseline.resident)
        before = sample
    return np.array(peaks, np.int64)


def _merged(ends, live, resident, rows):
    """The Curve of `rows` intervals, from those that were sampled."""
    if not len(ends) or rows == 0:
        nothing = np.zeros(0, np.int64)
        return Curve(nothing, nothing, nothing)
    kept = limits(len(ends), rows)
    starts = np.concatenate(([0], kept[:-1]))
    return Curve(
        ends[kept - 1], np.maximum.reduceat(live, starts), np.maximum.reduceat(resident, starts)
    )
