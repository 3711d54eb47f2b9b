"""`rangeland prove --library`: try the malloc family of a shared library."""

import click

from rangeland.cli.output import console, emit_json, progress
from rangeland.invariants.finding import CannotTry
from rangeland.invariants.library import prove_library

BROKEN, UNTRIED = 1, 2


def prove_at(path, as_json, **options):
    """Try the library at `path`, print the result, and exit with its status.

    `options` are those of `prove_library`; those that are None are left out.
    """
    options = {name: value for name, value in options.items() if value is not None}
    try:
        with progress() as bar:
            task = bar.add_task(path, total=None)
            result = prove_library(
                path,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                **options,
            )
    except CannotTry as error:
        if not as_json:
            raise
        emit_json({"library": path, "tried": False, "ok": False, "reason": str(error)})
        raise click.exceptions.Exit(UNTRIED) from None
    if as_json:
        emit_json({"tried": True} | result.to_dict())
    else:
        console().print(str(result), markup=False, soft_wrap=True)
    if not result.ok:
        raise click.exceptions.Exit(BROKEN)
