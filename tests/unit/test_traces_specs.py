"""Pool specs: what they say, and what is wrong with those that say nothing."""

import pytest

from rangeland.traces.fields import ALLOC
from rangeland.traces.specs import parse_spec
from rangeland.traces.trace import Trace
from vm.log import record
from vm.results import CommitLimitError, ParamError

TRACE = Trace([ALLOC, ALLOC], [0, 1], [24, 100])


def test_all_options_of_mvff():
    text = (
        "mvff:spare=0.5,extend_by=64K,mean_size=32,first_fit=no,slot_high=yes,"
        "arena_high=false,align=16"
    )
    spec = parse_spec(text)
    assert str(spec) == text
    assert (spec.kind, spec.arena) == ("mvff", {})
    assert spec.options == {
        "spare": 0.5,
        "extend_by": 65536,
        "mean_size": 32,
        "first_fit": False,
        "slot_high": True,
        "arena_high": False,
        "align": 16,
    }


@pytest.mark.parametrize(
    "text, options",
    [
        ("buddy:extend_by=1M,min_size=32", {"extend_by": 1 << 20, "min_size": 32}),
        ("segfit:extend_by=8K,direct_above=0", {"extend_by": 8192, "direct_above": 0}),
        ("slab:align=8", {"align": 8}),
    ],
)
def test_the_options_of_pools_over_regions(text, options):
    spec = parse_spec(f"{text},spare=0.25,arena_high=yes")
    assert spec.options == options | {"spare": 0.25, "arena_high": True}
    with spec(TRACE) as pool:
        assert pool.alloc(100) > 0 and pool.free_size < pool.total_size


@pytest.mark.parametrize("kind", ("bestfit", "worstfit", "nextfit", "lifofit"))
def test_all_options_of_the_fits(kind):
    spec = parse_spec(f"{kind}:spare=0.5,extend_by=64K,arena_high=yes,align=16")
    assert spec.options == {"spare": 0.5, "extend_by": 65536, "arena_high": True, "align": 16}
    with spec(TRACE) as pool:
        assert type(pool).__name__.lower() == kind and pool.align == 16
        assert pool.alloc(24) % 16 == 0
    with pytest.raises(ParamError, match=f"did you mean {kind}"):
        parse_spec(kind[:-1])
    with pytest.raises(ParamError, match="unknown option 'first_fit'"):
        parse_spec(f"{kind}:first_fit=yes")


def test_all_options_of_the_arena():
    spec = parse_spec(
        "mfs:unit_size=1k,arena.size=1G,arena.grain_size=8192,arena.spare=0,"
        "arena.commit_limit=10M,arena.zoned=TRUE"
    )
    assert spec.options == {"unit_size": 1024}
    assert spec.arena == {
        "size": 1 << 30,
        "grain_size": 8192,
        "spare": 0.0,
        "commit_limit": 10 << 20,
        "zoned": True,
    }
    assert parse_spec("mvff:arena.commit_limit=none").arena == {"commit_limit": None}


def test_the_pool_has_the_options():
    with parse_spec("mvff:align=16,extend_by=1M,arena.grain_size=8K,arena.zoned=no")(TRACE) as pool:
        assert (pool.align, pool.arena.grain_size, pool.arena.zoned) == (16, 8192, False)
        pool.alloc(1)
        assert pool.total_size == 1 << 20
        arena = pool.arena
    assert not arena.alive


