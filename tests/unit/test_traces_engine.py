"""The replay engine does what a client who calls the pool itself would do."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from rangeland.traces import replay as module
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.read import bundled, read_trace
from rangeland.traces.replay import Failure, replay
from rangeland.traces.specs import parse_spec
from rangeland.traces.trace import Columns, Trace
from vm.results import AllocationError, ParamError, ProtocolError

HERE = Path(__file__).resolve().parents[1] / "traces"
SPECS = [
    "mvff",
    "mvff:slot_high=yes,first_fit=no,arena_high=yes,spare=0.1,extend_by=4K",
    "mvff:arena.commit_limit=400K",
    "mfs",
    "mfs:unit_size=64",
]


def by_hand(trace, spec):
    """The figures of a replay done through the pool's public face, one call at a time."""
    blocks, live, failures, first = {}, 0, 0, None
    unit = spec.options.get("unit_size", trace.largest) if spec.kind == "mfs" else 1

    def asked(size):
        return max(size, unit)

    with spec(trace) as pool:
        peaks = [0, pool.arena.committed, 0]
        for event, (op, id, size) in enumerate(
            zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist(), strict=True)
        ):
            old = blocks.get(id)
            if op == FREE:
                blocks.pop(id, None)
            else:
                try:
                    blocks[id] = pool.alloc(asked(size)), size
                except (AllocationError, ParamError) as error:
                    failures += 1
                    first = first or Failure(event, max(size, 1), error.result)
                    continue
                live += size
                peaks[1:] = max(peaks[1], pool.arena.committed), max(peaks[2], pool.total_size)
            if old is not None:
                pool.free(old[0], asked(old[1]))
                live -= old[1]
            now = live, pool.arena.committed, pool.total_size
            peaks = [max(pair) for pair in zip(peaks, now, strict=True)]
        end = pool.total_size, pool.free_size, pool.largest_free
    return failures, first, peaks, end


def random_trace(rng, count):
    """A trace of `count` events, sizes small and large, some 0."""
    columns, live = Columns(), []
    for _ in range(count):
        size = rng.choice((0, rng.randrange(64), rng.randrange(5000), rng.randrange(90000)))
        kind = rng.random()
        if not live or kind < 0.5:
            live.append(columns.alloc(size))
        elif kind < 0.85:
            columns.free(live.pop(rng.randrange(len(live))))
        else:
            columns.realloc(rng.choice(live), size)
    return columns.trace({})


@pytest.mark.parametrize("spec", SPECS)
def test_a_replay_is_what_a_client_would_have_done(rng, spec):
    trace = random_trace(rng, 1500)
    spec = parse_spec(spec)
    result = replay(trace, spec)
    failures, first, peaks, end = by_hand(trace, spec)
    assert (result.failures, result.first_failure) == (failures, first)
    assert [result.peak_live, result.peak_committed, result.peak_total] == peaks
    assert (result.total_size, result.free_size, result.largest_free) == end
    assert result.operations == 1500
    assert result.pool == str(spec)
    if not failures:
        assert result.peak_live == trace.figures()["peak_bytes"]
        held = trace.figures()["live_end_bytes"]
        assert held <= result.total_size - result.free_size
    assert bool(failures) == (str(spec) in (SPECS[2], SPECS[4]))


def test_the_bundled_trace():
    trace = read_trace(bundled())
    done = []
    result = replay(trace, parse_spec("mvff"), done.append)
    peak = int(np.argmax(np.cumsum(trace.deltas()))) + 1
    assert done == [peak, 27696]
    assert (result.operations, result.failures, result.peak_live) == (27696, 0, 115735)
    assert result.peak_live < result.peak_total < result.peak_committed < 1 << 20
    assert result.seconds > 0
    assert result.operations_per_second == pytest.approx(27696 / result.seconds)


