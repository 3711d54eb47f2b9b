"""Imports go downwards only, between folders and between files, never late."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.house import CORE, imported, parsed, sources

pytestmark = pytest.mark.once

# Who may import whom; "face" is rangeland/__init__.py, "rangeland" are the
# other files directly in that folder (design/index.md#.sol.imports).
ALLOWED = {
    "vm": set(),
    "land": {"vm"},
    "pools": {"vm", "land"},
    "arena": {"vm", "land", "pools"},
    "rangeland": set(CORE),
    "traces": {*CORE, "rangeland"},
    "conform": {*CORE, "rangeland"},
    "reports": {*CORE, "rangeland", "traces"},
    "invariants": {*CORE, "rangeland"},
    "guests": {*CORE, "rangeland", "face"},
    "face": {*CORE, "rangeland", "traces", "reports", "invariants"},
    "cli": {*CORE, "rangeland", "face", "traces", "conform", "reports", "invariants", "guests"},
}
FILES = sources(".py") + sources(".pxd")


def room(path):
    """The room of the house that the file at `path` lies in."""
    if path.parts[0] != "rangeland":
        return path.parts[0]
    if len(path.parts) > 2:
        return path.parts[1]
    return {"__init__": "face", "__main__": "cli"}.get(path.stem, "rangeland")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_stay_within_the_allowed_rooms(path):
    allowed = ALLOWED[room(path)] | {room(path)}
    strays = [str(other) for other in imported(path) if room(other) not in allowed]
    assert not strays, f"{path} (in {room(path)}) may import {sorted(allowed)} only"


@pytest.mark.parametrize("suffix", [".py", ".pxd"])
def test_no_file_imports_itself_through_others(suffix):
    graph = {p.with_suffix(""): {q.with_suffix("") for q in imported(p)} for p in sources(suffix)}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("a cycle of imports: " + " imports ".join(map(str, reversed(error.args[1]))))
    assert order.index(Path("vm/bits")) < order.index(Path("vm/sparse"))


@pytest.mark.parametrize("path", sources(".py", CORE), ids=str)
def test_no_late_imports_in_the_core(path):
    late = [
        f"{path}:{node.lineno}"
        for function in ast.walk(parsed(path))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert not late


def test_the_walk_sees_imports_of_every_form():
    assert Path("vm/bits.py") in imported(Path("vm/space.py")), "from vm import bits"
    assert Path("vm/stack.py") in imported(Path("vm/space.py")), "from vm.stack import Stack"
    assert Path("vm/__init__.py") in imported(Path("land/__init__.py")), "import vm"
    assert Path("vm/raw.py") in imported(Path("vm/space.pxd")), "from vm cimport bits, raw"
    assert Path("vm/space.py") in imported(Path("vm/mmu.pxd")), "from vm.space cimport ..."
