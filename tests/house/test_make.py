"""`make test` runs both halves of the suite, whatever comes of the first."""

import os
import shutil
import subprocess

import pytest

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("make") is None, reason="no make"),
]

PYTEST = """#!/bin/sh
echo "$RANGELAND_EXPECT ${RANGELAND_INTERPRETED-}" >> "$RAN"
case " $FAILS " in *" $RANGELAND_EXPECT "*) exit 1;; esac
"""


@pytest.mark.parametrize(
    ("target", "fails", "ran"),
    [
        ("test", "", ["compiled ", "interpreted 1"]),
        ("test", "compiled", ["compiled ", "interpreted 1"]),
        ("test", "interpreted", ["compiled ", "interpreted 1"]),
        ("test", "compiled interpreted", ["compiled ", "interpreted 1"]),
        ("test-compiled", "", ["compiled "]),
        ("test-compiled", "compiled", ["compiled "]),
        ("test-interpreted", "compiled", ["interpreted 1"]),
    ],
)
def test_a_failure_in_one_half_does_not_hide_the_other(root, tmp_path, target, fails, ran):
    pytest_file = tmp_path / ".venv" / "bin" / "pytest"
    pytest_file.parent.mkdir(parents=True)
    pytest_file.write_text(PYTEST)
    pytest_file.chmod(0o755)
    shutil.copy(root / "Makefile", tmp_path)
    # Nothing is to be set up: each is older than what is made of it.
    stamps = (".venv/ready", "build/wheel/built", ".venv/installed", ".venv/tested")
    for age, name in enumerate(("setup.py", "pyproject.toml", *stamps)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (age, age))
    # Of those who run this very test by make, nothing.
    mine = {n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS", "RANGELAND_"))}
    mine |= {"RAN": str(tmp_path / "ran"), "FAILS": fails}
    command = ["make", "-s", target]
    done = subprocess.run(command, cwd=tmp_path, env=mine, capture_output=True, text=True)
    assert (tmp_path / "ran").read_text().splitlines() == ran, done.stderr
    # A failure of the half that was asked for is one of make.
    assert (done.returncode != 0) == any(half.split()[0] in fails.split() for half in ran)
