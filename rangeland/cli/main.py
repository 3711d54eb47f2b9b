"""The command `rangeland`: its options, and the commands below it."""

import click

from rangeland import speed
from rangeland.cli.boot import boot
from rangeland.cli.conform import conform
from rangeland.cli.convert import convert
from rangeland.cli.errors import Program
from rangeland.cli.generate import generate
from rangeland.cli.info import info
from rangeland.cli.invariants import invariants
from rangeland.cli.prove import prove
from rangeland.cli.replay import replay
from rangeland.cli.stress import stress
from rangeland.version import VERSION


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
cli.add_command(convert)
cli.add_command(generate)
cli.add_command(info)
cli.add_command(invariants)
cli.add_command(prove)
cli.add_command(replay)
cli.add_command(stress)
