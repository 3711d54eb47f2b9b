"""Writer of minimalloc's CSV: buffers and when they live (design/forms.md#.sol.minimalloc)."""

import numpy as np

from rangeland.traces.fields import FREE, REALLOC
from rangeland.traces.writers.told import pieces, untold

NAME = "minimalloc"


def write(trace, file, progress=None):
    """Write `trace` to the binary `file`; returns what the form cannot say, counted.

    A time is the number of a row; what lives at the end does so until after the last.
    Where the address of each block is known there is a column of offsets.
    """
    begun = np.flatnonzero(trace.op != FREE)
    columns = [np.arange(len(begun)), begun, _ends(trace)[begun], trace.size[begun]]
    header = ["id", "lower", "upper", "size"]
    if trace.alignment is not None:
        header.append("alignment")
        # An alignment of 1 asks for nothing; a realloc has none of its own.
        columns.append(np.maximum(trace.alignment[begun], 1))
    if placed := _is_placed(trace, begun):
        header.append("offset")
        columns.append(trace.address[begun])
    file.write((",".join(header) + "\n").encode())
    row = ",".join(["{}"] * len(columns)) + "\n"
    for values in pieces(begun, progress, *columns):
        file.write("".join(map(row.format, *values)).encode())
    counts = untold(trace, "thread", *([] if placed else ["address"]))
    counts["reallocs"] = int(np.count_nonzero(trace.op == REALLOC))
    freed = int(np.count_nonzero(trace.op == FREE))
    counts["live_at_the_end"] = trace.blocks - freed
    return {name: count for name, count in counts.items() if count}


def _is_placed(trace, begun):
    """True if it is known where each block lies, in one address space."""
    if trace.address is None or trace.notes.get("processes", 1) > 1:
        return False
    # An address of 0 is one that is not known, but where offsets were read.
    read = "offset" in trace.notes.get("columns", ()) and not trace.notes.get("unplaced")
    return read or bool(np.all(trace.address[begun] != 0))


def _ends(trace):
    """For each row the row of the same block that comes next, or the number of rows."""
    order = np.argsort(trace.id, kind="stable")
    after = np.full(len(trace), len(trace))
    same = trace.id[order[1:]] == trace.id[order[:-1]]
    after[order[:-1][same]] = order[1:][same]
    return after
