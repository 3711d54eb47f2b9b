"""The columns of the stress driver: drawn from a seed, and nothing else."""

import hashlib

import numpy as np
import pytest

from rangeland.invariants.columns import LARGEST, LIFETIMES, SIZES, SLICE, Columns
from rangeland.invariants.fields import ALLOC
from vm.results import ParamError


@pytest.mark.parametrize("lifetime", LIFETIMES)
@pytest.mark.parametrize("sizes", [*SIZES, 24])
def test_columns_are_what_they_were(sizes, lifetime):
    columns = Columns(7, sizes, lifetime, 100)
    one, two = columns.drawn(3), columns.drawn(3)
    assert all(np.array_equal(a, b) for a, b in zip(one, two))
    kinds, size, pick, stamp = one
    assert [c.dtype for c in one] == [np.int8, np.int64, np.int64, np.int64]
    assert {len(column) for column in one} == {SLICE}
    assert 1 <= size.min() and size.max() <= LARGEST and pick.min() >= 0
    assert 0.3 < (kinds == ALLOC).mean() < 0.7
    assert not np.array_equal(pick, columns.drawn(4)[2])
    assert not np.array_equal(pick, Columns(8, sizes, lifetime, 100).drawn(3)[2])


@pytest.mark.once
def test_the_first_columns_of_seed_0_are_known():
    digest = hashlib.sha256(b"".join(c.tobytes() for c in Columns().drawn(0)[2:])).hexdigest()
    assert digest == "a8d35cb478f1cb66d73094b5b61a50cffddeabb7e7059dadd87986d07f6dffff"


@pytest.mark.parametrize(
    "wrong",
    [{"sizes": "huge"}, {"sizes": 0}, {"lifetime": "long"}, {"most": 0}, {"seed": -1}],
)
def test_what_is_no_workload_is_refused(wrong):
    with pytest.raises(ParamError, match=next(iter(wrong))):
        Columns(**wrong)


@pytest.mark.parametrize("lifetime", LIFETIMES)
def test_the_steps_of_a_part_begin_with_what_lives(lifetime):
    columns = Columns(1, "mixed", lifetime, 30)
    whole, part = columns.steps(0, 500), columns.steps(400, 500)
    live = {}
    for step in whole[:400]:
        if step[0] == "alloc":
            live[step[1]] = step[2]
        else:
            del live[step[1]]
    assert len(live) <= 30
    assert {step[1]: step[2] for step in part[: len(live)]} == live
    assert part[len(live) :] == whole[400:]
