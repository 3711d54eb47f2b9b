"""Contenders side by side on the cores: each replay in a process of its own.

Source: design/replay.md#.sol.side
"""

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from multiprocessing.connection import wait

from vm.results import ParamError, RangelandError

PR_SET_PDEATHSIG = 1


def cores():
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0))


def side_by_side(contenders, work, tell, most):
    """work(contender, progress) of each, at most `most` at a time: a list in
    the order of `contenders`.

    `tell(index, done)` is told of progress. With `most` 1, or one contender, no
    process is made. Raises: what `work` raises, and then no process is left;
    RangelandError if one ends without a result.
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
    try:
        kind, value = near.recv()
    except EOFError:
        process.join()
        raise RangelandError(
            f"the replay in {contenders[index]} ended with status {process.exitcode}: "
            f"expected a result"
        ) from None
    if kind == "progress":
        tell(index, value)
    elif kind == "failed":
        raise value[0](value[1])
    else:
        results[index] = value
        del running[near]
        process.join()
        near.close()


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
    else:
        far.send(("done", result))
