"""The build: compiled if it can be, whole or not at all, and it leaves no litter.

It is tried on a small tree of the same shape, so that it takes seconds.
"""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.once

GOOD = "def twice(n):\n    return n + n\n"
GOOD_PXD = "cpdef long twice(long n) except? -1 nogil\n"
BAD_PXD = "cpdef no_such_type twice(long n) except? -1 nogil\n"


@pytest.fixture
def tree(tmp_path, root):
    """A source tree with two hot modules in vm/, built by our setup.py."""
    tree = tmp_path / "tree"
    (tree / "vm").mkdir(parents=True)
    shutil.copy(root / "setup.py", tree)
    (tree / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "1"\n'
        '[tool.setuptools]\npackages = ["vm"]\ninclude-package-data = false\n'
        '[tool.setuptools.package-data]\n"*" = ["*.pxd"]\n'
    )
    shutil.copy(root / "vm" / "speed.py", tree / "vm")
    (tree / "vm" / "__init__.py").write_text("from vm import speed\n\nspeed.install()\n")
    for name in ("one", "two"):
        (tree / "vm" / f"{name}.py").write_text(GOOD)
        (tree / "vm" / f"{name}.pxd").write_text(GOOD_PXD)
    return tree


def build(tree, **env):
    """Build a wheel of `tree`: the process, and the names in the wheel."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RANGELAND_")}
    out = tree.parent / "out"
    script = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    out.mkdir(exist_ok=True)
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tree,
        env=environment | env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    wheels = list(out.glob("*.whl"))
    names = zipfile.ZipFile(wheels[0]).namelist() if wheels else []
    return result, [name for name in names if ".dist-info" not in name]


def compiled(names):
    return sorted(name.split(".")[0] for name in names if name.endswith(".so"))


def listing(tree):
    return sorted(str(p.relative_to(tree)) for p in tree.rglob("*"))


def test_compiled_by_default_and_nothing_is_left_in_the_tree(tree):
    before = listing(tree)
    result, names = build(tree)
    assert result.returncode == 0, result.stderr
    assert compiled(names) == ["vm/one", "vm/two"]
    assert {"vm/one.py", "vm/one.pxd", "vm/speed.py"} <= set(names)
    assert listing(tree) == before


def test_interpreted_by_the_variable(tree):
    result, names = build(tree, RANGELAND_INTERPRETED="1")
    assert result.returncode == 0, result.stderr
    assert compiled(names) == []
    assert "vm/one.py" in names and "not compiled" not in result.stderr


def test_without_a_compiler_the_wheel_is_interpreted(tree):
    result, names = build(tree, CC="no-such-compiler")
    assert result.returncode == 0, result.stderr
    assert compiled(names) == [] and "vm/one.py" in names
    assert result.stderr.count("rangeland: not compiled") == 1


def test_one_module_that_does_not_compile_leaves_none_compiled(tree):
    (tree / "vm" / "two.py").write_text(GOOD + "\n\nvalue = 1\n")
    # Cython accepts it; the C compiler does not find the header.
    (tree / "vm" / "two.pxd").write_text(
        'cdef extern from "no_such_header.h":\n    pass\n' + GOOD_PXD
    )
    result, names = build(tree)
    assert result.returncode == 0, result.stderr
    assert compiled(names) == []
    assert result.stderr.count("rangeland: not compiled") == 1


def test_one_module_that_cython_refuses_leaves_none_compiled(tree):
    (tree / "vm" / "two.pxd").write_text(BAD_PXD)
    result, names = build(tree)
    assert result.returncode == 0, result.stderr
    assert compiled(names) == []
    assert "rangeland: not compiled" in result.stderr


@pytest.mark.parametrize("trouble", ["cython", "compiler"])
def test_a_failed_compilation_is_an_error_if_compiled_is_required(tree, trouble):
    env = {"RANGELAND_REQUIRE_COMPILED": "1"}
    if trouble == "cython":
        (tree / "vm" / "two.pxd").write_text(BAD_PXD)
    else:
        env["CC"] = "no-such-compiler"
    result, names = build(tree, **env)
    assert result.returncode != 0
    assert names == []


def test_both_variables_are_an_error(tree):
    result, names = build(tree, RANGELAND_REQUIRE_COMPILED="1", RANGELAND_INTERPRETED="1")
    assert result.returncode != 0 and names == []
    assert "exclude each other" in result.stderr


def test_a_kept_build_folder_brings_no_stale_file_back(tree):
    kept = {"RANGELAND_BUILD": str(tree.parent / "kept")}
    assert build(tree, **kept)[0].returncode == 0
    for name in ("two.py", "two.pxd"):
        (tree / "vm" / name).unlink()
    result, names = build(tree, **kept)
    assert result.returncode == 0, result.stderr
    assert not [name for name in names if "two" in name]
    assert compiled(names) == ["vm/one"]


def test_a_kept_build_folder_sees_that_a_constant_has_changed(tree):
    kept = {"RANGELAND_BUILD": str(tree.parent / "kept")}
    (tree / "vm" / "two.pxd").unlink()
    shutil.copy(tree / "vm" / "__init__.py", tree / "vm" / "fields.py")
    (tree / "vm" / "one.py").write_text(GOOD.replace("n + n", "n + f.SIZE"))
    (tree / "vm" / "one.pxd").write_text("from vm cimport fields as f\n" + GOOD_PXD)
    for size in (1000, 2000):
        (tree / "vm" / "fields.pxd").write_text(f"cdef enum:\n    SIZE = {size}\n")
        result, _ = build(tree, **kept)
        assert result.returncode == 0, result.stderr
        (place,) = (tree.parent / "kept").glob("lib*")
        asked = [sys.executable, "-P", "-c", "import vm.one; print(vm.one.twice(1))"]
        found = subprocess.check_output(asked, env=os.environ | {"PYTHONPATH": str(place)}, text=True)
        assert found == f"{size + 1}\n"


def test_each_module_is_told_when_it_is_compiled_and_none_that_was(tree):
    kept = {"RANGELAND_BUILD": str(tree.parent / "kept")}
    told = [line for line in build(tree, **kept)[0].stdout.split("\n") if "Compiled" in line]
    assert sorted(line.split("] ")[1] for line in told) == ["Compiled vm.one", "Compiled vm.two"]
    assert sorted(line.split("] ")[0] for line in told) == ["[1/2", "[2/2"]
    assert "Compiled" not in build(tree, **kept)[0].stdout


def test_what_pip_asks_before_it_builds_translates_nothing(tree):
    script = (
        "from setuptools import build_meta as b; b.get_requires_for_build_wheel(); "
        "b.prepare_metadata_for_build_wheel('.'); print('asked')"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RANGELAND_")}
    command = [sys.executable, "-c", script]
    asked = subprocess.run(command, cwd=tree, env=kept, capture_output=True, text=True, timeout=300)
    assert asked.returncode == 0 and "asked" in asked.stdout, asked.stderr
    assert "ythoniz" not in asked.stdout


def test_a_wheel_that_make_builds_runs_compiled_in_a_fresh_environment(tree, root):
    """With as many modules as share what is Cython's; pip has nothing to download."""
    for number in range(12):
        for suffix, text in ((".py", GOOD), (".pxd", GOOD_PXD)):
            (tree / "vm" / f"more{number}{suffix}").write_text(text)
    for folder in ("land", "pools", "arena", "rangeland"):
        (tree / folder).mkdir()
    shutil.copy(root / "Makefile", tree)
    bin = tree / ".venv" / "bin"
    bin.mkdir(parents=True)
    (bin / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (bin / "python").chmod(0o755)
    (tree / ".venv" / "ready").touch()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RANGELAND_")}
    kept.pop("PYTHONPATH", None)
    options = {"env": kept, "check": True, "timeout": 300, "stdout": subprocess.PIPE, "text": True}
    told = subprocess.run(["make", "wheel"], cwd=tree, **options).stdout
    assert "Compiled vm.more7" in told and "Compiled vm._cyutility" in told
    (wheel,) = (tree / "dist").glob("*.whl")
    assert list((tree / "dist").glob("*.tar.gz"))

    fresh = tree.parent / "fresh"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], **options)
    pip = [sys.executable, "-m", "pip", "--python", fresh / "bin" / "python"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", "--quiet", wheel], **options)
    code = "import vm.more7 as m; print(m.twice(4), m.__file__)"
    shown = subprocess.run([fresh / "bin" / "python", "-c", code], cwd=tree.parent, **options).stdout
    assert shown.startswith("8 ") and shown.strip().endswith(".so")
    asked = {**options, "env": kept | {"RANGELAND_INTERPRETED": "1"}}
    shown = subprocess.run([fresh / "bin" / "python", "-c", code], cwd=tree.parent, **asked).stdout
    assert shown.startswith("8 ") and shown.strip().endswith("more7.py")
