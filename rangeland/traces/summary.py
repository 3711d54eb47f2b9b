"""Several traces: which contender is best over all of them (design/metrics.md#.sol.all)."""

import math
from dataclasses import asdict, dataclass

from rangeland.traces.ranking import ranked

# What is less than this says nothing of a contender, but of pages.
GRAIN = 4096


@dataclass(frozen=True)
class Over:
    """A contender over several traces; each figure is defined in design/metrics.md#.def.all.

    Units: bytes, counts.
    """

    pool: str
    done: int
    undone: int
    best_in: int
    times_best: float | None
    worst_times: float | None
    worst_trace: str | None
    sum_peaks: int
    sum_ends: int


def over_all(sections):
    """The Over of each contender that can be ranked, best first; `sections` are (trace,
    Results), a Result of each contender that did the trace."""
    orders = [(trace, ranked(results)) for trace, results in sections]
    names = dict.fromkeys(result.pool for _, order in orders for result in order)
    overs = [_over(name, orders) for name in names]
    return sorted(overs, key=lambda over: (over.undone, over.times_best or math.inf))


def _over(name, orders):
    # By place, as a trace may be there twice.
    times, best_in, peaks, ends = {}, 0, 0, 0
    for at, (_, order) in enumerate(orders):
        whole = [result for result in order if not result.failures]
        own = next((result for result in whole if result.pool == name), None)
        if own is None:
            continue
        least = whole[0].peak_committed
        times[at] = max(own.peak_committed, GRAIN) / max(least, GRAIN)
        best_in += own.peak_committed == least
        peaks += own.peak_committed
        ends += own.after_peak["end"]["held"] if own.after_peak else 0
    worst = max(times, key=times.get, default=None)
    mean = math.exp(sum(map(math.log, times.values())) / len(times)) if times else None
    undone = len(orders) - len(times)
    where = None if worst is None else orders[worst][0]
    return Over(name, len(times), undone, best_in, mean, times.get(worst), where, peaks, ends)


def told_over_all(overs, count):
    """The sentences that say which is best over `count` traces."""
    if not overs or not overs[0].done:
        return "No contender did any trace without a failure."
    best, *rest = overs
    text = f"Over all {count} traces {best.pool} is best: "
    if best.undone:
        text = f"None did all {count} traces. {best.pool} did most, {best.done} of them: "
    text += f"on average {best.times_best:.2f} times the least peak of each"
    if best.worst_times > 1:
        text += f", at worst {best.worst_times:.2f} times ({best.worst_trace})"
    text += f", and the least in {best.best_in}."
    whole = [over for over in rest if not over.undone and over.times_best]
    if whole and not best.undone:
        text += f" {whole[0].pool} comes next, with {whole[0].times_best:.2f} times."
    if undone := [over for over in rest if over.undone and not best.undone]:
        each = ", ".join(f"{over.pool} ({over.undone})" for over in undone)
        text += f" Not all traces could be done, or not without a failure, by {each}."
    return text


def summary(sections):
    """The summary of `sections`, as JSON has it."""
    overs = over_all(sections)
    return {
        "traces": len(sections),
        "pools": [asdict(over) for over in overs],
        "best": overs[0].pool if overs and overs[0].done else None,
        "verdict": told_over_all(overs, len(sections)),
    }
