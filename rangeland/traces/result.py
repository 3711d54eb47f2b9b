"""What came of a replay: each figure is defined in design/metrics.md."""

from dataclasses import asdict, dataclass, field

from rangeland.traces import fields as f
from rangeland.traces.metrics import causes
from vm.results import RangelandError

# The names of the words of a sample, in their order, as JSON has them.
SAMPLE = (
    "event",
    "live",
    "committed",
    "total",
    "free",
    "slack",
    "whole_free",
    "largest_free",
    "spare",
    "page_tables",
    "peak_live",
    "peak_committed",
    "peak_total",
)


class CannotReplay(RangelandError):
    """A contender could not do this trace; the message says why."""


@dataclass(frozen=True)
class Failure:
    """The first allocation that failed: its row in the trace, what it asked, the result.

    Units: bytes; `alignment` is 0 if none was asked for.
    """

    event: int
    size: int
    result: str
    alignment: int = 0


@dataclass(frozen=True)
class Witness:
    """The first allocation that failed though as many bytes were free in the pool.

    `ranges` has the largest free ranges then, (base, limit), largest first.
    Units: bytes; `alignment` is 0 if none was asked for.
    """

    event: int
    size: int
    alignment: int
    free: int
    largest_free: int
    live: int
    committed: int
    ranges: list


@dataclass(frozen=True)
class Result:
    """A replay's outcome. `how` says how a program gets this contender; `measure` what
    stands under "committed": what the arena has "committed", or else what could be seen
    of another contender. What a contender has none of is None.

    Units: bytes, counts, seconds.
    """

    pool: str
    operations: int
    peak_live: int
    peak_committed: int
    measure: str = "committed"
    how: str | None = None
    failures: int = 0
    first_failure: Failure | None = None
    witness: Witness | None = None
    mean_live: float | None = None
    mean_committed: float | None = None
    live_at_peak_committed: int | None = None
    committed_at_peak_live: int | None = None
    peak_total: int | None = None
    total_size: int | None = None
    free_size: int | None = None
    largest_free: int | None = None
    peak_free_size: int | None = None
    peak_largest_free: int | None = None
    reallocs_in_place: int | None = None
    reallocs_moved: int | None = None
    peak_causes: dict | None = None
    causes_at_peak_live: dict | None = None
    fixed: int | None = None
    mean_causes: dict | None = None
    ratios: dict | None = None
    after_peak: dict | None = None
    live_quarters: list | None = None
    squares_index: float | None = None
    seconds: float | None = None
    operations_per_second: float | None = None
    times: dict | None = None
    curve: list = field(default_factory=list, repr=False)
    more: dict = field(default_factory=dict)

    def to_dict(self):
        """The figures as JSON has them, with the curve if one was asked for."""
        figures = asdict(self)
        more, curve = figures.pop("more"), figures.pop("curve")
        if curve:
            figures["curve"] = curve
        return figures | more


def samples(rows):
    """The rows of a curve as JSON has them: a dict each, of words and causes to bytes."""
    return [dict(zip(SAMPLE, row[: len(SAMPLE)], strict=True)) | causes(row) for row in rows]


assert SAMPLE.index("peak_total") == f.PEAK_TOTAL
