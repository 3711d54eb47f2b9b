"""`rangeland generate`: traces that are made up, by a pattern or like another trace."""

import textwrap
from dataclasses import replace
from functools import partial

import click
from rich import box
from rich.table import Table
from rich.text import Text

from rangeland.cli.output import console, emit_json, progress
from rangeland.sizes import EXPECTED, parse_size
from rangeland.traces.convert import FORMS, form_of, refuse_output
from rangeland.traces.generate.distributions import LIFETIME_FORMS, SIZE_FORMS
from rangeland.traces.generate.like import Imitation, closeness
from rangeland.traces.generate.patterns import PATTERNS, pattern_of, plan_of
from rangeland.traces.generate.room import SAMPLE, refuse_too_large
from rangeland.traces.generate.write import Hands
from rangeland.traces.generate.write import generate as write
from rangeland.traces.read import FORMATS, read_trace

EVENTS = 1_000_000
MOST_EVENTS = 10**12
MOST_THREADS = 1 << 14
OPTIONS = ("sizes", "lifetimes", "live", "memory", "largest", "phases")


def _size(context, option, value):
    try:
        return None if value is None else parse_size(value)
    except ValueError:
        raise click.BadParameter(f"{value!r}: expected {EXPECTED}") from None


def _list(context, option, value):
    if value:
        click.echo(_listing(), nl=False)
        context.exit()


def _listing():
    """Each pattern: what happens, from where that is, and what it takes."""
    parts = []
    for pattern in PATTERNS.values():
        takes = " ".join(f"--{name} {value}" for name, value in pattern.defaults.items())
        lines = [pattern.about, f"Source: {pattern.source}.", f"Takes: {takes}"]
        parts.append(pattern.name + "\n" + "\n".join(_indented(line) for line in lines) + "\n")
    return "\n".join(parts)


def _indented(text):
    return textwrap.fill(text, 92, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


@click.command(
    epilog="Patterns: "
    + ", ".join(PATTERNS)
    + "; --list tells of each. Sizes: "
    + "; ".join(SIZE_FORMS)
    + ". Lifetimes, counted in allocations: "
    + "; ".join(LIFETIME_FORMS)
    + "."
)
@click.argument("pattern", required=False)
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list,
              help="Tell of each pattern, its source and its options, and end.")  # fmt: skip
