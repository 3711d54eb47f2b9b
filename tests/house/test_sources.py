"""Whoever imports the sources of a clone, and so is not compiled, is told so in a line."""

import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

pytestmark = pytest.mark.once

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


@pytest.fixture
def clone(tmp_path, root):
    """A folder like the root of a clone: a setup.py, and the start of vm."""
    clone = tmp_path / "clone"
    (clone / "vm").mkdir(parents=True)
    for name in ("__init__.py", "speed.py"):
        shutil.copy(root / "vm" / name, clone / "vm")
    (clone / "setup.py").touch()
    (clone / "script.py").write_text("import vm, vm.speed; print(vm.__file__)")
    return clone


@pytest.fixture
def installed(clone, tmp_path):
    """A folder on the path with a compiled installation, which the clone hides."""
    place = tmp_path / "installed"
    shutil.copytree(clone / "vm", place / "vm")
    (place / "vm" / f"bits{SUFFIX}").touch()
    return place


def run(clone, *command, path="", **env):
    """Run python in `clone`: what it printed, what it told."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RANGELAND_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=clone,
        env=kept | {"PYTHONPATH": str(path)} | env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


WAYS = [("script.py",), ("-c", "import vm; print(vm.__file__)"), ("-m", "script")]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_it_is_told_once_and_names_what_is_hidden(clone, installed, way):
    place, told = run(clone, *way, path=installed)
    assert place == str(clone / "vm" / "__init__.py")
    assert told.count("\n") == 1 and told.startswith(f"rangeland: interpreted, from the sources in {clone}: ")
    assert f"python -P runs what is installed in {installed}, compiled" in told


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_remedy_that_is_named_is_one(clone, installed, way):
    path = f"{installed}{os.pathsep}{clone}" if way[0] == "-m" else installed
    assert run(clone, "-P", *way, path=path) == (str(installed / "vm" / "__init__.py"), "")


def test_where_nothing_is_installed_a_build_is_the_remedy(clone):
    # -S: what is installed beside the tests is not there.
    _, told = run(clone, "-S", "script.py")
    assert told.count("\n") == 1 and "setup.py build_ext --inplace" in told


@pytest.mark.parametrize("variable", ["RANGELAND_INTERPRETED", "RANGELAND_TEST_SOURCES"])
def test_who_asked_for_the_sources_is_not_told(clone, installed, variable):
    assert run(clone, "script.py", path=installed, **{variable: "1"})[1] == ""


def test_what_is_compiled_in_place_or_installed_is_not_told(clone, installed):
    (clone / "vm" / f"bits{SUFFIX}").touch()
    assert run(clone, "script.py")[1] == ""
    (clone / "vm" / f"bits{SUFFIX}").unlink()
    (clone / "setup.py").unlink()
    assert run(clone, "script.py")[1] == ""


def test_where_there_is_no_standard_error_nothing_is_told(clone):
    code = "import sys; sys.stderr = None; import vm; print(1)"
    assert run(clone, "-c", code) == ("1", "")
