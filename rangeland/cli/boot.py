"""The command `rangeland boot`: the bootstrap of an arena, told step by step."""

import click

from arena.arena import Arena
from arena.bootstrap import step
from pools.mfs import MFS
from pools.mvff import MVFF
from rangeland.cli.output import console, emit_json
from rangeland.reports.boot import story
from rangeland.reports.boot_text import lines
from rangeland.sizes import parse_size
from vm.events import ALL_KINDS
from vm.log import record
from vm.telemetry import stream

BLOCK_SIZE = 64
POOLS = {"mfs": lambda arena: MFS(arena, BLOCK_SIZE), "mvff": MVFF}


class Size(click.ParamType):
    """A number of bytes, as 4096, 64K, 256M, 1G or 1T."""

    name = "size"

    def convert(self, value, param, ctx):
        """The bytes that `value` says; a usage error if it says none."""
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as expected:
            self.fail(f"{value!r} is no size: expected {expected}", param, ctx)


@click.command()
@click.option(
    "--size",
    type=Size(),
    default="256M",
    show_default=True,
    help="The first chunk; a size below 64 grains is raised to that.",
)
@click.option("--grain-size", type=Size(), default="4K", show_default=True, help="A power of two.")
@click.option("--zoned/--flat", default=True, show_default=True, help="Zones, or none.")
@click.option(
    "--pool",
    type=click.Choice(["none", *POOLS]),
    default="none",
    show_default=True,
    help=f"Make a first pool, too, and in it a block of {BLOCK_SIZE} bytes.",
)
@click.option("--teardown", is_flag=True, help="Tell also how everything goes again, backwards.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def boot(size, grain_size, zoned, pool, teardown, as_json):
    """Bootstrap an arena, and tell it step by step.

    Tells what was reserved, mapped and allocated, in what order, where and at
    whose request, and which problem of the bootstrap each step solves; then
    the map of memory, and the accounts. All is told from recorded events.

    \b
    rangeland boot --pool mvff
    rangeland boot --size 1M --flat
    rangeland boot --size 1G --grain-size 64K --teardown
    """
    told = story(bootstrapped(size, grain_size, zoned, pool, teardown))
    if as_json:
        emit_json(told.as_json())
        return
    out = console()
    for line in lines(told, out.width):
        out.print(line, soft_wrap=True)


def bootstrapped(size, grain_size=4096, zoned=True, pool="none", teardown=False):
    """The log of making an arena and, if it is wanted, a pool and a block;
    and with `teardown` of destroying them."""
    with record(ALL_KINDS) as log:
        arena = Arena(size=size, grain_size=grain_size, zoned=zoned)
        client = _use(arena, pool) if pool != "none" else None
        if teardown:
            if client is not None:
                with step(stream, "end of the pool"):
                    client.destroy()
            arena.destroy()
    return log


def _use(arena, pool):
    with step(stream, "first pool"):
        client = POOLS[pool](arena)
    with step(stream, "first block", client.address, BLOCK_SIZE):
        client.alloc(BLOCK_SIZE)
    return client
