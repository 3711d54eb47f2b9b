"""What is installed: our packages with all that they need, and nothing else."""

from importlib.metadata import distribution
from pathlib import PurePosixPath

import pytest
from support.house import committed

pytestmark = pytest.mark.installed

FOLDERS = {"vm", "land", "pools", "arena", "rangeland"}


@pytest.fixture
def installed():
    """The files of the installed distribution, as its RECORD lists them."""
    return [PurePosixPath(str(file)) for file in distribution("rangeland").files]


def test_nothing_but_our_packages_is_installed_at_the_top(installed):
    tops = {file.parts[0] for file in installed if not file.parts[0].endswith(".dist-info")}
    tops.discard("..")  # the command itself, in the folder of commands
    assert tops == FOLDERS


def test_every_source_declaration_and_data_file_is_installed(installed):
    wanted = {p.as_posix() for p in committed() if p.parts[0] in FOLDERS}
    wanted = {name for name in wanted if name.endswith((".py", ".pxd")) or "/data/" in name}
    missing = wanted - {str(file) for file in installed}
    assert not missing


def test_no_leavings_of_the_build_are_installed(installed):
    names = {file.name for file in installed}
    assert not [name for name in names if name.endswith((".c", ".pyx", ".html", ".o"))]


def test_the_licence_and_the_requirements_are_told():
    metadata = distribution("rangeland").metadata
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    needed = [r for r in metadata.get_all("Requires-Dist") if "extra ==" not in r]
    names = {r.split(">")[0].split(";")[0].strip() for r in needed}
    assert names == {"numpy", "sortedcontainers", "click", "rich", "zstandard"}




@pytest.mark.once
@pytest.mark.installed
def test_the_sources_are_tested_only_where_all_processes_find_them(root, python):
    """What is installed has a plugin, which pytest imports before all else."""
    asked = ("-P", "-m", "pytest", "-p", "no:cacheprovider", "tests/unit/test_sizes.py")
    sources = {"RANGELAND_TEST_SOURCES": "1", "RANGELAND_INTERPRETED": "1"}
    sources["RANGELAND_EXPECT"] = "interpreted"
    refused = python(*asked, cwd=root, env=sources)
    assert refused.returncode and f"set PYTHONPATH={root} as well" in refused.stderr
    done = python(*asked, cwd=root, env=sources | {"PYTHONPATH": str(root)})
    assert done.returncode == 0 and "from the sources" in done.stdout, done.stdout
