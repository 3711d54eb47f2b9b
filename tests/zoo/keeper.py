"""The keeper: shows every mistake of the zoo to the kit, and tells what it found.

    python tests/zoo/keeper.py [--seeds N] [--only NAME...] [--write FILE]

Source: design/zoo.md
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from zoo import in_arenas, in_lands, in_pools  # noqa: E402
from zoo.hatch import hatch  # noqa: E402

BUGS = [*in_lands.BUGS, *in_pools.BUGS, *in_arenas.BUGS]
# Of the CI profile: what is tried of one subject, at most.
EXAMPLES, STEPS, SECONDS = 500, 1000, 120


def show(bug, seeds):
    """What the kit finds of `bug`, for each seed: a list of dicts and Nones.

    Raises: RuntimeError if the visit itself failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        hatch(bug, folder)
        environment = os.environ | {
            "RANGELAND_INTERPRETED": "1",
            "PYTHONPATH": os.pathsep.join([folder, str(HERE)]),
        }
        environment.pop("RANGELAND_REQUIRE_COMPILED", None)
        command = [sys.executable, str(HERE / "visit.py"), bug.room]
        command += map(str, (EXAMPLES, STEPS, SECONDS, *seeds))
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{bug.name}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def show_all(bugs, seeds):
    """Pairs of a bug and what was found of it, as many at once as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as executor:
        yield from zip(bugs, executor.map(lambda bug: show(bug, seeds), bugs))


def row(bug, found):
    """The line of the table about `bug`: of the seeds the median."""
    known = [each for each in found if each]
    if not known:
        return f"| {bug.name} | {bug.what} | **not found** | | |"
    invariants = sorted({each["invariant"] for each in known})
    steps = median(each["steps"] for each in known)
    size = median(each["size"] for each in known)
    missed = "" if len(known) == len(found) else f" ({len(found) - len(known)} seeds missed)"
    return f"| {bug.name} | {bug.what} | {', '.join(invariants)}{missed} | {steps:,.0f} | {size:.0f} |"


def main():
    """Show all, print the table."""
    parser = argparse.ArgumentParser(description="Show every mistake of the zoo to the kit.")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these mistakes alone")
    parser.add_argument("--json", action="store_true", help="print all that was found as JSON")
    options = parser.parse_args()
    bugs = [bug for bug in BUGS if not options.only or bug.name in options.only]
    sizes, missed, everything = [], 0, {}
    if not options.json:
        print("| mistake | what goes wrong | invariant | steps | size |\n|---|---|---|--:|--:|")
    for bug, found in show_all(bugs, range(options.seeds)):
        everything[bug.name] = found
        if not options.json:
            print(row(bug, found), flush=True)
        sizes += [each["size"] for each in found if each]
        missed += found.count(None)
    if options.json:
        print(json.dumps(everything, indent=2))
    else:
        middle = f"{median(sizes):.0f}" if sizes else "none"
        print(f"\n{len(bugs)} mistakes, {options.seeds} seeds: {missed} missed; "
              f"the median counterexample has {middle} steps")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
