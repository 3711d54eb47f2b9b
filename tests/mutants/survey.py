"""The survey: mistakes by machine in our own code, and who notices them.

    python tests/mutants/survey.py [--sample N] [--seed S] [--only PATH...] [--jobs J]
        [--stages kit recordings suite] [--budget SECONDS] [--results FILE] [--json] [--list]

Exit status 1 if fewer are noticed than design/mutants.md promises. What is known is
kept in the file of results, so what was interrupted goes on; a source that has
changed is tried anew. Source: design/mutants.md
"""

import argparse
import json
import queue
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mutants.copy import ROOT, Copy, sources  # noqa: E402
from mutants.equivalents import equivalents  # noqa: E402
from mutants.grammar import mutants  # noqa: E402
from mutants.results import Results  # noqa: E402
from mutants.stages import STAGES, Stages  # noqa: E402

# The fractions that have to be noticed, by the kit alone and by all.
BY_THE_KIT, BY_ALL = 0.95, 0.99


def all_mutants(only=()):
    """All mistakes in the sources whose paths begin with one of `only`."""
    files = [file for file in sources() if not only or file.startswith(tuple(only))]
    return [m for file in files for m in mutants(file, (ROOT / file).read_text(encoding="utf-8"))]


def drawn(found, count, seed):
    """`count` of them at random, or all if there are no more, in their order.
    What would be no program of Python is none."""
    order = list(range(len(found)))
    if count is not None and count < len(found):
        random.Random(seed).shuffle(order)
    kept = []
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in {m.file for m in found}}
    for i in order:
        if len(kept) == count:
            break
        if found[i].can_be_read(texts[found[i].file]):
            kept.append(i)
    return [found[i] for i in sorted(kept)]


def ask(stages, mutant, names):
    """What notices the mistake: {stage: what it told, or None}. After one has
    noticed it no other is asked."""
    noticed = {}
    stages.copy.mutate(mutant)
    try:
        for name in names:
            noticed[name] = stages.ask(name, mutant)
            if noticed[name]:
                break
    finally:
        stages.copy.restore(mutant)
    return noticed


def survey(found, results, options, tell):
    """Ask of all that nothing is known of yet, `jobs` at once."""
    waiting = queue.SimpleQueue()
    for mutant in found:
        known = results.of(mutant)
        if known is None or not any(known.get(n) for n in STAGES) and lacks(known, options.stages):
            waiting.put(mutant)
    total, lock, stop = waiting.qsize(), threading.Lock(), threading.Event()

    def work():
        with tempfile.TemporaryDirectory() as folder:
            stages = Stages(Copy(folder), options.kit_seed, options.budget)
            while not stop.is_set():
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    return
                began = time.perf_counter()
                noticed = ask(stages, mutant, options.stages)
                with lock:
                    results.add(mutant, noticed, time.perf_counter() - began)
                    tell(mutant, noticed, total - waiting.qsize(), total)

    workers = [threading.Thread(target=work) for _ in range(min(options.jobs, total))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        stop.set()
        raise


def lacks(known, stages):
    """True if one of the `stages` was not asked."""
    return any(stage not in known for stage in stages)


def summary(found, results, reasons, stages):
    """The figures, as plain data."""
    entries = [(m, results.of(m)) for m in found if results.of(m) is not None]
    told = {"asked": len(entries), "equivalent": 0, "by": dict.fromkeys(stages, 0), "nobody": []}
    listed = []
    for mutant, entry in entries:
        by = next((stage for stage in STAGES if entry.get(stage)), None)
        if mutant.key in reasons:
            if by is not None:
                listed.append(mutant.key)
            told["equivalent"] += 1
        elif by is None:
            told["nobody"].append(mutant.key)
        else:
            told["by"][by] = told["by"].get(by, 0) + 1
    told["noticed_though_equivalent"] = listed
    told["real"] = len(entries) - told["equivalent"]
    return told


def lines(told):
    """The figures for people."""
    real = told["real"] or 1
    yield f"{told['asked']} mistakes, {told['equivalent']} of them equivalent"
    for stage, count in told["by"].items():
        yield f"  noticed by the {stage:<11} {count:5}  {count / real:7.1%} of those that are not"
    yield f"  noticed by nobody         {len(told['nobody']):5}  {len(told['nobody']) / real:7.1%}"
    yield from (f"    {key}" for key in told["nobody"])
    yield from (f"  listed as equivalent, but noticed: {k}" for k in told["noticed_though_equivalent"])


def is_enough(told, stages):
    """True if as many are noticed as have to be."""
    real = told["real"]
    enough = told["by"].get("kit", 0) >= BY_THE_KIT * real or "kit" not in stages
    return enough and (len(stages) < len(STAGES) or real - len(told["nobody"]) >= BY_ALL * real)


def parsed(arguments=None):
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Make mistakes by machine, and see who notices.")
    parser.add_argument("--sample", type=int, metavar="N", help="so many at random; without: all")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which are drawn")
    parser.add_argument("--kit-seed", type=int, default=0, metavar="S", help="what the kit draws")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATH", help="files, or folders")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="so many at once")
    parser.add_argument("--budget", type=float, default=24.0, metavar="SECONDS",
                        help="of the processor's time, for the kit")  # fmt: skip
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--results", default=str(ROOT / "build" / "mutants.jsonl"), metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--list", action="store_true", help="list the mistakes, and ask nobody")
    options = parser.parse_args(arguments)
    for name in ("sample", "jobs"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}: expected at least 1")
    if not options.budget > 0:
        parser.error(f"--budget is {options.budget}: expected seconds, more than 0")
    if not all_mutants(options.only):
        parser.error(f"no source begins with {' or '.join(options.only)}: expected e.g. pools/fit.py")
    return options


def main(arguments=None):
    """Make the mistakes, ask, and tell."""
    options = parsed(arguments)
    found = drawn(all_mutants(options.only), options.sample, options.seed)
    if options.list:
        print(*(mutant.key for mutant in found), sep="\n")
        return 0
    Path(options.results).parent.mkdir(parents=True, exist_ok=True)
    results, reasons = Results(options.results), equivalents()
    began = time.perf_counter()

    def tell(mutant, noticed, done, total):
        by = next((stage for stage, what in noticed.items() if what), "nobody")
        told = f"{done}/{total} {time.perf_counter() - began:5.0f} s  {by:<10} {mutant.key}"
        print(told, file=sys.stderr, flush=True)

    asked = [mutant for mutant in found if mutant.key not in reasons]
    try:
        survey(asked, results, options, tell)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    for mutant in found:
        if mutant.key in reasons:
            results.known.setdefault(mutant.key, {"key": mutant.key})
    told = summary(found, results, reasons, options.stages)
    print(json.dumps(told, indent=2) if options.json else "\n".join(lines(told)))
    return 0 if is_enough(told, options.stages) else 1


if __name__ == "__main__":
    sys.exit(main())
