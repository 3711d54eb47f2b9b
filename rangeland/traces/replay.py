"""Replaying a trace in a pool, and what came of it (design/replay.md#.sol.replay)."""

import time

import numpy as np

from rangeland.traces import fields as f
from rangeland.traces.after import LOOKS, Watched, after_peak, live_quarters
from rangeland.traces.crew import MOST_THREADS, Crew
from rangeland.traces.engine import Engine
from rangeland.traces.metrics import causes, mean_causes, ratio, squares_index
from rangeland.traces.result import CannotReplay, Failure, Result, Witness, samples
from vm.results import NAMES, ParamError, failure, integer

# Samples of a run, at most.
ROWS = 256
# Events between two reports of progress.
SLICE = 100_000
# How a program gets a pool.
HOW = "a policy, simulated here: no library to preload has it"
# Free ranges that a witness tells of.
SHOWN_RANGES = 16


def replay(trace, make_pool, progress=None, rows=ROWS, curve=False):
    """Do the events of `trace` in a pool, and return the Result.

    `trace` is a Trace, or one in pieces. `make_pool(trace)` is a context that
    gives the pool, such as a PoolSpec; `str(make_pool)` names it in the result.
    `progress(done)` is called with the count of events done, now and then and at
    the end. At most `rows` samples are taken on the way, which the result has if
    `curve` is true.
    An allocation that fails is counted; what the trace later does to its block is
    left out. Raises: ProtocolError if the pool refuses a free, which says that
    the pool is broken; ParamError; CannotReplay for too many threads; what `make_pool` raises.
    With a Crew as pool each thread of the trace has one of its own.
    Cost: that of the pool, an event; 16 bytes of memory a block besides the trace,
    20 with a Crew.
    """
    rows = integer("rows", rows, least=0)
    with make_pool(trace) as pool:
        run = _Run(pool, trace, progress, rows)
        run.all()
        return run.result(str(make_pool), curve)


def time_once(trace, make_pool):
    """The seconds that the events of `trace` take in a pool, without a look at anything."""
    with make_pool(trace) as pool:
        run = _Run(pool, trace, None, 0)
        run.look = max(1, run.count)
        run.all()
        return run.seconds


def time_empty(trace, make_pool):
    """The seconds of the loop over as many events that find nothing to do."""
    seconds, done = 0.0, 0
    with make_pool(trace) as pool:
        engine = Engine(pool, trace.slots, trace.has_alignment)
        for op, *columns in trace.pieces():
            engine.load(done, np.full(len(op), f.FREE, np.int8), *columns)
            start = time.perf_counter()
            engine.run(done, done + len(op))
            seconds += time.perf_counter() - start
            done += len(op)
    return seconds


