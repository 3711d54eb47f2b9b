"""Tries the malloc family of a shared library: the steps, the storm, the verdict.

Source: design/library.md#.sol.prove
"""

import os
from random import SystemRandom
from time import monotonic

from rangeland.invariants.finding import CannotTry, Finding
from rangeland.invariants.library import program, storm
from rangeland.invariants.library.known import KNOWN
from rangeland.invariants.library.nursery import Nursery
from rangeland.invariants.library.progress import LOADING, MOST_THREADS
from rangeland.invariants.library.repeating import repeats
from rangeland.invariants.library.result import LibraryResult
from rangeland.invariants.library.shrinking import shrink
from rangeland.invariants.library.steps import example, text
from rangeland.invariants.library.variants import in_words, often, renumbered, used_before
from vm.results import ParamError

EXAMPLES = 100
STEPS = 2000
THREADS = 4
TIMEOUT = 10.0
# Examples that one process does: what a library never frees is given back then.
TOGETHER = 10
STORMS = 12
# Seconds after which no other storm is begun: a slow library does fewer.
STORMING = 30
# Operations of a thread: less, and one thread ends before another begins.
LONG = 80_000
# How often shrunk steps are tried, which may depend on where blocks lie.
ATTEMPTS = 8
# After so many findings that did not happen again, the first of them is told.
DOUBTFUL = 4
# Operations of the program that repeats what threads did, if all is well.
REPEATED = 3_000_000
# To begin and end a thread, a few times, takes as long as so many operations.
BEGINNING = 1000


def prove_library(
    path,
    seed=None,
    examples=EXAMPLES,
    steps=STEPS,
    threads=THREADS,
    timeout=TIMEOUT,
    strict=False,
    progress=None,
):
    """Try the malloc family of the shared library at `path`, in a child process.

    `path` is a file, or a name without a slash that the loader finds. Every
    example is so many `steps`; then `threads` threads work at once (1: none
    do). `timeout`: the seconds without progress that are a hang. `strict`:
    known faults of released libraries are findings too. `progress(done,
    total)` is called with the number of examples done.

    Units: bytes; seconds. Raises: CannotTry if the library cannot be tried;
    ParamError. Cost: some 3 microseconds a step. Source: design/library.md#.sol.prove
    """
    _check(examples, steps, threads, timeout)
    seed = SystemRandom().randrange(1 << 32) if seed is None else seed
    compiled = storm.compiled()
    try:
        with Nursery(_checked(path), compiled) as nursery:
            trial = _Trial(nursery, seed, examples, steps, threads, timeout, strict)
            return trial.run(progress or (lambda done, total: None))
    finally:
        if compiled >= 0:
            os.close(compiled)


def _check(examples, steps, threads, timeout):
    for name, value in (("examples", examples), ("steps", steps), ("threads", threads)):
        if not isinstance(value, int) or value < 1:
            raise ParamError(f"{name} is {value!r}, expected a whole number, at least 1")
    if threads > MOST_THREADS:
        raise ParamError(f"threads is {threads}, expected at most {MOST_THREADS}")
    if not timeout > 0:
        raise ParamError(f"timeout is {timeout!r}, expected seconds, more than 0")


def _checked(path):
    path = os.fspath(path)
    if "/" not in path and not os.path.exists(path):
        if ".so" in path:
            return path
    elif "/" not in path:
        path = os.path.join(os.curdir, path)
    if not os.path.exists(path):
        raise CannotTry(f"{path}: there is no such file")
    if not os.path.isfile(path):
        raise CannotTry(f"{path}: found no regular file, expected a shared library")
    return os.path.abspath(path)


