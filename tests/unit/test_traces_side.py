"""Replays side by side: the same results, and no process left by whatever end."""

import os
import signal
import time
from multiprocessing.context import ForkProcess

import pytest

from rangeland.traces.side import cores, side_by_side
from rangeland.traces.source import TraceError
from vm.results import ParamError, RangelandError, ResourceError


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
            if kind == "signal":
                os.kill(os.getpid(), signal.SIGKILL)
            raise kind("what it said")
        time.sleep(30)

    return work


@pytest.mark.parametrize(
    ("kind", "raised", "message"),
    [
        (ParamError, ParamError, "what it said"),
        (ResourceError, ResourceError, "what it said"),
        (FileNotFoundError, FileNotFoundError, "what it said"),
        (TraceError, ParamError, "a file:3: found this, expected that"),
        ("signal", RangelandError, "the replay in 1 ended with status -9: expected a result"),
    ],
)
def test_the_first_error_ends_all(kind, raised, message):
    before = children()
    start = time.monotonic()
    with pytest.raises(raised, match=message):
        side_by_side([0, 1], died(kind), lambda *_: None, 2)
    assert children() == before and time.monotonic() - start < 20


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
    deadline = time.monotonic() + 20
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
