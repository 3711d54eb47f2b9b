"""Interrupts: what would break into an operation waits until it has ended.

Python runs the handlers of signals between any two steps of the main thread, and
calls listeners, placements and fault plans in the middle of operations. An
exception out of one of them would leave structures half changed: so it is held
back, and raised when the operation is whole.
Source: design/vm.md#.sol.whole
"""

import _thread
import signal
import threading

# What `signal` has these of: asked at every operation, without its enumerations.
from _signal import getsignal

# The signals by which programs and people interrupt a program in Python.
WATCHED = tuple(
    int(getattr(signal, name))
    for name in ("SIGINT", "SIGALRM", "SIGTERM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2")
)


class Deferred:
    """A handler of a signal that waits for the operation in course, and then is
    `handler`."""

    breaks_in = True

    def __init__(self, handler):
        self.handler = handler

    def __call__(self, number, frame):
        if interrupts.depth:
            interrupts.wait(number)
        else:
            self.handler(number, frame)

    def __repr__(self):
        return f"<Deferred {self.handler!r}>"


class Interrupts:
    """What is held back. `depth` counts the operations in course in all spaces;
    `held` is true if something waits for them to end."""

    def __init__(self):
        self.depth = 0
        self.held = False
        self._signals = []
        self._error = None
        self._known = []

    def watch(self):
        """Make the handlers wait that there are now for the signals `WATCHED`, but
        those with a true attribute `breaks_in`: they shall end what does not end.

        Only in the main thread, where they run; elsewhere this does nothing.
        """
        found = [*map(getsignal, WATCHED)]
        if found == self._known:
            return 0
        if threading.current_thread() is not threading.main_thread():
            return 0
        for number, handler in zip(WATCHED, found):
            if callable(handler) and not getattr(handler, "breaks_in", False):
                signal.signal(number, Deferred(handler))
        self._known = [*map(getsignal, WATCHED)]
        return 0

    def wait(self, number):
        """Send this process the signal again when no operation is in course."""
        self._signals.append(number)
        self.held = True
        return 0

    def hold(self, error):
        """Raise `error` when no operation is in course: now, if none is. Of
        several the first is raised."""
        if self.depth == 0:
            raise error
        if self._error is None:
            self._error = error
        self.held = True
        return 0

    def deliver(self):
        """Let come what was held back, if no operation is in course any more."""
        if self.depth:
            return 0
        self.held = False
        numbers, self._signals = self._signals, []
        error, self._error = self._error, None
        for number in numbers:
            _thread.interrupt_main(number)
        if error is not None:
            raise error
        return 0


interrupts = Interrupts()
