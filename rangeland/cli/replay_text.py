"""What `rangeland replay` prints for people: two tables and a few sentences."""

import re

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rangeland.traces.metrics import CAUSES
from rangeland.traces.ranking import ranked, verdict

# The widest that a pool's spec is written in one line.
SPEC_WIDTH = 26
# More columns than any table has, for a measure that no terminal cuts short.
WIDEST = 10_000
COLUMNS = ("", "peak", "beyond\npeak live", "times\npeak live", "mean", "ns per\noperation")
CAUSE_COLUMNS = ("lived\nthen", *(name.replace("_", "\n") for name in CAUSES))
# From so many bytes on, tables are in larger units.
UNITS = ((1 << 34, 1 << 20, "In MiB."), (1 << 23, 1 << 10, "In KiB."), (0, 1, "In bytes."))
CAUSES_CAPTION = "What was committed at the peak, by cause."
# What a reader counts and skips, as people say it.
SKIPPED = {
    "unparsed": "lines that are no calls",
    "open_at_end": "calls without a result",
    "free_unknown": "frees of an unknown address",
    "realloc_unknown": "reallocs of an unknown address",
    "alloc_over_live": "blocks where one lived already",
}


def print_section(out, path, format, figures, results, refused):
    """Tell what came of one trace in all pools, the best first; `refused` has a
    sentence of each that could not do it."""
    order = ranked(results)
    order += [result for result in results if result not in order]
    out.print(
        Text(
            f"{path} ({format}): {figures['events']:,} events, {figures['allocs']:,} allocs, "
            f"{figures['frees']:,} frees, {figures['reallocs']:,} reallocs; "
            f"{figures['peak_bytes']:,} bytes live at the peak"
        )
    )
    if skipped := [f"{figures[k]:,} {what}" for k, what in SKIPPED.items() if figures.get(k)]:
        out.print(Text(f"Not followed: {', '.join(skipped)}."))
    most = max((result.peak_committed for result in order), default=0)
    unit, said = next((unit, said) for least, unit, said in UNITS if most >= least)
    if order:
        _print(out, COLUMNS, [_cells(result, unit) for result in order], said)
    if split := [_causes(result, unit) for result in order if result.peak_causes]:
        _print(out, CAUSE_COLUMNS, split, f"{CAUSES_CAPTION} {said}")
    for line in filter(None, (verdict(results), *map(_told, results), *refused)):
        out.print(Text(line))


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


def _cells(result, unit):
    ratio = (result.ratios or {}).get("peak_to_peak", {}).get("ratio")
    speed = result.operations_per_second
    # What failed an allocation had less to hold: there is nothing to compare.
    beyond = result.peak_committed - result.peak_live
    return (
        result.pool,
        "failed" if result.failures else result.measure,
        _size(result.peak_committed, unit),
        "" if result.failures else _size(beyond, unit),
        "" if ratio is None or result.failures else f"{ratio:.2f}",
        "" if result.mean_committed is None else _size(result.mean_committed, unit),
        f"{1e9 / speed:,.0f}" if speed else "",
    )


def _causes(result, unit):
    sizes = (result.live_at_peak_committed, *(result.peak_causes[name] for name in CAUSES))
    return (result.pool, *(_size(size, unit) for size in sizes))


def _size(size, unit):
    return f"{size / unit:,.0f}"


def _print(out, columns, rows, caption):
    # A table is wider than the narrowest terminals, so that nothing is cut.
    table = _table(columns, rows)
    least = Measurement.get(out, out.options.update(width=WIDEST), table)
    width, out.width = out.width, max(out.width, least.maximum)
    table.caption = Text(caption)
    out.print(table)
    out.width = width


def _table(columns, rows):
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), caption_justify="left")
    # A head of one line stands beside the second of the others.
    table.add_column("\npool", no_wrap=True)
    for name in columns:
        table.add_column(name if "\n" in name else f"\n{name}", justify="right", no_wrap=True)
    for name, *cells in rows:
        table.add_row(*map(Text, (_folded(name), *cells)))
    return table


def _folded(spec):
    """A spec in lines of SPEC_WIDTH at most, if it has a place to break there."""
    lines = [""]
    for part in re.findall(r"[^:,]+[:,]?", spec) or [spec]:
        if lines[-1] and len(lines[-1]) + len(part) > SPEC_WIDTH:
            lines.append(" ")
        lines[-1] += part
    return "\n".join(lines)
