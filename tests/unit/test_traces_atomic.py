"""Files are written whole or not at all, with and without files that have no name."""

import errno
import os
import random
import re
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from rangeland.traces import atomic
from rangeland.traces.atomic import written
from rangeland.traces.convert import convert
from rangeland.traces.fields import ALLOC
from rangeland.traces.generate.patterns import pattern_of, plan_of
from rangeland.traces.generate.write import generate
from rangeland.traces.trace import Trace
from vm.results import ParamError


@pytest.fixture(params=["nameless", "named"])
def system(request, monkeypatch):
    """Both sorts of file systems."""
    if request.param == "named":
        real = os.open

        def refusing(path, flags, *rest, **more):
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "not here")
            return real(path, flags, *rest, **more)

        monkeypatch.setattr(atomic.os, "open", refusing)
    return request.param


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_there_only_when_it_is_whole(tmp_path, system, force):
    with written(tmp_path / "x", force) as file:
        file.write(b"abc")
        file.flush()
        assert not (tmp_path / "x").exists()
        assert len(list(tmp_path.iterdir())) == (system == "named")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", b"abc")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_after_an_exception_nothing_is_left(tmp_path, system, error):
    with pytest.raises(error), written(tmp_path / "x") as file:
        file.write(b"abc")
        raise error
    assert not list(tmp_path.iterdir())


@contextmanager
def files_of_at_most(size):
    """No file of this process can be longer, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# Little is written when the file is closed, much before.
@pytest.mark.parametrize("size", [5_000, 1_000_000])
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path, system, size):
    with files_of_at_most(1000), pytest.raises(OSError) as told, written(tmp_path / "x") as file:
        file.write(bytes(size))
    assert (told.value.errno, told.value.filename) == (errno.EFBIG, str(tmp_path / "x"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["x.parquet", "x.csv", "x.rep", "x.rep.gz", "x.pickle"])
def test_a_full_disk_is_told_of_every_form(tmp_path, form):
    trace = Trace([ALLOC] * 5000, range(5000), random.Random(form).choices(range(1 << 40), k=5000))
    pattern = pattern_of("steady")
    with files_of_at_most(1000), pytest.raises(OSError, match=re.escape(str(tmp_path / form))):
        convert(trace, tmp_path / form)
    with files_of_at_most(1000), pytest.raises(OSError, match=re.escape(str(tmp_path / form))):
        generate(pattern.make(plan_of(pattern, 5000, 1)), 5000, tmp_path / form)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failing", ["link", "replace"])
def test_a_name_that_cannot_be_given_is_told_with_the_name_of_the_file(tmp_path, monkeypatch, failing):
    def refusing(*_, **more):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(atomic.os, failing, refusing)
    with pytest.raises(OSError, match=f"full: '{tmp_path}/x'"), written(tmp_path / "x", force=True):
        pass
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_replaced_by_force_only(tmp_path, system):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(ParamError, match="found a file, expected none: only --force overwrites it"):
        with written(tmp_path / "x"):
            pass
    with pytest.raises(ValueError), written(tmp_path / "x", force=True):
        raise ValueError
    assert (tmp_path / "x").read_text() == "mine"
    with written(tmp_path / "x", force=True) as file:
        file.write(b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", b"new")]


def test_a_file_that_came_meanwhile_is_kept(tmp_path, system):
    with pytest.raises(ParamError, match="found a file"), written(tmp_path / "x"):
        (tmp_path / "x").write_text("mine")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "mine")]


def test_a_link_is_followed(tmp_path, system):
    (tmp_path / "x").symlink_to("y")
    with written(tmp_path / "x") as file:
        file.write(b"abc")
    assert (tmp_path / "y").read_bytes() == b"abc"
    assert (tmp_path / "x").is_symlink()


@pytest.mark.parametrize("force", [False, True])
def test_only_an_ordinary_file_is_replaced(tmp_path, force):
    with pytest.raises(ParamError, match="no ordinary file, expected none to write"):
        with written(tmp_path, force):
            pass


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path, system):
    with pytest.raises(FileNotFoundError), written(tmp_path / "no" / "x"):
        pass


PROGRAM = """
import sys, time
from rangeland.traces.atomic import written
with written(sys.argv[1]) as file:
    file.write(b"abc")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_kill_leaves_nothing(tmp_path):
    command = [sys.executable, "-P", "-c", PROGRAM, str(tmp_path / "x")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGKILL)
    assert not list(tmp_path.iterdir())
