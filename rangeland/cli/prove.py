"""`rangeland prove`: try the invariants of any allocator or land."""

import click

from rangeland.cli.apart import apart
from rangeland.cli.library import prove_at
from rangeland.cli.output import console, emit_json, progress
from rangeland.cli.subjects import load_subject
from rangeland.invariants.library.progress import MOST_THREADS
from rangeland.invariants.library.prove import THREADS, TIMEOUT
from rangeland.invariants.profiles import PROFILES, profile
from rangeland.invariants.prove import prove as try_subject

BROKEN = 1


@click.command()
@click.argument("subject", metavar="[MODULE:FACTORY]", required=False)
@click.option("--library", metavar="PATH", help="Try the malloc family of a shared library in C.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed tries the same.")
@click.option("--examples", type=click.IntRange(min=1), help="How many runs.")
@click.option("--steps", type=click.IntRange(min=1), help="The most steps of a run.")
@click.option(
    "--profile",
    "name",
    type=click.Choice(list(PROFILES)),
    help="How many runs and steps, where they are not given; RANGELAND_PROFILE, or else dev.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help=f"Of a library: how many threads use it at once; {THREADS} if not given.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help=f"Of a library: seconds without progress that are a hang; {TIMEOUT:g} if not given.",
)
@click.option("--strict", is_flag=True, help="Of a library: its known faults are findings too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def prove(subject, library, seed, examples, steps, name, threads, timeout, strict, as_json):
    """Try the invariants of what a Python factory makes, or of a library in C.

    MODULE:FACTORY names a callable of no argument, or of one, an Arena, in a
    module or in a file: mymodule:Pool, path/to/file.py:Pool. What it makes
    has alloc(size) and free(address, size), or is a land. The first
    invariant that breaks is told with a program of a few lines that breaks
    it.

    With --library PATH, malloc, free and their kin of a shared library are
    tried, in a process of their own, and the program is in C.

    Exit status: 0 if all held, 1 on a finding, 2 if it could not be tried.
    """
    of_library = {"threads": threads, "timeout": timeout, "strict": strict or None}
    if (subject is None) == (library is None):
        raise click.UsageError("expected either MODULE:FACTORY or --library PATH")
    if library is None:
        for option, value in of_library.items():
            if value is not None:
                raise click.UsageError(f"--{option} goes with --library only")
    chosen = profile(name)
    if library is not None:
        if name is not None:
            examples, steps = examples or chosen.examples, steps or chosen.steps
        prove_at(library, as_json, seed=seed, examples=examples, steps=steps, **of_library)
        return
    examples, steps = examples or chosen.examples, steps or chosen.steps
    with progress() as bar:
        task = bar.add_task(subject, total=examples)
        result = apart(
            subject,
            lambda tell: try_subject(load_subject(subject), seed, examples, steps, progress=tell),
            lambda done: bar.update(task, completed=done),
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
