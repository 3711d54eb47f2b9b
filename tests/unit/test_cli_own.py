"""Somebody's own allocators in the table: classes in Python, beside the pools."""

import json

import pytest

from rangeland.cli.own import contender_of, is_own
from rangeland.traces.ranking import verdict
from rangeland.traces.result import CannotReplay
from rangeland.traces.times import take_times
from rangeland.traces.trace import Columns
from vm.results import ParamError

SOURCE = '''
import rangeland as rl

class Bump:
    """Never uses anything again."""

    def __init__(self):
        self.top = 4096

    def alloc(self, size):
        self.top += size
        return self.top - size

    def free(self, address, size):
        pass

class Small(Bump):
    def alloc(self, size):
        return super().alloc(size) if self.top + size <= 4096 + 1000 else None

class Last(Bump):
    """Can resize the last block, and has aligned ones."""

    def realloc(self, address, old, size):
        if address + old != self.top:
            return None
        self.top = address + size
        return address

    def alloc_aligned(self, size, align):
        self.top = -(-self.top // align) * align
        return self.alloc(size)

class Derived(rl.MVFF):
    """Asks for more than it gives."""

    def alloc(self, size, **more):
        return super().alloc(2 * size, **more)

    def free(self, address, size):
        super().free(address, 2 * size)

class Broken(Bump):
    def free(self, address, size):
        1 / 0

class Odd(Bump):
    def alloc(self, size):
        return "here"

class Land:
    def insert(self, base, limit): pass
    def delete(self, base, limit): pass

def pool(arena):
    return rl.MVFF(arena)

def points(arena):
    return rl.MVT(arena)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="module")
def trace():
    columns = Columns()
    for _ in range(20):
        columns.free(columns.alloc(100))
    columns.alloc(50)
    columns.realloc(columns.alloc(0), 300)
    return columns.trace({})


def of(place, name):
    return contender_of(f"{place}:{name}")


def test_what_holds_no_arena_holds_the_span_of_its_blocks(place, trace):
    done = []
    result = of(place, "Bump").replay(trace, done.append, rows=4, curve=True)
    assert result.pool == f"{place}:Bump"
    assert (result.operations, result.failures, result.measure) == (len(trace), 0, "span")
    assert result.peak_live == trace.figures()["peak_bytes"] == 350
    assert result.peak_committed == 20 * 100 + 50 + 1 + 300
    assert result.committed_at_peak_live == result.peak_committed
    assert result.after_peak["end"]["held"] == result.peak_committed
    assert (result.reallocs_in_place, result.reallocs_moved) == (0, 1)
    assert done[-1] == len(trace) and len(result.curve) == 4
    assert result.curve[-1] == {"event": 43, "live": 350, "committed": 2351}


def test_its_own_realloc_and_aligned_blocks_are_used(place, trace):
    assert of(place, "Last").replay(trace).peak_committed == 20 * 100 + 50 + 300
    columns = Columns()
    columns.alloc(10)
    block = columns.alloc(10, 64)
    columns.realloc(block, 20)
    aligned = columns.trace({})
    assert of(place, "Last").replay(aligned).peak_committed == 4096 + 64 + 20 - 4096
    # Without them there is room to align, and a new block.
    assert of(place, "Bump").replay(aligned).peak_committed == 10 + 10 + 63 + 20


def test_a_refusal_is_a_failure_and_the_rest_goes_on(place, trace):
    result = of(place, "Small").replay(trace)
    assert result.failures == 10 + 1 + 2
    assert (result.first_failure.event, result.first_failure.size) == (20, 100)
    assert f"{place}:Small failed 13 allocations" in verdict([result])


def test_a_pool_of_ours_comes_to_the_same_as_its_spec(place, trace):
    own, spec = of(place, "pool").replay(trace), contender_of("mvff").replay(trace)
    assert own.peak_causes == spec.peak_causes is not None
    assert own.after_peak == spec.after_peak
    # What is derived from one is called as it is.
    derived = of(place, "Derived").replay(trace)
    assert derived.peak_causes is None and derived.measure == "committed"
    assert contender_of("rangeland:MVFF").replay(trace).peak_causes == spec.peak_causes


def test_it_is_timed_and_ranked(place, trace):
    pools = [of(place, "Bump"), of(place, "pool"), contender_of("mvff:spare=0")]
    results = take_times(pools, [pool.replay(trace) for pool in pools], trace)
    for result in results:
        assert len(result.times["rounds"]) == 5
    text = verdict(results)
    told = f"{place}:Bump served best: at its peak it had 2,351 bytes between its blocks"
    assert text.startswith(told)
    assert "does best" not in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Broken", "in event 1 it raised ZeroDivisionError"),
        ("Odd", "in event 0 it raised TypeError: it gave 'here' for a block"),
    ],
)
def test_what_breaks_ends_its_own_replay_only(place, trace, name, told):
    with pytest.raises(CannotReplay, match=told):
        of(place, name).replay(trace)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("None", "has no None"),
        ("Land", "has no alloc: expected alloc and free"),
        ("points", "blocks at allocation points only"),
    ],
)
def test_what_is_no_allocator_is_refused_before_a_trace_is_read(place, name, told):
    with pytest.raises(ParamError, match=told):
        of(place, name).try_out()


def test_a_factory_is_told_from_a_spec():
    for text in ("a.py:B", "dir/a.py:B", "a.py", "module:B", "package.module:B"):
        assert is_own(text)
    for text in ("mvff", "mvff:spare=0", "glibc:x", "mvt:x", "./lib.so", "lib/x.so:y", "mvf:a=1"):
        assert not is_own(text)


def test_the_command_has_it_in_its_table(rangeland, place, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("--7-- malloc(9) = 0x10\n--7-- free(0x10)\n")
    pools = [f"{place}:Bump", "mvff", f"{place}:Broken"]
    options = [word for pool in pools for word in ("--pool", pool)]
    done = rangeland("replay", log, *options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (section,) = json.loads(done.stdout)["traces"]
    assert section["ranking"] == pools[:2] and list(section["refused"]) == pools[2:]
    text = " ".join(rangeland("replay", log, *options).stdout.split())
    assert text.count(f"{pools[2]}: in event 1 it raised ZeroDivisionError: division by zero.") == 1
