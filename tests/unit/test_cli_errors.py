"""Every foreseen error of a command is one line on stderr and an exit status."""

import os
import signal
import subprocess
import sys

import click
import pytest

from rangeland.cli.errors import Program, friendly, message_of
from vm.results import CommitLimitError, ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

PROGRAM = """
import sys, time
import click
from rich.console import Console
from rangeland.cli.errors import Program
from vm.results import ParamError

@click.group(cls=Program)
def cli():
    "A program."

@cli.command()
@click.option("--count", type=int)
def work(count):
    "Work."
    click.echo("worked")

@cli.command()
def wrong():
    raise ParamError("size is 0:\\n  expected at least 1")

@cli.command()
def missing():
    open("no-such-file")

@cli.command()
def bug():
    raise KeyError("a bug")

@cli.command()
def told():
    raise click.ClickException("the file is empty")

@cli.command()
def interrupted():
    raise KeyboardInterrupt

@cli.command()
def waits():
    print("waiting", flush=True)
    time.sleep(60)

@cli.command()
def plain():
    for _ in range(100_000):
        print("a line")

@cli.command()
def rich():
    console = Console()
    for _ in range(20_000):
        console.print("a line")

@cli.command()
def brief():
    print("a line")

cli.main()
"""


@pytest.fixture
def program(tmp_path, python):
    """Run the program above with the arguments given."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return lambda *args, **options: python(path, *args, **options)


def test_what_works_exits_with_0(program):
    result = program("work")
    assert (result.returncode, result.stdout, result.stderr) == (0, "worked\n", "")


@pytest.mark.parametrize("args", [(), ("--help",), ("work", "--help")])
def test_help_is_shown_when_asked_for_or_when_nothing_is_asked(program, args):
    result = program(*args)
    assert result.returncode == 0 and result.stdout.startswith("Usage: rangeland")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("wrong",), "rangeland: size is 0: expected at least 1\n"),
        (("missing",), "rangeland: no-such-file: No such file or directory\n"),
        (("told",), "rangeland: the file is empty\n"),
        (
            ("work", "--count", "many"),
            "rangeland: Invalid value for '--count': 'many' is not a valid integer; "
            "see rangeland work --help\n",
        ),
        (("wrk",), "rangeland: No such command 'wrk'"),
    ],
)
def test_an_error_is_one_line_and_status_2(program, args, line):
    result = program(*args)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith(line) and result.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(program):
    result = program("bug")
    assert result.returncode == 1 and "Traceback" in result.stderr


def test_an_interrupt_is_one_line_and_status_130(program):
    result = program("interrupted")
    assert (result.returncode, result.stderr) == (130, "rangeland: interrupted\n")


def test_an_interrupt_from_the_keyboard(program, tmp_path, environment):
    program("work")  # writes the file
    command = [sys.executable, str(tmp_path / "program.py"), "waits"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, **pipes) as running:
        assert running.stdout.readline() == "waiting\n"
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=300)
    assert (running.returncode, errors) == (130, "rangeland: interrupted\n")


@pytest.mark.parametrize("command", ["plain", "rich", "brief"])
def test_a_closed_pipe_is_silent(program, command):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = program(command, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


def test_friendly_gives_back_what_the_function_gives():
    assert friendly(lambda x: x + 1)(2) == 3


def test_messages_are_one_line_and_never_empty():
    assert message_of(ParamError("a\n b")) == "a b"
    assert message_of(CommitLimitError()) == "CommitLimitError"
    assert message_of(OSError(2, "No such file", "x")) == "x: No such file"
    assert message_of(OSError("odd")) == "odd"
    assert message_of(click.UsageError("Bad.")) == "Bad; see rangeland --help"


def test_a_program_is_a_group_of_click():
    assert issubclass(Program, click.Group)
