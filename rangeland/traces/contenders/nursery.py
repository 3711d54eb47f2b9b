"""Starts the process in which a real allocator replays, asks of it, and ends it.

Source: design/contenders.md#.sol.child
"""

import importlib
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from rangeland.traces.contenders.child import (
    ANSWER,
    BUFFER,
    LACKS,
    PIECE,
    REQUEST,
    ROW,
    SAMPLE,
    TOUCH,
)
from rangeland.traces.contenders.settings import TUNABLES
from rangeland.traces.contenders.watch import Watch
from rangeland.traces.result import CannotReplay
from vm.speed import SHARED

# The modules of the child, each after those that it imports. Their packages
# are empty there: what these would import is not wanted.
_MODULES = (
    "vm.raw",
    "vm.fields",
    "rangeland.traces.fields",
    "rangeland.traces.contenders.native",
    "rangeland.traces.contenders.caller",
    "rangeland.traces.contenders.allocator",
    "rangeland.traces.contenders.team",
    "rangeland.traces.contenders.child",
)
_START = """
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from types import ModuleType

numbers, library = sys.argv[1].split(","), sys.argv[2]
names, files = (text.split("\\n") for text in sys.argv[3:])
for name, file in zip(names, files):
    package, _, last = name.rpartition(".")
    while package and package not in sys.modules:
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = []
        package = package.rpartition(".")[0]
    loader = (SourceFileLoader if file.endswith(".py") else ExtensionFileLoader)(name, file)
    spec = ModuleSpec(name, loader, origin=file)
    spec.has_location = True
    module = loader.create_module(spec) or ModuleType(name)
    module.__spec__, module.__file__ = spec, file
    sys.modules[name] = module
    setattr(sys.modules[name.rpartition(".")[0]], last, module)
    loader.exec_module(module)
module.main(*map(int, numbers), library)
"""
_MOST_SAID = 500
# How long one call may take, and how often there is a look at it. Units: seconds.
LONGEST_CALL = 60
LOOK = 1
# Room for the thread-local storage of allocators that expect to be loaded first.
_TUNABLES = "glibc.rtld.optional_static_tls=65536"


class ChildError(CannotReplay):
    """The process in which an allocator replayed ended too early, or hung; the message says how."""


@dataclass(frozen=True)
class Answer:
    """What the child answers to a request: see child.ANSWER. Units: bytes, nanoseconds."""

    spent: int
    failures: int
    failed_row: int
    failed_size: int
    live: int
    peak_live: int
    resident: int
    highest: int
    tables: int


