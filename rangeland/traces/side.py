"""Contenders side by side on the cores: each replay in a process of its own.

Source: design/replay.md#.sol.side
"""

import ctypes
import multiprocessing
import os
import pickle
import signal
from collections import deque
from multiprocessing.connection import wait

from vm.results import ParamError, RangelandError

PR_SET_PDEATHSIG = 1
# The status of a process that could not go on for want of memory, as a shell tells SIGKILL.
NO_MEMORY = 137


def cores():
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0))


class Ended(RangelandError):
    """The process of a contender ended without a result; the message says how."""


def side_by_side(contenders, work, tell, most):
    """work(contender, progress) of each, at most `most` at a time: a list in
    the order of `contenders`, with an Ended of each whose process was ended.

    `tell(index, done)` is told of progress. With `most` 1, or one contender, no
    process is made. Raises: what `work` raises, and then no process is left.
    """
    if most == 1 or len(contenders) == 1:
        return [
            work(contender, lambda done, index=index: tell(index, done))
            for index, contender in enumerate(contenders)
        ]
    # By fork, so that all see the one trace in memory.
    context = multiprocessing.get_context("fork")
    waiting, running, results = deque(enumerate(contenders)), {}, [None] * len(contenders)
    try:
        while waiting or running:
            while waiting and len(running) < most:
                index, contender = waiting.popleft()
                near, far = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(work, contender, far, near, os.getpid()))
                # Before it starts: an interrupt may come at any moment.
                running[near] = index, process
                process.start()
                far.close()
            for near in wait(list(running)):
                _hear(near, running, results, contenders, tell)
    finally:
        for near, (_, process) in running.items():
            if process.pid is not None:
                process.terminate()
                process.join()
            near.close()
    return results


def _hear(near, running, results, contenders, tell):
    """Take one message from a process; the last one is its end."""
    index, process = running[near]
    kind, value = _message(near)
    if kind == "progress":
        tell(index, value)
    elif kind == "failed":
        raise value[0](value[1])
    else:
        del running[near]
        process.join()
        near.close()
        results[index] = value if kind == "done" else Ended(_how(contenders[index], process))


def _message(near):
    """A message of a process, ("ended", None) if it ended in the middle of one, or of none."""
    try:
        return near.recv()
    except (EOFError, OSError, pickle.UnpicklingError):
        return "ended", None


def _how(contender, process):
    how = f"the replay in {contender} ended with status {process.exitcode}"
    if process.exitcode in (-signal.SIGKILL, NO_MEMORY):
        how += ", perhaps for want of memory"
    return f"{how}: expected a result"


def _child(work, contender, far, near, parent):
    near.close()
    # The parent hears of an interrupt, and ends this; if it dies, so does this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    try:
        result = work(contender, lambda done: far.send(("progress", done)))
    except BrokenPipeError:
        # Nobody wants to know any more.
        os._exit(1)
    except (RangelandError, OSError) as error:
        # Errors that say where in a file take more than a text to make.
        kind = ParamError if isinstance(error, ParamError) else type(error)
        far.send(("failed", (kind, str(error))))
    except MemoryError:
        os._exit(NO_MEMORY)
    else:
        far.send(("done", result))
