"""`rangeland generate`: its words, its JSON, its errors."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rangeland.cli.main import cli
from rangeland.traces.generate.patterns import PATTERNS
from rangeland.traces.read import read_trace

pytestmark = pytest.mark.once

HERE = Path(__file__).resolve().parents[1] / "traces"
PERL = str(HERE / "perl.rep.gz")


def run(capsys, *words):
    """(status, output, errors) of the command."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["generate", *words])
    return stop.value.code, *capsys.readouterr()


def test_a_trace_is_made_and_told(tmp_path, capsys):
    out = str(tmp_path / "x.parquet")
    status, text, errors = run(capsys, "queue", "--live", "10", "--events", "500", "--out", out)
    assert (status, errors) == (0, "")
    assert text.startswith(f"{out}: parquet, 500 events in ")
    assert "255 allocs, 245 frees, 0 reallocs; at most 10 blocks" in text
    trace = read_trace(out)
    assert trace.notes["generated"] == {
        "pattern": "queue", "seed": 0, "sizes": "lognormal:median=64,sigma=1.2,most=1M", "live": 10,
    }  # fmt: skip


def test_json_is_one_object(tmp_path, capsys):
    out = str(tmp_path / "x.rep")
    words = ("robson", "--memory", "4K", "--largest", "256", "--events", "700", "--seed", "5", "--json")
    status, text, _ = run(capsys, *words, "--out", out)
    told = json.loads(text)
    assert status == 0
    assert {name: told[name] for name in ("pattern", "seed", "form", "events", "options")} == {
        "pattern": "robson", "seed": 5, "form": "rep", "events": 700,
        "options": {"sizes": "fixed:16", "memory": 4096, "largest": 256},
    }  # fmt: skip
    assert told["figures"]["peak_bytes"] == read_trace(out).figures()["peak_bytes"] <= 4096


def test_how_close_an_imitation_is_is_told(tmp_path, capsys):
    out = str(tmp_path / "x.parquet")
    status, text, _ = run(capsys, "--like", PERL, "--out", out)
    assert status == 0
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["peak_bytes"][0] == "474,068"
    assert float(rows["peak_bytes"][2].removesuffix("%")) < 10
    assert float(rows["sizes"][0].removesuffix("%")) < 10
    assert " reallocs of " in text and "became the end of a block and a new one." in text
    status, text, _ = run(capsys, "--like", PERL, "--out", out, "--force", "--json", "--events", "30000")
    told = json.loads(text)
    assert told["closeness"]["peak_bytes"]["trace"] == 474068
    assert told["closeness"]["events"]["made"] == told["events"] == 30_000


def test_every_pattern_is_listed_with_its_source(capsys):
    status, text, _ = run(capsys, "--list")
    assert status == 0
    parts = dict(part.split("\n", 1) for part in text.strip().split("\n\n"))
    assert list(parts) == list(PATTERNS)
    for name, part in parts.items():
        assert "  Source: " in part and "  Takes: --sizes" in part, name
    assert max(map(len, text.splitlines())) <= 100


def test_help_names_the_patterns_and_the_distributions(capsys):
    _, text, _ = run(capsys, "--help")
    words = " ".join(text.split())
    for name in (*PATTERNS, "fixed:SIZE", "bimodal:short=MEAN"):
        assert name in words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected either a PATTERN or --like TRACE"),
        (["queue", "--like", PERL], "expected either a PATTERN or --like TRACE"),
        (["quue"], "unknown pattern 'quue': expected one of"),
        (["queue", "--phases", "3"], "queue takes no --phases: expected --sizes, --live"),
        (["queue", "--format", "rep"], "--format goes with --like only"),
        (["--like", PERL, "--sizes", "fixed:1"], "--sizes goes with a PATTERN only"),
        (["--like", PERL, "--format", "mtrace"], "perl.rep.gz:"),
        (["--like", "{tmp}/none"], "none: No such file or directory"),
        (["queue", "--sizes", "fixd:1"], "did you mean fixed"),
        (["queue", "--live", "0"], "Invalid value for '--live'"),
        (["queue", "--events", "0"], "Invalid value for '--events'"),
        (["full", "--memory", "1x"], "'1x': expected a size such as 4096"),
        (["queue", "--to", "zip"], "Invalid value for '--to'"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(tmp_path, capsys, words, message):
    words = [word.format(tmp=tmp_path) for word in words]
    status, text, errors = run(capsys, *words, "--out", str(tmp_path / "x.parquet"))
    assert (status, text) == (2, "")
    assert errors.startswith("rangeland: ") and errors.count("\n") == 1
    assert message in errors
    assert not list(tmp_path.iterdir())


def test_without_out_nothing_is_made(capsys):
    assert run(capsys, "queue")[0] == 2


def test_a_file_that_is_there_is_kept_and_never_the_one_that_is_read(tmp_path, capsys):
    there = tmp_path / "x.rep"
    there.write_text("1\n1\n1\n5\na 0 5\n")
    status, _, errors = run(capsys, "queue", "--out", str(there))
    assert (status, "only --force overwrites it" in errors) == (2, True)
    status, _, errors = run(capsys, "--like", str(there), "--out", str(there), "--force")
    assert (status, "is the trace that is read" in errors) == (2, True)
    assert there.read_text().startswith("1\n")


def test_an_interrupt_leaves_nothing(tmp_path):
    command = [sys.executable, "-P", "-m", "rangeland", "generate", "queue", "--events", "100000000"]
    with subprocess.Popen([*command, "--out", tmp_path / "x.parquet"], stderr=subprocess.PIPE) as child:
        # Until the file is being written: it has no name, but the process has it open.
        deadline = time.monotonic() + 600
        try:
            while not any(str(tmp_path) in name for name in _open_files(child.pid)):
                assert child.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            assert child.communicate(timeout=600)[1] == b"rangeland: interrupted\n"
        finally:
            child.kill()
    assert child.returncode == 130
    assert not list(tmp_path.iterdir())


def _open_files(pid):
    """What the files are called that the process has open."""
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            names.append(os.readlink(link))
    return names
