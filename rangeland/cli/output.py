"""The two ways in which a command speaks: to people, and as JSON."""

import json
import os
import sys

from rich.console import Console
from rich.progress import Progress

WIDTH = 100


def console():
    """The console for people: coloured and as wide as the terminal, or, where
    the output is no terminal, without colour and WIDTH columns wide (COLUMNS
    of the environment, if it is set)."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else WIDTH
    return Console(width=width, color_system=None, highlight=False)


def progress(*columns, auto_refresh=True):
    """A progress bar with these `columns` (rich's own if none are given): on
    the standard error and as wide as that is, gone at its end, and never
    there where the standard error is no terminal. Without `auto_refresh`
    no thread draws it: call `refresh`."""
    return Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        auto_refresh=auto_refresh,
        disable=not sys.stderr.isatty(),
    )


def emit_json(value):
    """Write `value` to the standard output as one JSON text and a newline.

    Raises: ValueError for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(value, indent=2, ensure_ascii=not speaks_utf8(), allow_nan=False)
    # Half of a surrogate pair, which a damaged file may have, is no UTF-8 but has an escape.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def speaks_utf8():
    """True if the standard output takes every character."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
