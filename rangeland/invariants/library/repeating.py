"""Whether the program of a finding repeats it: compiled and run, if there is a compiler.

Source: design/library.md#.sol.program
"""

import subprocess
import tempfile
from pathlib import Path

from rangeland.invariants.library.storm import PATIENCE, compiler

# What a program exits with if all holds, and if it cannot open the library.
_NO_FINDING = (0, 2)


# How often it must fail: where blocks lie is another thing each time.
RUNS = 10


def repeats(nursery, text, invariant, patience):
    """True if the program of `text` fails for the nursery's library as was
    found, False if it does not, None if nobody can tell: without a compiler.

    Cost: that of compiling a page of C, and of a few runs in forks.
    """
    if (found := compiler()) is None:
        return None
    with tempfile.TemporaryDirectory(prefix="rangeland-") as folder:
        path = Path(folder, "repeat")
        command = [found, "-x", "c", "-o", path, "-", "-ldl"]
        try:
            subprocess.run(
                command, input=text.encode(), check=True, capture_output=True, timeout=PATIENCE
            )
        except (OSError, subprocess.SubprocessError):
            return None
        runs = 1 if invariant == "hang" else RUNS
        return all(
            _fails(nursery.ask(patience, kind="program", program=str(path)), invariant)
            for _ in range(runs)
        )


def _fails(outcome, invariant):
    if outcome.death == "exits":
        return outcome.code not in _NO_FINDING
    return (outcome.death == "hang") == (invariant == "hang")
