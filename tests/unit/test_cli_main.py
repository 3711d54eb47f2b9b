"""The command `rangeland` itself, run as a user runs it."""

import sys
from pathlib import Path

import pytest

from rangeland.version import VERSION


def test_the_version_says_which_speed_is_running(rangeland, speed):
    result = rangeland("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"rangeland {VERSION} ({speed})\n"


def test_interpreted_speed_can_be_forced(rangeland):
    result = rangeland("--version", env={"RANGELAND_INTERPRETED": "1"})
    assert result.stdout == f"rangeland {VERSION} (interpreted)\n"


@pytest.mark.installed
def test_the_command_is_installed(python, speed):
    script = Path(sys.executable).parent / "rangeland"
    result = python(script, "--version")
    assert result.stdout == f"rangeland {VERSION} ({speed})\n"


def test_help_lists_the_commands(rangeland):
    result = rangeland()
    assert result.returncode == 0
    for command in ("boot", "conform", "replay"):
        assert f"\n  {command} " in result.stdout
