"""The keeper: shows every mistake of the zoo to the kit, and tells what it found.

    python tests/zoo/keeper.py [--seeds N] [--jobs J] [--only NAME...] [--json] [--write]

What is known is kept in a file of results, so what was interrupted goes on; of a
source or a kit that has changed nothing is known. Source: design/zoo.md
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from mutants.copy import ROOT  # noqa: E402
from mutants.results import Results  # noqa: E402
from zoo import in_arenas, in_classes, in_lands, in_misuse, in_policies, in_pools  # noqa: E402
from zoo.hatch import hatch  # noqa: E402

from rangeland.invariants.profiles import PROFILES  # noqa: E402

BUGS = [
    *in_lands.BUGS, *in_pools.BUGS, *in_classes.BUGS, *in_policies.BUGS,
    *in_misuse.BUGS, *in_arenas.BUGS,
]  # fmt: skip
# Of the CI profile: what is tried of one subject, at most.
EXAMPLES, STEPS = PROFILES["ci"].examples, PROFILES["ci"].steps
# Of the clock, for one seed, so that what is missed ends.
SECONDS = 900
RESULTS = ROOT / "build" / "zoo.jsonl"
KIT = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "rangeland").rglob("*.py"))
DOCUMENT = HERE.parents[1] / "design" / "zoo.md"
BEGIN, END = "<!-- the table -->", "<!-- its end -->"
HEAD = "| mistake | what goes wrong | invariant | steps | size |", "|---|---|---|--:|--:|"


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


def key(bug, seed):
    """What the results call a visit of `bug`."""
    return f"{bug.name}, seed {seed}: {bug.old} -> {bug.new}"


def show_all(bugs, seeds, jobs, results):
    """Pairs of a bug and what was found of it, `jobs` at once; what the
    Results know already is not tried again."""
    lock = threading.Lock()

    def ask(bug):
        for seed in seeds:
            if key(bug, seed) not in results.known:
                began = time.perf_counter()
                (found,) = show(bug, [seed])
                with lock:
                    took = time.perf_counter() - began
                    results.keep(key(bug, seed), bug.file, took, {"found": found})
        return [results.known[key(bug, seed)]["found"] for seed in seeds]

    with ThreadPoolExecutor(jobs) as executor:
        yield from zip(bugs, executor.map(ask, bugs))


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
    """Show all, print the table; write it in the design document if asked."""
    parser = argparse.ArgumentParser(description="Show every mistake of the zoo to the kit.")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="J",
                        help="so many at once")  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these mistakes alone")
    parser.add_argument("--json", action="store_true", help="print all that was found as JSON")
    parser.add_argument("--write", action="store_true", help="put the table in design/zoo.md, too")
    options = parser.parse_args()
    bugs = [bug for bug in BUGS if not options.only or bug.name in options.only]
    if options.only and len(bugs) < len(set(options.only)):
        parser.error(f"no mistake is named {', '.join({*options.only} - {b.name for b in bugs})}")
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}: expected at least 1")
    if options.write and options.only:
        parser.error("a table of some mistakes is not written: --write or --only")
    RESULTS.parent.mkdir(exist_ok=True)
    everything, lines, results = {}, [], Results(RESULTS, KIT)

    def tell(*told):
        lines.extend(told)
        if not options.json:
            print(*told, sep="\n", flush=True)

    tell(*HEAD)
    for bug, found in show_all(bugs, range(options.seeds), options.jobs, results):
        everything[bug.name] = found
        tell(row(bug, found))
    known = [each for found in everything.values() for each in found]
    tell("", summary(len(bugs), options.seeds, known))
    if options.json:
        print(json.dumps(everything, indent=2))
    if options.write:
        write("\n".join(lines))
    return 1 if None in known else 0


def summary(mistakes, seeds, known):
    """The last line: how many were missed, and how long counterexamples are."""
    sizes = [each["size"] for each in known if each]
    told = f"{mistakes} mistakes, {seeds} seeds: {known.count(None)} missed"
    if sizes:
        told += f"; the median counterexample has {median(sizes):.0f} steps, the longest {max(sizes)}"
    return told + "."


def write(table):
    """Put `table` between its marks in the design document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
