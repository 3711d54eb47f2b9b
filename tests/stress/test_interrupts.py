"""Operations of every class, interrupted at random moments, at this speed.

`python tests/support/interrupting.py` does the same many more times.
"""

import warnings

import pytest
from support.interrupting import SUBJECTS, run

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("recorder, faults", [(False, False), (True, True)])
def test_an_interrupt_comes_before_or_after_an_operation(subject, recorder, faults, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(subject, 8, seed, recorder, faults)
