"""Contenders by name: every one gives a Result of the same trace, in memory or in pieces."""

from pathlib import Path

import pytest

from rangeland.traces.contenders.names import NAMES, parse_contender
from rangeland.traces.contenders.real import KNOWN
from rangeland.traces.fields import ALLOC
from rangeland.traces.parquet import Pieces, write_parquet
from rangeland.traces.ranking import ranked, verdict
from rangeland.traces.read import read_trace
from rangeland.traces.specs import POOLS
from rangeland.traces.trace import Trace
from vm.results import ParamError

TRACES = Path(__file__).resolve().parents[1] / "traces"
SORT = TRACES / "vg_memcheck_sort.log.gz"


@pytest.fixture(scope="module")
def trace():
    return read_trace(SORT)


def contender(name):
    found = parse_contender(name)
    try:
        found.try_out()
    except ParamError as error:
        if name in KNOWN and name != "glibc":
            pytest.skip(str(error))
        raise
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_gives_a_result(name, trace):
    found = contender(name)
    done = []
    result = found.replay(trace, done.append, rows=5, curve=True)
    assert (str(found), result.pool) == (name, name)
    assert (result.operations, result.failures) == (len(trace), 0)
    assert result.peak_live == trace.figures()["peak_bytes"] <= result.peak_committed
    assert result.measure == "committed" if name in POOLS else result.measure != "committed"
    assert done[-1] == len(trace)
    figures = result.to_dict()
    assert 1 <= len(figures["curve"]) <= 7
    assert max(row["peak_live"] for row in figures["curve"]) == result.peak_live
    assert max(row["peak_committed"] for row in figures["curve"]) == result.peak_committed
    assert found.replay(trace).to_dict().keys() == figures.keys() - {"curve"}


@pytest.mark.parametrize("name", ["mvff", "recorded", *KNOWN])
def test_all_but_the_ideal_have_means_and_what_was_at_the_peaks(name, trace):
    told = contender(name).replay(trace).to_dict()
    live, held = told["live_at_peak_committed"], told["committed_at_peak_live"]
    assert 0 < told["mean_live"] < told["mean_committed"] <= told["peak_committed"]
    assert 0 < live <= told["peak_live"] and 0 < held <= told["peak_committed"]
    pairs = {
        "mean": (told["mean_committed"], told["mean_live"]),
        "at_peak_live": (held, told["peak_live"]),
        "at_peak_committed": (told["peak_committed"], live),
        "peak_to_peak": (told["peak_committed"], told["peak_live"]),
    }
    assert {n: (r["held"], r["live"]) for n, r in told["ratios"].items()} == pairs
    assert bool(told.get("version")) == (name in KNOWN)
    ideal = contender("ideal").replay(trace).to_dict()
    assert ideal["mean_live"] == pytest.approx(trace.deltas().cumsum().mean(), abs=1)


@pytest.mark.parametrize("name", [*POOLS, *KNOWN])
def test_fixed_costs_are_those_of_one_block(name, trace):
    result = contender(name).replay(trace)
    tiny = contender(name).replay(Trace([ALLOC], [0], [1]))
    assert tiny.fixed == result.fixed < result.peak_committed
    if name in KNOWN:
        assert tiny.peak_committed == tiny.fixed
    else:
        assert 0 < tiny.fixed <= tiny.peak_committed
        assert sum(result.causes_at_peak_live.values()) == (
            result.committed_at_peak_live - result.peak_live
        )


def test_the_spare_limit_of_the_arena_is_a_setting(trace):
    none, some = (parse_contender(f"mvff:arena.spare={n}").replay(trace) for n in (0, 1))
    assert none.causes_at_peak_live["spare"] == none.peak_causes["spare"] == 0
    assert some.after_peak["end"]["held"] > none.after_peak["end"]["held"]


@pytest.mark.parametrize("name", ["mvff", "glibc", "ideal", "recorded"])
def test_pieces_come_to_the_same(name, trace, tmp_path):
    pytest.importorskip("pyarrow")
    write_parquet(trace, tmp_path / "a.parquet")
    pieces = Pieces(tmp_path / "a.parquet")
    one, other = (contender(name).replay(t).to_dict() for t in (trace, pieces))
    for key in ("operations", "peak_live", "measure", "failures"):
        assert one[key] == other[key]
    if name != "glibc":
        assert one["peak_committed"] == other["peak_committed"]


def test_real_ones_are_ranked_with_the_pools_and_bounds_are_not(trace):
    results = [contender(name).replay(trace) for name in ("ideal", "mvff", "recorded", "glibc")]
    assert sorted(result.pool for result in ranked(results)) == ["glibc", "mvff"]
    text = verdict(results)
    assert f"A placement made with all lives known took {results[0].peak_committed:,} bytes" in text
    bound = parse_contender("ideal:limit=10").replay(trace)
    assert (bound.measure, bound.peak_committed) == ("bound", bound.to_dict()["bound"])
    assert f"nobody needs less than {bound.peak_committed:,} bytes" in verdict([bound])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jmalloc", "unknown pool or allocator 'jmalloc': .* did you mean jemalloc?"),
        ("mvf", "did you mean mvff?"),
        ("idea", "did you mean ideal?"),
        ("", "unknown pool or allocator ''"),
        ("mvt", "mvt has blocks at allocation points only"),
        ("MVFF", "unknown pool or allocator 'MVFF': .* did you mean mvff?"),
        ("glibc:arenas=1", "unknown option 'arenas': expected one of threads"),
        ("glibc:threads=two", "threads has 'two': expected one, for all threads, or own"),
        ("ideal:threads=own", "unknown option 'threads'"),
        ("ideal:algn=8", "unknown option 'algn': expected one of align, limit; did you mean align?"),
        ("ideal:align=3", "pool spec 'ideal:align=3': align is 3: expected a power of two"),
        ("ideal:align=8,align=8", "align is given twice"),
        ("recorded:page=x", "page has 'x': expected"),
        ("recorded:page", "page has no value: expected"),
    ],
)
def test_a_wrong_name_or_option_is_told(text, message):
    with pytest.raises(ParamError, match=message):
        parse_contender(text)


def test_a_library_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ParamError, match="found no such file, expected a library"):
        parse_contender(str(tmp_path / "lib.so")).try_out()
