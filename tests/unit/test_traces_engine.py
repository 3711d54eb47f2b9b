"""The replay engine does what a client who calls the pool itself would do."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from rangeland.traces import replay as module
from rangeland.traces.engine import Engine
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.metrics import CAUSES, causes
from rangeland.traces.read import bundled, open_trace, read_trace
from rangeland.traces.replay import replay
from rangeland.traces.result import Failure
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
    blocks, live, failures, first, sums = {}, 0, 0, None, [0, 0]
    unit = spec.options.get("unit_size", trace.largest) if spec.kind == "mfs" else 1
    resized = [0, 0]

    def asked(size):
        return max(size, unit, 1)

    with spec(trace) as pool:
        arena = pool.arena
        peaks, top = [0, arena.committed, 0], (arena.committed, 0)
        for event, (op, id, size) in enumerate(
            zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist(), strict=True)
        ):
            old = blocks.get(id)
            if op == REALLOC and old and pool.resize(old[0], asked(old[1]), max(size, 1)):
                blocks[id] = old[0], size
                live += size - old[1]
                resized[0] += 1
            elif op == FREE:
                if blocks.pop(id, None):
                    pool.free(old[0], asked(old[1]))
                    live -= old[1]
            else:
                try:
                    blocks[id] = pool.alloc(asked(size)), size
                except (AllocationError, ParamError) as error:
                    failures += 1
                    first = first or Failure(event, max(size, 1), error.result)
                else:
                    live += size
                    peaks[1:] = max(peaks[1], arena.committed), max(peaks[2], pool.total_size)
                    top = max(top, (arena.committed, live), key=lambda pair: pair[0])
                    if old is not None:
                        resized[1] += 1
                        pool.free(old[0], asked(old[1]))
                        live -= old[1]
            now = live, arena.committed, pool.total_size
            peaks = [max(pair) for pair in zip(peaks, now, strict=True)]
            top = max(top, (arena.committed, live), key=lambda pair: pair[0])
            sums = [sums[0] + live, sums[1] + arena.committed]
        end = pool.total_size, pool.free_size, pool.largest_free
    means = [value / max(1, len(trace)) for value in sums]
    return failures, first, peaks, end, means, top[1], resized


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
    failures, first, peaks, end, means, live_at_top, resized = by_hand(trace, spec)
    assert (result.failures, result.first_failure) == (failures, first)
    assert [result.peak_live, result.peak_committed, result.peak_total] == peaks
    assert (result.total_size, result.free_size, result.largest_free) == end
    assert [result.mean_live, result.mean_committed] == pytest.approx(means, abs=1e-6)
    assert result.live_at_peak_committed == live_at_top
    assert [result.reallocs_in_place, result.reallocs_moved] == resized
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
    assert done == [27696]
    assert (result.operations, result.failures, result.peak_live) == (27696, 0, 115735)
    assert result.peak_live < result.peak_total < result.peak_committed < 1 << 20
    assert result.seconds > 0
    assert result.operations_per_second == pytest.approx(27696 / result.seconds)
    assert result.reallocs_in_place + result.reallocs_moved == 736


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


def test_a_curve_is_bounded_and_keeps_every_peak(rng):
    trace = random_trace(rng, 6000)
    full = replay(trace, parse_spec("mvff"), rows=1, curve=True)
    live = np.cumsum(trace.deltas())
    peak = int(np.argmax(live)) + 1
    for rows in (0, 1, 3, 7, 512):
        result = replay(trace, parse_spec("mvff"), rows=rows, curve=True)
        curve = result.curve
        assert len(curve) <= rows + 2
        events = [sample["event"] for sample in curve]
        assert events == sorted(set(events)) and events[-1] == 6000 and peak in events
        for before, sample in zip([0, *events], curve, strict=False):
            part = live[max(0, before - 1) : sample["event"]]
            assert sample["live"] == live[sample["event"] - 1]
            assert sample["peak_live"] == (part.max() if before else max(part.max(), 0))
        for name in ("peak_live", "peak_committed", "peak_total"):
            top = max(sample[name] for sample in curve)
            assert top == getattr(result, name) == getattr(full, name)
        assert result.mean_committed == full.mean_committed
    with pytest.raises(ParamError, match="rows is -1"):
        replay(trace, parse_spec("mvff"), rows=-1)


def test_the_causes_sum_up_to_what_is_committed_beyond_what_lives(rng):
    for spec in SPECS:
        result = replay(random_trace(rng, 3000), parse_spec(spec), curve=True)
        for sample in result.curve:
            row = [*sample.values(), 0, 0]
            assert sum(causes(row).values()) == sample["committed"] - sample["live"]
            assert min(causes(row).values()) >= 0
        assert set(result.peak_causes) == set(result.mean_causes) == set(CAUSES)
        far = result.committed_at_peak_live - result.peak_live
        assert sum(result.causes_at_peak_live.values()) == far or result.failures
        beyond = result.peak_committed - result.live_at_peak_committed
        assert sum(result.peak_causes.values()) == beyond
        assert min(result.peak_causes.values()) >= 0


def test_a_replay_goes_on_slice_by_slice(monkeypatch, rng):
    trace = random_trace(rng, 3000)
    whole = asdict(replay(trace, parse_spec("mvff")))
    monkeypatch.setattr(module, "SLICE", 300)
    done = []
    sliced = asdict(replay(trace, parse_spec("mvff"), done.append))
    assert done[-1] == 3000 and len(done) > 5 and done == sorted(done)
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
        replay(random_trace(rng, 5000), make_pool, interrupt)
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


def test_the_witness_is_the_first_that_failed_though_enough_was_free():
    # Blocks of 64 bytes; every other one goes; then one of 100 fits nowhere.
    count = 4000
    ops = [ALLOC] * count + [FREE] * (count // 2) + [ALLOC] * 2 + [FREE]
    ids = [*range(count), *range(0, count, 2), count, count + 1, 1]
    sizes = [64] * count + [0] * (count // 2) + [10_000, 64, 0]
    trace = Trace(ops, ids, sizes)
    limit = replay(Trace(ops[:count], ids[:count], sizes[:count]), parse_spec("mvff"))
    limit = limit.peak_committed
    result = replay(trace, parse_spec(f"mvff:spare=1,arena.commit_limit={limit}"))
    witness = result.witness
    assert (result.failures, result.first_failure.event) == (1, witness.event) == (1, 6000)
    assert witness.size == 10_000 <= witness.free and witness.largest_free < 10_000
    assert witness.live == 64 * count // 2 and witness.committed <= limit
    sizes = [limit - base for base, limit in witness.ranges]
    assert len(sizes) == 16 and sizes == sorted(sizes, reverse=True) and sizes[0] == witness.largest_free
    # What nobody has free bytes for is no witness.
    result = replay(Trace([ALLOC], [0], [1 << 30]), parse_spec("mvff:arena.commit_limit=400K"))
    assert (result.failures, result.witness) == (1, None)


@pytest.mark.parametrize("spec", ["mvff", "mvff:align=32,slot_high=yes", "mfs:unit_size=4096"])
def test_blocks_are_aligned_as_the_program_asked(rng, spec):
    columns, live = Columns(), []
    for _ in range(1500):
        kind = rng.random()
        if not live or kind < 0.5:
            alignment = rng.choice((None, 8, 16, 64, 1024))
            live.append(columns.alloc(rng.randrange(2000), alignment))
        elif kind < 0.8:
            columns.free(live.pop(rng.randrange(len(live))))
        else:
            columns.realloc(rng.choice(live), rng.randrange(2000))
    trace = columns.trace({})
    assert trace.has_alignment
    result = replay(trace, parse_spec(spec), curve=True)
    assert (result.failures, result.peak_live) == (0, trace.figures()["peak_bytes"])
    if spec.startswith("mfs"):
        # The pool has no aligned units: each such block was asked for larger.
        refused = replay(Trace([ALLOC], [0], [4090], [16]), parse_spec(spec))
        assert refused.first_failure == Failure(0, 4090, "PARAM", 16)
    with pytest.raises(ParamError, match="aligned=True"), parse_spec(spec)(trace) as pool:
        Engine(pool, trace.slots).load(0, trace.op, trace.id, trace.size, trace.alignment)


def test_pieces_are_one_trace(rng):
    trace = random_trace(rng, 4000)

    class Cut:
        """A trace in four pieces, whose ids are those of live blocks at the time."""

        slots, has_alignment, largest = trace.slots, False, trace.largest
        peak_event = trace.peak_event

        def __len__(self):
            return len(trace)

        def pieces(self):
            for first in range(0, len(trace), 1100):
                part = slice(first, first + 1100)
                yield trace.op[part], trace.id[part], trace.size[part], None

    whole, cut = (asdict(replay(t, parse_spec("mvff"), curve=True)) for t in (trace, Cut()))
    for name in ("seconds", "operations_per_second"):
        del whole[name], cut[name]
    assert whole == cut

    class Short(Cut):
        def pieces(self):
            yield trace.op[:5], trace.id[:5], trace.size[:5], None

    with pytest.raises(ParamError, match="5 events in its pieces: expected 4000"):
        replay(Short(), parse_spec("mvff"))


def test_a_trace_in_pieces_from_a_file_is_replayed_alike(rng, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from rangeland.traces import parquet, slots

    monkeypatch.setattr(parquet, "PIECE", 700)
    columns, live = Columns(), []
    for _ in range(3000):
        kind = rng.random()
        if not live or kind < 0.5:
            live.append(columns.alloc(rng.randrange(3000), rng.choice((None, 64))))
        elif kind < 0.9:
            columns.free(live.pop(rng.randrange(len(live))))
        else:
            columns.realloc(rng.choice(live), rng.randrange(3000))
    trace = columns.trace({})
    parquet.write_parquet(trace, tmp_path / "a.parquet")
    pieces = open_trace(tmp_path / "a.parquet")
    assert isinstance(pieces, parquet.Pieces) and len(list(pieces.pieces())) > 2
    assert pieces.slots < trace.slots and slots.PIECE > 700
    assert pieces.figures()["peak_bytes"] == trace.figures()["peak_bytes"]
    whole, cut = (asdict(replay(t, parse_spec("mvff"), curve=True)) for t in (trace, pieces))
    for name in ("seconds", "operations_per_second"):
        del whole[name], cut[name]
    assert whole == cut


@pytest.mark.parametrize("spec", ["worstfit", "nextfit", "mvff", "lifofit"])
def test_no_peak_is_lost_where_a_free_needs_a_page(rng, spec):
    trace = random_trace(rng, 4000)
    result = replay(trace, parse_spec(spec), rows=len(trace), curve=True)
    assert len(result.curve) == len(trace)
    assert result.peak_committed == max(row["peak_committed"] for row in result.curve)
    for row in result.curve:
        assert row["committed"] <= row["peak_committed"]
        assert sum(row[cause] for cause in CAUSES) == row["committed"] - row["live"]
