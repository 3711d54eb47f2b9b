"""The two ways in which a command speaks."""

import json
import math
import sys

import pytest

from rangeland.cli.output import WIDTH, console, emit_json, progress

pytestmark = pytest.mark.once


def test_json_is_one_text_and_a_newline(capsys):
    emit_json({"b": [1, 2.5, None], "a": "é"})
    text = capsys.readouterr().out
    assert text.endswith("}\n") and "é" in text
    assert json.loads(text) == {"b": [1, 2.5, None], "a": "é"}
    assert list(json.loads(text)) == ["b", "a"]


def test_half_of_a_surrogate_pair_is_escaped(capsys):
    emit_json({"\ud800": "a\udfff"})
    text = capsys.readouterr().out
    assert text.encode() and json.loads(text) == {"\ud800": "a\udfff"}


def test_json_has_no_nan(capsys):
    with pytest.raises(ValueError):
        emit_json(math.nan)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("columns", "width"), [("", WIDTH), ("40", 40), ("0", WIDTH), ("x", WIDTH)]
)
def test_without_a_terminal_the_console_is_plain(monkeypatch, capsys, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    console().print("[red]" + "x" * width + " [/red][1] y")
    first, second = capsys.readouterr().out.splitlines()
    assert first.rstrip() == "x" * width and "\x1b" not in first + second


def test_progress_is_on_a_terminal_of_the_standard_error_only(monkeypatch, capsys):
    with progress() as bar:
        bar.add_task("work", total=2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("{task.description}!") as bar:
        bar.add_task("work", total=2)
    out, err = capsys.readouterr()
    assert out == "" and "work!" in err
    assert bar.console.width == 70 and bar.console.stderr
