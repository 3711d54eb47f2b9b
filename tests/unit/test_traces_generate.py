"""Traces that are made up: what each pattern promises, judged naively."""

import heapq
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rangeland.traces.fields import ALLOC, FREE, REALLOC
from rangeland.traces.generate.like import Imitation, closeness
from rangeland.traces.generate.patterns import PATTERNS, pattern_of, plan_of
from rangeland.traces.generate.robson import steps
from rangeland.traces.generate.write import Hands, generate, pieces, whole
from rangeland.traces.parquet import Pieces, read_parquet
from rangeland.traces.read import bundled, read_trace
from rangeland.traces.slots import PIECE
from rangeland.traces.trace import Trace
from vm.results import ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

HERE = Path(__file__).resolve().parents[1] / "traces"
# Those that say nothing of chance.
FIXED = {"comb", "robson", "classes"}


def made(name, events=20_000, seed=1, **options):
    pattern = pattern_of(name)
    return whole(pattern.make(plan_of(pattern, events, seed, **options)), events)


def live_after(trace):
    """How many blocks live after each row."""
    return np.cumsum(np.array([1, -1, 0])[trace.op])


class NaiveFirstFit:
    """First fit over a list of all live blocks, without any cleverness."""

    def __init__(self):
        self.blocks = []
        self.top = 0

    def alloc(self, size):
        at = 0
        for index, (base, limit) in enumerate(self.blocks):
            if base - at >= size:
                break
            at = limit
        else:
            index = len(self.blocks)
        self.blocks.insert(index, (at, at + size))
        self.top = max(self.top, at + size)
        return at

    def free(self, base):
        del self.blocks[next(i for i, block in enumerate(self.blocks) if block[0] == base)]

    @property
    def holes(self):
        return sum(a[1] < b[0] for a, b in zip([(0, 0), *self.blocks], self.blocks))


def replayed(trace, each=lambda row, memory: None):
    """The NaiveFirstFit after all rows of `trace`."""
    memory, where = NaiveFirstFit(), {}
    for row, (op, block, size) in enumerate(zip(*(c.tolist() for c in (trace.op, trace.id, trace.size)))):
        if op == FREE:
            memory.free(where.pop(block))
        else:
            where[block] = memory.alloc(size)
        each(row, memory)
    return memory


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_gives_as_many_events_as_asked_for_and_the_same_ones_for_a_seed(name):
    trace, again, other = made(name), made(name), made(name, seed=2)
    assert len(trace) == 20_000
    for column in ("op", "id", "size"):
        assert (getattr(trace, column) == getattr(again, column)).all()
    same = len(other) == len(trace) and (other.size == trace.size).all()
    assert same == (name in FIXED)
    assert trace.size[trace.op != FREE].min() >= 1


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("events", [1, 2, 7, 200_001])
def test_any_number_of_events_is_made(name, events):
    assert len(made(name, events)) == events


@pytest.mark.parametrize("name", PATTERNS)
def test_a_file_made_in_pieces_is_the_trace_made_whole(tmp_path, name):
    events, pattern = 150_000, pattern_of(name)
    told = []
    rows = pattern.make(plan_of(pattern, events, 3))
    notes = {"generated": {"pattern": name}}
    result = generate(rows, events, tmp_path / "x.parquet", notes=notes, progress=told.append)
    trace, again = made(name, events, 3), read_parquet(tmp_path / "x.parquet")
    for column in ("op", "id", "size"):
        assert (getattr(trace, column) == getattr(again, column)).all()
    assert result["figures"] == again.figures() == trace.figures() | notes
    assert Pieces(tmp_path / "x.parquet").slots == trace.figures()["max_live"]
    assert (result["events"], told[-1]) == (events, events)


def test_pieces_are_whole_but_the_last():
    pattern, events = pattern_of("queue"), 2 * PIECE + 5
    lengths = [len(piece.op) for piece in pieces(pattern.make(plan_of(pattern, events)), events)]
    assert lengths == [PIECE, PIECE, 5]


