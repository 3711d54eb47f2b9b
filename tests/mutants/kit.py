"""The kit alone: the trials for one file, in this process, until something breaks.

    python -m mutants.kit FILE SEED SECONDS

prints what was found as JSON: null if all held. Nothing that is found is made
smaller. Run with the mistaken sources first on the path.
"""

import json
import random
import sys
import time

from mutants.subjects import subjects

from rangeland.invariants.finding import Broken
from rangeland.invariants.trial import tried

# The steps of an example: short ones first, as what is found is found by those.
LENGTHS = (12, 25, 50, 100, 200, 400)
# The round in which all of the face is looked at, once.
FACE = 1
# Steps between two checks.
EVERY = 8


def look(file, seed, seconds):
    """What is found first, a dict; None if nothing is in so many seconds of
    the processor's time."""
    makers = subjects(file)
    ends = time.process_time() + seconds
    example = 0
    while True:
        for name, make_trial in makers.items():
            if name == "face" and example != FACE and len(makers) > 1:
                continue
            trial = make_trial()
            length = len(trial.cards()) if name == "face" else LENGTHS[example % len(LENGTHS)]
            broken = run(trial, random.Random(f"{seed}/{name}/{example}"), length)
            if broken is not None:
                told = str(broken.message)[:300]
                return {"subject": name, "invariant": broken.invariant, "message": told}
            if time.process_time() > ends:
                return None
        example += 1


def run(trial, rng, length):
    """One example, of so many steps. Returns the Broken, or None."""
    try:
        for count in range(1, length + 1):
            tried(trial.do, trial.choose(rng))
            if count % EVERY == 0:
                tried(trial.check)
        tried(trial.check)
        tried(trial.end)
    except Broken as broken:
        trial.abandon()
        return broken
    return None


if __name__ == "__main__":
    file, seed, seconds = sys.argv[1:]
    print(json.dumps(look(file, int(seed), float(seconds))))
