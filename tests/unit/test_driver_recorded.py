"""A recorded run under the stress driver: the same blocks, judged."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import rangeland as rl
from rangeland.invariants.recorded import RecordedColumns
from rangeland.invariants.stress import stress_recorded
from rangeland.traces.read import bundled, read_trace
from rangeland.traces.trace import Columns

TRACES = Path(__file__).resolve().parents[1] / "traces"


def columns_of(trace):
    return RecordedColumns(trace.path, trace.op, trace.id, trace.size)


def naive(trace):
    """The sizes that live after each operation, a realloc being two, each sorted."""
    live = {}
    for op, id, size in zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist(), strict=True):
        if op == 2:
            yield sorted([*live.values(), max(1, size)])
        if op == 1:
            del live[id]
        else:
            live[id] = max(1, size)
        yield sorted(live.values())


def test_the_steps_are_the_run(rng):
    columns, live = Columns(), []
    for _ in range(600):
        kind = rng.random()
        if not live or kind < 0.5:
            live.append(columns.alloc(rng.randrange(90)))
        elif kind < 0.8:
            columns.free(live.pop(rng.randrange(len(live))))
        else:
            columns.realloc(rng.choice(live), rng.randrange(90))
    trace = columns.trace({})
    recorded = columns_of(trace)
    steps, blocks = recorded.steps(0, len(recorded)), {}
    for step, expected in zip(steps, naive(trace), strict=True):
        if step[0] == "alloc":
            blocks[step[1]] = step[2]
        else:
            del blocks[step[1]]
        assert sorted(blocks.values()) == expected
    most = max(len(sizes) for sizes in naive(trace))
    assert recorded.most == most
    # Of a realloc that is half done one operation is one event.
    expected = [0]
    for row, op in enumerate(trace.op.tolist()):
        expected += [row + 1] * (2 if op == 2 else 1)
    assert [recorded.events(done) for done in range(len(recorded) + 1)] == expected


@pytest.mark.parametrize("make", [rl.MVFF, partial(rl.MVFF, slot_high=True, first_fit=False)])
def test_a_real_run_is_judged(make):
    trace = read_trace(bundled())
    done = []
    result = stress_recorded(make, columns_of(trace), progress=done.append)
    assert result.ok and result.refused == 0
    assert done[-1] == result.steps == len(trace) + int(np.count_nonzero(trace.op == 2))


def test_what_is_told_repeats_the_run():
    recorded = columns_of(read_trace(TRACES / "perl.rep.gz"))
    assert recorded.of_size(9).sizes.max() == 9
    lines = recorded.call("rl.MVFF", 5)
    assert f"trace = read_trace({str(TRACES / 'perl.rep.gz')!r})" in lines
    scope = {}
    exec("\n".join(["import rangeland as rl", *lines]), scope)
    assert scope["result"].ok


def test_the_command_takes_traces(rangeland):
    path = TRACES / "perl.rep.gz"
    done = rangeland("stress", "--trace", path, "--pool", "mvff", "--pool", "mvff:spare=0", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    pools = json.loads(done.stdout)["pools"]
    assert list(pools) == [f"mvff, {path}", f"mvff:spare=0, {path}"]
    assert all(pool["ok"] and pool["steps"] > 9584 for pool in pools.values())
