"""How the command starts: with what it needs, and interrupted at any moment in one line."""

import ast
import os
import sys
from pathlib import Path

import click
import pytest

import rangeland as face
from rangeland.cli.main import COMMANDS, cli

pytestmark = pytest.mark.once

HEAVY = {"numpy", "rich", "hypothesis", "sortedcontainers", "zstandard", "arena.arena", "vm.space"}

# An interrupt at the nth event that Python's own audit tells of after our first line.
INTERRUPT = """
import os, signal, sys
moment, count, seen = int(os.environ["MOMENT"]), 0, False

def hook(event, args):
    global count, seen
    if not seen:
        place = getattr(args[0], "co_filename", "") if event == "exec" else ""
        seen = place.endswith(os.path.join("rangeland", "__init__.py"))
        return
    count += 1
    if count == moment:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(hook)
if not moment:
    import atexit
    atexit.register(lambda: print(count, file=open(os.environ["COUNTED"], "w")))
"""


def imported(result):
    """The modules that -X importtime tells of."""
    lines = [line for line in result.stderr.split("\n") if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_is_not_needed_is_not_imported(python, option):
    result = python("-X", "importtime", "-m", "rangeland", option)
    assert result.returncode == 0 and "rangeland" in imported(result)
    assert not imported(result) & HEAVY


def test_the_table_says_what_the_commands_say():
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    assert list(commands) == list(COMMANDS)
    for name, command in commands.items():
        assert command.name == name and not command.hidden
        assert COMMANDS[name] == command.get_short_help_str(10**6)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_list_is_what_click_writes_of_the_commands(width):
    context = click.Context(cli)
    ours, clicks = click.HelpFormatter(width=width), click.HelpFormatter(width=width)
    cli.format_commands(context, ours)
    click.Group.format_commands(cli, context, clicks)
    assert ours.getvalue() == clicks.getvalue()


def test_a_command_that_is_none_is_refused(rangeland):
    result = rangeland("no-such-command")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1 and "no-such-command" in result.stderr


def test_the_public_names_are_told_before_they_are_imported(python):
    code = "import sys, rangeland as rl; print([dir(rl), sorted(rl.__all__), 'arena' in sys.modules])"
    told, public, loaded = ast.literal_eval(python("-c", code).stdout)
    assert set(public) <= set(told) and not loaded
    for name in public:
        assert getattr(getattr(face, name), "__name__", name) == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        face.Nothing


def test_help_shows_what_is_public(python):
    shown = python("-c", "import rangeland; help(rangeland)").stdout
    for line in ("class Arena(", "class MVFF(", "class DamageError(", "prove(subject"):
        assert line in shown


@pytest.fixture
def started(python, tmp_path):
    """Run the command, interrupted at an event, or at none; and count the events."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT)
    counted = tmp_path / "counted"
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)

    def run(command, moment=0):
        env = {"PYTHONPATH": path, "MOMENT": str(moment), "COUNTED": str(counted)}
        return python(*command, env=env), counted

    return run


@pytest.mark.parametrize("asked", ["--help", "--version", "info --help", "info --bundled"])
def test_an_interrupt_at_any_moment_is_one_line(started, asked):
    assert_one_line(started, ["-m", "rangeland", *asked.split()])


@pytest.mark.installed
def test_an_interrupt_of_the_installed_command_is_one_line(started):
    assert_one_line(started, [Path(sys.executable).parent / "rangeland", "--help"])


def assert_one_line(started, command, moments=12):
    whole, counted = started(command)
    assert (whole.returncode, whole.stderr) == (0, "")
    last = int(counted.read_text())
    assert last > moments
    for moment in sorted({1, 2, 3, last} | {last * n // moments for n in range(1, moments)}):
        result, _ = started(command, moment)
        found = result.returncode, result.stderr
        assert found == (130, "rangeland: interrupted\n"), f"at event {moment} of {last}"