class Child:
    """A process that has loaded `library`, or that uses its own malloc if that is
    "": a context manager.

    `blocks` is how many blocks the trace names; -1 if only to see whether it
    works; with `threads` so many of them take turns, else one does all; `more` are
    variables of its environment. `home`,
    the file that its malloc lies in, `version`, or "", `missing`, the functions that it
    does not have, and `refused`, why it does
    not work, or "".
    Raises: OSError if it cannot be started; ChildError if it ends too early, or hangs.
    """

    def __init__(self, name, library, blocks, threads=0, more=()):
        self.name = name
        self.done = 0
        self._fds = []
        try:
            self._start(library, blocks, threads, dict(more))
            hello = self._hear_line()
        except BaseException:
            self.end()
            raise
        self.home, self.version, self.refused = hello.decode(errors="replace").split("\t", 2)
        self.missing = []
        if self.refused.startswith(LACKS):
            self.missing, self.refused = self.refused.removeprefix(LACKS).split(","), ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """End the process, and leave nothing of it."""
        process, self.process = getattr(self, "process", None), None
        if process is not None:
            process.kill()
            process.wait()
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def _start(self, library, blocks, threads, more):
        buffer = self._kept(os.memfd_create("rangeland-piece"))
        os.truncate(buffer, BUFFER)
        requests, self.requests = map(self._kept, os.pipe())
        self.answers, answers = map(self._kept, os.pipe())
        self.said = self._kept(os.memfd_create("rangeland-said"))
        self.columns, self.turns, self._row = _columns(buffer)
        numbers = (blocks, threads, buffer, requests, answers, os.getpid())
        files = [_file(name) for name in _MODULES]
        names = list(_MODULES)
        if not all(file.endswith(".py") for file in files):
            names.insert(0, SHARED)
            files.insert(0, _file(SHARED))
        arguments = [",".join(map(str, numbers)), library, "\n".join(names), "\n".join(files)]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _START, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=self.said,
            pass_fds=(buffer, requests, answers),
            start_new_session=True,
            env=_environment(library, more),
        )
        self._watch = Watch(self.process.pid, LONGEST_CALL)
        for fd in (buffer, requests, answers):
            self._fds.remove(fd)
            os.close(fd)

    def _kept(self, fd):
        self._fds.append(fd)
        return fd

    def ask(self, rows=0, touch=False, sample=False, turns=0):
        """Do the first `rows` rows of the piece in `columns`, in the first `turns` of
        its `turns` if there are threads: the Answer."""
        request = REQUEST.pack(rows, turns, touch * TOUCH | sample * SAMPLE)
        try:
            os.write(self.requests, request)
        except BrokenPipeError:
            raise self._ended(rows) from None
        self._watch.begin()
        answer = b""
        while len(answer) < ANSWER.size:
            answer += self._hear(ANSWER.size - len(answer), rows)
        self.done += rows
        return Answer(*ANSWER.unpack(answer))

    def _hear_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self._hear(4096, 0)
        return line[:-1]

    def _hear(self, size, rows):
        """Some of what the child says, at most `size` bytes, while it does so many rows."""
        poll, before = select.poll(), time.monotonic()
        poll.register(self.answers, select.POLLIN)
        while not poll.poll(1000 * LOOK):
            # Who was stopped in between did not look for so long.
            elapsed = min(time.monotonic() - before, 2 * LOOK)
            before = time.monotonic()
            if self._watch.is_stuck(int(self._row[0]), elapsed):
                raise self._hangs(rows)
        part = os.read(self.answers, size)
        if not part:
            raise self._ended(rows)
        return part

    def _warnings(self):
        """The end of what the child wrote to its standard error, on one line."""
        size = os.fstat(self.said).st_size
        text = os.pread(self.said, _MOST_SAID, max(0, size - _MOST_SAID)).decode(errors="replace")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())

    def _hangs(self, rows):
        """The error that says in which event the child hangs."""
        where = f"in event {self.done + int(self._row[0])}" if rows else "before the events"
        return ChildError(
            f"{self.name}: the process that replayed hung {where}: found no progress in "
            f"{LONGEST_CALL} seconds, expected each call to take less"
        )

    def _ended(self, rows):
        """The error that says how the child ended, in which of the events."""
        status = self.process.wait()
        how = f"died of {_signal(-status)}" if status < 0 else f"ended with status {status}"
        if status == -signal.SIGKILL:
            how += ", perhaps for want of memory"
        where = f" in the events [{self.done}, {self.done + rows})" if rows else ""
        said = f": {text}" if (text := self._warnings()) else ""
        return ChildError(f"{self.name}: the process that replayed {how}{where}{said}")


def _columns(buffer):
    """The columns of the piece as arrays: op, id, size, alignment; those of the turns,
    their limits and threads; and the word behind them."""
    area = np.frombuffer(mmap.mmap(buffer, BUFFER), np.uint8)
    words = area[: 24 * PIECE].view(np.int64).reshape(3, PIECE)
    turns = area[24 * PIECE : 32 * PIECE].view(np.int32).reshape(2, PIECE)
    end = PIECE * ROW
    return (area[32 * PIECE : end].view(np.int8), *words), tuple(turns), area[end:].view(np.int64)


def _file(name):
    """The file of a module of ours, compiled or not as in this process."""
    return importlib.import_module(name).__file__


def _environment(library, more):
    """That of this process and `more`; with room for the thread-local storage of a library."""
    kept = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    tunables = kept.get(TUNABLES), more.get(TUNABLES), _TUNABLES if library else None
    kept |= more
    if any(tunables):
        kept[TUNABLES] = ":".join(filter(None, tunables))
    return kept


def _signal(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
