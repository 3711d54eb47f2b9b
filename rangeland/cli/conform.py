"""The command `rangeland conform`: repeat what the real MPS did."""

import json

import click
from rich.table import Table

from rangeland.cli.errors import FAILED, message_of
from rangeland.cli.output import console, emit_json, progress
from rangeland.conform.run import conform as repeat
from vm.results import RangelandError

# A line of a recording may be a whole map of a chunk.
WIDEST = 160


@click.command()
@click.argument("vectors", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def conform(vectors, as_json):
    """Repeat recorded vectors of the real MPS, and tell where we differ.

    VECTORS are files of JSON lines, plain or gzipped. For each, the
    operations and the mismatches are counted, and of the first mismatch it
    is told what was expected, what came, and the operations before it.

    Exit status: 0 if all agree, 1 on any mismatch, 2 if a file could not be
    tried.
    """
    outcomes, failures = [], []
    with progress() as bar:
        for path in vectors:
            task = bar.add_task(path, total=None)
            try:
                outcomes.append(
                    repeat(path, lambda n, total, t=task: bar.update(t, completed=n, total=total))
                )
            except (RangelandError, OSError) as error:
                failures.append({"path": path, "error": message_of(error)})
            bar.remove_task(task)
    if as_json:
        emit_json({"files": [outcome.as_json() for outcome in outcomes], "errors": failures})
    else:
        _print(outcomes)
        for failure in failures:
            click.echo(f"rangeland: {failure['error']}", err=True)
    if failures:
        raise click.exceptions.Exit(FAILED)
    if any(outcome.mismatches for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _print(outcomes):
    if not outcomes:
        return
    table = Table("file", "kind", box=None)
    for name in ("operations", "mismatches"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(
            outcome.path, outcome.kind, f"{outcome.operations:,}", f"{outcome.mismatches:,}"
        )
    operations = sum(outcome.operations for outcome in outcomes)
    mismatches = sum(outcome.mismatches for outcome in outcomes)
    if len(outcomes) > 1:
        table.add_section()
        table.add_row(f"{len(outcomes)} files", "", f"{operations:,}", f"{mismatches:,}")
    console().print(table)
    for outcome in outcomes:
        if outcome.first is not None:
            _print_mismatch(outcome)


def _print_mismatch(outcome):
    first = outcome.first
    where = "after the end" if first.line is None else f"line {first.line}"
    click.echo(f"\n{outcome.path}: the first mismatch, {where}")
    for line in first.before:
        click.echo(f"  before    {_short(line)}")
    click.echo(f"  expected  {_short(first.expected)}")
    click.echo(f"  came      {_short(first.came)}")


def _short(line):
    text = json.dumps(line, separators=(",", ":"))
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}... ({len(text)} characters)"
