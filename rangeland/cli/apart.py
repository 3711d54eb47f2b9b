"""Apart: work that may end its process does not end the command with it.

Source: design/invariants.md#.sol.exits
"""

import os
import pickle
import signal
import traceback

from rangeland.invariants.finding import CannotTry


def apart(name, work, told):
    """What `work(tell)` gives, done in a process of its own; `told(value)` is
    called with each value that it tells meanwhile.

    Raises: CannotTry if `name`, the subject, ends the process; whatever
    `work` raises.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _serve(work, writing)
    os.close(writing)
    try:
        kind, value = _received(reading, told)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    if kind == "raised":
        raise value
    if kind == "given":
        return value
    raise CannotTry(f"{name}: {_ending(status)}, though nothing was known yet")


def _serve(work, writing):
    """Do the work, write what comes of it, and end this process, whatever happens."""
    status = 1
    try:
        with os.fdopen(writing, "wb") as pipe:

            def send(kind, value):
                pipe.write(pickle.dumps((kind, value)))
                pipe.flush()

            try:
                send("given", work(lambda value: send("told", value)))
            except Exception as error:
                send("raised", _plain(error))
            status = 0
    except BaseException:
        # Whoever waits is told by the end of the pipe.
        pass
    finally:
        os._exit(status)


def _plain(error):
    """The error, or what it says if it is of a class that only the child has."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))


def _received(reading, told):
    """(kind, value) of the last that was sent; (None, None) if it ended before."""
    with os.fdopen(reading, "rb") as pipe:
        while True:
            try:
                kind, value = pickle.load(pipe)
            except (EOFError, pickle.UnpicklingError):
                return None, None
            if kind != "told":
                return kind, value
            told(value)


def _ending(status):
    """How the process ended, in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"the process ended with status {code}"
    return f"{signal.Signals(-code).name} ended the process"
