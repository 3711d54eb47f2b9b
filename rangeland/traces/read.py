"""Reading a trace of whatever format; a format is one module in `formats/`.

Such a module has `NAME`, `recognises(head)`, which tells from the first 64 KB
(as unpacked bytes) whether the file is of this format, and `read(source)`, which
gives the Trace. Source: design/readers.md#.sol.format
"""

import difflib
import os
from importlib import resources

from rangeland.traces import parquet
from rangeland.traces.formats import (
    android,
    heaptrack,
    heaptrack_raw,
    ltrace,
    memray,
    minimalloc,
    mps,
    mtrace,
    rep,
    rmm,
    torch,
    valgrind,
)
from rangeland.traces.source import Source, shown
from vm.results import ParamError

# In the order in which they are tried: those that a file's first line tells come first.
_MODULES = (
    parquet,
    memray,
    torch,
    heaptrack,
    heaptrack_raw,
    rmm,
    minimalloc,
    rep,
    valgrind,
    mtrace,
    ltrace,
    android,
    mps,
)
FORMATS = {module.NAME: module for module in _MODULES}


def read_trace(path, format=None, *, strict=False, newest=False, partial=False, progress=None):
    """The Trace in the file `path`, plain or packed, of `format` or of that recognised;
    the path "-" is that of the standard input.

    What a recording tells that cannot be (a free of a block that is not live) or
    that is none of its format's is counted; with `strict` it is refused. Where a
    recording does not say which of several blocks was freed, it is the oldest;
    with `newest` the newest. A `partial` reading goes on behind what is damaged, and tells
    it in the notes `damaged`, `first_damaged` and `lost`. `progress(done, total)` is called now and then with
    the bytes of the file that were read, and how many it has, None if it is a pipe.
    Raises: OSError; TraceError, which names the line, for a file that is no
    trace or a damaged one; ParamError for an unknown format, and for what is no path.
    Cost: O(n) time, at most 40 bytes of memory an event.
    """
    options = {"strict": strict, "newest": newest, "partial": partial, "progress": progress}
    return _read(path, format, options, lambda module, source: module.read(source))


def open_trace(path, format=None, **options):
    """What can be replayed of the file `path`: of our own form Pieces, which need
    little memory whatever its length; else as `read_trace`."""
    def read(module, source):
        return parquet.pieces_of(source) if module is parquet else module.read(source)

    return _read(path, format, options, read)


def _read(path, format, options, read):
    module = None if format is None else _named(format)
    if options.get("strict") and options.get("partial"):
        raise ParamError("strict and partial: expected at most one of them")
    with Source(_path(path), **options) as source:
        module = module or _recognised(source)
        if module is not memray:
            source.refuse_lz4()
        trace = read(module, source)
        if source.lost:
            trace.notes["lost"] = source.lost
        return trace


def bundled():
    """The path of the trace that comes with Rangeland: sqlite3, 27,696 events."""
    return resources.files("rangeland") / "data" / "sqlite3.rep.gz"


def _path(path):
    # A number would be a descriptor, which is then closed.
    try:
        return os.fsdecode(path)
    except TypeError:
        raise ParamError(f"path is {path!r}: expected the path of a file") from None


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
    source.refuse_lz4()
    first = source.head.partition(b"\n")[0]
    kind = "binary data that begins" if b"\0" in source.head else "a text that begins"
    raise source.error(1, f"{kind} {shown(first)}", f"a trace of {', '.join(FORMATS)}")
