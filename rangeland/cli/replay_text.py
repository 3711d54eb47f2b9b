"""What `rangeland replay` prints for people: two tables and a few sentences."""

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rangeland.traces.metrics import CAUSES
from rangeland.traces.ranking import ranked, verdict

# The least width of the column of pool specs.
SPEC_WIDTH = 10
# More columns than any table has, for a measure that no terminal cuts short.
WIDEST = 10_000
COLUMNS = ("", "peak", "beyond\npeak live", "times\npeak live", "mean", "ns per\noperation")
CAUSE_COLUMNS = tuple(name.replace("_", "\n") for name in CAUSES)
CAUSES_CAPTION = "Bytes committed beside those that lived, when most bytes lived."


def print_section(out, path, format, figures, results):
    """Tell what came of one trace in all pools, the best first."""
    order = ranked(results)
    order += [result for result in results if result not in order]
    title = (
        f"{path} ({format}): {figures['events']:,} events, {figures['allocs']:,} allocs, "
        f"{figures['frees']:,} frees, {figures['reallocs']:,} reallocs; "
        f"{figures['peak_bytes']:,} bytes live at the peak"
    )
    _print(out, COLUMNS, [_cells(result) for result in order], title, "In bytes.")
    split = [result for result in order if result.peak_causes]
    rows = [(r.pool, *(f"{r.peak_causes[name]:,}" for name in CAUSES)) for r in split]
    if rows:
        _print(out, CAUSE_COLUMNS, rows, None, CAUSES_CAPTION)
    out.print(Text(verdict(results)))


def _cells(result):
    ratio = (result.ratios or {}).get("peak_to_peak", {}).get("ratio")
    speed = result.operations_per_second
    return (
        result.pool,
        result.measure,
        f"{result.peak_committed:,}",
        f"{result.peak_committed - result.peak_live:,}",
        "" if ratio is None else f"{ratio:.2f}",
        "" if result.mean_committed is None else f"{result.mean_committed:,.0f}",
        f"{1e9 / speed:,.0f}" if speed else "",
    )


def _print(out, columns, rows, title, caption):
    # A number is never folded; a pool's spec is, where the terminal is narrow.
    # The table is wider than the narrowest terminals, so that nothing is cut.
    narrow = _table(columns, rows, SPEC_WIDTH)
    least = Measurement.get(out, out.options.update(width=WIDEST), narrow)
    width, out.width = out.width, max(out.width, least.maximum)
    table = _table(columns, rows)
    table.title, table.caption = title and Text(title), Text(caption)
    out.print(table)
    out.width = width


def _table(columns, rows, spec_width=None):
    """The table; the pools' specs in `spec_width` columns, or as many as fit."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column(
        "pool", overflow="fold", vertical="bottom", width=spec_width, min_width=SPEC_WIDTH
    )
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
