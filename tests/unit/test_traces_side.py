"""Replays side by side: the same results, and no process left by whatever end."""

import faulthandler
import os
import signal
import time
from multiprocessing.context import ForkProcess

import pytest

from rangeland.traces.side import Ended, cores, side_by_side
from rangeland.traces.source import TraceError
from vm.results import ParamError, ResourceError


def children():
    return {int(p) for p in open(f"/proc/self/task/{os.getpid()}/children").read().split()}


@pytest.mark.parametrize("most", [1, 2, 7])
def test_results_come_in_order_with_their_progress(most):
    told = []

    def work(contender, progress):
        progress(contender)
        time.sleep(0.001 * (9 - contender))
        return contender * 10

    before = children()
    found = side_by_side(list(range(9)), work, lambda index, done: told.append((index, done)), most)
    assert found == [number * 10 for number in range(9)]
    assert sorted(told) == [(n, n) for n in range(9)]
    assert children() == before
    assert cores() >= 1


def died(kind):
    def work(contender, progress):
        if contender == 1:
            if kind is TraceError:
                raise TraceError("a file", 3, "this", "that")
            raise kind("what it said")
        time.sleep(3600)

    return work


@pytest.mark.parametrize(
    ("kind", "raised", "message"),
    [
        (ParamError, ParamError, "what it said"),
        (ResourceError, ResourceError, "what it said"),
        (FileNotFoundError, FileNotFoundError, "what it said"),
        (TraceError, ParamError, "a file:3: found this, expected that"),
    ],
)
def test_the_first_error_ends_all(kind, raised, message):
    before = children()
    with pytest.raises(raised, match=message):
        side_by_side([0, 1], died(kind), lambda *_: None, 2)
    # The other one would sleep for long.
    assert children() == before


def killed(how):
    """Work of which the second contender's process is ended in this way."""

    def work(contender, progress):
        progress(1)
        if contender == 1:
            if how is MemoryError:
                raise MemoryError
            # What pytest would tell of it is not wanted.
            faulthandler.disable()
            if how < 0:
                os.kill(os.getpid(), -how)
            os._exit(how)
        return contender * 10

    return work


@pytest.mark.parametrize("most", [2, 4])
@pytest.mark.parametrize(
    ("how", "told"),
    [
        (-signal.SIGKILL, "-9, perhaps for want of memory"),
        (-signal.SIGSEGV, "-11"),
        (-signal.SIGABRT, "-6"),
        (-signal.SIGTERM, "-15"),
        (-signal.SIGXCPU, "-24"),
        (-signal.SIGBUS, "-7"),
        (3, "3"),
        (0, "0"),
        (1, "1"),
        (MemoryError, "137, perhaps for want of memory"),
    ],
)
def test_who_is_ended_is_told_and_the_others_stay(how, told, most):
    before = children()
    found = side_by_side([0, 1, 2, 3], killed(how), lambda *_: None, most)
    assert [found[0], *found[2:]] == [0, 20, 30] and children() == before
    assert isinstance(found[1], Ended)
    assert str(found[1]) == f"the replay in 1 ended with status {told}: expected a result"


def test_all_may_be_ended():
    def work(contender, progress):
        os.kill(os.getpid(), signal.SIGKILL)

    found = side_by_side([0, 1], work, lambda *_: None, 2)
    assert [type(each) for each in found] == [Ended, Ended]


def test_an_interrupt_leaves_no_process():
    before = children()

    def tell(index, done):
        raise KeyboardInterrupt

    def work(contender, progress):
        progress(1)
        time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        side_by_side([0, 1, 2], work, tell, 2)
    assert children() == before


def test_an_interrupt_while_a_process_starts_leaves_none(monkeypatch):
    start = ForkProcess.start

    def interrupted(process):
        start(process)
        raise KeyboardInterrupt

    before = children()
    monkeypatch.setattr(ForkProcess, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side([0, 1], lambda *_: time.sleep(30), lambda *_: None, 2)
    assert children() == before


def test_a_parent_that_is_killed_leaves_no_process(tmp_path):
    pids = tmp_path / "pids"
    pid = os.fork()
    if pid == 0:
        def work(contender, progress):
            with pids.open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(60)

        try:
            side_by_side([0, 1], work, lambda *_: None, 2)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 300
    while len(pids.read_text().split() if pids.exists() else ()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    left = [int(word) for word in pids.read_text().split()]

    def alive(number):
        try:
            return open(f"/proc/{number}/stat").read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    while any(map(alive, left)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
