"""Stages: who is asked whether they notice a mistake: the kit, the recordings, the suite.

Each in a process of its own, which has a limit: a mistake that makes it hang, or
die, is noticed.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from mutants.files import TESTS

STAGES = ("kit", "recordings", "suite")
# Seconds of the clock beyond those that a stage is given: hangs are told sooner.
KIT_SECONDS, RECORDINGS_SECONDS, SUITE_SECONDS = 240, 900, 1800


@dataclass(frozen=True)
class Stages:
    """What is asked, in `copy`, a Copy in which the mistake is made. `budget`
    is the seconds of the processor's time that the kit has."""

    copy: object
    seed: int
    budget: float

    def ask(self, stage, mutant):
        """What noticed the mistake, in a line; None if nothing did."""
        return getattr(self, stage)(mutant)

    def kit(self, mutant):
        """The trials of our own classes."""
        command = ["-m", "mutants.kit", mutant.file, str(self.seed), str(self.budget)]
        code, out, error = self._run(command, KIT_SECONDS + 4 * self.budget)
        if code is None:
            return "it does not end"
        if code:
            return _last(error, code)
        found = json.loads(out)
        return found and f"{found['subject']}: {found['invariant']}: {found['message']}"

    def recordings(self, mutant):
        """The recordings of the MPS that come along."""
        vectors = sorted(str(path) for path in (self.copy.folder / "tests/vectors").glob("*.gz"))
        code, out, error = self._run(["-m", "rangeland", "conform", *vectors], RECORDINGS_SECONDS)
        return None if code == 0 else _last(error or out, code)

    def suite(self, mutant):
        """The tests that are about the file first, then all."""
        first = [f"tests/{name}" for name in TESTS.get(mutant.file, TESTS[mutant.room])]
        for paths in (first, ["tests/unit", "tests/model", "tests/regress", "tests/replay"]):
            command = ["-m", "pytest", "-x", "-q", "-p", "rangeland.invariants.plugin", *paths]
            code, out, error = self._run(command, SUITE_SECONDS)
            if code:
                return next((x for x in out.split("\n") if x.startswith("FAILED")), _last(out, code))
            if code is None:
                return "it does not end"
        return None

    def _run(self, command, seconds):
        """(exit status, output, errors) of Python with `command`; the status
        is None if it took longer."""
        environment = os.environ | {
            "RANGELAND_INTERPRETED": "1",
            "RANGELAND_EXPECT": "interpreted",
            "RANGELAND_TEST_SOURCES": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "RANGELAND_SEED": str(self.seed),
            "PYTHONPATH": os.pathsep.join([str(self.copy.folder), str(self.copy.folder / "tests")]),
            "PYTHONHASHSEED": "0",
        }
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.copy.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            out, error = process.communicate(timeout=seconds)
        except BaseException as stop:
            # What it started goes with it.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(stop, subprocess.TimeoutExpired):
                return None, "", ""
            raise
        return process.returncode, out, error


def _last(text, code):
    """The last line of what a process said."""
    lines = [line for line in (text or "").strip().split("\n") if line.strip()]
    return f"{lines[-1].strip()[:300]} (status {code})" if lines else f"status {code}"
