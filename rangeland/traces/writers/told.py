"""What a form cannot say of a trace, counted for whoever has it written."""

import numpy as np

# Rows done between two tellings of progress.
ROWS = 1 << 16
# Calls that left no row, by their counts in a trace's notes.
WITHOUT_EFFECT = ("free_null", "failed", "free_unknown")


def untold(trace, *columns):
    """{what: how many} of a form without `columns`, of alignment, thread and address.

    Only what is there is counted; `calls_without_effect` no form here has.
    """
    counts = {"calls_without_effect": sum(trace.notes[name] for name in WITHOUT_EFFECT)}
    for name in columns:
        column = getattr(trace, name)
        if column is not None:
            counts[name] = int(column.max(initial=-1)) + 1 if name == "thread" else int(
                np.count_nonzero(column)
            )
    if counts.get("thread") == 1:
        del counts["thread"]
    return {name: count for name, count in counts.items() if count}


def pieces(trace, progress, *columns):
    """Lists of the values of `columns`, of ROWS rows each time, `progress(rows)` told between."""
    for at in range(0, len(trace), ROWS):
        yield [column[at : at + ROWS].tolist() for column in columns]
        if progress is not None:
            progress(min(at + ROWS, len(trace)))
