"""Threads that take turns at the rows of a piece, one at a time.

Runs in the child. Source: design/contenders.md#.sol.turns
"""

import _thread
import os
import sys

from rangeland.traces.contenders.allocator import Refused

# Bytes of a thread's stack.
STACK = 1 << 18


class Team:
    """`count` threads, of which each waits for its turn.

    Raises: Refused if so many cannot be started.
    """

    def __init__(self, count):
        self.batons = [_taken() for _ in range(count)]
        self.back = _taken()
        _thread.stack_size(STACK)
        try:
            for baton in self.batons:
                _thread.start_new_thread(self._member, (baton,))
        except (RuntimeError, MemoryError) as error:
            raise Refused(f"{count:,} threads cannot be started: {error}") from None

    def warm_up(self, work, limits, threads):
        """Let each thread do nothing once, so that what it needs for itself is there."""
        for first in range(0, len(self.batons), len(limits)):
            count = min(len(limits), len(self.batons) - first)
            for turn in range(count):
                limits[turn], threads[turn] = 0, first + turn
            self.do(work, count, limits, threads)

    def do(self, work, count, limits, threads):
        """work(first, limit) by each thread of the first `count` of `threads`, in
        turn, of rows that end before each of `limits`."""
        self.work, self.limits, self.threads = work, limits, threads
        self.turn, self.turns, self.first = 0, count, 0
        self._pass_on()
        self.back.acquire()

    def _pass_on(self):
        last = self.turn == self.turns
        (self.back if last else self.batons[self.threads[self.turn]]).release()

    def _member(self, baton):
        try:
            while True:
                baton.acquire()
                limit = self.limits[self.turn]
                self.work(self.first, limit)
                self.first = limit
                self.turn += 1
                self._pass_on()
        except BaseException:
            # Nobody would take the next turn.
            sys.excepthook(*sys.exc_info())
            os._exit(1)


def _taken():
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
