"""What is held once the peak of live bytes is over, and the sentences that say it.

Source: design/metrics.md#.sol.after
"""

import numpy as np

from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.metrics import LEAST_GRAINS, ratio

GRAIN = 4096
QUARTERS = 4
# Looks at live and held bytes in a run, at least.
LOOKS = 1024
# A program whose live bytes end so near their peak, and grew so much, keeps what it makes.
NEAR, GROWN = 0.75, 0.05
# From so many times what lives on, memory counts as kept.
KEPT = 1.5


class Watched:
    """Pieces of a trace as they pass by: `made`, after how many events nothing is
    made any more, but freed."""

    def __init__(self):
        self.made = self.done = 0

    def pieces(self, pieces):
        """The same pieces; the first column of each is `op`."""
        for piece in pieces:
            rows = np.flatnonzero(np.asarray(piece[0]) != FREE)
            if len(rows):
                self.made = self.done + int(rows[-1]) + 1
            self.done += len(piece[0])
            yield piece


def after_peak(looks, peak, made, grain=GRAIN):
    """{"worst", "end"} of `looks`, (event, live, held) ascending by the first: each with
    "event", "held", "live" and their "ratio"; None if there are none.

    `peak` is after how many events most lives; `made` after how many nothing is
    made any more. Both are defined in design/metrics.md#.def.after. Units: bytes.
    """
    later = [look for look in looks if look[0] >= peak] or looks[-1:]
    if not later:
        return None
    # The frees with which a program ends say little of how it lived.
    ends_empty = later[-1][1] < LEAST_GRAINS * grain
    among = [look for look in later if not ends_empty or look[0] <= made] or later[:1]
    told = [_told(look, grain) for look in among]
    rated = [look for look in told if look["ratio"] is not None]
    if rated:
        worst = max(rated, key=lambda look: look["ratio"])
    else:
        worst = max(told, key=lambda look: look["held"] - look["live"])
    return {"worst": worst, "end": _told(later[-1], grain)}


def _told(look, grain):
    event, live, held = look
    return {"event": event} | ratio(held, live, grain)


def live_quarters(looks, count):
    """The means of live bytes in each quarter of `count` events, of `looks` as above;
    None where a quarter was never looked at."""
    quarters = [[] for _ in range(QUARTERS)]
    for event, live, _ in looks:
        quarters[min(QUARTERS * max(event - 1, 0) // max(count, 1), QUARTERS - 1)].append(live)
    if not all(quarters):
        return None
    return [round(sum(lives) / len(lives)) for lives in quarters]


def grows(result):
    """True if the program of `result` keeps what it makes: its live bytes end near their
    peak, and grew up to the last quarter of the run (design/metrics.md#.def.grows)."""
    quarters, end = result.live_quarters, result.after_peak
    if quarters is None or end is None or end["end"]["live"] < NEAR * result.peak_live:
        return False
    steps = [after - before for before, after in zip(quarters, quarters[1:], strict=False)]
    grown = quarters[-1] - quarters[0]
    return min(steps) >= 0 and grown >= GROWN * result.peak_live and steps[-1] >= grown / 8


def kept_quarters(trace):
    """The bytes that live at the end of `trace`, by the quarter of it in which their
    blocks were made. Cost: O(n), 17 bytes of memory a block."""
    count, done = len(trace), 0
    last = np.full(trace.slots, FREE, np.int8)
    born, sizes = np.zeros(trace.slots, np.int64), np.zeros(trace.slots, np.int64)
    for op, id, size, *_ in trace.pieces():
        made = np.flatnonzero(op == ALLOC)
        born[id[made]] = done + made
        # Of a block's events in the piece the last one stays.
        last[id], sizes[id] = op, size
        done += len(op)
    kept = last != FREE
    quarters = born[kept] * QUARTERS // max(count, 1)
    return [int(sizes[kept][quarters == quarter].sum()) for quarter in range(QUARTERS)]


def leaks(kept, peak_live):
    """True if blocks that are never freed were made all along (design/metrics.md#.def.grows)."""
    later = kept[1:]
    return sum(later) >= GROWN * peak_live and min(later) >= sum(later) / 6 > 0


def told_after(whole, kept=None, is_whole=True):
    """The sentences of what is held after the peak by those of `whole` that did all;
    `kept` is as of `kept_quarters`, if it is known. Of a trace that ends before its
    program, which is not `is_whole`, nothing is told to leak."""
    seen = [result for result in whole if result.after_peak and not result.failures]
    if not seen:
        return []
    grew, left = grows(seen[0]), bool(kept and leaks(kept, seen[0].peak_live))
    if (grew or left) and not is_whole:
        return [
            "The recording ends before its program does: that what it made lives at the end is "
            "no sign of a leak."
        ]
    if grew:
        return [_leak(seen[0])]
    return ([_part_leaks(kept)] if left else []) + _told_held(seen)


def _told_held(seen):
    worst, most = max(seen, key=_worst), max(seen, key=_end)
    if seen[0].peak_live < LEAST_GRAINS * GRAIN:
        # Of so little the fixed costs are most of what is held.
        return []
    return [*_worst_told(seen, worst), _end_told(seen, most)]


def _leak(result):
    quarters, live = result.live_quarters, result.after_peak["end"]["live"]
    more = quarters[-1] - quarters[-2]
    return (
        f"The program keeps what it makes: at its end {live:,} of the {result.peak_live:,} bytes "
        f"that lived at most still live, {more:,} more in the last quarter than in the one before. "
        f"If it does not need them it leaks, and no allocator helps, but a fix: {live:,} bytes."
    )


def _part_leaks(kept):
    return (
        f"All along the program makes blocks that it never frees: {sum(kept):,} bytes of them live "
        f"at its end, {kept[-1]:,} of those made in the last quarter of its events. If it does not "
        "need them it leaks, and for these no allocator helps, but a fix."
    )


def _worst_told(seen, worst):
    told = worst.after_peak["worst"]
    if told["ratio"] is None:
        return []
    text = (
        f"After the peak {worst.pool} held up to {told['ratio']:.2f} times what lived: "
        f"{told['held']:,} bytes for {told['live']:,}, after operation {told['event']:,}"
    )
    least = min(seen, key=_worst)
    if _worst(least) < told["ratio"]:
        text += f"; {least.pool} at most {_worst(least):.2f} times"
    return [f"{text}."]


def _end_told(seen, most):
    live, least = most.after_peak["end"]["live"], min(seen, key=_end)
    lived = f"{live:,} bytes" if live else "nothing"
    text = f"At the end {lived} lived, and {least.pool} held {_end(least):,}"
    if _end(least) < _end(most):
        text += f", the least; {most.pool} {_end(most):,}, the most"
    # What is held and does not live counts only from some hundred KB on.
    if _end(most) >= max(KEPT * live, live + LEAST_GRAINS * GRAIN):
        if KEPT * _end(least) <= min(_end(most), least.peak_committed):
            text += f": {least.pool} gives back what {most.pool} keeps"
        elif _end(least) >= KEPT * live:
            text += f": none {'of these ' * (len(seen) > 1)}gives back what was freed"
    return f"{text}."


def _worst(result):
    return result.after_peak["worst"]["ratio"] or 0.0


def _end(result):
    return result.after_peak["end"]["held"]