def test_a_unit_is_as_large_as_the_largest_size_of_the_trace():
    with parse_spec("mfs")(TRACE) as pool:
        assert pool.alloc(100) > 0
        with pytest.raises(ParamError):
            pool.alloc(101)
    with parse_spec("mfs")(Trace([], [], [])) as pool:
        assert pool.alloc(1) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mvf", "pool spec 'mvf': unknown pool class 'mvf': expected one of mvff, mfs, .*; did"
         " you mean mvff"),
        ("mvt:max_size=4K", "mvt has blocks at allocation points only.*expected one of mvff, mfs, "),
        ("", "unknown pool class '': expected one of mvff, mfs, "),
        ("MVFF", "unknown pool class 'MVFF'"),
        ("mvff:slot_hihg=yes", "unknown option 'slot_hihg'.*first_fit.*; did you mean slot_high"),
        ("mvff:unit_size=8", "unknown option 'unit_size'"),
        ("mfs:arena.comit_limit=1", "did you mean arena.commit_limit"),
        ("mvff:,", "unknown option ''"),
        ("mvff:align", "align has no value: expected a size"),
        ("mvff:align=", "align has '': expected a size"),
        ("mvff:align=-8", "align has '-8': expected a size such as 4096, 64K, 256M, 1G or 1T"),
        ("mvff:extend_by=64KK", "extend_by has '64KK': expected a size"),
        ("mvff:extend_by=1.5M", "extend_by has '1.5M': expected a size"),
        ("mvff:spare=half", "spare has 'half': expected a number from 0 to 1"),
        ("mvff:spare=nan", "spare has 'nan': expected a number from 0 to 1"),
        ("mvff:spare=inf", "spare has 'inf': expected a number from 0 to 1"),
        ("mvff:spare=0_1", "spare has '0_1': expected a number from 0 to 1"),
        ("mvff:spare= 1", "spare has ' 1': expected a number from 0 to 1"),
        ("mvff:arena.spare=-1", "arena.spare has '-1': expected a number from 0 to 1"),
        ("mvff:slot_high=1", "slot_high has '1': expected yes or no"),
        ("mvff:align=8,align=16", "align is given twice"),
    ],
)
def test_a_wrong_spec_says_what_would_be_right(text, message):
    with pytest.raises(ParamError, match=message):
        parse_spec(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mvff:align=12", "align is 12"),
        ("mvff:spare=2", "spare is 2.0"),
        ("mvff:arena.size=0", "size is 0"),
        ("mfs:unit_size=0", "unit_size is 0"),
        ("mvff:extend_by=99999999999999999999T", "extend_by is"),
    ],
)
def test_a_value_that_the_pool_refuses(text, message):
    spec = parse_spec(text)
    with pytest.raises(ParamError, match=f"^pool spec {text!r}: {message}"), spec(TRACE):
        pass
    with pytest.raises(ParamError, match=f"^pool spec {text!r}: {message}"):
        spec.try_out()


def test_an_arena_that_cannot_be_made_names_the_spec():
    with pytest.raises(CommitLimitError, match="^pool spec 'mfs:arena.commit_limit=1': "):
        parse_spec("mfs:arena.commit_limit=1").try_out()


def test_what_goes_wrong_in_the_context_is_not_the_spec():
    with pytest.raises(ParamError) as refused, parse_spec("mvff")(TRACE) as pool:
        pool.alloc(0)
    assert "pool spec" not in str(refused.value)
    assert pool.arena is None or not pool.arena.alive


@pytest.mark.parametrize(
    ("text", "mean_size"),
    [
        ("mvff", 32),
        ("mvff:extend_by=4", 4),
        ("mvff:extend_by=1M", 32),
        ("mvff:extend_by=1M,mean_size=100", 100),
    ],
)
def test_the_mean_size_is_no_larger_than_what_a_pool_asks_for(text, mean_size):
    with record("Pool") as log, parse_spec(text)(TRACE) as pool:
        address = pool.address
    told = [e.params for e in log if e.name == "PoolInitMVFF" and e.params["pool"] == address]
    assert [params["avgSize"] for params in told] == [mean_size]


def test_a_mean_size_that_was_given_is_judged():
    with pytest.raises(ParamError, match="mean_size is 8: expected at most 4"):
        parse_spec("mvff:extend_by=4,mean_size=8").try_out()


def test_trying_out_leaves_nothing():
    with record("Arena") as log:
        parse_spec("mvff:arena.size=1M").try_out()
    assert [e.name for e in log if "Create" in e.name or "Destroy" in e.name] == [
        "ArenaCreateVM",
        "ArenaDestroy",
    ]
