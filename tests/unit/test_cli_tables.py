"""Tables of names and figures: they fit, and nothing in them is cut."""

import io

import pytest
from rich.console import Console

from rangeland.cli.tables import folded, print_table

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

COLUMNS = ("", "peak", "beyond\npeak live", "mean")
ROWS = [("mvff:spare=0,extend_by=16K", "committed", "380,928", "265,193", "326,119")]


def printed(width, rows=ROWS, caption="In bytes."):
    """The lines of the table in a console of that width, without blanks at their ends."""
    out = Console(file=io.StringIO(), width=width, color_system=None)
    print_table(out, "pool", COLUMNS, rows, caption)
    assert out.width == width
    return [line.rstrip() for line in out.file.getvalue().split("\n")]


def test_what_fits_is_one_table_with_its_names_as_they_are():
    assert printed(80)[1:] == [
        "                                                    beyond",
        " pool                                      peak  peak live     mean",
        " " + "\u2500" * 67,
        " mvff:spare=0,extend_by=16K  committed  380,928    265,193  326,119",
        "",
        "In bytes.",
        "",
    ]


def test_what_is_too_wide_has_its_names_folded_first():
    lines = printed(57)
    assert lines[4:6] == [
        " mvff:spare=0,   committed  380,928    265,193  326,119",
        "  extend_by=16K",
    ]


def test_what_is_still_too_wide_has_its_columns_below_each_other():
    lines = printed(50)
    assert [line for line in lines if "mvff" in line] == [
        " mvff:spare=0,extend_by=16K  committed  380,928",
        " mvff:spare=0,extend_by=16K    265,193  326,119",
    ]
    assert lines.count("In bytes.") == 1 and lines[-2] == "In bytes."


@pytest.mark.parametrize("width", [1, 10, 25])
def test_what_cannot_fit_is_wider_and_whole(width):
    assert printed(width) == printed(80)


@pytest.mark.parametrize("width", range(1, 90))
def test_every_figure_is_there_whatever_the_width(width):
    lines = printed(width, [*ROWS, ("./where/it/lies/lib.so", "resident", "1", "2", "3")], "")
    words = " ".join(lines).split()
    for figure in ("380,928", "265,193", "326,119", "committed", "resident", "1", "2", "3"):
        assert words.count(figure) == 1
    assert max(map(len, lines)) <= width or width < 35


def test_a_name_is_folded_where_it_has_a_place_to_break():
    assert folded("mvff:spare=0,extend_by=16K", 26) == "mvff:spare=0,extend_by=16K"
    assert folded("mvff:spare=0,extend_by=16K", 25) == "mvff:spare=0,\n extend_by=16K"
    assert folded("/usr/lib/x.so", 9) == "/usr/lib/\n x.so"
    assert folded("unbroken_as_it_is", 3) == "unbroken_as_it_is"
    assert folded("", 3) == ""
