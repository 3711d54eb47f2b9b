"""A pool for each thread of a trace: as a client would have done who keeps them himself."""

from dataclasses import asdict

import numpy as np
import pytest

from rangeland.traces.crew import MOST_THREADS, Crew
from rangeland.traces.engine import Engine
from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.metrics import causes
from rangeland.traces.read import open_trace
from rangeland.traces.replay import replay
from rangeland.traces.result import CannotReplay, Failure
from rangeland.traces.specs import parse_spec
from rangeland.traces.trace import Columns, Trace
from vm.results import NAMES, AllocationError, ParamError

SPECS = [
    "mvff:threads=own",
    "mvff:slot_high=yes,first_fit=no,spare=0.1,extend_by=4K,threads=own",
    "mvff:threads=own,arena.commit_limit=900K",
    "segfit:threads=own",
    "lifofit:threads=own,spare=0",
    "slab:threads=own",
]
TIMES = ("seconds", "operations_per_second")


def random_trace(rng, count, threads=7, aligned=False):
    """A trace of `count` events of several threads, each of which does what it
    likes with all blocks; the last of them only frees."""
    columns, live = Columns(), []
    for _ in range(count):
        size = rng.choice((0, rng.randrange(64), rng.randrange(5000), rng.randrange(40000)))
        kind, thread = rng.random(), rng.randrange(threads - 1)
        if not live or kind < 0.5:
            alignment = rng.choice((None, 64)) if aligned else None
            live.append(columns.alloc(size, alignment, thread=thread))
        elif kind < 0.85:
            columns.free(live.pop(rng.randrange(len(live))), thread=rng.choice((thread, threads - 1)))
        else:
            columns.realloc(rng.choice(live), size, thread=thread)
    return columns.trace({})


class Client:
    """The blocks and the pools of each thread, by the pools' public face."""

    def __init__(self, arena, first, make):
        self.arena, self.make, self.unclaimed = arena, make, first
        self.pools, self.blocks, self.live = {}, {}, 0
        self.resized = [0, 0]

    def pool(self, thread):
        if thread not in self.pools:
            self.pools[thread] = self.unclaimed or self.make(self.arena)
            self.unclaimed = None
        return self.pools[thread]

    def alloc(self, thread, id, size):
        pool = self.pool(thread)
        address = pool.alloc(max(size, 1))
        old = self.blocks.get(id)
        self.blocks[id] = pool, address, size
        self.live += size
        return old

    def free(self, block):
        pool, address, size = block
        pool.free(address, max(size, 1))
        self.live -= size

    def stays(self, id, size):
        pool, address, old = self.blocks[id]
        if not pool.resize(address, max(old, 1), max(size, 1)):
            return False
        self.blocks[id] = pool, address, size
        self.live += size - old
        self.resized[0] += 1
        return True

    def sums(self):
        pools = [*self.pools.values(), *filter(None, [self.unclaimed])]
        return [sum(getattr(pool, name) for pool in pools) for name in
                ("total_size", "free_size", "slack_size", "whole_free_size")]  # fmt: skip


def by_hand(trace, spec):
    """The figures of the client's run, event by event."""
    failures, first, sums = 0, None, [0, 0]
    with parse_spec(str(spec).replace("threads=own", "threads=one"))(trace) as pool:
        client = Client(pool.arena, pool, spec.make(trace))
        peaks = [0, pool.arena.committed, 0]
        rows = zip(*(c.tolist() for c in (trace.op, trace.id, trace.size, trace.thread)), strict=True)
        for event, (op, id, size, thread) in enumerate(rows):
            if op == FREE:
                if id in client.blocks:
                    client.free(client.blocks.pop(id))
            elif not (op == REALLOC and id in client.blocks and client.stays(id, size)):
                try:
                    old = client.alloc(thread, id, size)
                except AllocationError as error:
                    failures += 1
                    first = first or Failure(event, max(size, 1), error.result)
                else:
                    peaks[1:] = max(peaks[1], pool.arena.committed), max(peaks[2], client.sums()[0])
                    if old:
                        client.free(old)
                        client.resized[1] += 1
            now = client.live, pool.arena.committed, client.sums()[0]
            peaks = [max(pair) for pair in zip(peaks, now, strict=True)]
            sums = [sums[0] + client.live, sums[1] + pool.arena.committed]
        end, most = client.sums(), max(p.largest_free for p in client.pools.values())
    means = [value / len(trace) for value in sums]
    return failures, first, peaks, (*end[:2], most), means, client.resized, len(client.pools)


