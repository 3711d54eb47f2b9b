"""The command `rangeland` itself, run as a user runs it."""

import sys
import tomllib
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


INTERRUPTED = """
import sys
from rangeland.__main__ import main

class Keyboard:
    def find_spec(self, name, path=None, target=None):
        if name == interrupted:
            raise KeyboardInterrupt

interrupted, sys.argv[1:] = sys.argv[1], ["replay", "--help"]
sys.meta_path.insert(0, Keyboard())
main()
"""


@pytest.mark.parametrize("module", ["rangeland.cli.main", "click", "rangeland.traces.replay"])
def test_an_interrupt_while_the_command_is_imported_is_one_line(python, module):
    result = python("-c", INTERRUPTED, module)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == "rangeland: interrupted\n"


def test_the_script_is_the_guarded_entry_point(root):
    with open(root / "pyproject.toml", "rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    assert scripts == {"rangeland": "rangeland.__main__:main"}
