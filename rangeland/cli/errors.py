"""What the user of a command is told when it fails: one line, and a status.

0 it worked; 1 what was checked does not hold; 2 the request or its input was
wrong; 130 interrupted; 141 whoever read the output has gone.
"""

import functools
import os
import sys
from contextlib import suppress

import click

from vm.results import RangelandError

FAILED = 2
INTERRUPTED = 130
CLOSED_PIPE = 141


def friendly(function):
    """`function`, with every foreseen error told in one line on stderr, and
    the exit status set by it. What a bug raises passes with its traceback."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            result = function(*args, **kwargs)
            sys.stdout.flush()
            return result
        except click.exceptions.Exit as stop:
            _flush_and_exit(stop.exit_code)
        except BrokenPipeError:
            _leave_closed_pipe()
        except SystemExit as stop:
            # rich turns a closed pipe into SystemExit(1) by itself.
            if isinstance(stop.__context__, BrokenPipeError):
                _leave_closed_pipe()
            raise
        except (KeyboardInterrupt, click.Abort):
            _fail("interrupted", INTERRUPTED)
        except (click.ClickException, RangelandError, OSError, MemoryError) as error:
            _fail(message_of(error))

    return wrapper


class Program(click.Group):
    """A group of commands whose errors are a line each, never a traceback."""

    def main(self, args=None, prog_name="rangeland", complete_var=None, **extra):
        """Run the command line `args` and exit."""
        if "_RANGELAND_COMPLETE" in os.environ:
            super().main(args, prog_name, complete_var, **extra)
        extra.pop("standalone_mode", None)
        args = sys.argv[1:] if args is None else list(args)
        _escape_unknown()
        self._run(args or ["--help"], prog_name, extra)
        sys.exit(0)

    @friendly
    def _run(self, args, prog_name, extra):
        with self.make_context(prog_name, args, **extra) as context:
            self.invoke(context)


def message_of(error):
    """What `error` has to say to a user, in one line."""
    if isinstance(error, click.UsageError):
        text = error.format_message().rstrip(".")
        where = error.ctx.command_path if error.ctx else "rangeland"
        return _one_line(f"{text}; see {where} --help")
    if isinstance(error, click.ClickException):
        return _one_line(error.format_message())
    if isinstance(error, OSError) and error.strerror:
        name = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        return _one_line(f"{name}{error.strerror}")
    return _one_line(str(error)) or type(error).__name__


def _one_line(text):
    return " ".join(text.split())


def _fail(message, status=FAILED):
    # If that cannot be written either, the status tells it.
    with suppress(OSError):
        print(f"rangeland: {message}", file=sys.stderr, flush=True)
    sys.exit(status)


def _flush_and_exit(status):
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_closed_pipe()
    sys.exit(status)


def _escape_unknown():
    """Let what the standard output's encoding does not have be written as an escape, as
    on the standard error: names of files may have any character, and half of one."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _leave_closed_pipe():
    # What is still in the buffer goes nowhere, without a word at exit.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    sys.exit(CLOSED_PIPE)
