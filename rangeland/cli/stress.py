"""The command `rangeland stress`: long runs of pools, every operation judged."""

from contextlib import contextmanager
from dataclasses import fields
from functools import partial

import click
from click.core import ParameterSource

from arena.arena import Arena
from rangeland.cli.output import console, emit_json, progress
from rangeland.cli.own import is_own
from rangeland.cli.subjects import load_subject
from rangeland.cli.tables import print_table
from rangeland.invariants.columns import LIFETIMES, SIZES
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import Result
from rangeland.invariants.library import prove_library
from rangeland.invariants.recorded import RecordedColumns
from rangeland.invariants.stress import StressResult, stress_recorded
from rangeland.invariants.stress import stress as drive
from rangeland.sizes import parse_size
from rangeland.traces.fields import ALLOC
from rangeland.traces.read import read_trace
from rangeland.traces.specs import PoolSpec, parse_spec
from rangeland.traces.trace import Trace
from vm.results import ParamError

# A pool of one size has this one, unless the spec says another.
UNIT = 64
# What every arena begins with here, unless the spec says otherwise.
ARENA = {"size": 1 << 24}
# The options that say what is drawn.
# Those that a library in C has none of, as `prove` draws for it.
OF_POOLS = ("traces", "seconds", "sizes", "lifetime", "live", "every")
LIBRARY_STEPS = 2000
DRAWN = ("seed", "seconds", "sizes", "lifetime", "live")


class _Own(PoolSpec):
    """What a factory of somebody's own makes, in the place of a pool spec."""

    def make(self, trace):
        """The factory."""
        return load_subject(self.text)

    def try_out(self):
        """Raises: CannotTry, OSError if there is no such factory."""
        Factory(self.make(None))


def _subject(text):
    return _Own(text, "") if is_own(text) else parse_spec(text)


def _is_library(text):
    return "/" in text and not is_own(text)


def _library(path, operations, seed, told):
    """The StressResult of so many steps of `prove --library`, one thread's."""
    steps = min(operations, LIBRARY_STEPS)
    examples = -(-operations // steps)
    result = prove_library(
        path, seed, examples, steps, threads=1, progress=lambda done, total: told(done * steps)
    )
    shown = {field.name: getattr(result, field.name) for field in fields(Result)}
    return StressResult(**shown, refused=result.refused, events=result.steps, unit=None)


def _sizes(context, option, value):
    if value in SIZES:
        return value
    try:
        return parse_size(value)
    except ValueError:
        names = ", ".join(SIZES)
        raise click.BadParameter(f"{value!r}: expected {names}, or a size") from None


@click.command()
@click.option(
    "--pool",
    "specs",
    metavar="SPEC",
    multiple=True,
    default=("mvff", f"mfs:unit_size={UNIT}"),
    show_default=True,
    help="A pool to drive, as `rangeland replay` takes it, or an allocator of your own, as "
    "`rangeland prove` takes it: path/to/file.py:Class, or the path of a library in C, with a "
    "slash, which is done what `prove --library` draws. May be given again.",
)
@click.option(
    "--trace", "traces", metavar="TRACE", multiple=True, type=click.Path(),
    help="Do what a recorded program did, instead of what is drawn: a realloc as an alloc "
    "and a free. May be given again.",
)  # fmt: skip
@click.option(
    "--operations", type=click.IntRange(1), default=10_000_000, show_default=True,
    help="How many; with --trace the first so many of each, and without this all.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--seconds", type=click.FloatRange(0), help="End each run after so long.")
@click.option(
    "--sizes",
    default="mixed",
    show_default=True,
    callback=_sizes,
    help=f"Of blocks: {', '.join(SIZES)}, or one size.",
)
@click.option(
    "--lifetime", type=click.Choice(list(LIFETIMES)), default="mixed", show_default=True
)
@click.option(
    "--live", type=click.IntRange(1, 1 << 24), default=1000, show_default=True,
    help="The most blocks that live at a time.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(1), default=1_000_000, show_default=True,
    help="Operations between two checks of all that lies in memory.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
@click.pass_context
def stress(context, specs, traces, operations, seed, seconds, sizes, lifetime, live, every, as_json):
    """Drive pools for millions of operations, and judge each of them.

    Blocks must be aligned, lie in memory, be apart and keep their contents;
    what a pool counts must be what lives in it. Now and then all that lies in
    memory is checked, by the arena itself and by a judge of its bytes.

    Exit status: 0 if every invariant held, 1 if one did not, and then a
    program of few lines that shows it is printed; 2 if it could not be tried.
    """
    for name in DRAWN if traces else ():
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is for what is drawn: expected no --trace beside it")
    source = context.get_parameter_source
    given = {name for name in context.params if source(name) == ParameterSource.COMMANDLINE}
    libraries = list(filter(_is_library, specs))
    for name in OF_POOLS if libraries else ():
        if name in given:
            option = "trace" if name == "traces" else name
            raise click.UsageError(f"--{option} is for pools: expected no library in C beside it")
    pools = [(spec, _subject(spec)) for spec in specs if spec not in libraries]
    for text, spec in pools:
        if spec.own:
            raise ParamError(f"pool spec {text!r}: a run is that of one pool: expected threads=one")
        spec.try_out()
    results = {}
    with progress() as bar:
        most = operations if "operations" in given else None
        for path in traces:
            results |= _recorded(path, pools, every, bar, most)
        for name, spec in () if traces else pools:
            with _task(bar, name, operations) as told:
                results[name] = drive(
                    spec.make(Trace([ALLOC], [0], [UNIT])),
                    operations,
                    seed,
                    sizes=sizes,
                    lifetime=lifetime,
                    most=live,
                    every=every,
                    seconds=seconds,
                    make_arena=partial(Arena, **ARENA | spec.arena),
                    progress=told,
                )
        for path in libraries:
            with _task(bar, path, operations) as told:
                results[path] = _library(path, operations, seed, told)
    if as_json:
        emit_json({"pools": {name: result.to_dict() for name, result in results.items()}})
    else:
        _print(results)
    if not all(result.ok for result in results.values()):
        raise click.exceptions.Exit(1)


@contextmanager
def _task(bar, name, total):
    """What to tell the operations done, for a line of the bar."""
    task = bar.add_task(name, total=total)
    yield lambda done: bar.update(task, completed=done)
    bar.remove_task(task)


def _recorded(path, pools, every, bar, operations):
    """The results of the trace `path` in each pool: {"POOL, PATH": result}."""
    trace = read_trace(path)
    columns = RecordedColumns(path, trace.op, trace.id, trace.size)
    results = {}
    for name, spec in pools:
        with _task(bar, f"{name}, {path}", len(columns)) as told:
            results[f"{name}, {path}"] = stress_recorded(
                spec.make(trace),
                columns,
                every=every,
                make_arena=partial(Arena, **ARENA | spec.arena),
                progress=told,
                operations=operations,
            )
    return results


def _print(results):
    rows = [
        (
            name,
            f"{result.events:,}",
            f"{result.refused:,}",
            f"{result.operations_per_second:,.0f}",
            result.invariant or "nothing",
        )
        for name, result in results.items()
    ]
    out = console()
    print_table(out, "pool", ("operations", "refused", "ops/s", "broken"), rows)
    for name, result in results.items():
        if result.unit is not None:
            text = f"{name}: each block has the one size of the pool, {result.unit:,} bytes."
            out.print(text, markup=False, soft_wrap=True)
    for name, result in results.items():
        if not result.ok:
            click.echo(f"\n{name}, seed {result.seed}, after {result.steps:,} operations:")
            click.echo(str(result.finding))
