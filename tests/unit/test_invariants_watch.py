"""A step that does not end, or that ends the process, is a finding."""

import signal
import sys
import threading
from time import monotonic

import pytest
from support.faulty import FirstFit

import rangeland as rl
from rangeland.invariants import watch
from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.watch import watched

pytestmark = pytest.mark.once


def forever():
    while True:
        pass


class Loops(FirstFit):
    """The second free does not end."""

    frees = 0

    def free(self, address, size):
        self.frees += 1
        if self.frees == 2:
            forever()
        super().free(address, size)


class Locks(FirstFit):
    """A refusal keeps the lock."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def alloc(self, size):
        self.lock.acquire()
        address = super().alloc(size)
        if address is not None:
            self.lock.release()
        return address


class Swallows(FirstFit):
    """It loops, and catches whatever is raised meanwhile, but once."""

    def alloc(self, size):
        try:
            forever()
        except BaseException:
            forever()


class Exits(FirstFit):
    def alloc(self, size):
        if size > 1000:
            sys.exit(3)
        return super().alloc(size)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.2)


@pytest.mark.parametrize("make", (Loops, Locks, Swallows))
def test_what_does_not_end_is_found(make):
    result = rl.prove(make, seed=1)
    assert result.invariant == "hang"
    assert "did not end within" in result.finding.message
    assert len(result.finding.steps) <= 8


def test_the_steps_that_led_there_are_few():
    program = rl.prove(Loops, seed=1).counterexample
    assert program.count("pool.alloc") == program.count("pool.free") == 2


def test_what_ends_the_process_is_found():
    result = rl.prove(Exits)
    assert result.invariant == "raises" and "SystemExit: 3" in result.counterexample


def test_what_is_never_made_cannot_be_tried():
    with pytest.raises(CannotTry, match="forever made nothing: the step did not end within 0.2"):
        rl.prove(forever)


def test_afterwards_nothing_rings():
    with pytest.raises(Broken), watched():
        forever()
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_who_waits_for_alarms_is_left_alone():
    def ring(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(TimeoutError), watched():
            forever()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_in_another_thread_nothing_is_watched():
    done = []

    def wait():
        with watched():
            began = monotonic()
            while monotonic() - began < 0.3:
                pass
            done.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert done
