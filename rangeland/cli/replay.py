"""`rangeland replay`: the allocation traces of real programs, in pools."""

import click
from rich import box
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rangeland.cli.output import console, emit_json, progress
from rangeland.traces.read import FORMATS, bundled, read_trace
from rangeland.traces.replay import replay as replay_trace
from rangeland.traces.specs import parse_spec

CAPTION = (
    "Sizes in bytes. Largest and total free: in the pool when the trace has most bytes live; "
    "those after the last event are in the JSON."
)

BAR = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
# The least width of the column of pool specs.
SPEC_WIDTH = 10
# More columns than any table has, for a measure that no terminal cuts short.
WIDEST = 10_000
COLUMNS = (
    "pool",
    "operations",
    "peak\nlive",
    "peak\ncommitted",
    "largest\nfree",
    "total\nfree",
    "ops/s",
)


@click.command()
@click.argument("traces", metavar="TRACE...", nargs=-1, type=click.Path())
@click.option(
    "--pool",
    "specs",
    metavar="SPEC",
    multiple=True,
    default=("mvff",),
    show_default=True,
    help="A pool to replay in, with its options: mvff:spare=0.5,extend_by=64K,slot_high=yes or "
    "mfs:unit_size=128; those of the arena as arena.commit_limit=10M. May be given again.",
)
@click.option("--format", type=click.Choice(list(FORMATS)), help="Read as this format.")
@click.option("--bundled", "with_bundled", is_flag=True, help="Replay the trace that came along.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def replay(traces, specs, format, with_bundled, as_json):
    """Replay allocation traces in pools, and tell what memory it took.

    A TRACE is a log of valgrind --trace-malloc=yes, or a .rep file; plain or
    packed with gzip.
    """
    paths = [*traces, *([str(bundled())] if with_bundled else [])]
    if not paths:
        raise click.UsageError("Missing argument 'TRACE...' (or --bundled).")
    pools = [parse_spec(spec) for spec in specs]
    for pool in pools:
        pool.try_out()
    sections = [_section(path, format, pools, as_json) for path in paths]
    if as_json:
        emit_json({"traces": sections})


def _section(path, format, pools, as_json):
    """Replay one trace in all pools, print the table, and return the section as JSON has it."""
    trace = read_trace(path, format)
    results = []
    with progress(*BAR, TimeRemainingColumn()) as bar:
        for pool in pools:
            task = bar.add_task(str(pool), total=len(trace))
            results.append(
                replay_trace(trace, pool, lambda done, task=task: bar.update(task, completed=done))
            )
    figures = trace.figures()
    if not as_json:
        _print(path, trace, figures, results)
    return {
        "trace": path,
        "format": trace.format,
        "figures": figures,
        "pools": [result.to_dict() for result in results],
    }


def _print(path, trace, figures, results):
    out = console()
    title = (
        f"{path} ({trace.format}): {figures['events']:,} events, {figures['allocs']:,} allocs, "
        f"{figures['frees']:,} frees, {figures['reallocs']:,} reallocs"
    )
    # A number is never folded; a pool's spec is, where the terminal is narrow.
    # The table is wider than the narrowest terminals, so that nothing is cut.
    least = Measurement.get(out, out.options.update(width=WIDEST), _table(results, SPEC_WIDTH))
    out.width = max(out.width, least.minimum)
    table = _table(results)
    table.title, table.caption = Text(title), Text(CAPTION)
    out.print(table)
    for result in results:
        if result.first_failure:
            first = result.first_failure
            out.print(
                Text(
                    f"{result.pool}: {result.failures:,} allocations failed, the first in event "
                    f"{first.event:,}, a request of {first.size:,} bytes: {first.result}"
                )
            )


def _table(results, spec_width=None):
    """The table of `results`; the pools' specs in `spec_width` columns, or as many as fit."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column(
        COLUMNS[0], overflow="fold", vertical="bottom", width=spec_width, min_width=SPEC_WIDTH
    )
    for name in COLUMNS[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        table.add_row(*map(Text, _cells(result)))
    return table


def _cells(result):
    return (
        result.pool,
        f"{result.operations:,}",
        f"{result.peak_live:,}",
        f"{result.peak_committed:,}",
        f"{result.peak_largest_free:,}",
        f"{result.peak_free_size:,}",
        f"{result.operations_per_second:,.0f}",
    )
