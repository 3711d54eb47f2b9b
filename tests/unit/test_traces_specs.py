"""Pool specs: what they say, and what is wrong with those that say nothing."""

import pytest

from rangeland.traces.fields import ALLOC
from rangeland.traces.specs import parse_spec
from rangeland.traces.trace import Trace
from vm.results import ParamError

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
        ("mvf", "pool spec 'mvf': unknown pool class 'mvf': expected one of mvff, mfs; did you"
         " mean mvff"),
        ("", "unknown pool class '': expected one of mvff, mfs$"),
        ("MVFF", "unknown pool class 'MVFF'"),
        ("mvff:slot_hihg=yes", "unknown option 'slot_hihg'.*first_fit.*; did you mean slot_high"),
        ("mvff:unit_size=8", "unknown option 'unit_size'"),
        ("mfs:arena.comit_limit=1", "did you mean arena.commit_limit"),
        ("mvff:,", "unknown option ''"),
        ("mvff:align", "align has no value: expected a size"),
        ("mvff:align=", "align has '': expected a size"),
        ("mvff:align=-8", "align has '-8': expected a size, such as 4096, 64K, 1M or 2G"),
        ("mvff:extend_by=64KK", "extend_by has '64KK': expected a size"),
        ("mvff:extend_by=1.5M", "extend_by has '1.5M': expected a size"),
        ("mvff:spare=half", "spare has 'half': expected a number from 0 to 1"),
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
        ("mvff:spare=nan", "spare is nan"),
        ("mvff:arena.size=0", "size is 0"),
        ("mfs:unit_size=0", "unit_size is 0"),
        ("mvff:extend_by=99999999999999999999T", "extend_by is"),
    ],
)
def test_a_value_that_the_pool_refuses(text, message):
    spec = parse_spec(text)
    with pytest.raises(ParamError, match=message), spec(TRACE):
        pass