@pytest.mark.parametrize("spec", SPECS)
def test_a_replay_is_what_a_client_with_a_pool_a_thread_would_have_done(rng, spec):
    trace, spec = random_trace(rng, 1200), parse_spec(spec)
    result = replay(trace, spec)
    failures, first, peaks, end, means, resized, pools = by_hand(trace, spec)
    assert (result.failures, result.first_failure) == (failures, first)
    assert [result.peak_live, result.peak_committed, result.peak_total] == peaks
    assert (result.total_size, result.free_size, result.largest_free) == end
    assert [result.mean_live, result.mean_committed] == pytest.approx(means, abs=1e-6)
    assert [result.reallocs_in_place, result.reallocs_moved] == resized
    # The last thread has freed, and has no pool.
    assert result.more == {"threads": 7, "pools": pools} and pools <= 6
    assert bool(failures) == ("commit_limit" in str(spec))


@pytest.mark.parametrize("spec", SPECS)
def test_the_causes_of_all_pools_sum_up(rng, spec):
    result = replay(random_trace(rng, 2000, aligned=True), parse_spec(spec), curve=True)
    for sample in result.curve:
        split = causes([*sample.values(), 0, 0])
        assert sum(split.values()) == sample["committed"] - sample["live"]
        assert min(split.values()) >= 0
    beyond = result.peak_committed - result.live_at_peak_committed
    assert sum(result.peak_causes.values()) == beyond


@pytest.mark.parametrize("told", [True, False])
def test_one_thread_has_what_all_have_without(rng, told):
    trace = random_trace(rng, 1500)
    thread = np.full(len(trace), 5, np.int32) if told else None
    trace = Trace(trace.op, trace.id, trace.size, thread=thread)
    own, one = (asdict(replay(trace, parse_spec(f"mvff:threads={kind}"))) for kind in ("own", "one"))
    assert own["more"] == {"threads": 1 if told else None, "pools": 1} and one["more"] == {}
    for name in (*TIMES, "pool", "more"):
        del own[name], one[name]
    assert own == one


def used(pool):
    return pool.total_size - pool.free_size


def test_a_realloc_that_moves_goes_to_the_pool_of_the_thread_that_asks():
    trace = Trace([ALLOC, ALLOC, ALLOC, REALLOC, FREE], [0, 1, 2, 0, 0], [500, 8, 8, 9000, 0],
                  thread=[0, 0, 1, 1, 0])  # fmt: skip
    with parse_spec("mvff:threads=own")(trace) as crew:
        engine = Engine(crew, trace.slots, threads=True)
        engine.load(0, trace.op, trace.id, trace.size, None, trace.thread)
        assert engine.run(0, 3) == -1
        first, second = crew.pools
        assert [used(first), used(second)] == [512, 8]
        assert engine.run(3, 4) == -1 and engine.moved == 1
        assert [used(first), used(second)] == [8, 9008]
        assert engine.run(4, 5) == -1
        assert [used(first), used(second)] == [8, 8]
        assert sorted(crew.free_ranges()) == sorted([*first.free_ranges(), *second.free_ranges()])
        assert crew.largest_free == max(first.largest_free, second.largest_free)
        assert crew.alive
        crew.check()
        assert repr(crew) == f"<2 of {first!r}, one a thread>"


def test_a_thread_that_gets_no_pool_fails_and_the_run_goes_on():
    limit = replay(Trace([ALLOC], [0], [8]), parse_spec("mvff")).peak_committed
    ops, ids, sizes = [ALLOC, ALLOC, REALLOC, FREE, FREE], [0, 1, 0, 1, 0], [8, 8, 900_000, 0, 0]
    trace = Trace(ops, ids, sizes, thread=[0, 1, 1, 0, 1])
    result = replay(trace, parse_spec(f"mvff:threads=own,arena.commit_limit={limit}"))
    assert (result.failures, result.peak_live) == (2, 8)
    assert result.first_failure.event == 1 and result.first_failure.result in NAMES
    assert result.witness.event == 1
    assert result.more["threads"] == 2


