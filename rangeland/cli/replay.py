"""`rangeland replay`: the allocations of real programs, in one allocator beside the other."""

import functools
import os

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from rangeland.cli.missing import missing
from rangeland.cli.options import newest_option, partial_option, strict_option
from rangeland.cli.output import console, emit_json, progress
from rangeland.cli.own import contender_of
from rangeland.cli.replay_text import print_section, print_summary
from rangeland.inputs import STANDARD
from rangeland.traces.after import kept_quarters
from rangeland.traces.contenders.names import NAMES
from rangeland.traces.ranking import ranked, verdict
from rangeland.traces.read import FORMATS, bundled, open_trace
from rangeland.traces.result import CannotReplay
from rangeland.traces.side import Ended, cores, side_by_side
from rangeland.traces.source import TraceError
from rangeland.traces.summary import summary
from rangeland.traces.times import take_times

BAR = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
MOST_ROWS = 100_000


@click.command()
@click.argument("traces", metavar="TRACE...", nargs=-1, type=click.Path())
@click.option(
    "--pool",
    "specs",
    metavar="SPEC",
    multiple=True,
    default=("mvff",),
    show_default=True,
    help="What to replay in, with its options: mvff:spare=0.5,extend_by=64K,slot_high=yes or "
    "mfs:unit_size=128, those of the arena as arena.commit_limit=10M or arena.spare=0.1 (the "
    "part of its memory that may be spare); a real allocator, as glibc, with "
    "its settings: glibc:arena_max=1,trim_threshold=128K (tunables of its malloc), "
    "jemalloc:dirty_decay_ms=0 (of MALLOC_CONF), mimalloc:purge_delay=0 and "
    "tcmalloc:release_rate=10 (of their MIMALLOC_ and TCMALLOC_ variables), env.NAME=VALUE; "
    "both with threads=own, memory for each recorded thread: mvff:threads=own, glibc:threads=own; "
    "recorded, what the program's own allocator did; ideal. May be given again. "
    f"There are {', '.join(NAMES)}, the path of a library in C, with a slash, and an allocator of "
    "your own in Python, as `rangeland prove` takes it: path/to/file.py:Class.",
)
@click.option("--format", type=click.Choice(list(FORMATS)), help="Read as this format.")
@strict_option
@partial_option
@newest_option
@click.option("--bundled", "with_bundled", is_flag=True, help="Replay the trace that came along.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Replay in N pools at once; by default as many as there are cores. Times are taken "
    "afterwards, in rounds, if that takes no more than some seconds; else they are truest with 1.",
)
@click.option(
    "--curve",
    type=click.IntRange(1, MOST_ROWS),
    metavar="ROWS",
    help="With --json: give the course of each replay, in about ROWS samples at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def replay(traces, specs, format, with_bundled, jobs, curve, as_json, **wishes):
    """Replay the allocations of a program in pools, and tell which served best.

    A TRACE is what `rangeland info` knows, too: a log of valgrind
    --trace-malloc=yes, of mtrace, heaptrack or ltrace, a .rep file, and more. The pools are told best first, by the most memory that they
    had of the machine, then what that memory was beside what the program asked for, what is held
    after the peak, and how a program gets each of them. Of several traces,
    there is a summary at the end: which is best over all.

    Exit status: 0 it was done; 2 the request or a TRACE was wrong, or the system
    ended the process of a pool: what came of the others is told all the same.
    """
    paths = [*traces, *([str(bundled())] if with_bundled else [])]
    if not paths:
        raise click.UsageError("Missing argument 'TRACE...' (or --bundled).")
    if curve and not as_json:
        raise click.UsageError("--curve is for --json.")
    # The same one twice is one.
    pools = [contender_of(spec) for spec in dict.fromkeys(specs)]
    for pool in pools:
        pool.try_out()
    for path in paths:
        if path != STANDARD:
            os.stat(path)
    read = functools.partial(open_trace, format=format, **wishes)
    sections = [
        _section(read(path), path, pools, jobs or cores(), curve, as_json) for path in paths
    ]
    seen = [(section["trace"], results) for section, results, _ in sections]
    if as_json:
        told = {"traces": [section for section, _, _ in sections]}
        emit_json(told | ({"summary": summary(seen)} if len(seen) > 1 else {}))
    elif len(seen) > 1:
        print_summary(console(), seen)
    if ended := [str(error) for _, _, errors in sections for error in errors]:
        raise click.ClickException("; ".join(ended))
    if not any(results for _, results, _ in sections):
        raise click.ClickException("none of the pools could do it")


def _section(trace, path, pools, jobs, curve, as_json):
    """Replay one trace in all pools, and tell of it: the section as JSON has it, the
    Results, and an Ended for each pool whose process was ended."""
    # A file that is wrong about itself is refused now, and not after the replays.
    figures = trace.figures()
    if not len(trace):
        found = "no event that makes or frees a block"
        raise TraceError(path, None, found, "one at least, to replay")
    outcomes = dict(zip(map(str, pools), _outcomes(trace, pools, jobs, curve), strict=True))
    ended = [outcome for outcome in outcomes.values() if isinstance(outcome, Ended)]
    refused = {n: str(why) for n, why in outcomes.items() if isinstance(why, str | Ended)}
    able = [pool for pool in pools if str(pool) not in refused]
    results = take_times(able, [outcomes[str(pool)] for pool in able], trace)
    order, kept = ranked(results), kept_quarters(trace)
    is_whole = not any(figures.get(name) for name in ("cut_short", "lost", "memray_said"))
    if not as_json:
        whys = [f"{name}: {why.removeprefix(f'{name}: ')}." for name, why in refused.items()]
        told = missing(figures) + whys
        print_section(console(), path, trace.format, figures, results, told, (kept, is_whole))
    section = {
        "trace": path,
        "format": trace.format,
        "figures": figures,
        "pools": [result.to_dict() for result in results],
        "refused": refused,
        "ranking": [result.pool for result in order],
        "verdict": verdict(results, kept, is_whole),
        "kept_quarters": kept,
    }
    return section, results, ended


def _outcomes(trace, pools, jobs, curve):
    """The Result of each pool, or why it cannot do this trace, or an Ended, in their
    order, with a bar each on the way."""
    sampled = {"rows": curve, "curve": True} if curve else {}
    # No thread of rich's, as processes fork.
    with progress(*BAR, auto_refresh=False) as bar:
        tasks = [bar.add_task(str(pool), total=len(trace)) for pool in pools]

        def tell(index, done):
            bar.update(tasks[index], completed=done)
            bar.refresh()

        def work(pool, told):
            try:
                return pool.replay(trace, told, **sampled)
            except CannotReplay as why:
                return str(why)

        return side_by_side(pools, work, tell, jobs)
