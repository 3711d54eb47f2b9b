"""The lock of a space: one public operation at a time, and each of them whole.

A public operation claims the lock of its address space, and releases it when
its structures are whole again. Meanwhile signals wait, and whoever asks for
another operation there (a listener, a visitor, a placement, a finalizer, another
thread) is refused. This module is never compiled: compiled modules take `claim`
and `release` from ``lock.pxd``. Source: design/vm.md#.sol.lock, MPS lock.c
"""

from contextlib import contextmanager
from functools import wraps
from threading import get_ident

from vm.interrupts import interrupts


def claim(space, what):
    """Begin the operation named `what`. Raises: ProtocolError if one is in course."""
    interrupts.watch()
    return space.enter(what)


def release(space):
    """End the operation in course; what was held back comes now."""
    return space.leave()


class Walk:
    """The name of an operation that only reads, and so may consist of others."""

    def __init__(self, what):
        self.what = what
        self.thread = get_ident()

    def __str__(self):
        return self.what


@contextmanager
def walking(space, what):
    """What is done in this context reads structures, and is one operation.

    Raises: ProtocolError if an operation that changes them is in course.
    """
    course = space.operation
    if isinstance(course, Walk) and course.thread == get_ident():
        yield
        return
    space.enter(Walk(what))
    try:
        yield
    finally:
        space.leave()


def walks(method):
    """A method that reads structures of `self.space`, as one operation."""

    @wraps(method)
    def walk(self, *args, **kwargs):
        with walking(self.space, method.__name__):
            return method(self, *args, **kwargs)

    return walk


@contextmanager
def operation(space, what):
    """What is done in this context is one operation, for methods that take long.

    Raises: ProtocolError if one is in course.
    """
    interrupts.watch()
    space.enter(what)
    try:
        yield
    finally:
        space.leave()


@contextmanager
def whole():
    """What is done in this context, several operations, is not interrupted."""
    interrupts.watch()
    interrupts.depth += 1
    try:
        yield
    finally:
        interrupts.depth -= 1
        interrupts.deliver()
