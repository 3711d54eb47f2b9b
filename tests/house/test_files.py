"""What every committed file keeps to: sizes, and no trace of one machine."""

import ast
import re

import pytest
from support.house import committed, parsed, sources, text_of

pytestmark = pytest.mark.once

TEXT = {".py", ".pxd", ".md", ".toml", ".in", ".cfg", ".yml", ".html", ".js", ""}
FILE_LINES = 600
FUNCTION_LINES = 60
# Spelled so that this file does not match.
MACHINE_PATH = re.compile(r"(?<![\w.])/" + r"(?:work|tmp|root|home/\w+)/")
UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X)\b")

OURS = [p for p in committed() if p.suffix in TEXT and "data" not in p.parts]


@pytest.mark.parametrize("path", sources(), ids=str)
def test_files_and_functions_have_a_readable_size(path):
    assert text_of(path).count("\n") <= FILE_LINES
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{path}:{node.lineno}: {node.name}"


@pytest.mark.parametrize("path", sources(), ids=str)
def test_every_module_class_and_public_function_says_what_it_is_for(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            assert ast.get_docstring(node), f"{path}: {getattr(node, 'name', 'the module')}"


def test_no_file_names_a_path_of_one_machine_or_is_unfinished():
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in OURS
        for number, line in enumerate(text_of(path).split("\n"), 1)
        if MACHINE_PATH.search(line) or UNFINISHED.search(line)
    ]
    assert not found
    assert len(OURS) > 50


def test_the_patterns_find_what_they_look_for():
    assert MACHINE_PATH.search('open("/' + 'root/x")')
    assert not MACHINE_PATH.search("lib/" + "tmp/x")
    assert UNFINISHED.search("# TO" + "DO: later")