def test_the_witness_looks_at_the_free_memory_of_all_pools():
    count = 3000
    ops = [ALLOC] * count + [FREE] * (count - 200) + [ALLOC]
    ids = [*range(count), *range(count - 200), count]
    sizes = [64] * count + [0] * (count - 200) + [100_000]
    thread = [row % 2 for row in range(count)] + [0] * (count - 200) + [1]
    head = slice(count)
    trace = Trace(ops[head], ids[head], sizes[head], thread=thread[head])
    limit = replay(trace, parse_spec("mvff:threads=own")).peak_committed
    spec = parse_spec(f"mvff:threads=own,spare=1,arena.commit_limit={limit}")
    result = replay(Trace(ops, ids, sizes, thread=thread), spec)
    assert result.failures == 1 and result.witness.event == len(ops) - 1
    # Neither pool has as much: both together do.
    assert result.witness.free >= 100_000 > result.witness.largest_free


def test_many_threads_are_many_pools(rng):
    threads = 2000
    columns = Columns()
    blocks = [columns.alloc(rng.randrange(1, 100), thread=thread) for thread in range(threads)]
    for thread, block in enumerate(reversed(blocks)):
        columns.free(block, thread=thread)
    result = replay(columns.trace({}), parse_spec("slab:threads=own"))
    assert result.more == {"threads": threads, "pools": threads}
    assert result.failures == 0 and result.free_size == result.total_size


@pytest.mark.parametrize("number", [MOST_THREADS, (1 << 31) - 1])
def test_too_many_threads_are_refused(number):
    trace = Trace([ALLOC, ALLOC], [0, 1], [8, 8], thread=[0, number])
    with pytest.raises(CannotReplay, match=f"has a thread {number}: expected at most 16,384"):
        replay(trace, parse_spec("mvff:threads=own"))
    assert replay(trace, parse_spec("mvff")).failures == 0


def test_pieces_are_one_trace(rng, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from rangeland.traces import parquet

    monkeypatch.setattr(parquet, "PIECE", 700)
    trace = random_trace(rng, 3000, aligned=True)
    parquet.write_parquet(trace, tmp_path / "a.parquet")
    pieces = open_trace(tmp_path / "a.parquet")
    assert isinstance(pieces, parquet.Pieces) and len(list(pieces.pieces(threads=True))) > 2
    assert pieces.threads == trace.threads == 7
    whole, cut = (
        asdict(replay(t, parse_spec("mvff:threads=own"), curve=True)) for t in (trace, pieces)
    )
    for name in TIMES:
        del whole[name], cut[name]
    assert whole == cut


def test_pieces_without_threads_or_with_wrong_ones(tmp_path):
    pytest.importorskip("pyarrow")
    from rangeland.traces import parquet

    plain = tmp_path / "plain.parquet"
    parquet.write_parquet(Trace([ALLOC], [0], [8]), plain)
    result = replay(open_trace(plain), parse_spec("mvff:threads=own"))
    assert result.more == {"threads": None, "pools": 1} and open_trace(plain).threads == 0
    wrong = tmp_path / "wrong.parquet"
    with parquet.writing(wrong, thread=True) as writer:
        writer.write([ALLOC, ALLOC], [0, 1], [8, 8], thread=[0, -3])
    for work in (lambda t: t.threads, lambda t: replay(t, parse_spec("mvff:threads=own"))):
        with pytest.raises(parquet.RowError, match="row 1: found thread -3, expected a number from 0"):
            work(open_trace(wrong))
    assert replay(open_trace(wrong), parse_spec("mvff")).failures == 0


def test_what_gives_a_thread_below_zero_is_refused():
    class Wrong:
        slots, has_alignment, largest, peak_event = 1, False, 8, 1

        def __len__(self):
            return 1

        def pieces(self, threads=False):
            columns = ([ALLOC], np.int8), ([0], np.int64), ([8], np.int64)
            yield *(np.array(*column) for column in columns), None, np.array([-1], np.int32)

    with pytest.raises(CannotReplay, match="has a thread -1"):
        replay(Wrong(), parse_spec("mvff:threads=own"))


def test_the_setting_is_one_or_own():
    assert parse_spec("mvff:threads=own").own and not parse_spec("mvff:threads=one").own
    with pytest.raises(ParamError, match="threads has '4': expected one, for all threads, or own"):
        parse_spec("mvff:threads=4")
    with parse_spec("mfs:threads=own")(Trace([ALLOC], [0], [64])) as crew:
        assert isinstance(crew, Crew) and crew.align == 8
