"""Starts the process in which libraries are tried, asks of it, and ends it.

Source: design/library.md#.sol.child
"""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from time import monotonic

from rangeland.invariants.library import progress

PACKAGE = "rangeland.invariants.library"
POLL = 0.02
# Seconds in which a child must have begun, on a busy machine.
STARTING = 60.0
TOLD = 2000
# Room for the thread-local storage of allocators that must be loaded early.
TUNABLES = "glibc.rtld.optional_static_tls=65536"

# The child imports modules of the package, but not what its parents import.
_START = """
import sys
from contextlib import suppress
from types import ModuleType
folder, *numbers = sys.argv[1:]
name = ""
for depth, part in enumerate("{package}".split("."), 1):
    name += "." * bool(name) + part
    sys.modules[name] = module = ModuleType(name)
    module.__path__ = [folder] if depth == 3 else []
from {package}.child import main
main(*map(int, numbers))
""".format(package=PACKAGE)


@dataclass
class Outcome:
    """How a request ended: its answer, or how the child died, and how far it had come.

    `death` is None, "crash", "hang", "exits" or "killed"; `signal` the name
    of the signal; `deep` that the stack overflowed; `used` the address that
    the judge was using, or 0; `said` the last line of what was written to the standard error.
    """

    answer: dict | None
    death: str | None
    phase: int
    example: int
    step: int
    done: int
    used: int
    signal: str = ""
    code: int = 0
    said: str = ""
    deep: bool = False

    def told(self, timeout):
        """How the child died, in words; `timeout` are the seconds that it was given."""
        if self.death == "hang":
            return f"no progress in {timeout:g} seconds"
        if self.death == "exits":
            return f"the process exited with status {self.code}"
        told = f"the process died of {self.signal}"
        if self.deep:
            told += " (a stack overflow: calls without end)"
        if self.used:
            told += f" when the block at {self.used:#x} was used"
        return told + (f" ({self.said})" if self.said else "")


class Nursery:
    """A child that tries one library, started when needed: a context manager."""

    def __init__(self, path, compiled=-1):
        self.path = path
        self.compiled = compiled
        self.process = None
        self.area_fd = os.memfd_create("rangeland-progress")
        os.truncate(self.area_fd, progress.BYTES)
        self.area = mmap(self.area_fd, progress.BYTES)
        self.words = memoryview(self.area).cast("Q")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.words.release()
        self.area.close()
        os.close(self.area_fd)

    def ask(self, patience, **request):
        """Send a request, and wait for its end as long as it gets on.

        `patience`: the seconds without progress after which it is a hang.
        Raises: OSError if no child can be started.
        """
        if self.process is None:
            self._start()
        line = json.dumps({"path": self.path} | request) + "\n"
        self.heard, self.said = b"", b""
        try:
            self._send(line.encode())
            death = self._listen(patience)
        except BaseException:
            self.kill()
            raise
        return self._outcome(death)

    def kill(self):
        """End the child, and whatever it has started."""
        if self.process is None:
            return
        process, self.process = self.process, None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdin.close()
        os.close(self.answers)
        os.close(self.errors)

    def _start(self):
        self.answers, answers = os.pipe()
        self.errors, errors = os.pipe()
        numbers = (self.area_fd, answers, self.compiled)
        folder = str(Path(__file__).parent)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-S", "-E", "-s", "-B", "-c", _START, folder, *map(str, numbers)],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                pass_fds=[n for n in numbers if n >= 0],
                start_new_session=True,
                env=_environment(),
                bufsize=0,
            )
        finally:
            os.close(answers)
            os.close(errors)
            if self.process is None:
                os.close(self.answers)
                os.close(self.errors)

    def _send(self, data):
        """Write the request, whatever the size of the pipe."""
        os.set_blocking(self.process.stdin.fileno(), True)
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view) :]

    def _listen(self, patience):
        """Hear the child out. "hang" if it does not get on, None if it ended."""
        seen, since = None, monotonic()
        while True:
            ready, _, _ = select.select([self.answers, self.errors], [], [], POLL)
            if self.errors in ready:
                self.said = (self.said + os.read(self.errors, 65536))[-TOLD:]
            if self.answers in ready:
                data = os.read(self.answers, 65536)
                self.heard += data
                if not data or (b'{"status"' in self.heard and self.heard.endswith(b"}\n")):
                    return None
                since = monotonic()
            if (now := bytes(self.area[:1024])) != seen:
                seen, since, worked = now, monotonic(), self._worked() or 0
            elif not self.words[progress.PHASE]:
                if monotonic() - since > STARTING:
                    return "hang"
            elif monotonic() - since > patience:
                more = self._worked()
                if more is None or more - worked > patience / 2:
                    return "hang"

    def _worked(self):
        """The seconds for which the fork has had a processor; None if it waits.

        One that does not get on because others have the processors is not hung.
        """
        fork = self.words[progress.FORK]
        try:
            with open(f"/proc/{fork}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] != "R":
                    return None
            with open(f"/proc/{fork}/schedstat") as file:
                return int(file.read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            return None

    def _outcome(self, death):
        words = self.words
        places = {"phase": words[progress.PHASE], "example": words[progress.EXAMPLE]}
        places |= {"step": words[progress.STEP], "used": words[progress.USED]}
        places |= {"done": words[progress.DONE], "deep": bool(words[progress.DEEP])}
        if death == "hang":
            self._end_fork()
            return Outcome(None, death, **places)
        lines = [json.loads(line) for line in self.heard.split(b"\n") if _whole(line)]
        status = lines[-1].get("status") if lines else None
        if status is None:
            self.kill()
            return Outcome(None, "killed", signal="SIGKILL", **places)
        places["said"] = self._last_said()
        if len(lines) > 1 and status == 0:
            return Outcome(lines[0], None, **places)
        if os.WIFSIGNALED(status):
            name = _name(os.WTERMSIG(status))
            death = "killed" if name == "SIGKILL" else "crash"
            return Outcome(None, death, signal=name, **places)
        return Outcome(None, "exits", code=os.WEXITSTATUS(status), **places)

    def _end_fork(self):
        """End the fork that hangs, and the child too if that tells nothing of it."""
        fork = self.words[progress.FORK]
        if self.words[progress.PHASE] and fork:
            with suppress(ProcessLookupError):
                # It may have ended meanwhile, and then the child has told of it.
                os.kill(fork, signal.SIGKILL)
            if select.select([self.answers], [], [], 1)[0]:
                os.read(self.answers, 65536)
                return
        self.kill()

    def _last_said(self):
        while select.select([self.errors], [], [], 0)[0]:
            self.said = (self.said + os.read(self.errors, 65536))[-TOLD:]
        lines = self.said.decode(errors="replace").strip().splitlines()
        return "".join(c if c.isprintable() else "?" for c in lines[-1][:200]) if lines else ""


def _name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _whole(line):
    return line.startswith(b"{") and line.endswith(b"}")


def _environment():
    kept = {n: v for n, v in os.environ.items() if n != "LD_PRELOAD"}
    theirs = kept.get("GLIBC_TUNABLES", "")
    return kept | {"GLIBC_TUNABLES": f"{theirs}:{TUNABLES}".strip(":")}
