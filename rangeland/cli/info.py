"""`rangeland info`: what allocation traces hold, in figures and small histograms."""

import os
from collections import Counter

import click
from rich.columns import Columns
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rangeland.cli import recipes
from rangeland.cli.missing import missing
from rangeland.cli.options import newest_option, partial_option, strict_option
from rangeland.cli.output import console, emit_json, progress, speaks_utf8
from rangeland.traces.histograms import lifetimes, sizes
from rangeland.traces.read import FORMATS, bundled, read_trace

BAR = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
# Characters of the longest bar; two histograms and the figures' table fit 80 columns.
LONGEST_BAR = 16
FIGURES_ACROSS = 2
# What is told in a sentence, and not in the table.
SENTENCES = ("first_unparsed", "first_damaged", "cut_short", "lost", "memray_said")
BLOCK = "\u2588"
PLAIN = "#"
PARTS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"


@click.command(epilog=recipes.text())
@click.argument("traces", metavar="TRACE...", nargs=-1, type=click.Path())
@click.option("--format", type=click.Choice(list(FORMATS)), help="Read as this format.")
@strict_option
@partial_option
@newest_option
@click.option("--bundled", "with_bundled", is_flag=True, help="Tell of the trace that came along.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def info(traces, format, with_bundled, as_json, **wishes):
    """Tell what allocation traces hold: how many calls of each sort, how many bytes,
    what could not be followed, and how sizes and lifetimes are spread.

    A TRACE may be plain or packed with gzip, zstd, xz, bzip2 or zip; its format is recognised.
    A TRACE that is - is the standard input.
    The JSON is an object of each file's name to its figures.
    """
    paths = [*traces, *([str(bundled())] if with_bundled else [])]
    if not paths:
        raise click.UsageError("Missing argument 'TRACE...' (or --bundled).")
    names = _names(paths)
    told = {}
    for path, name in zip(paths, names, strict=True):
        trace = _read(path, format, wishes)
        figures = _figures(trace)
        told[name] = figures
        if not as_json:
            _print(path, trace, figures)
    if as_json:
        emit_json(told)


def _figures(trace):
    """Those of the trace; with how many threads, if its format does not tell that otherwise."""
    figures = {"format": trace.format} | trace.figures()
    if trace.threads and "processes" not in figures:
        figures.setdefault("threads", trace.threads)
    return figures


def _names(paths):
    """The name of each file, or its path where two files have one name."""
    bases = [os.path.basename(path) for path in paths]
    counts = Counter(dict(zip(paths, bases, strict=True)).values())
    return [
        base if counts[base] == 1 else path for path, base in zip(paths, bases, strict=True)
    ]


def _read(path, format, wishes):
    with progress(*BAR) as bar:
        task = bar.add_task(escape(os.path.basename(path)), total=None)
        return read_trace(
            path,
            format,
            **wishes,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _print(path, trace, figures):
    out = console()
    out.print(Text(f"{path} ({trace.format}): {figures['events']:,} events", style="bold"))
    out.print()
    first = figures.get("first_unparsed")
    out.print(_figures_table({n: v for n, v in figures.items() if n not in SENTENCES}))
    if first:
        count = figures["unparsed"]
        where = f"such as in line {first['line']:,}: {first['text']}"
        text = f"Unparsed: {count:,} remarks that are no calls, {where}"
        out.print(Text(text))
    for text in missing(figures):
        out.print(Text(text))
    freed, never = lifetimes(trace)
    tables = [
        _histogram("sizes asked for, from bytes", sizes(trace)),
        _histogram("lifetimes, from events", freed, ("never freed", never)),
    ]
    out.print()
    out.print(Columns(tables, padding=(0, 4)))
    out.print()


def _figures_table(figures):
    """The figures, as many beside each other as fit 80 columns, in columns."""
    pairs = [(name, _shown(value)) for name, value in figures.items() if name != "format"]
    long = [pair for pair in pairs if len(pair[1]) > 16]
    short = [pair for pair in pairs if len(pair[1]) <= 16]
    depth = -(-len(short) // FIGURES_ACROSS)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for _ in range(FIGURES_ACROSS):
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for row in range(depth):
        cells = [cell for pair in short[row::depth] for cell in pair]
        table.add_row(*map(Text, cells))
    return _Above(table, [Text(f"{name}  {value}") for name, value in long])


class _Above:
    """A table, and lines below it."""

    def __init__(self, table, lines):
        self.table = table
        self.lines = lines

    def __rich_console__(self, console, options):
        yield self.table
        yield from self.lines


def _shown(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return str(value)


def _histogram(title, bins, *more):
    """The bins as a table of ranges, bars and counts; `more` are rows of a name and a count."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        show_header=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=LONGEST_BAR)
    table.add_column(justify="right", no_wrap=True)
    rows = [(_range(found), found.count) for found in bins] + list(more)
    most = max((count for _, count in rows), default=0)
    for name, count in rows:
        table.add_row(Text(name), Text(_bar(count, most)), Text(f"{count:,}"))
    return table


def _bar(count, most):
    """A bar as long as its share of the most, in eighths of a character; never none for some."""
    if not speaks_utf8():
        return PLAIN * (-(-LONGEST_BAR * count // most) if most else 0)
    eighths = -(-8 * LONGEST_BAR * count // most) if most else 0
    return BLOCK * (eighths // 8) + PARTS[eighths % 8].strip()


def _range(found):
    """From where the bin goes; to where, the next one tells."""
    return _short(found.base) + (".." if found.limit > found.base else "")


def _short(number):
    """A power of two, or 0, in at most 4 characters: 512, 64K, 4G."""
    for suffix in ("", "K", "M", "G", "T"):
        if number < 1024:
            return f"{number}{suffix}"
        number //= 1024
    return f"{number}P"
