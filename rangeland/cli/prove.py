"""`rangeland prove`: try the invariants of any allocator or land."""

import click

from rangeland.cli.output import console, emit_json, progress
from rangeland.cli.subjects import load_subject
from rangeland.invariants.profiles import PROFILES, profile
from rangeland.invariants.prove import prove as try_subject

BROKEN = 1


@click.command()
@click.argument("subject", metavar="MODULE:FACTORY")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed tries the same.")
@click.option("--examples", type=click.IntRange(min=1), help="How many runs.")
@click.option("--steps", type=click.IntRange(min=1), help="The most steps of a run.")
@click.option(
    "--profile",
    "name",
    type=click.Choice(list(PROFILES)),
    help="How many runs and steps, where they are not given; RANGELAND_PROFILE, or else dev.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def prove(subject, seed, examples, steps, name, as_json):
    """Try the invariants of what a Python factory makes.

    MODULE:FACTORY names a callable of no argument, or of one, an Arena, in a
    module or in a file: mymodule:Pool, path/to/file.py:Pool. What it makes
    has alloc(size) and free(address, size), or is a land. The first
    invariant that breaks is told with a program of a few lines that breaks
    it.

    Exit status: 0 if all held, 1 on a finding, 2 if it could not be tried.
    """
    chosen = profile(name)
    examples, steps = examples or chosen.examples, steps or chosen.steps
    make = load_subject(subject)
    with progress() as bar:
        task = bar.add_task(subject, total=examples)
        result = try_subject(
            make, seed, examples, steps, progress=lambda done: bar.update(task, completed=done)
        )
    _tell(subject, result, as_json)


def _tell(subject, result, as_json):
    """Print the result, and exit with its status."""
    if as_json:
        emit_json({"subject": subject, **result.to_dict()})
    else:
        console().print(f"{subject}: {result}", markup=False, soft_wrap=True)
    if not result.ok:
        raise click.exceptions.Exit(BROKEN)
