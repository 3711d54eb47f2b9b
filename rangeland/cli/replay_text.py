"""What `rangeland replay` prints for people: two tables and a few sentences."""

from rich.text import Text

from rangeland.cli.tables import print_table
from rangeland.traces.metrics import CAUSES
from rangeland.traces.ranking import ranked, verdict
from rangeland.traces.summary import over_all, told_over_all
from rangeland.traces.times import nanoseconds, told_times

COLUMNS = (
    "", "peak", "beyond\npeak live", "times\nthat", "worst\nafter", "held at\nend", "mean",
    "ns per\ncall",
)  # fmt: skip
LATER = "Worst after: the highest ratio of held to live after the peak."
CAUSE_COLUMNS = ("lived\nthen", *(name.replace("_", "\n") for name in CAUSES))
# From so many bytes on, tables are in larger units.
UNITS = ((1 << 34, 1 << 20, "In MiB."), (1 << 23, 1 << 10, "In KiB."), (0, 1, "In bytes."))
PEAK_COLUMNS = ("held", "of it\nfixed", *CAUSE_COLUMNS[1:])
CAUSES_CAPTION = "What was committed at the peak of each, by cause."
PEAK_CAPTION = (
    "What was held when {live:,} bytes lived, at the peak of the program; fixed is what the first "
    "block brings."
)
OVER_COLUMNS = (
    "least\nin", "times\nleast", "at\nworst", "sum of\npeaks", "held at\nends", "not\ndone",
)  # fmt: skip
OVER_CAPTION = "Times least: the peak, by the least peak of any in that trace; the geometric mean."
# What a reader counts and skips, as people say it.
SKIPPED = {
    "unparsed": "lines that are no calls",
    "open_at_end": "calls without a result",
    "free_unknown": "frees of an unknown address",
    "realloc_unknown": "reallocs of an unknown address",
    "alloc_over_live": "blocks where one lived already",
}


def print_section(out, path, format, figures, results, refused, seen):
    """Tell what came of one trace in all pools, the best first; `refused` has a
    sentence of each that could not do it; `seen` is what `verdict` is told besides."""
    order = ranked(results)
    order += [result for result in results if result not in order]
    out.print(
        Text(
            f"{path} ({format}): {figures['events']:,} events, {figures['allocs']:,} allocs, "
            f"{figures['frees']:,} frees, {figures['reallocs']:,} reallocs; "
            f"{figures['peak_bytes']:,} bytes live at the peak, "
            f"{figures['live_end_bytes']:,} at the end"
        )
    )
    if skipped := [f"{figures[k]:,} {what}" for k, what in SKIPPED.items() if figures.get(k)]:
        out.print(Text(f"Not followed: {', '.join(skipped)}."))
    most = max((result.peak_committed for result in order), default=0)
    unit, said = _unit(most)
    if order:
        rows = [_cells(result, unit) for result in order]
        print_table(out, "pool", COLUMNS, rows, f"{LATER} {said}")
    if split := [_causes(result, unit) for result in order if result.peak_causes]:
        print_table(out, "pool", CAUSE_COLUMNS, split, f"{CAUSES_CAPTION} {said}")
    if split:
        caption = PEAK_CAPTION.format(live=figures["peak_bytes"])
        rows = [_at_peak(result, unit) for result in order if result.committed_at_peak_live]
        print_table(out, "pool", PEAK_COLUMNS, rows, f"{caption} {said}")
    told = (*map(_told, results), told_times(order), _versions(results), *refused)
    for line in filter(None, (verdict(results, *seen), *told)):
        out.print(Text(line))
    _print_how(out, order)


def print_summary(out, sections):
    """Tell what came of several traces, (path, Results), together: the best first."""
    overs = over_all(sections)
    most = max((over.sum_peaks for over in overs), default=0)
    unit, said = _unit(most)
    rows = [
        (
            over.pool,
            str(over.best_in),
            f"{over.times_best:.2f}" if over.done else "",
            f"{over.worst_times:.2f}" if over.done else "",
            _size(over.sum_peaks, unit),
            _size(over.sum_ends, unit),
            str(over.undone or ""),
        )
        for over in overs
    ]
    out.print(Text(f"All {len(sections)} traces:"))
    if rows:
        print_table(out, "pool", OVER_COLUMNS, rows, f"{OVER_CAPTION} {said}")
    out.print(Text(told_over_all(overs, len(sections))))


def _unit(most):
    """The unit of a table in which `most` bytes is the most, and what says so."""
    return next((unit, said) for least, unit, said in UNITS if most >= least)


def _told(result):
    """What has to be said of a contender besides, or None."""
    if "threads" in result.more:
        return f"{result.pool}: {_threads(result.more)}."
    allocator = result.more.get("allocator", "")
    if allocator.endswith("'s"):
        return f"{result.pool}: what {allocator} allocator did, which took the place of the program's."
    return None


def _threads(more):
    threads, pools = more["threads"], more.get("pools")
    if threads is None:
        return "the trace tells no threads, and was done as if by one"
    of = f"{threads:,} thread{'s' * (threads != 1)}"
    if pools is None:
        return f"{of}, which take turns, so that no time is told"
    return f"{of}, {pools:,} pool{'s' * (pools != 1)}: one for each that allocates"


def _versions(results):
    """Which libraries the real allocators are, of those that tell their version, or None."""
    known = [f"{_name(r)} {r.more['version']}" for r in results if r.more.get("version")]
    return f"The libraries: {', '.join(dict.fromkeys(known))}." if known else None


def _name(result):
    """The contender's name without its settings."""
    return result.pool.partition(":")[0]


def _print_how(out, order):
    """How a program gets each contender, a line each, to be copied."""
    for how in dict.fromkeys(result.how for result in order):
        if how:
            names = ", ".join(result.pool for result in order if result.how == how)
            # A command is not broken.
            out.print(Text(f"To have {names}: {how}"), soft_wrap=how.endswith("./my-program"))


def _cells(result, unit):
    ratio = (result.ratios or {}).get("peak_to_peak", {}).get("ratio")
    after = result.after_peak or {}
    worst, end = (after.get(when, {}) for when in ("worst", "end"))
    # What failed an allocation had less to hold: there is nothing to compare.
    beyond = result.peak_committed - result.peak_live
    return (
        result.pool,
        "failed" if result.failures else result.measure,
        _size(result.peak_committed, unit),
        "" if result.failures else _size(beyond, unit),
        "" if ratio is None or result.failures else f"{ratio:.2f}",
        "" if worst.get("ratio") is None or result.failures else f"{worst['ratio']:.2f}",
        _size(end["held"], unit) if end else "",
        "" if result.mean_committed is None else _size(result.mean_committed, unit),
        _time(result),
    )


def _time(result):
    if not (taken := nanoseconds(result)):
        return ""
    middle, low, high = taken
    spread = f" \u00b1{max(high - middle, middle - low):,.0f}" if low < high else ""
    return f"{middle:,.0f}{spread}"


def _causes(result, unit):
    sizes = (result.live_at_peak_committed, *(result.peak_causes[name] for name in CAUSES))
    return (result.pool, *(_size(size, unit) for size in sizes))


def _at_peak(result, unit):
    """What a contender held at the trace's peak, and its causes if they are known."""
    causes = result.causes_at_peak_live
    split = map(causes.get, CAUSES) if causes else ()
    sizes = result.committed_at_peak_live, result.fixed, *split
    cells = ["" if size is None else _size(size, unit) for size in sizes]
    return (result.pool, *cells, *[""] * (len(PEAK_COLUMNS) - len(cells)))


def _size(size, unit):
    return f"{size / unit:,.0f}"
