"""One visit: try the subjects of a room with some seeds, in this process.

    python visit.py ROOM EXAMPLES STEPS SECONDS SEED...

prints a JSON list with, for each seed, what was found. Run with the mistaken
sources first on the path.
"""

import json
import sys
import time

from subjects import ROOMS

from rangeland.invariants.engine import LONG_ONES, examine


def visit(room, seed, examples, steps, seconds):
    """What is found first, as a dict; None if all subjects hold.

    The subjects take turns, with a few of their examples in each: short ones
    in the first, then as many short and long ones as are drawn.
    """
    ends = time.perf_counter() + seconds
    done, first = 0, 0
    while first < examples:
        count = min(LONG_ONES if first else LONG_ONES - 1, examples - first)
        for name, make_trial in ROOMS[room].items():
            result = examine(make_trial, seed, count, steps, first=first)
            done += result.steps
            if not result.ok:
                return _told(name, result.finding, done)
            if time.perf_counter() > ends:
                return None
        first += count
    return None


def _told(name, finding, done):
    return {
        "subject": name,
        "invariant": finding.invariant,
        "message": finding.message,
        "steps": done,
        "size": len(finding.steps),
        "program": finding.program,
    }


if __name__ == "__main__":
    room, *numbers = sys.argv[1:]
    examples, steps, seconds, *seeds = map(int, numbers)
    found = [visit(room, seed, examples, steps, seconds) for seed in seeds]
    print(json.dumps(found))