def test_free_memory_is_told_at_the_peak_too(rng):
    trace = random_trace(rng, 600)
    row = int(np.argmax(np.cumsum(trace.deltas())))
    head = Trace(trace.op[: row + 1], trace.id[: row + 1], trace.size[: row + 1])
    whole, part = (replay(t, parse_spec("mvff")) for t in (trace, head))
    assert (whole.peak_free_size, whole.peak_largest_free) == (part.free_size, part.largest_free)
    assert whole.peak_live == part.peak_live == trace.figures()["peak_bytes"]


def test_a_recorded_run_with_blocks_left_over():
    trace = read_trace(HERE / "perl.rep.gz")
    result = replay(trace, parse_spec("mvff"))
    assert result.peak_live == 474068
    assert 0 < result.largest_free <= result.free_size
    assert result.total_size - result.free_size >= trace.figures()["live_end_bytes"]


def test_a_replay_goes_on_slice_by_slice(monkeypatch, rng):
    trace = random_trace(rng, 1000)
    whole = asdict(replay(trace, parse_spec("mvff")))
    monkeypatch.setattr(module, "SLICE", 300)
    done = []
    sliced = asdict(replay(trace, parse_spec("mvff"), done.append))
    peak = int(np.argmax(np.cumsum(trace.deltas()))) + 1
    # The peak may be the end: then there is nothing after it.
    after = [*range(peak + 300, 1000, 300), 1000] if peak < 1000 else []
    assert done == [*range(300, peak, 300), peak, *after]
    for name in ("seconds", "operations_per_second"):
        del whole[name], sliced[name]
    assert whole == sliced


def test_an_interrupt_between_slices_stops_it(monkeypatch, rng):
    monkeypatch.setattr(module, "SLICE", 100)
    arenas = []

    def make_pool(trace):
        context = parse_spec("mvff")(trace)

        class Kept:
            def __enter__(self):
                pool = context.__enter__()
                arenas.append(pool.arena)
                return pool

            def __exit__(self, *exc):
                return context.__exit__(*exc)

        return Kept()

    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(random_trace(rng, 500), make_pool, interrupt)
    assert not arenas[0].alive


def test_a_failed_realloc_keeps_the_old_block_and_a_failed_alloc_is_left_out():
    ops = [ALLOC, REALLOC, ALLOC, REALLOC, FREE, FREE]
    trace = Trace(ops, [0, 0, 1, 1, 1, 0], [40, 90, 80, 50, 0, 0])
    result = replay(trace, parse_spec("mfs:unit_size=64"))
    assert result.failures == 2
    assert result.first_failure == Failure(1, 90, "PARAM")
    assert result.peak_live == 90
    assert result.free_size == result.total_size > 0


def test_blocks_of_no_bytes_take_one():
    trace = Trace([ALLOC, REALLOC], [0, 0], [0, 0])
    result = replay(trace, parse_spec("mvff"))
    assert (result.peak_live, result.failures) == (0, 0)
    assert result.total_size - result.free_size == 8


def test_an_empty_trace():
    result = replay(Trace([], [], []), parse_spec("mvff"))
    assert (result.operations, result.peak_live, result.operations_per_second) == (0, 0, 0)
    assert result.first_failure is None


def test_a_pool_that_refuses_a_free_is_told_with_the_event():
    trace = Trace([ALLOC, ALLOC, FREE], [0, 1, 0], [64, 64, 0])

    class Thief:
        """Gives a pool, and frees the trace's first block behind its back."""

        def __enter__(self):
            self.context = parse_spec("mvff")(trace)
            self.pool = self.context.__enter__()
            self.first = self.pool.alloc(64)
            self.pool.free(self.first, 64)
            return self.pool

        def __exit__(self, *exc):
            self.context.__exit__(*exc)

    thief = Thief()

    def steal(done):
        if done == 2:
            thief.pool.free(thief.first, 64)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SLICE", 1)
        with pytest.raises(ProtocolError, match="refused the free of event 2 of the trace"):
            replay(trace, lambda trace: thief, steal)
