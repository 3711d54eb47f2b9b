"""Contenders: what a trace can be replayed in, by name.

A contender has `str(it)`, `try_out()` and `replay(trace, progress, rows, curve)`,
which gives a Result. A pool in an arena is one, as its spec says; the others are
real allocators, what the traced program's own did, and the ideal.
Source: design/contenders.md#.sol.names
"""

from dataclasses import dataclass

from rangeland.sizes import parse_size
from rangeland.traces.contenders.allocator import NOTHING
from rangeland.traces.contenders.ideal import Ideal
from rangeland.traces.contenders.real import KNOWN, Real
from rangeland.traces.contenders.recorded import Recorded
from rangeland.traces.contenders.settings import Known
from rangeland.traces.metrics import ratio
from rangeland.traces.parquet import Pieces, whole
from rangeland.traces.replay import ROWS
from rangeland.traces.result import Failure, Result
from rangeland.traces.specs import POINTED, POOLS, THREADS, parse_options, parse_spec, unknown
from vm.results import ParamError

# What a page is where the machine's own are counted.
GRAIN = 4096
NAMES = (*POOLS, *KNOWN, "recorded", "ideal")


def parse_contender(text):
    """The contender that `text` names: a pool spec, `glibc` or another real
    allocator, the path of a library, `recorded` or `ideal`.

    Raises: ParamError for an unknown name or option, with the nearest known one,
    and for a value that cannot be.
    """
    name, _, rest = text.partition(":")
    if name == "recorded":
        return RecordedContender(_made(Recorded, text, rest, {"page": parse_size}))
    if name == "ideal":
        return IdealContender(_made(Ideal, text, rest, {"align": parse_size, "limit": parse_size}))
    if name in KNOWN or "/" in name:
        return RealContender(_real(name, text, rest))
    if name not in (*POOLS, *POINTED):
        raise unknown(text, "pool or allocator", name, NAMES)
    return parse_spec(text)


def _real(name, text, rest):
    given = parse_options(text, rest, Known(name, THREADS))
    own = given.pop("threads", False)
    return Real(name, own, tuple(given.items()), text)


def _made(kind, text, rest, known):
    options = parse_options(text, rest, known)
    try:
        return kind(**options)
    except ParamError as error:
        raise ParamError(f"pool spec {text!r}: {error}") from None


@dataclass(frozen=True)
class RealContender:
    """A C allocator of this machine in a process of its own, measured by resident memory."""

    real: Real

    def try_out(self):
        """Raises: ParamError if its library is not there."""
        self.real.try_out()

    def replay(self, trace, progress=None, rows=ROWS, curve=False):
        """The Result of `trace`, in memory or in pieces."""
        found = self.real.replay(trace, rows, progress)
        first = found.first_failure
        return Result(
            pool=found.name,
            measure="resident",
            how=found.how,
            fixed=self.real.fixed(),
            operations=found.operations,
            failures=found.failures,
            first_failure=first and Failure(first.event, first.size, "NULL"),
            peak_live=found.peak_live,
            peak_committed=found.peak_resident,
            **_seen(found, GRAIN),
            seconds=found.seconds,
            operations_per_second=found.operations_per_second,
            curve=_rows(found.curve) if curve else [],
            more={
                name: getattr(found, name)
                for name in ("library", "version", "end_resident", "peak_page_tables",
                             "baseline", "samples", "high_water")
            } | ({"threads": found.threads or None} if self.real.own else {}),
        )  # fmt: skip

    # As `rangeland.traces.times.take_times` wants it.
    loop, start = "calls", 0.15

    def timer(self, trace):
        """A call that does the trace once and returns the seconds."""
        return self.real.timer(trace)

    def empty(self, trace):
        """A call that does the loop with functions that do nothing and returns the seconds."""
        return Real(self.real.name).timer(trace, NOTHING)

    def __str__(self):
        return str(self.real)


@dataclass(frozen=True)
class RecordedContender:
    """What the traced program's own allocator did, measured by the pages that held blocks."""

    recorded: Recorded

    def try_out(self):
        """Nothing: whether there are addresses, the trace tells."""

    def replay(self, trace, progress=None, rows=ROWS, curve=False):
        """The Result of `trace`. Raises: ParamError if it has no addresses."""
        found = self.recorded.replay(_whole(trace), rows, progress)
        return Result(
            pool=found.name,
            measure="pages",
            how=f"what it was recorded with: {found.allocator} allocator",
            operations=found.operations,
            peak_live=found.peak_live,
            peak_committed=found.peak_resident,
            **_seen(found, found.page),
            curve=_rows(found.curve) if curve else [],
            more={
                name: getattr(found, name)
                for name in ("allocator", "unaddressed", "page", "end_resident", "touched",
                             "lowest", "highest")
            },
        )  # fmt: skip

    def __str__(self):
        return str(self.recorded)


@dataclass(frozen=True)
class IdealContender:
    """What nobody beats: the height of an offline placement, or the bound alone."""

    ideal: Ideal

    def try_out(self):
        """Nothing: it works everywhere."""

    def replay(self, trace, progress=None, rows=ROWS, curve=False):
        """The Result of `trace`."""
        found = self.ideal.replay(_whole(trace), rows, progress)
        placed = found.height is not None
        held = found.height if placed else found.bound
        return Result(
            pool=found.name,
            measure="height" if placed else "bound",
            how="not to be had: it knows all lives beforehand",
            operations=found.operations,
            peak_live=found.peak_live,
            mean_live=found.mean_live,
            peak_committed=held,
            ratios={"peak_to_peak": ratio(held, found.peak_live, GRAIN)},
            curve=_rows(found.curve) if curve else [],
            more={
                name: getattr(found, name)
                for name in ("peak_event", "lives", "limit", "bound", "height", "order")
            },
        )

    def __str__(self):
        return str(self.ideal)


def _seen(found, grain):
    """What a Result has of the figures of resident bytes, in grains or pages of `grain`."""
    live, held = found.live_at_peak_resident, found.resident_at_peak_live
    pairs = {
        "mean": (found.mean_resident, found.mean_live),
        "at_peak_live": (held, found.peak_live),
        "at_peak_committed": (found.peak_resident, live),
        "peak_to_peak": (found.peak_resident, found.peak_live),
    }
    return {
        "mean_live": found.mean_live,
        "mean_committed": found.mean_resident,
        "live_at_peak_committed": live,
        "committed_at_peak_live": held,
        "ratios": {name: ratio(*pair, grain) for name, pair in pairs.items()},
        "after_peak": found.after_peak,
        "live_quarters": found.live_quarters,
    }


def _whole(trace):
    """`trace`, in memory: what looks at whole lives cannot do with pieces."""
    return whole(trace) if isinstance(trace, Pieces) else trace


def _rows(curve):
    """A Curve as JSON has it; of these only the peaks of each interval are known."""
    columns = zip(curve.event.tolist(), curve.live.tolist(), curve.resident.tolist(), strict=True)
    names = "event", "peak_live", "peak_committed"
    return [dict(zip(names, row, strict=True)) for row in columns]