@click.option("--like", metavar="TRACE", type=click.Path(), help="Imitate this trace instead.")
@click.option("--out", type=click.Path(), required=True, help="The file to write; its suffix tells the form.")
@click.option("--events", type=click.IntRange(1, MOST_EVENTS),
              help=f"How many rows; if not given {EVENTS:,}, or what a worst case takes if that "
              "is more; or those of TRACE.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="The same seed makes the same trace.")  # fmt: skip
@click.option("--sizes", metavar="DIST", help="Of blocks.")
@click.option("--lifetimes", metavar="DIST", help="Of blocks, in allocations.")
@click.option("--live", type=click.IntRange(1, 1 << 28), help="Blocks that live at a time.")
@click.option("--memory", metavar="SIZE", callback=_size, help="The most bytes that live at a time.")
@click.option("--largest", metavar="SIZE", callback=_size, help="The largest size.")
@click.option("--phases", type=click.IntRange(1, 1 << 20), help="How many phases or peaks.")
@click.option("--threads", type=click.IntRange(1, MOST_THREADS),
              help="By so many threads, of which some free what another allocated.")  # fmt: skip
@click.option("--to", "form", type=click.Choice(FORMS), help="The form to write, as in convert.")
@click.option("--format", type=click.Choice(list(FORMATS)), help="Read TRACE as this format.")
@click.option("--force", is_flag=True, help="Overwrite OUT if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def generate(pattern, like, out, events, seed, threads, form, format, force, as_json, **options):
    """Make up a trace, by a PATTERN or like another trace.

    A Parquet file is made piece by piece, in memory for what lives, however long
    it is; other forms are made in memory. What will not fit is refused before anything
    is written, with the size that it would have. With --like, what was kept of TRACE
    and how close it is are told.
    """
    if (pattern is None) == (like is None):
        raise click.UsageError("expected either a PATTERN or --like TRACE; --list tells of the patterns")
    form = form or form_of(out)
    refuse_output(like, out, form, force)
    if like is not None:
        if threads is not None:
            raise click.UsageError("--threads goes with a PATTERN only")
        _like(like, out, events, seed, form, format, force, as_json, options)
        return
    if format is not None:
        raise click.UsageError("--format goes with --like only")
    chosen = pattern_of(pattern)
    plan = plan_of(chosen, events or EVENTS, seed, **options)
    least = chosen.round(plan) if chosen.round else 0
    events = events or max(EVENTS, least)
    plan = replace(plan, events=events)
    asked = {name: getattr(plan, name) for name in chosen.defaults}
    asked = {n: v if isinstance(v, int) else str(v) for n, v in asked.items()}
    if threads is not None:
        asked["threads"] = threads
    hands = Hands(threads, seed) if threads else None
    rows = refuse_too_large(chosen.make(plan), events, out, form, hands)
    notes = {"generated": {"pattern": pattern, "seed": seed, **asked}}
    result = _write(rows, events, out, form, force, notes, hands)
    told = {"pattern": pattern, "seed": seed, "options": asked, "out": out, **result}
    _tell(told | ({"round": least} if least else {}), as_json)
    if events < least:
        click.echo(
            f"rangeland: {pattern} does not come to its worst in {events:,} events: with these "
            f"options that takes {least:,}",
            err=True,
        )


def _like(like, out, events, seed, form, format, force, as_json, options):
    for name in OPTIONS:
        if options[name] is not None:
            raise click.UsageError(f"--{name} goes with a PATTERN only")
    with progress() as bar:
        task = bar.add_task(f"reading {like}", total=None)
        tell = partial(bar.update, task)
        trace = read_trace(
            like, format, progress=lambda done, total: tell(completed=done, total=total)
        )
    imitation = Imitation(trace, events, seed)
    events = imitation.plan.events
    # A window of it is made at a time, so that a short one shows what a long one takes.
    short = Imitation(trace, min(events, SAMPLE), seed).rows()
    refuse_too_large(short, events, out, form, at_once=events // imitation.windows)
    notes = {"generated": {"like": like, "seed": seed}}
    result = _write(imitation.rows(), events, out, form, force, notes)
    close = closeness(trace, read_trace(out))
    told = {"like": like, "seed": seed, "out": out, **result}
    told["closeness"] = {
        name: {"trace": one, "made": two, "distance": distance}
        for name, (one, two, distance) in close.items()
    }
    _tell(told, as_json)
    if as_json:
        return
    _tell_closeness(close)
    if resized := trace.figures()["reallocs"]:
        console().print(
            f"Each of the {resized:,} reallocs of {like} became the end of a block and a new one.",
            markup=False, soft_wrap=True,
        )  # fmt: skip


def _write(rows, events, out, form, force, notes, hands=None):
    with progress() as bar:
        task = bar.add_task(f"making {out}", total=events)
        return write(
            rows, events, out, form, force, notes, lambda done: bar.update(task, completed=done), hands
        )


def _tell(told, as_json):
    if as_json:
        emit_json(told)
        return
    figures = told["figures"]
    console().print(
        f"{told['out']}: {told['form']}, {told['events']:,} events in {told['bytes']:,} bytes; "
        f"{figures['allocs']:,} allocs, {figures['frees']:,} frees, {figures['reallocs']:,} reallocs; "
        f"at most {figures['max_live']:,} blocks and {figures['peak_bytes']:,} bytes live",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _tell_closeness(close):
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in ("", "of TRACE", "of OUT", "distance"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for name, (one, two, distance) in close.items():
        numbers = ["", ""] if one is None else [f"{one:,}", f"{two:,}"]
        table.add_row(*map(Text, (name, *numbers, f"{distance:.1%}")))
    console().print(table)
