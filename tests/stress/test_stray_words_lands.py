"""Every word of lands and of the machine's structures, garbled: an error of ours, or
a right land; never a crash, a walk without end or an error of Python's.

Here a sample is tried, at the speed that runs; `tests/support/garble_lands.py` tries all.
"""

import json
import os
import signal
from pathlib import Path

import pytest

from support.garble_lands import KINDS, apart

SCRIPT = Path(__file__).parents[1] / "support" / "garble_lands.py"
EVERY = 37


@pytest.mark.parametrize("mode", ["checked", "unchecked"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stray_word_is_told_or_does_no_harm(python, seed, kind, mode):
    result = python(SCRIPT, kind, mode, EVERY, seed)
    assert result.returncode == 0, f"seed {seed}\n{result.stdout}\n{result.stderr}"
    counts = json.loads(result.stdout.splitlines()[0])
    print(f"seed {seed}: {counts}")
    assert counts["DamageError"] > 0 and "finding" not in counts


def test_a_trial_that_dies_is_a_finding():
    assert apart(lambda: os.kill(os.getpid(), signal.SIGKILL)) == "! crash: SIGKILL"
    assert "ZeroDivisionError" in apart(lambda: 1 // 0)
    assert apart(lambda: "right") == "right"