class _Run:
    """A replay on its way: the engine, and the samples so far."""

    def __init__(self, pool, trace, progress, rows):
        self.pool, self.trace, self.progress = pool, trace, progress
        self.crew = pool if isinstance(pool, Crew) else None
        self.tells_threads = False
        self.engine = Engine(pool, trace.slots, trace.has_alignment, self.crew is not None)
        self.count = len(trace)
        self.step = max(1, -(-self.count // rows) if rows else self.count)
        self.look = max(1, self.count // LOOKS)
        self.peak = trace.peak_event
        self.watched = Watched()
        self.fixed = pool.arena.committed
        self.rows = []
        self.looks = []
        self.at_peak = self.witness = self.index = None
        self.seconds = 0.0
        self.told = 0

    def all(self):
        """Do all events, piece by piece."""
        done = 0
        for op, *columns in self.watched.pieces(self._pieces()):
            self.engine.load(done, op, *columns)
            done = self._piece(done, done + len(op))
        if done != self.count:
            raise ParamError(f"the trace has {done} events in its pieces: expected {self.count}")
        if self.progress is not None:
            self.progress(done)

    def _pieces(self):
        """The columns of each piece, as the engine takes them."""
        if self.crew is None:
            yield from self.trace.pieces()
            return
        for *columns, thread in self.trace.pieces(threads=True):
            if thread is not None and len(thread):
                self._expect_threads(int(thread.min()), int(thread.max()))
                self.tells_threads = True
            yield *columns, thread

    def _expect_threads(self, least, most):
        if least < 0 or most >= MOST_THREADS:
            raise CannotReplay(
                f"the trace has a thread {least if least < 0 else most}: "
                f"expected at most {MOST_THREADS:,}, numbered from 0"
            )

    def _piece(self, first, limit):
        while first < limit:
            stop = min(limit, self._next_sample(first), (first // self.look + 1) * self.look)
            first = self._events(first, stop)
            if first == self.peak or first == self.count or first % self.look == 0:
                self.looks.append((first, self.engine.live, self.pool.arena.committed))
            if first == self.peak or first == self.count or first % self.step == 0:
                self._sample(first)
            if self.progress is not None and first - self.told >= SLICE:
                self.told = first
                self.progress(first)
        return limit

    def _next_sample(self, event):
        following = (event // self.step + 1) * self.step
        return min(following, self.peak) if event < self.peak else following

    def _events(self, first, limit):
        """Do the events up to `limit`, or up to the witness. Returns where that was."""
        start = time.perf_counter()
        stopped = self.engine.run(first, limit)
        self.seconds += time.perf_counter() - start
        if stopped < 0:
            return limit
        if stopped != self.engine.witness_event:
            raise failure(1, f"{self.pool!r} refused the free of event {stopped} of the trace")
        self._see_witness(stopped)
        return stopped + 1

    def _sample(self, event):
        self.rows.append(self.engine.sample(event))
        if event == self.peak:
            self.at_peak = self.rows[-1]
            self.index = squares_index([limit - base for base, limit in self.pool.free_ranges()])

    def _see_witness(self, event):
        pool, engine = self.pool, self.engine
        ranges = sorted(pool.free_ranges(), key=lambda span: (span[0] - span[1], span[0]))
        self.witness = Witness(
            event=event,
            size=engine.witness_size,
            alignment=engine.witness_align,
            free=pool.free_size,
            largest_free=pool.largest_free,
            live=engine.live,
            committed=pool.arena.committed,
            ranges=[list(span) for span in ranges[:SHOWN_RANGES]],
        )

    def result(self, name, curve):
        """The Result of the events done."""
        engine, rows, top = self.engine, self.rows, self.engine.at_top()
        end = rows[-1] if rows else engine.sample(0)
        at_peak = self.at_peak or end
        tops = rows or [end]
        peak_live = max(row[f.PEAK_LIVE] for row in tops)
        events = max(1, self.count)
        mean_live = sum(row[f.LIVE_SUM] for row in tops) / events
        mean_committed = sum(row[f.COMMITTED_SUM] for row in tops) / events
        return Result(
            pool=name,
            how=HOW,
            operations=self.count,
            peak_live=peak_live,
            peak_committed=top[f.COMMITTED],
            failures=engine.failures,
            first_failure=_first_failure(engine),
            witness=self.witness,
            mean_live=mean_live,
            mean_committed=mean_committed,
            live_at_peak_committed=top[f.LIVE],
            committed_at_peak_live=at_peak[f.COMMITTED],
            peak_total=max(row[f.PEAK_TOTAL] for row in tops),
            total_size=end[f.TOTAL],
            free_size=end[f.FREE_BYTES],
            largest_free=end[f.LARGEST],
            peak_free_size=at_peak[f.FREE_BYTES],
            peak_largest_free=at_peak[f.LARGEST],
            reallocs_in_place=engine.in_place,
            reallocs_moved=engine.moved,
            peak_causes=causes(top),
            causes_at_peak_live=causes(at_peak),
            fixed=self.fixed,
            mean_causes=mean_causes(rows),
            ratios=self._ratios(peak_live, at_peak, mean_live, mean_committed),
            after_peak=after_peak(self.looks, self.peak, self.watched.made, self.pool.grains.grain),
            live_quarters=live_quarters(self.looks, self.count),
            squares_index=self.index,
            seconds=self.seconds,
            operations_per_second=self.count / self.seconds if self.seconds else 0.0,
            curve=samples(rows) if curve else [],
            more=self._shared(),
        )

    def _shared(self):
        """What is told of pools of threads' own."""
        if self.crew is None:
            return {}
        threads = self.crew.threads if self.tells_threads else None
        return {"threads": threads, "pools": len(self.crew.pools)}

    def _ratios(self, peak_live, at_peak, mean_live, mean_committed):
        grain, top = self.pool.grains.grain, self.engine.at_top()
        return {
            "mean": ratio(mean_committed, mean_live, grain),
            "at_peak_live": ratio(at_peak[f.COMMITTED], peak_live, grain),
            "at_peak_committed": ratio(top[f.COMMITTED], top[f.LIVE], grain),
            "peak_to_peak": ratio(top[f.COMMITTED], peak_live, grain),
        }


def _first_failure(engine):
    if engine.failures == 0:
        return None
    result = NAMES[engine.failed_code]
    return Failure(engine.failed_event, engine.failed_size, result, engine.failed_align)
