"""Odd policies are left alone, and what is hard to find is found
(design/invariants.md#.req.quiet, #.req.find)."""

import pytest
from support.odd import HARD, ODD
from support.profile import SEEDS

import rangeland as rl

pytestmark = pytest.mark.once


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ODD, ids=lambda kind: kind.__name__)
def test_an_odd_policy_is_no_fault(kind, seed):
    result = rl.prove(kind, seed)
    assert result.ok, result


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", HARD, ids=lambda kind: kind.__name__)
def test_what_is_hard_to_find_is_found_and_its_program_fails(kind, seed):
    result = rl.prove(kind, seed)
    assert result.invariant in HARD[kind], result
    assert "pool." in result.counterexample
    with pytest.raises((Exception, SystemExit)):
        exec(compile(result.counterexample, "counterexample", "exec"), {})