def test_other_forms_are_written_whole(tmp_path):
    pattern = pattern_of("stack")
    result = generate(pattern.make(plan_of(pattern, 1000)), 1000, tmp_path / "x.rep")
    again = read_trace(tmp_path / "x.rep")
    assert (result["form"], len(again)) == ("rep", 1000)
    assert result["figures"]["peak_bytes"] == again.figures()["peak_bytes"]


def test_an_interrupt_leaves_nothing(tmp_path):
    def stop(rows):
        raise KeyboardInterrupt

    pattern = pattern_of("stack")
    with pytest.raises(KeyboardInterrupt):
        generate(pattern.make(plan_of(pattern, 9)), 9, tmp_path / "x.parquet", progress=stop)
    assert not list(tmp_path.iterdir())


def test_steady_lives_as_long_as_the_distribution_says():
    trace = made("steady", 40_000, sizes="fixed:8", lifetimes="fixed:100")
    born = np.cumsum(trace.op == ALLOC)
    freed = trace.op == FREE
    birth = born[trace.op == ALLOC] - 1
    assert set(born[freed] - birth[trace.id[freed]]) == {100}
    assert set(trace.size[trace.op == ALLOC]) == {8}


def test_balanced_has_as_many_live_blocks_as_asked_for():
    trace = made("balanced", 200_000, live=500)
    assert live_after(trace)[100_000:].mean() == pytest.approx(500, rel=0.1)


def test_a_queue_frees_the_oldest_and_a_stack_the_newest():
    queue, stack = made("queue", live=50), made("stack", live=50)
    freed = queue.id[queue.op == FREE]
    assert freed.tolist() == list(range(len(freed)))
    assert queue.figures()["max_live"] == 50
    live = []
    for op, block in zip(stack.op.tolist(), stack.id.tolist()):
        if op == ALLOC:
            live.append(block)
        else:
            assert live.pop() == block
    assert 50 < stack.figures()["max_live"] <= 100


def test_generations_die_young_or_old():
    trace = made("generations", 400_000, live=2000)
    born = np.cumsum(trace.op == ALLOC)
    freed = trace.op == FREE
    ages = born[freed] - (born[trace.op == ALLOC] - 1)[trace.id[freed]]
    assert np.mean(ages < 200) > 0.9
    assert ages.max() > 20_000
    assert live_after(trace)[-1] == pytest.approx(2000, rel=0.3)


def test_a_ramp_rises():
    live = live_after(made("ramp", 100_000, live=100))
    assert live[-1] > 1.8 * live[50_000] > 3 * live[25_000]


def test_peaks_recur_and_fall_to_nothing():
    trace = made("peak", 80_000, phases=4)
    live = live_after(trace)
    assert live[-1] == 0
    peaks, low, high = 0, live.max() / 10, live.max() / 2
    is_high = False
    for count in live.tolist():
        if is_high and count < low:
            peaks += 1
        is_high = count > high or (is_high and count >= low)
    assert peaks == 4


def test_a_plateau_keeps_its_first_blocks_to_the_end():
    trace = made("plateau", 100_000, live=1000)
    freed = np.flatnonzero(trace.op == FREE)
    kept = freed[trace.id[freed] < 1000]
    assert len(kept) == 1000
    assert kept.min() >= np.flatnonzero(trace.op == ALLOC).max()
    assert live_after(trace)[-1] == 0


def test_phases_have_sizes_of_their_own():
    trace = made("phases", 80_000, phases=4, sizes="fixed:10")
    sizes = trace.size[trace.op == ALLOC]
    quarter = len(sizes) // 4
    most = [Counter(sizes[n * quarter : (n + 1) * quarter].tolist()).most_common(1) for n in range(4)]
    assert [common[0][0] for common in most] == [10, 40, 20, 80]


def test_knuth_leaves_half_as_many_holes_as_blocks():
    shares = []

    def each(row, memory):
        if row > 6000 and row % 50 == 0:
            shares.append(memory.holes / len(memory.blocks))

    replayed(made("knuth", 12_000, live=300), each)
    assert 0.3 < np.mean(shares) < 0.6


