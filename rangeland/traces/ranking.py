"""The answer of a comparison: the order of the contenders, and a sentence that says it.

Source: design/metrics.md#.sol.rank
"""

from rangeland.traces.after import told_after
from rangeland.traces.metrics import LEAST_GRAINS
from rangeland.traces.times import told_fastest

# What may be held against each other: what the machine had to give, or would have to.
RANKED = ("committed", "resident", "span")
GRAIN = 4096
# Fixed costs are told from this part of a peak on.
MUCH = 5
NAMES = {
    "rounding": "rounding",
    "slack": "the pool's own words in its memory",
    "external": "free memory between blocks",
    "unreturned": "whole free grains that it keeps",
    "spare": "spare memory of the arena",
    "page_tables": "page tables",
    "overhead": "descriptors and nodes",
}


def ranked(results):
    """The results that can be compared, best first: those without a failed
    allocation before the others, by peak memory, then by mean memory."""
    return sorted(
        (result for result in results if result.measure in RANKED),
        key=lambda r: (r.failures > 0, r.peak_committed, r.mean_committed or r.peak_committed),
    )


def verdict(results, kept=None, is_whole=True):
    """A few sentences: which served best, by how much, why, and which setting does better.

    `kept` is as of `rangeland.traces.after.kept_quarters`, if it is known; `is_whole` is
    false of a trace that ends before its program.
    """
    order = ranked(results)
    whole = [result for result in order if not result.failures]
    parts = [_best(whole)] if whole else []
    if len(whole) > 1:
        parts.append(_others(whole))
    split = [result for result in whole if result.peak_causes and any(result.peak_causes.values())]
    if split:
        parts.append(_why(split[0], "" if split[0] is whole[0] else "Of those with known causes "))
    parts += [*_fixed(whole), *told_after(whole or results, kept, is_whole)]
    parts += _settings(whole)
    parts += [_bound(r, whole) for r in results if r.measure in ("height", "bound")]
    if fast := told_fastest(whole):
        parts.append(fast)
    parts += [_failed(result) for result in order if result.failures]
    return " ".join(parts)


def _failed(result):
    first, witness = result.first_failure, result.witness
    text = (
        f"{result.pool} failed {_count(result.failures, 'allocation')}, the first, of "
        f"{_count(first.size, 'byte')}, in operation {first.event + 1:,} of {result.operations:,} "
        f"({first.result})."
    )
    if witness:
        aligned = f" aligned to {witness.alignment:,}" if witness.alignment else ""
        text += (
            f" In operation {witness.event + 1:,} it had {_count(witness.free, 'byte')} free, and "
            f"none together for {witness.size:,}{aligned}: the largest range was of "
            f"{witness.largest_free:,}."
        )
    return text


def _best(whole):
    best = whole[0]
    verb = "served best" if len(whole) > 1 else "served"
    beyond = best.peak_committed - best.peak_live
    # A library may have room for a few blocks before the first is asked for.
    more = f"{beyond:,} more" if beyond >= 0 else f"{-beyond:,} less"
    than = f"{more} than the {best.peak_live:,} that lived at most"
    if best.peak_live >= LEAST_GRAINS * GRAIN:
        than = f"{best.peak_committed / best.peak_live:.2f} times the {best.peak_live:,} that lived at most"
    measure = "between its blocks" if best.measure == "span" else best.measure
    had = f"{best.peak_committed:,} bytes {measure}, {than}"
    return f"{best.pool} {verb}: at its peak it had {had}."


def _others(whole):
    best, rest = whole[0], whole[1:]
    same = [r.pool for r in rest if r.peak_committed == best.peak_committed]
    more = [r for r in rest if r.peak_committed > best.peak_committed]
    parts = []
    if same:
        text = f"{_join(same)} had as much at the peak"
        if rest[0].mean_committed and best.mean_committed:
            alike = rest[0].mean_committed == best.mean_committed
            beyond = "as much, too" if alike else _against(rest[0].mean_committed, best.mean_committed)
            text += f", on average {beyond}"
        parts.append(text)
    if more:
        parts.append(f"{more[0].pool} had {_against(more[0].peak_committed, best.peak_committed)}")
    if len(more) > 1:
        worst = more[-1]
        parts.append(f"{worst.pool}, the last, {_against(worst.peak_committed, best.peak_committed)}")
    return "; ".join(parts) + "."


def _why(best, of):
    cause, size = max(best.peak_causes.items(), key=lambda pair: pair[1])
    beyond = sum(best.peak_causes.values())
    live = best.peak_committed - beyond
    first = f"{of}{best.pool} is the first: at" if of else "At"
    # More can live then than at any time between two events: in a realloc that copies.
    both = ", both blocks of a realloc among them" if live > best.peak_live else ""
    return (
        f"{first} its peak {'it' if of else best.pool} had {beyond:,} bytes beside the {live:,} that lived then"
        f"{both}, the most of it {NAMES[cause]}: {size:,}."
    )


def _fixed(whole):
    """A sentence of what does not grow with the program, where that is much."""
    much = [r for r in whole if r.fixed and MUCH * r.fixed >= r.peak_committed]
    if not much:
        return []
    sizes = {}
    for result in much:
        sizes.setdefault(result.fixed, []).append(result.pool)
    each = ", ".join(f"{size:,} bytes of {' and '.join(pools)}" for size, pools in sizes.items())
    return [f"Of what is held, fixed costs, there for one block, do not grow: {each}."]


def _bound(ideal, whole):
    needed = f"{ideal.peak_committed:,} bytes"
    text = f"A placement made with all lives known took {needed}"
    if ideal.measure == "bound":
        text = f"With blocks aligned to 8 bytes nobody needs less than {needed}"
    if whole and ideal.peak_committed:
        text += f", and {whole[0].pool} has {whole[0].peak_committed / ideal.peak_committed:.2f} times that"
    return text + "."


def _settings(whole):
    """A sentence for each class of which several settings were tried."""
    classes = {}
    for result in whole:
        name, _, settings = result.pool.partition(":")
        # What else follows a colon is the name of somebody's own.
        if not settings or "=" in settings:
            classes.setdefault(name, []).append(result)
    sentences = []
    for name, tried in classes.items():
        plain = next((r for r in tried if r.pool == name), tried[-1])
        best = tried[0]
        saved = plain.peak_committed - best.peak_committed
        if saved > 0:
            less = f"{_percent(saved / plain.peak_committed)} less than {plain.pool}"
            sentences.append(f"Of {name}, {best.pool.partition(':')[2] or 'no setting'} does best: {less}.")
    return sentences


def _against(value, than):
    if than == 0:
        return f"{value:,} more"
    share = value / than - 1
    if share >= 2:
        return f"{value / than:,.1f} times as much"
    return f"{_percent(share)} more"


def _percent(share):
    if 0 < share < 0.001:
        return "less than 0.1%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _join(names):
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
