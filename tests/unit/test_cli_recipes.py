"""The recipes that `rangeland info --help` gives, each tried where its tool is installed."""

import shutil
import subprocess
import sys

import pytest

from rangeland.cli.recipes import RECIPES
from rangeland.traces.read import FORMATS, read_trace

pytestmark = pytest.mark.once

PROGRAM = """
#include <stdlib.h>
int main(void) {
    void *p[100];
    for (int i = 0; i < 100; i++) p[i] = malloc(100 * i + 7);
    for (int i = 0; i < 100; i += 2) free(p[i]);
    p[1] = realloc(p[1], 50000);
    return p[1] == NULL;
}
"""


def commands(tool):
    """The commands of the recipe that begins with the name `tool`."""
    return next(said for name, (said, _) in RECIPES.items() if name.startswith(tool))


@pytest.fixture
def folder(tmp_path):
    """A folder with a program that allocates, to be recorded there."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (tmp_path / "program.c").write_text(PROGRAM)
    command = ["cc", "-O0", "-o", "my-program", "program.c"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.parametrize(
    "tool,made,moved",
    [
        ("valgrind", "my.*.log", True),
        ("heaptrack", "my.*", False),
        ("mtrace", "my.mtrace", True),
        ("ltrace", "my.ltrace", True),
    ],
)
def test_a_program_is_recorded_as_the_recipe_says(folder, tool, made, moved):
    if tool != "mtrace" and shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    subprocess.run(commands(tool), shell=True, cwd=folder, check=True, capture_output=True, timeout=120)
    (file,) = folder.glob(made)
    figures = read_trace(file).figures()
    assert figures["allocs"] >= 100 and figures["live_end_bytes"] >= 50000
    # heaptrack tells a realloc as a free and an alloc.
    assert figures["reallocs"] == moved


def test_a_program_of_python_is_recorded_as_the_recipe_says(tmp_path):
    pytest.importorskip("memray")
    (tmp_path / "my_program.py").write_text("x = [bytes(1000) for _ in range(50)]\n")
    command = commands("memray").replace("memray", f"{sys.executable} -m memray", 1)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    assert read_trace(tmp_path / "my.memray").figures()["allocs"] >= 50


def test_help_gives_every_recipe_and_each_tool_that_records_has_one(rangeland):
    said = rangeland("info", "--help").stdout
    for tool, (lines, note) in RECIPES.items():
        assert tool in said and note in said
        assert all(line in said for line in lines.split("\n"))
    told = " ".join(RECIPES).lower()
    # The others are written by programs that replay, not by those that record.
    for name in set(FORMATS) - {"parquet", "rep", "minimalloc-csv"}:
        assert name.split("-")[0] in told, name
