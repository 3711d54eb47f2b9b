"""Watch: a step that does not end is a finding, and not the end of the kit.

Source: design/invariants.md#.sol.watch
"""

import signal
import threading
from contextlib import contextmanager

from rangeland.invariants.finding import Broken

# Seconds of the clock that a step may take.
PATIENCE = 10.0


# The seconds that the step has which is watched; 0 if none is.
_watching = 0.0
# How often a step that goes on says so, at most.
_OFTEN = 64
_said = 0


class _TooLong(BaseException):
    """Raised wherever the step is. No Exception, for a subject may catch those."""


@contextmanager
def watched(patience=None):
    """The body may take so many seconds; without a number, PATIENCE.

    Without effect if somebody else waits for alarms, and in other threads.
    Raises: Broken ("hang").
    """
    global _watching
    if not can_watch():
        yield
        return

    patience = patience or PATIENCE

    def ring(*_):
        raise _TooLong

    # Also into an operation of our own that does not end (design/vm.md#.sol.whole).
    ring.breaks_in = True
    before = signal.signal(signal.SIGALRM, ring)
    _watching = patience
    try:
        # Again and again: a subject may swallow what is raised in it.
        signal.setitimer(signal.ITIMER_REAL, patience, patience)
        yield
    except _TooLong:
        raise Broken("hang", f"the step did not end within {patience:.3g} seconds") from None
    finally:
        _watching = 0.0
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def can_watch():
    """True if a step that does not end can be interrupted here."""
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )


def is_watched():
    """True if the step that is done now is, or would be, interrupted."""
    return _watching > 0 or can_watch()


def go_on():
    """A step of very many operations gets on: it has its time again."""
    global _said
    _said += 1
    if _watching and _said % _OFTEN == 0:
        signal.setitimer(signal.ITIMER_REAL, _watching, _watching)
