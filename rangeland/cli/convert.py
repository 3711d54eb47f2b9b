"""`rangeland convert`: a trace, written in another form."""

import click

from rangeland.cli.missing import missing
from rangeland.cli.options import newest_option, partial_option, strict_option
from rangeland.cli.output import console, emit_json, progress
from rangeland.traces.convert import FORMS, SUFFIXES, convert as write, form_of, refuse_output
from rangeland.traces.read import FORMATS, read_trace

BY_SUFFIX = ", ".join(f"{form} ({suffix})" for suffix, form in SUFFIXES.items())
TOLD = {
    "alignment": "alignments",
    "thread": "threads, told apart",
    "address": "addresses",
    "reallocs": "reallocs, told as the end of a block and a new one",
    "calls_without_effect": "calls without effect",
    "live_at_the_end": "blocks that live on at the end, told as ending there",
}


@click.command()
@click.argument("trace", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--to", "form", type=click.Choice(FORMS), help=f"The form to write: {BY_SUFFIX}.")
@click.option("--format", type=click.Choice(list(FORMATS)), help="Read as this format.")
@strict_option
@partial_option
@newest_option
@click.option("--force", is_flag=True, help="Overwrite OUT if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def convert(trace, out, form, format, force, as_json, **wishes):
    """Write a trace in another form.

    The form is told by the suffix of OUT: .parquet (Rangeland's own: everything
    is kept, and a replay can read it in pieces), .rep (malloc exercises), .csv
    (minimalloc: buffers and their lifetimes) or .pickle (a memory snapshot that
    pytorch.org/memory_viz opens); the last three also with .gz, packed. What the
    form cannot say is told.

    OUT is written whole or not at all.
    """
    form = form or form_of(out)
    refuse_output(trace, out, form, force)
    with progress() as bar:
        task = bar.add_task(f"reading {trace}", total=None)
        read = read_trace(
            trace, format, **wishes,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
        bar.update(task, description=f"writing {out}", completed=0, total=len(read))
        result = write(
            read, out, form, force, lambda rows: bar.update(task, completed=min(rows, len(read)))
        )
    if as_json:
        emit_json({"trace": trace, "format": read.format, "out": out, **result})
        return
    tell = console()
    for text in missing(read.notes):
        tell.print(text, markup=False, soft_wrap=True)
    tell.print(
        f"{out}: {result['form']}, {result['events']:,} events in {result['bytes']:,} bytes",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    for what, count in result["untold"].items():
        tell.print(f"  not in it: {count:,} {TOLD[what]}", markup=False, soft_wrap=True)
