"""Replaying a trace in a pool, and what came of it (design/replay.md#.sol.replay)."""

import time
from dataclasses import asdict, dataclass

import numpy as np

from rangeland.traces.engine import Engine
from vm.results import NAMES, failure

# Events between two looks at the clock and at the keyboard.
SLICE = 100_000


@dataclass(frozen=True)
class Failure:
    """The first allocation that failed: its row in the trace, what it asked, the result.

    Units: bytes.
    """

    event: int
    size: int
    result: str


@dataclass(frozen=True)
class Result:
    """A replay's outcome; each figure is defined in design/replay.md#.def.result.

    Units: bytes, counts, seconds.
    """

    pool: str
    operations: int
    failures: int
    first_failure: Failure | None
    peak_live: int
    peak_committed: int
    peak_total: int
    total_size: int
    free_size: int
    largest_free: int
    peak_free_size: int
    peak_largest_free: int
    seconds: float
    operations_per_second: float

    def to_dict(self):
        """The figures as JSON has them."""
        return asdict(self)


def replay(trace, make_pool, progress=None):
    """Do the events of `trace` in a pool, and return the Result.

    `make_pool(trace)` is a context that gives the pool, such as a PoolSpec;
    `str(make_pool)` names it in the result. `progress(done)` is called with the
    count of events done, every 100,000 events and at the end.
    An allocation that fails is counted; what the trace later does to its block is
    left out. Raises: ProtocolError if the pool refuses a free, which says that
    the pool is broken; what `make_pool` raises.
    Cost: that of the pool, an event; 17 bytes of memory an event besides the trace.
    """
    with make_pool(trace) as pool:
        engine = Engine(pool, trace.op, trace.id, trace.size, trace.blocks)
        peak = int(np.argmax(np.cumsum(trace.deltas()))) + 1 if len(trace) else 0
        seconds = _run(engine, 0, peak, progress)
        _, peak_free, peak_largest = engine.sizes()
        seconds += _run(engine, peak, len(trace), progress)
        total, free, largest = engine.sizes()
        return Result(
            pool=str(make_pool),
            operations=len(trace),
            failures=engine.failures,
            first_failure=_first_failure(engine),
            peak_live=engine.peak_live,
            peak_committed=engine.peak_committed,
            peak_total=engine.peak_total,
            total_size=total,
            free_size=free,
            largest_free=largest,
            peak_free_size=peak_free,
            peak_largest_free=peak_largest,
            seconds=seconds,
            operations_per_second=len(trace) / seconds if seconds else 0.0,
        )


def _run(engine, base, count, progress):
    """Do the events [base, count) in slices. Returns the seconds they took."""
    seconds = 0.0
    for first in range(base, count, SLICE):
        limit = min(first + SLICE, count)
        start = time.perf_counter()
        refused = engine.run(first, limit)
        seconds += time.perf_counter() - start
        if refused >= 0:
            raise failure(1, f"{engine.pool!r} refused the free of event {refused} of the trace")
        if progress is not None:
            progress(limit)
    return seconds


def _first_failure(engine):
    if engine.failures == 0:
        return None
    return Failure(engine.failed_event, engine.failed_size, NAMES[engine.failed_code])
