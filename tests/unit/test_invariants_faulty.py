"""Faulty allocators are found, each soon and in a few steps; right ones are
left alone (design/invariants.md#.req.find)."""

import statistics

import pytest
from support.faulty import BAD, GOOD
from support.profile import SEEDS

import rangeland as rl

SIZES = []


@pytest.mark.once
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_nothing_is_found_where_nothing_is_wrong(kind, seed):
    result = rl.prove(kind, seed)
    assert result.ok and result.finding is None and result.invariant is None, result
    assert result.steps > 10_000 and result.counterexample is None


@pytest.mark.once
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BAD, ids=lambda kind: kind.__name__)
def test_a_fault_is_found_and_its_program_fails(kind, seed):
    result = rl.prove(kind, seed)
    assert not result.ok and not result
    assert result.invariant in BAD[kind], result
    assert len(result.finding.steps) <= 8, result
    SIZES.append(len(result.finding.steps))
    assert f"from support.faulty import {kind.__name__}\n" in result.counterexample
    with pytest.raises(Exception):
        exec(compile(result.counterexample, "counterexample", "exec"), {})


@pytest.mark.once
def test_the_median_counterexample_is_small():
    sizes = [len(rl.prove(kind, 5).finding.steps) for kind in BAD]
    assert statistics.median(sizes) <= 4
    assert max(sizes) <= 8