class _Trial:
    """One library under trial, from its loading to the result."""

    def __init__(self, nursery, seed, examples, steps, threads, timeout, strict):
        self.nursery = nursery
        self.seed = seed
        self.examples = examples
        self.count = steps
        self.threads = threads
        self.timeout = timeout
        self.strict = strict
        self.result = LibraryResult(True, None, 0, 0, 0.0, seed)
        self.working = 0.0
        self.given = 0
        self.known = set()
        # What a block was too many for, if one was.
        self.room = None

    def run(self, progress):
        """Try all, and give the result."""
        began = monotonic()
        self._load()
        self._examine(progress)
        if self.result.ok and not self.given:
            raise CannotTry(f"{self.nursery.path}: it refused every request for a block")
        if self.result.ok:
            self._storm()
        result = self.result
        result.seconds = monotonic() - began
        result.known = [KNOWN[name].told for name in sorted(self.known)]
        if self.working:
            result.operations_per_second = result.steps / self.working
        return result

    def _ask(self, kind, patience=None, **request):
        request = {"kind": kind, "seed": self.seed, "strict": self.strict} | request
        outcome = self.nursery.ask(patience or self.timeout, **request)
        answer = outcome.answer or {}
        why = answer.get("untried")
        if outcome.phase == LOADING and outcome.death:
            why = "while it is loaded, " + outcome.told(self.timeout)
        elif outcome.death == "killed":
            why = "the system killed its process, for want of memory perhaps"
        elif "failed" in answer:
            why = f"its process could not go on: {answer['failed']}"
        if why:
            raise CannotTry(f"{self.nursery.path}: {why}")
        return outcome

    def _load(self):
        answer = self._ask("load").answer
        self.result.library = answer["file"]
        self.offered = self.result.functions = answer["functions"]

    def _examine(self, progress):
        doubtful = 0
        for first in range(0, self.examples, TOGETHER):
            last = min(first + TOGETHER, self.examples)
            progress(first, self.examples)
            outcome = self._ask(
                "examples", first=first, last=last, count=self.count, offered=self.offered
            )
            if self._broken(outcome):
                self.result.steps += outcome.done + outcome.step + 1
                self.result.examples = outcome.example + 1
                if self._better(outcome, first) or (doubtful := doubtful + 1) == DOUBTFUL:
                    return
                continue
            self._hold(outcome.answer)
            self.result.examples = last
        progress(self.examples, self.examples)

    def _better(self, outcome, first):
        """Make `outcome` the finding, if it is repeated, or the first. True if it is repeated."""
        before = self.result.finding
        repeated = self._find(outcome, first)
        if before and not repeated:
            self.result.finding = before
        return repeated

    def _hold(self, answer):
        self.result.steps += answer["done"]
        self.result.refused += answer["refused"]
        self.working += answer["seconds"]
        self.given += answer["given"]
        self.known.update(answer["excused"])
        self.result.promises = answer.get("promises", self.result.promises)

    def _broken(self, outcome):
        """(invariant, message) of what the outcome shows, or None."""
        if outcome.death:
            return outcome.death, outcome.told(self.timeout)
        broken = outcome.answer.get("broken")
        self.room = outcome.answer.get("room") or self.room
        return broken and (broken["invariant"], broken["message"])

    def _find(self, outcome, first):
        """Shrink the steps that led to `outcome`, and make it the finding.
        True if its program repeats it, or nobody can tell."""
        invariant, message = self._broken(outcome)
        number = outcome.example
        steps = self._steps(number)[: outcome.step + 1]
        before = [s for k in range(first, number) for s in self._steps(k)]
        confirmed = self._confirmed((steps, before + steps), invariant)
        if not confirmed:
            message = in_words(message, steps)
            message += " (when repeated, the steps did not break it)"
            self._finding(invariant, message, renumbered(steps), number)
            return False
        (invariant, message), steps = confirmed
        shrunk = self._shrunk(steps, invariant)
        for some in (shrunk, used_before(shrunk), often(shrunk), steps):
            finding = self._told(some, invariant, message)
            if self._repeats(invariant, *finding) is not False:
                self._finding(invariant, *reversed(finding), number)
                return True
        steps, message = self._told(shrunk, invariant, message)
        message += " (its program, when it was run, did not repeat it)"
        self._finding(invariant, message, steps, number)
        return False

    def _told(self, steps, invariant, message):
        """(the steps, what they told when they broke it)."""
        for some in (renumbered(steps), steps):
            if outcome := self._again(some, invariant, self._patience(invariant)):
                message = self._broken(outcome)[1]
                if outcome.death:
                    message = f"{outcome.told(self.timeout)}, in {text(some[outcome.step])}"
                return renumbered(steps), in_words(message, some)
        return renumbered(steps), in_words(message, steps)

    def _repeats(self, invariant, steps, message):
        repeat = program.program(steps, invariant, message, self.seed, self.room)
        return repeats(self.nursery, repeat, invariant, self._patience(invariant))

    def _patience(self, invariant):
        """Each run that hangs takes that long; others have the whole time."""
        return min(0.5, self.timeout / 4) if invariant == "hang" else self.timeout

    def _confirmed(self, candidates, invariant):
        """((invariant, message), steps) of the first that break something again, or None.

        The same invariant if it can be had, in a few attempts: what is in fresh
        memory, and where that lies, may be another thing each time.
        """
        for wanted in (invariant, None):
            for steps in candidates:
                for _ in range(3):
                    if outcome := self._again(steps, wanted, self.timeout):
                        return self._broken(outcome), steps[: outcome.step + 1]
        return None

    def _finding(self, invariant, message, steps, number, repeat=None):
        self.result.ok = False
        done = self.result.steps
        repeat = repeat or program.program(steps, invariant, message, self.seed, self.room)
        self.result.finding = Finding(
            invariant, message, steps, repeat, self.seed, number, found_after=done
        )

    def _steps(self, number):
        return example(self.seed, number, self.count, self.offered)

    def _again(self, steps, invariant, patience):
        """The outcome of `steps` in a fresh process, if they break the invariant
        (None: any); else None."""
        outcome = self._ask("examples", patience, first=1, last=2, steps=steps)
        broken = self._broken(outcome)
        return outcome if broken and invariant in (None, broken[0]) else None

    def _shrunk(self, steps, invariant):
        patience = self._patience(invariant)
        shrunk = shrink(steps, lambda some: self._again(some, invariant, patience) is not None)
        for _ in range(ATTEMPTS):
            if outcome := self._again(shrunk, invariant, self.timeout):
                return shrunk[: outcome.step + 1]
        return steps

    def _storm(self):
        """Several threads at once, in compiled code if that can be had."""
        told = self.result.threads = {"count": self.threads, "operations": 0}
        if self.threads == 1:
            told["how"] = "not asked for"
            return
        compiled = self.nursery.compiled >= 0
        told["how"] = "compiled" if compiled else "interpreted, for want of a C compiler"
        each = self.examples * self.count // (STORMS * self.threads)
        each = max(LONG, each) if compiled else self.count
        until = monotonic() + STORMING
        for number in range(STORMS):
            if monotonic() > until:
                return
            outcome = self._at_once(self.threads, each, self.seed + number)
            told["operations"] += outcome.answer["done"] if outcome.answer else 0
            if self._broken(outcome):
                self._find_storm(outcome, self.seed + number, each)
                return

    def _at_once(self, threads, operations, seed, patience=None):
        kind = "storm" if self.nursery.compiled >= 0 else "turns"
        request = {"threads": threads, "operations": operations, "seed": seed}
        return self._ask(kind, patience, **request, offered=self.offered)

    def _find_storm(self, outcome, seed, each):
        """Fewer threads and operations, as long as it happens in a few attempts."""
        invariant, message = self._broken(outcome)
        count, until = self.threads, monotonic() + 10

        def happens(threads, operations):
            for attempt in range(4):
                if monotonic() > until:
                    return False
                if self._broken(self._at_once(threads, operations, seed + 6 * attempt, 1)):
                    return True
            return False

        for fewer in (2, 3):
            if fewer < count and happens(fewer, each):
                count = fewer
                break
        while each > 100 and happens(count, each // 2):
            each //= 2
        message += f" ({count} threads, {each:,} operations each)"
        steps = [("storm", count, each, seed)]
        rounds = max(5, REPEATED // (count * (each + BEGINNING)))
        repeat = program.storm_program(count, each, seed, rounds, invariant, message)
        self._finding(invariant, message, steps, self.result.examples, repeat)
