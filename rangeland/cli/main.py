"""The command `rangeland`: its options, and the commands below it."""

import os
import sys

import click

from rangeland import speed
from rangeland.cli.boot import boot
from rangeland.cli.conform import conform
from rangeland.cli.errors import friendly
from rangeland.cli.replay import replay
from rangeland.version import VERSION


class Program(click.Group):
    """A group of commands whose errors are a line each, never a traceback."""

    def main(self, args=None, prog_name="rangeland", complete_var=None, **extra):
        """Run the command line `args` and exit."""
        if "_RANGELAND_COMPLETE" in os.environ:
            super().main(args, prog_name, complete_var, **extra)
        extra.pop("standalone_mode", None)
        args = sys.argv[1:] if args is None else list(args)
        self._run(args or ["--help"], prog_name, extra)
        sys.exit(0)

    @friendly
    def _run(self, args, prog_name, extra):
        with self.make_context(prog_name, args, **extra) as context:
            self.invoke(context)


def _print_version(context, option, value):
    if value:
        click.echo(f"rangeland {VERSION} ({speed.name()})")
        context.exit()


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
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


cli.add_command(boot)
cli.add_command(conform)
cli.add_command(replay)


def main():
    """The entry point of the command `rangeland`."""
    cli.main()
