"""Views kept after a free, and written to: a pool that goes on to be used raises an
error of ours, or does what is right. More runs: `python tests/stress/views.py`.
"""

from pathlib import Path

import pytest

VIEWS = Path(__file__).with_name("views.py")


@pytest.mark.parametrize("mode", [(), ("--checked",)], ids=["unchecked", "checked"])
def test_a_view_kept_after_a_free_does_no_more_than_raise(python, mode, speed, seed):
    """Each run is a child, so that one that dies, or does not end, is told."""
    runs = 60 if speed == "compiled" else 24
    result = python(VIEWS, "--runs", runs, "--seed", seed, *mode)
    assert result.returncode == 0, result.stdout + result.stderr
    *_, total = result.stdout.splitlines()
    name, *counts = total.split()
    assert name == "all" and sum(int(count) for count in counts) == runs