def test_full_is_full_whenever_it_frees():
    trace = made("full", 5000, memory=1 << 16, sizes="uniform:16-2000")
    held, size_of, wanted = 0, {}, False
    for op, block, size in zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist()):
        if op == FREE:
            assert held + 2000 > 1 << 16
            held -= size_of.pop(block)
        else:
            size_of[block] = size
            held += size
            assert held <= 1 << 16


def test_a_comb_wastes_its_holes():
    trace = made("comb", 3400, live=100, largest=320, sizes="fixed:64")
    assert trace.op.tolist()[:250] == [ALLOC] * 100 + [FREE] * 50 + [ALLOC] * 100
    assert trace.id[100:150].tolist() == list(range(0, 100, 2))
    whole_comb = np.flatnonzero(live_after(trace) == 0)[0]
    assert trace.size[: whole_comb + 1].max() == 320
    assert replayed(trace).top > 1.7 * trace.figures()["peak_bytes"]


def test_vectors_double():
    trace = made("vectors", 30_000, live=20, sizes="fixed:16", largest=1 << 12)
    size_of = {}
    for op, block, size in zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist()):
        if op == REALLOC:
            assert size == 2 * size_of[block] <= 1 << 12
        size_of[block] = size
    assert np.mean(trace.op == REALLOC) > 0.5


