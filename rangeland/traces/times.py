"""Times of contenders: in rounds, less what the loop itself takes.

Source: design/metrics.md#.sol.times
"""

from dataclasses import replace
from statistics import median

from rangeland.traces.result import CannotReplay

ROUNDS = 5
# All rounds of all contenders may take so long; else there is the one run alone. Units: seconds.
BUDGET = 10.0
# Of fewer operations the time is that of the first touch of memory.
LEAST_TIMED = 100_000


def take_times(contenders, results, trace):
    """The `results` of `trace`, each with its `times` and what follows from them.

    `contenders` are those of the results, in their order. One that has
    `timer(trace)`, which gives a call that does the trace once and returns the
    seconds, and `empty(trace)`, such a call of its loop alone, is timed, unless its
    result has no time; those of one `loop` have the empty loop in common.
    """
    timed = [at for at, result in enumerate(results) if result.seconds and len(trace)]
    if not timed:
        return results
    empties = {contenders[at].loop: contenders[at].empty(trace) for at in timed}
    expected = sum(results[at].seconds + contenders[at].start for at in timed)
    rounds = ROUNDS if (1 + ROUNDS) * expected <= BUDGET else 0
    calls = {at: contenders[at].timer(trace) for at in timed} if rounds else {}
    taken = {key: [] for key in (*calls, *empties)}
    for turn in range(1 + rounds):
        # Each begins a round as often as any other.
        order = [*calls, *empties]
        turn %= len(order)
        for key in order[turn:] + order[:turn]:
            try:
                taken[key].append(calls[key]() if key in calls else empties[key]())
            except CannotReplay:
                # It could the first time, which stands.
                del calls[key], taken[key]
    return [
        _with_times(result, taken.get(at), taken[contenders[at].loop]) if at in timed else result
        for at, result in enumerate(results)
    ]


def _with_times(result, taken, empty):
    """`result` with what the rounds in `taken` say, the first of which warmed up; None
    if there were none."""
    warm_up, rounds = (None, [result.seconds]) if taken is None else (taken[0], taken[1:])
    harness = median(empty[1:] or empty)
    seconds = _less(median(rounds), harness)
    times = {
        "rounds": rounds,
        "warm_up": warm_up,
        "harness": harness,
        "low": _less(min(rounds), harness),
        "high": _less(max(rounds), harness),
    }
    speed = result.operations / seconds if seconds else None
    return replace(result, times=times, seconds=seconds, operations_per_second=speed)


def _less(seconds, harness):
    return max(seconds - harness, 0.0)


def nanoseconds(result):
    """(median, low, high) of the time of an operation, or None if none was taken. Units: ns."""
    times = result.times
    if not times or not result.operations:
        return None
    each = result.seconds, times["low"], times["high"]
    return tuple(1e9 * seconds / result.operations for seconds in each)


def told_fastest(whole):
    """The sentence of which of the results was fastest, or which were, within what
    their rounds differed; None where so much is not known."""
    timed = [r for r in whole if r.times and len(r.times["rounds"]) > 1]
    timed = [r for r in timed if r.operations >= LEAST_TIMED]
    if len(timed) < 2:
        return None
    fast = min(timed, key=lambda r: r.seconds)
    near = [r for r in timed if r is not fast and r.times["low"] <= fast.times["high"]]
    taken, low, high = nanoseconds(fast)
    if not near:
        spread = f"{low:,.0f} to {high:,.0f}"
        return f"The fastest was {fast.pool}, {taken:,.0f} ns an operation ({spread})."
    spans = []
    for result in sorted([fast, *near], key=lambda r: r.seconds):
        _, low, high = nanoseconds(result)
        spans.append(f"{result.pool} ({low:,.0f} to {high:,.0f})")
    return f"Which is fastest is within the spread of {', '.join(spans)} ns an operation."


def told_times(results):
    """What the times are, and what was taken off, or None if there are none."""
    timed = [r for r in results if r.times and r.operations]
    if not timed:
        return None
    rounds = max(len(r.times["rounds"]) for r in timed)
    how = (
        f"the medians of {rounds} rounds in turn, after one to warm up, \u00b1 the farthest from it"
        if rounds > 1
        else "of one run each, as rounds would take long: which is fastest they do not say"
    )
    off = {f"{1e9 * r.times['harness'] / r.operations:,.1f}" for r in timed}
    loop = f"an empty loop over the events, {' or '.join(sorted(off))} ns each"
    return f"Times are {how}; {loop}, is taken off."
