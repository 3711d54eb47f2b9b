"""Interrupts from the keyboard, held back where they would be lost, as many a
library in C loses them while it is imported."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def uninterrupted():
    """Hold an interrupt from the keyboard back until the context ends.

    Where Python handles none, as outside the main thread, this does nothing.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held = []
    signal.signal(signal.SIGINT, lambda *told: held.append(told))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if held:
        handler(*held[0])


@contextmanager
def raised():
    """Let an interrupt raise KeyboardInterrupt until the context ends, so that what runs
    can clean up; outside it, the command may end at once (design/speed.md#.sol.start).

    Where Python handles none, as outside the main thread, this does nothing.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
