"""A real allocator that hangs is ended and told; a slow one goes on."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support import clibs, recording

from rangeland.traces.contenders import nursery
from rangeland.traces.contenders.nursery import ChildError
from rangeland.traces.contenders.real import Real
from rangeland.traces.contenders.watch import Watch
from rangeland.traces.fields import ALLOC
from rangeland.traces.side import side_by_side
from rangeland.traces.trace import Trace

LIMIT = 0.6
needs_cc = pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(nursery, "LONGEST_CALL", LIMIT)
    monkeypatch.setattr(nursery, "LOOK", 0.05)


def sized(*sizes):
    """The trace that allocates blocks of `sizes`."""
    return Trace([ALLOC] * len(sizes), range(len(sizes)), sizes)


def left(library):
    """The processes that were given the path `library`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [file] if bytes(library) in file.read_bytes() else []
    return found


@needs_cc
@pytest.mark.parametrize("how", ["spin", "wait"])
def test_an_allocator_that_hangs_is_ended_and_the_event_told(tmp_path, impatient, how):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    trace = sized(8, 16, recording.ODD[how], 8)
    told = (
        f"{library}: the process that replayed hung in event 2: found no progress in {LIMIT} "
        "seconds, expected each call to take less"
    )
    with pytest.raises(ChildError, match=f"^{re.escape(told)}$"):
        Real(str(library)).replay(trace)
    assert left(library) == []


@needs_cc
def test_a_library_that_hangs_when_it_is_loaded_is_told(tmp_path, impatient):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, "HANGS_AT_LOAD")
    with pytest.raises(ChildError, match=r"hung before the events: found no progress"):
        Real(str(library)).try_out()
    assert left(library) == []


@needs_cc
def test_an_allocator_that_is_only_slow_goes_on(tmp_path, impatient):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    trace = sized(*[recording.ODD["doze"]] * 8)
    begin = time.monotonic()
    assert Real(str(library)).replay(trace).operations == 8
    # Each run took longer than a process has that makes no progress.
    assert time.monotonic() - begin > 4 * LIMIT


@needs_cc
def test_the_others_go_on_beside_one_that_hangs(tmp_path, impatient):
    library = clibs.built(tmp_path, recording.ALLOCATOR)
    trace = sized(8, recording.ODD["spin"])

    def work(contender, tell):
        try:
            return contender.replay(trace, progress=tell).operations
        except ChildError as why:
            return str(why)

    hung, done = side_by_side([Real(str(library)), Real("glibc")], work, lambda *_: None, 2)
    assert "hung in event 1" in hung and done == 2
    assert left(library) == []


def running(program):
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)


def seen(process, watch, looks, count=lambda look: 0):
    """Whether the process was stuck in one of so many looks."""
    process.stdout.readline()
    for look in range(looks):
        before = time.monotonic()
        time.sleep(0.02)
        if watch.is_stuck(count(look), time.monotonic() - before):
            return True
    return False


SPINS = "print(flush=True)\nwhile True: pass"
SLEEPS = "import time\nprint(flush=True)\ntime.sleep(60)"
FAULTS = "import mmap\nprint(flush=True)\nwhile True: mmap.mmap(-1, 1 << 20)[:] = bytes(1 << 20)"


@pytest.mark.parametrize(
    "program, count, stuck",
    [(SPINS, 0, True), (SLEEPS, 0, True), (SPINS, 1, False), (SLEEPS, 1, False), (FAULTS, 0, False)],
)
def test_stuck_is_who_runs_or_sleeps_and_neither_counts_nor_faults(program, count, stuck):
    process = running(program)
    try:
        # A busy machine takes its time until a process has run for so long.
        looks = 1000 if stuck else 30
        assert seen(process, Watch(process.pid, 0.2), looks, lambda look: count * look) is stuck
    finally:
        process.kill()
        process.communicate()


def test_who_is_stopped_is_not_stuck_and_a_new_task_begins_anew():
    process = running(SPINS)
    try:
        watch = Watch(process.pid, 0.2)
        assert seen(process, watch, 1000)
        watch.begin()
        os.kill(process.pid, signal.SIGSTOP)
        assert not watch.is_stuck(0, 60)
        time.sleep(0.05)
        assert not watch.is_stuck(0, 60)
        assert not watch.is_stuck(0, 60)
    finally:
        process.kill()
        process.communicate()
    # Who has ended is no longer stuck.
    assert not watch.is_stuck(0, 60)
