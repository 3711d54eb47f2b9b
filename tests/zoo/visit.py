"""One visit: try the subjects of a room with some seeds, in this process.

    python visit.py ROOM EXAMPLES STEPS SECONDS SEED...

prints a JSON list with, for each seed, what was found. Run with the mistaken
sources first on the path.
"""

import json
import sys

from subjects import ROOMS

from rangeland.invariants.engine import examine


def visit(room, seed, examples, steps, seconds):
    """What the first subject that breaks tells, as a dict; None if all hold."""
    done = 0
    for name, make_trial in ROOMS[room].items():
        result = examine(make_trial, seed, examples, steps, seconds=seconds)
        if not result.ok:
            found = result.finding
            return {
                "subject": name,
                "invariant": found.invariant,
                "message": found.message,
                "steps": done + found.found_after,
                "size": len(found.steps),
                "seconds": result.seconds,
                "program": found.program,
            }
        done += result.steps
    return None


if __name__ == "__main__":
    room, *numbers = sys.argv[1:]
    examples, steps, seconds, *seeds = map(int, numbers)
    found = [visit(room, seed, examples, steps, seconds) for seed in seeds]
    print(json.dumps(found))
