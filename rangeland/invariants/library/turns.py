"""Several threads of Python on one library: where no compiler can make a storm.

The calls themselves run at the same time, what is between them does not.
Runs in the child. Source: design/library.md#.sol.storm
"""

import sys
from threading import Lock, Thread

from rangeland.invariants.library.judge import Judge, Violated

_SWITCH = 1e-5


class _Shared(Judge):
    """A judge of several threads at once: one at a time may look where blocks lie."""

    def __init__(self, functions, progress, row, known):
        super().__init__(functions, progress, row, known)
        self.lock = Lock()

    def _insert(self, *args):
        with self.lock:
            super()._insert(*args)

    def _remove(self, address):
        with self.lock:
            super()._remove(address)

    def _extend(self, *args):
        with self.lock:
            super()._extend(*args)


def take_turns(functions, progress, row, known, steps, count):
    """Do `steps` in `count` threads, each the nth of them, so that blocks are
    freed by other threads than those that made them. Gives the first
    Violated, or None."""
    judge = _Shared(functions, progress, row, known)
    steps = [step for step in steps if step[0] != "check"]
    broken = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    threads = [
        Thread(target=_work, args=(judge, steps[serial::count], broken)) for serial in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    if not broken:
        _work(judge, [("free", number) for number in judge.blocks], broken)
    return broken[0] if broken else None


def _work(judge, steps, broken):
    try:
        judge.do(steps)
    except Violated as error:
        broken.append(error)