@pytest.mark.parametrize(("words", "largest"), [(256, 2), (512, 16), (1024, 64), (4096, 256)])
def test_robson_forces_his_bound_on_first_fit(words, largest):
    memory, live = None, {}
    for op, keys, size, memory in steps(words, largest):
        for key in keys.tolist():
            if op == ALLOC:
                live[key] = size
            else:
                del live[key]
        assert sum(live.values()) == memory.size.sum() <= words
    bound = words * (math.log2(largest) / 2 + 1) - largest + 1
    assert memory.top >= bound
    rows = sum(2 * words // 2**n for n in range(20))
    trace = made("robson", rows, memory=16 * words, largest=16 * largest)
    assert trace.figures()["peak_bytes"] <= 16 * words
    if words <= 1024:
        assert replayed(trace).top >= 16 * bound


@pytest.mark.parametrize("name", ["robson", "classes"])
def test_a_round_ends_with_its_last_and_largest_blocks(name):
    plan = plan_of(PATTERNS[name], 100, memory=1 << 14, largest=1 << 9)
    least = PATTERNS[name].round(plan)
    sizes = made(name, least, memory=1 << 14, largest=1 << 9).size
    # Of `classes` most of those are freed again.
    assert sizes.max() == 1 << 9 and (sizes[-1] == 1 << 9 or name == "classes")
    further = made(name, least + 50, memory=1 << 14, largest=1 << 9)
    assert set(further.op[least:].tolist()) == {FREE}


def test_size_classes_need_the_memory_once_for_each():
    memory, largest = 1 << 16, 1 << 10
    trace = made("classes", 20_000, memory=memory, largest=largest)
    assert trace.figures()["peak_bytes"] <= memory
    # Pages of one class each, given back only when they are empty.
    free, pages, of_block, size_of, most = {}, {}, {}, {}, 0
    count = 0
    for op, block, size in zip(trace.op.tolist(), trace.id.tolist(), trace.size.tolist()):
        if op == ALLOC:
            slots = free.setdefault(size, [])
            if not slots:
                count += 1
                pages[count] = 0
                slots += [(count, n) for n in range(largest // size)]
                heapq.heapify(slots)
            page, n = heapq.heappop(slots)
            pages[page] += 1
            of_block[block], size_of[block] = (page, n), size
        else:
            page, n = of_block.pop(block)
            pages[page] -= 1
            heapq.heappush(free[size_of[block]], (page, n))
            if not pages[page]:
                del pages[page]
                free[size_of[block]] = [s for s in free[size_of[block]] if s[0] != page]
                heapq.heapify(free[size_of[block]])
        most = max(most, len(pages))
    assert most * largest > 3 * memory


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("quue", {}, "unknown pattern 'quue': expected one of steady, .*; did you mean queue"),
        ("zzz", {}, "unknown pattern 'zzz': expected one of [^;]*$"),
        ("queue", {"lifetimes": "fixed:1"}, "queue takes no --lifetimes: expected --sizes, --live"),
        ("queue", {"live": 0}, "--live 0: expected 1 or more"),
        ("steady", {"lifetimes": "x"}, "lifetimes 'x': expected one of"),
        ("full", {"memory": 8}, "--memory 8: expected 16 or more, the least size"),
        ("comb", {"largest": 8}, "--largest 8: expected 64 or more, as --sizes"),
        ("robson", {"sizes": "uniform:1-2"}, "expected one size, fixed:SIZE, the word of robson"),
        ("robson", {"largest": 8}, "--largest 8: expected 16 or more, as --sizes"),
        ("classes", {"memory": 100}, "--memory 100: expected 4096 or more, as --largest"),
    ],
)
def test_a_wrong_plan_is_told(name, options, message):
    with pytest.raises(ParamError, match=message):
        plan_of(pattern_of(name), 10, **options)


@pytest.mark.parametrize("path", [bundled(), HERE / "perl.rep.gz", HERE / "vg_memcheck_cmake.log.gz"])
@pytest.mark.parametrize("factor", [1, 3])
def test_an_imitation_is_close(path, factor):
    trace = read_trace(path)
    events = None if factor == 1 else factor * len(trace)
    imitation = Imitation(trace, events, seed=4)
    other = whole(imitation.rows(), imitation.plan.events)
    close = {name: distance for name, (_, _, distance) in closeness(trace, other).items()}
    assert close["peak_bytes"] < 0.1
    assert close["max_live"] < 0.15
    # Of more events a smaller share is of the blocks that live long.
    assert close["sizes"] < (0.02 if factor == 1 else 0.3)
    assert factor != 1 or close["lifetimes"] < 0.05
    assert len(other) == pytest.approx(factor * len(trace), rel=0.06)
    again = whole(Imitation(trace, events, seed=4).rows(), imitation.plan.events)
    assert (again.size == other.size).all()
    third = whole(Imitation(trace, events, seed=5).rows(), imitation.plan.events)
    assert len(third) != len(other) or (third.size != other.size).any()


@pytest.mark.parametrize("events", [1, 2, 10, 500])
@pytest.mark.parametrize("count", [1, 5, 3000])
def test_traces_of_any_shape_are_imitated(events, count):
    rng = np.random.default_rng(count)
    kept = Trace([ALLOC] * count, range(count), rng.integers(0, 99, count))
    op, id = np.tile([ALLOC, FREE], count), np.repeat(np.arange(count), 2)
    brief = Trace(op, id, np.where(op == ALLOC, 7, 0))
    for trace in (kept, brief):
        other = whole(Imitation(trace, events).rows(), events)
        assert 0 < len(other) <= events
        assert set(other.size.tolist()) <= {*trace.size.tolist(), 0}


def test_a_trace_without_a_block_cannot_be_imitated():
    with pytest.raises(ParamError, match="without a block cannot be imitated: expected one that allocates"):
        Imitation(Trace([], [], []))


def test_closeness_of_a_trace_to_itself_is_none_at_all():
    trace = made("vectors", 500)
    assert {distance for _, _, distance in closeness(trace, trace).values()} == {0}
    empty = Trace([], [], [])
    assert closeness(trace, empty)["peak_bytes"][2] == 1


def test_threads_have_blocks_of_their_own_and_free_some_of_others(tmp_path):
    pytest.importorskip("pyarrow")
    chosen = pattern_of("balanced")

    def rows():
        return chosen.make(plan_of(chosen, 8000, 3, live=300))

    trace = whole(rows(), 8000, hands=Hands(5, 3))
    assert set(trace.thread.tolist()) == set(range(5))
    maker = {}
    strange = 0
    for op, id, thread in zip(*(c.tolist() for c in (trace.op, trace.id, trace.thread)), strict=True):
        strange += op == FREE and maker[id] != thread
        maker.setdefault(id, thread)
    # One in eight is anybody's, and of those four in five another's.
    frees = trace.figures()["frees"]
    assert 0.06 < strange / frees < 0.14
    generate(rows(), 8000, tmp_path / "a.parquet", hands=Hands(5, 3))
    assert (read_trace(tmp_path / "a.parquet").thread == trace.thread).all()
    assert whole(rows(), 8000).thread is None
