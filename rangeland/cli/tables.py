"""Tables of names and figures for people, which fit the terminal and cut nothing."""

import re

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

# The widest that a name is written in one line, and the least to which it is folded.
NAME_WIDTH = 26
LEAST_WIDTH = 12
# More columns than any table has, for a measure that no terminal cuts short.
WIDEST = 10_000


def print_table(out, name, columns, rows, caption=""):
    """Print `rows`, of a name and a figure for each of `columns`, on the console `out`.

    `name` is the head of the names. A head of two lines has "\\n". What is wider than
    the console has its names folded; then its columns stand in several tables, one
    below the other. Where that does not help, it is wider than the console.
    """
    tables = _fitting(out, name, columns, rows)
    tables[-1].caption = Text(caption) if caption else None
    width = out.width
    out.width = max(width, *(_width(out, table) for table in tables))
    for table in tables:
        out.print(table)
    out.width = width


def _fitting(out, name, columns, rows):
    """The tables that fit, as few as they can be; or else the one that does not."""
    for count in range(1, len(columns) + 1):
        depth = -(-len(columns) // count)
        for fold in range(NAME_WIDTH, LEAST_WIDTH - 1, -1):
            parts = [slice(at, at + depth) for at in range(0, len(columns), depth)]
            tables = [_table(name, columns, rows, part, fold) for part in parts]
            if all(_width(out, table) <= out.width for table in tables):
                return tables
    return [_table(name, columns, rows, slice(None), NAME_WIDTH)]


def _width(out, table):
    return Measurement.get(out, out.options.update(width=WIDEST), table).maximum


def _table(name, columns, rows, part, fold):
    """The table of the columns in the slice `part`."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), caption_justify="left")
    # A head of one line stands beside the second of the others.
    lines = max(head.count("\n") for head in columns[part])
    table.add_column("\n" * lines + name, no_wrap=True)
    for head in columns[part]:
        missing = "\n" * (lines - head.count("\n"))
        table.add_column(missing + head, justify="right", no_wrap=True)
    for row, *cells in rows:
        table.add_row(*map(Text, (folded(row, fold), *cells[part])))
    return table


def folded(name, width):
    """A name in lines of `width` at most, if it has places to break there."""
    lines = [""]
    for part in re.findall(r"[^:,/]*[:,/]|[^:,/]+", name):
        if lines[-1].strip() and len(lines[-1]) + len(part) > width:
            lines.append(" ")
        lines[-1] += part
    return "\n".join(lines)
