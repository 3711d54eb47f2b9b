"""Writer of the `.rep` traces of malloc exercises, with the newer header (design/forms.md#.sol.rep)."""

from rangeland.traces.writers.told import pieces, untold

NAME = "rep"
LINES = ("a {} {}\n", "f {}\n", "r {} {}\n")
# Scored for space and for speed.
WEIGHT = 1


def write(trace, file, progress=None):
    """Write `trace` to the binary `file`; returns what the form cannot say, counted."""
    peak = trace.figures()["peak_bytes"]
    file.write(f"{WEIGHT}\n{trace.blocks}\n{len(trace)}\n{peak}\n".encode())
    for ops, blocks, sizes in pieces(trace, progress, trace.op, trace.id, trace.size):
        lines = [LINES[op].format(block, size) for op, block, size in zip(ops, blocks, sizes)]
        file.write("".join(lines).encode())
    return untold(trace, "alignment", "thread", "address")
