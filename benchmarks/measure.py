"""What is measured: pools beside libc in one loop, growth, calls, creation."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import workload

import rangeland as rl
from rangeland import speed
from rangeland.traces.contenders.names import parse_contender
from rangeland.traces.contenders.real import KNOWN
from rangeland.traces.engine import Engine
from rangeland.traces.read import read_trace
from rangeland.traces.specs import POOLS as POLICIES
from rangeland.version import VERSION

HERE = Path(__file__).parent
TRACES = HERE / "traces"
SEED = 20261121
LIVE_SETS = (1_000, 20_000)
UNIT = 64
# The pool classes beside ours that people compare with
GROWTH = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
ARENA_SIZE = 1 << 30


def yardstick():
    """The module of the yardstick, built in a folder of its own."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    folder = tempfile.mkdtemp(prefix="rangeland-benchmark-")
    source = os.path.join(folder, "yardstick.pyx")
    Path(source).write_text((HERE / "yardstick.pyx").read_text())
    include = [str(Path(sys.modules["vm"].__file__).parents[1])]
    extension = Extension("yardstick", [source], extra_compile_args=["-O3"])
    modules = cythonize([extension], include_path=include, quiet=True)
    command = build_ext(Distribution({"ext_modules": modules}))
    command.build_lib = command.build_temp = folder
    command.ensure_finalized()
    command.run()
    sys.path.insert(0, folder)
    import yardstick as module

    return module


def timed(make, columns, skip=0):
    """Nanoseconds per operation of one replay in the pool that `make` gives,
    the first `skip` operations done but not timed."""
    op, ids, sizes, blocks = columns
    pool, arena = make()
    engine = Engine(pool, blocks)
    engine.load(0, op, ids, sizes)
    stop = engine.run(0, skip)
    begin = time.perf_counter_ns()
    stop = max(stop, engine.run(skip, len(op)))
    nanoseconds = time.perf_counter_ns() - begin
    assert stop == -1 and engine.failures == 0, "the replay went through"
    if arena is not None:
        pool.destroy()
        arena.destroy()
    return nanoseconds / (len(op) - skip)


def maker(kind, *options):
    """What makes a pool of class `kind`, and its arena: a pair."""

    def make():
        arena = rl.Arena(size=ARENA_SIZE)
        return kind(arena, *options), arena

    return make


mvff = maker(rl.MVFF)
# Name of a pool: what makes it, and the one size of its blocks or None.
POOLS = {
    "MVFF": (mvff, None),
    "BestFit": (maker(rl.BestFit), None),
    "WorstFit": (maker(rl.WorstFit), None),
    "NextFit": (maker(rl.NextFit), None),
    "LIFOFit": (maker(rl.LIFOFit), None),
    "Buddy": (maker(rl.Buddy), None),
    "SegFit": (maker(rl.SegFit), None),
    "Slab": (maker(rl.Slab), None),
    "MFS": (maker(rl.MFS, UNIT), UNIT),
}


def beside(makes, columns, rounds):
    """Median nanoseconds per operation of each of `makes`, run in turn."""
    times = {name: [] for name in makes}
    for _ in range(rounds):
        for name, make in makes.items():
            times[name].append(timed(make, columns))
    return {name: median(taken) for name, taken in times.items()}


def pools_beside_libc(operations, rounds):
    """Rows of (pool, live set, ns, libc ns, ratio)."""
    module = yardstick()
    space = rl.AddressSpace(size=1 << 20)
    rows = []
    for name, (make, unit) in POOLS.items():
        for live in LIVE_SETS:
            columns = workload.turnover(live, operations, SEED, unit)
            makes = {"libc": lambda: (module.Libc(space), None), name: make}
            found = beside(makes, columns, rounds)
            rows.append([name, live, found[name], found["libc"], found[name] / found["libc"]])
    return rows


def on_traces(rounds):
    """Per trace: its name, its operations, and rows of (contender, ns, peak bytes,
    what these are of), the contenders in turn."""
    names = [*(name for name in POLICIES if name != "mfs"), *KNOWN]
    contenders = {name: parse_contender(name) for name in names}
    for name, contender in list(contenders.items()):
        try:
            contender.try_out()
        except rl.ParamError as error:
            print(f"left out: {error}", file=sys.stderr)
            del contenders[name]
    return [_on_trace(path, contenders, rounds) for path in sorted(TRACES.glob("*.gz"))]


def _on_trace(path, contenders, rounds):
    trace = read_trace(path)
    times = {name: [] for name in contenders}
    rows = []
    for turn in range(rounds):
        for name, contender in contenders.items():
            result = contender.replay(trace, rows=0)
            assert result.failures == 0, "the replay went through"
            times[name].append(1e9 / result.operations_per_second)
            if turn == 0:
                rows.append([name, 0, result.peak_committed, result.measure])
    for row in rows:
        row[1] = median(times[row[0]])
    return [path.name.removesuffix(".log.gz"), len(trace), trace.figures()["peak_bytes"], rows]


def growth(operations):
    """Rows of (live set, ns per operation once it lives, ns per level of log2)."""
    rows = []
    for live in GROWTH:
        columns = workload.turnover(live, live + operations, SEED)
        taken = min(timed(mvff, columns, skip=live) for _ in range(3))
        rows.append([live, taken, taken / float(np.log2(live))])
    return rows


def from_python(count=200_000):
    """Nanoseconds of one alloc and of one free called from Python."""
    pool, arena = mvff()
    alloc, free = pool.alloc, pool.free
    blocks = [0] * count
    begin = time.perf_counter_ns()
    for i in range(count):
        blocks[i] = alloc(120)
    middle = time.perf_counter_ns()
    for address in blocks:
        free(address, 120)
    end = time.perf_counter_ns()
    pool.destroy()
    arena.destroy()
    return (middle - begin) / count, (end - middle) / count


def creation(count=100):
    """Microseconds to create and destroy an arena: the median."""
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        rl.Arena().destroy()
        times.append(time.perf_counter_ns() - begin)
    return median(times) / 1000


def interpreted(operations):
    """Microseconds per operation of MVFF, interpreted, for each live set."""
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); import measure, workload\n"
        f"assert measure.speed.name() == 'interpreted'\n"
        f"for live in measure.LIVE_SETS:\n"
        f"    columns = workload.turnover(live, {operations} + live, measure.SEED)\n"
        f"    print(measure.timed(measure.mvff, columns))"
    )
    environment = {**os.environ, "RANGELAND_INTERPRETED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return [float(line) / 1000 for line in done.stdout.split()]


def measure(operations, rounds):
    """All figures, as plain data."""
    alloc, free = from_python()
    return {
        "version": VERSION,
        "speed": speed.name(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "seed": SEED,
        "operations": operations,
        "rounds": rounds,
        "beside_libc": pools_beside_libc(operations, rounds),
        "on_traces": on_traces(rounds),
        "growth": growth(operations // 4),
        "alloc_from_python_ns": alloc,
        "free_from_python_ns": free,
        "create_and_destroy_us": creation(),
        "interpreted_us": dict(zip(map(str, LIVE_SETS), interpreted(operations // 20))),
    }
