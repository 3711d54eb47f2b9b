"""Reading a trace of whatever format; a format is one module here.

Such a module has `NAME`, `recognises(head)`, which tells from the first 64 KB
whether the file is of this format, and `read(source)`, which gives the Trace.
Source: design/replay.md#.sol.reader
"""

import difflib
from importlib import resources

from rangeland.traces import parquet, rep, valgrind
from rangeland.traces.formats import memray, torch
from rangeland.traces.source import Source, shown
from vm.results import ParamError

FORMATS = {module.NAME: module for module in (valgrind, rep, parquet, torch, memray)}


def read_trace(path, format=None):
    """The Trace in the file `path`, plain or gzip, of `format` or of that recognised.

    Raises: OSError; TraceError, which names the line, for a file that is no
    trace or a damaged one; ParamError for an unknown format.
    Cost: O(n) time, at most 40 bytes of memory an event.
    """
    module = None if format is None else _named(format)
    with Source(path) as source:
        return (module or _recognised(source)).read(source)


def bundled():
    """The path of the trace that comes with Rangeland: sqlite3, 27,696 events."""
    return resources.files("rangeland") / "data" / "sqlite3.rep.gz"


def _named(format):
    if format in FORMATS:
        return FORMATS[format]
    near = difflib.get_close_matches(str(format), FORMATS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ParamError(f"unknown trace format {format!r}: expected one of {', '.join(FORMATS)}{hint}")


def _recognised(source):
    for module in FORMATS.values():
        if module.recognises(source.head):
            return module
    first = source.head.partition(b"\n")[0]
    kind = "binary data that begins" if b"\0" in source.head else "a text that begins"
    raise source.error(1, f"{kind} {shown(first)}", f"a trace: {' or '.join(FORMATS)}")
