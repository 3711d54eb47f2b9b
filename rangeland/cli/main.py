"""The command `rangeland`: its options, and the commands below it."""

from importlib import import_module

import click

from rangeland.cli.errors import Program
from rangeland.interrupts import raised, uninterrupted
from rangeland.version import VERSION

# What each command does, as the first sentence of its own help. The module of a command
# is imported when it is asked for: `--help` waits for none (design/speed.md#.sol.start).
COMMANDS = {
    "boot": "Bootstrap an arena, and tell it step by step.",
    "conform": "Repeat recorded vectors of the real MPS, and tell where we differ.",
    "convert": "Write a trace in another form.",
    "generate": "Make up a trace, by a PATTERN or like another trace.",
    "info": "Tell what allocation traces hold: how many calls of each sort, how many bytes, what "
    "could not be followed, and how sizes and lifetimes are spread.",
    "invariants": "List the invariants that are tried, and who judges each.",
    "prove": "Try the invariants of what a Python factory makes, or of a library in C.",
    "replay": "Replay the allocations of a program in pools, and tell which served best.",
    "stress": "Drive pools for millions of operations, and judge each of them.",
}


class Commands(Program):
    """The commands in COMMANDS, each in the module of its name."""

    def list_commands(self, context):
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, context, name):
        """The command `name`, or None. A library in C would lose an interrupt."""
        if name not in COMMANDS:
            return None
        with uninterrupted():
            return getattr(import_module(f"rangeland.cli.{name}"), name)

    def format_commands(self, context, formatter):
        """Write the list of the commands, none of which is imported for it."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        short = [(n, click.Command(n, help=h).get_short_help_str(width)) for n, h in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(short)

    def invoke(self, context):
        """Run the command that was asked for; interrupted, it cleans up."""
        with raised():
            return super().invoke(context)


def _print_version(context, option, value):
    if value:
        speed = import_module("rangeland.speed").name()
        click.echo(f"rangeland {VERSION} ({speed})")
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version, and which of the two speeds is running.",
)
def cli():
    """A simulator of memory managers in the style of the Memory Pool System."""
