"""Names and tables where the locale has only ASCII: escapes, and never a traceback."""

import json
import os
import shutil
import sys

import pytest

from rangeland.cli.info import BLOCK, PLAIN, _bar
from rangeland.cli.output import emit_json
from rangeland.traces.read import bundled

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

ASCII = {"PYTHONIOENCODING": "ascii"}
C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LATIN = {"PYTHONIOENCODING": "latin-1"}
UTF8 = {"PYTHONIOENCODING": "utf-8"}
NAMES = [b"n\xffame.rep.gz", "größe☃.rep.gz".encode()]


@pytest.fixture
def traces(tmp_path):
    """The bundled trace by the names, which are not those of an ASCII locale."""
    for name in NAMES:
        shutil.copyfile(bundled(), os.path.join(os.fsencode(tmp_path), name))
    return [os.fsdecode(name) for name in NAMES]


@pytest.mark.parametrize("env", [ASCII, C, LATIN, UTF8], ids=["ascii", "C", "latin-1", "utf-8"])
def test_names_and_figures_are_told_in_every_locale(python, traces, env):
    options = {"env": env, "errors": "strict", "encoding": env.get("PYTHONIOENCODING", "ascii")}
    done = python("-m", "rangeland", "info", *traces, **options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\udcffame.rep.gz (rep): 27,696 events" in done.stdout
    assert done.stdout.count("13,480") >= 4 and (BLOCK in done.stdout) == (env is UTF8)
    assert ("größe☃" in done.stdout) == (env is UTF8)
    assert (PLAIN * 16 in done.stdout) == (env is not UTF8)


@pytest.mark.parametrize("env", [ASCII, C], ids=["ascii", "C"])
@pytest.mark.parametrize(
    "args",
    [
        ("replay", "--pool", "mvff", "--pool", "segfit"),
        ("replay", "--json"),
        ("convert", "☃.parquet"),
        ("none",),
        ("replay", "--pool", "☃:x=\udcff"),
    ],
    ids=lambda args: "-".join(args[:2]).encode("ascii", "replace").decode(),
)
def test_commands_degrade(python, traces, env, args):
    command, *more = args
    paths = traces if command == "replay" else traces[:1]
    done = python("-m", "rangeland", command, *paths, *more, env=env, encoding="ascii", errors="strict")
    wrong = command == "none" or "☃:x=\udcff" in args
    assert done.returncode == 2 * wrong and done.stderr.count("\n") == wrong
    if "--json" in args:
        told = [section["trace"] for section in json.loads(done.stdout)["traces"]]
        # In the locale C every byte beyond ASCII is half of a surrogate pair.
        kept = [name.encode().decode("ascii", "surrogateescape") for name in traces[1:]]
        assert told == [traces[0], *(kept if env is C else traces[1:])]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp437", "iso8859-15"])
def test_json_is_json_in_every_encoding(tmp_path, monkeypatch, encoding):
    value = {"ö": "☃\udcff", "x": "\U0001f600"}
    path = tmp_path / "out"
    with open(path, "w", encoding=encoding) as file:
        monkeypatch.setattr(sys, "stdout", file)
        emit_json(value)
    assert json.loads(path.read_bytes().decode(encoding)) == value


def test_a_bar_is_of_signs_that_the_output_has(tmp_path, monkeypatch):
    for encoding, most in (("utf-8", BLOCK * 16), ("ascii", PLAIN * 16), ("cp437", PLAIN * 16)):
        with open(tmp_path / "out", "w", encoding=encoding) as file:
            monkeypatch.setattr(sys, "stdout", file)
            assert (_bar(9, 9), _bar(0, 9)) == (most, "")
            assert _bar(1, 10**6) != ""
