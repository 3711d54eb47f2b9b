"""`rangeland invariants`: the catalogue of what is held to be true."""

import click
from rich import box
from rich.table import Table

from rangeland.cli.output import console, emit_json
from rangeland.invariants.catalogue import CATALOGUE


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def invariants(as_json):
    """List the invariants that are tried, and who judges each.

    "results": a judge that sees operations and results only. "raw memory":
    one that reads bytes only. "own check": the structure's own check.
    """
    if as_json:
        entries = [
            {"name": i.name, "of": i.group, "sentence": i.sentence, "kind": i.kind, "tag": i.tag}
            for i in CATALOGUE.values()
        ]
        emit_json({"invariants": entries})
        return
    table = Table("of", "invariant", "sentence", "judged by", box=box.SIMPLE, padding=(0, 1, 0, 0))
    group = None
    for entry in CATALOGUE.values():
        if group not in (None, entry.group):
            table.add_section()
        table.add_row(
            entry.group if entry.group != group else "", entry.name, entry.sentence, entry.kind
        )
        group = entry.group
    console().print(table)
