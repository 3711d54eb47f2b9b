"""Pipes are read as files are: once from the front, and what is needed twice is kept."""

import bz2
import gc
import gzip
import lzma
import os
import pickle
import tempfile
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from rangeland.inputs import STANDARD
from rangeland.traces.convert import convert
from rangeland.traces.read import bundled, open_trace, read_trace
from rangeland.traces.source import TraceError
from rangeland.traces.specs import parse_spec

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

TRACES = Path(__file__).resolve().parents[1] / "traces"
RECORDED = ["ht_perl.gz", "lt_edge.ltrace.gz", "mt_edge.mtrace.gz", "vg_memcheck_edge.log.gz",
            "htraw_edge.raw.zst", "ht_edge.zst", "perl.rep.gz"]  # fmt: skip
MADE = ["made.parquet", "made.csv", "made.csv.gz", "made.pickle", "made.pickle.gz", "made.rep"]
PACKED = {"packed.rep.xz": lzma.compress, "packed.rep.bz2": bz2.compress, "packed.zip": None}
SHARED = {"action": "alloc", "addr": 8, "size": 8, "stream": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the bundled trace in each form, and a snapshot that refers twice to an event."""
    folder = tmp_path_factory.mktemp("made")
    trace = read_trace(bundled())
    for name in MADE:
        convert(trace, folder / name)
    free = SHARED | {"action": "free_completed"}
    snapshot = {"segments": [], "device_traces": [[SHARED, free, SHARED, free]]}
    (folder / "shared.pickle").write_bytes(pickle.dumps(snapshot))
    data = (folder / "made.rep").read_bytes()
    for name, pack in PACKED.items():
        if pack is not None:
            (folder / name).write_bytes(pack(data))
    with zipfile.ZipFile(folder / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("made.rep", data)
    return folder


@contextmanager
def piped(data, first=1):
    """The path of a pipe to which the bytes are written, of the first a few alone."""
    reader, writer = os.pipe()

    def write():
        try:
            with open(writer, "wb", buffering=0) as pipe:
                pipe.write(data[:first])
                view = memoryview(data)[first:]
                while view:
                    view = view[pipe.write(view) :]
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)
        thread.join()


@contextmanager
def standard_input(path):
    """The standard input is the file `path`."""
    before, given = os.dup(0), os.open(path, os.O_RDONLY)
    os.dup2(given, 0)
    os.close(given)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


@pytest.mark.parametrize("name", [*RECORDED, *MADE, *PACKED, "shared.pickle"])
def test_a_pipe_is_read_as_its_file(folder, name):
    path = TRACES / name if name in RECORDED else folder / name
    told = read_trace(path)
    with piped(path.read_bytes(), first=len(name) % 4) as pipe:
        found = read_trace(pipe)
    assert (found.format, found.figures()) == (told.format, told.figures())
    assert found.path == pipe


@pytest.mark.parametrize("name", ["perl.rep.gz", "made.parquet", "made.pickle"])
def test_of_a_pipe_no_total_is_told(folder, name):
    path = TRACES / name if name in RECORDED else folder / name
    data, told = path.read_bytes(), []
    with piped(data) as pipe:
        read_trace(pipe, progress=lambda done, total: told.append((done, total)))
    assert told[0][1] is None and (len(data), None) in told
    read_trace(path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(data), len(data)) or name == "made.parquet"


@pytest.mark.parametrize("name", ["perl.rep.gz", "made.parquet", "made.pickle.gz", *PACKED])
@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_dash_is_the_standard_input(folder, name, kind, monkeypatch):
    path = TRACES / name if name in RECORDED else folder / name
    with piped(path.read_bytes()) as pipe, standard_input(path if kind == "file" else pipe):
        found = read_trace(STANDARD)
        with pytest.raises(TraceError, match="^-: found an empty file, expected a trace$"):
            read_trace(STANDARD)
    assert found.figures() == read_trace(path).figures()
    assert found.path == STANDARD


@pytest.mark.parametrize("read", [read_trace, open_trace])
def test_a_pipe_that_does_not_wait_is_waited_for(read):
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    timer = threading.Timer(0.05, lambda: (os.write(writer, b"0\n1\n1\n1\na 0 5\n"), os.close(writer)))
    timer.start()
    with standard_input(f"/dev/fd/{reader}"):
        os.set_blocking(0, False)
        assert len(read(STANDARD)) == 1
    timer.join()
    os.close(reader)


def test_what_is_needed_twice_is_kept_as_long_as_it_is_needed(folder):
    def kept():
        gc.collect()
        links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        return sum(link.startswith(os.path.realpath(tempfile.gettempdir())) for link in links)

    before = kept()
    path = folder / "made.parquet"
    with piped(path.read_bytes()) as pipe:
        pieces = open_trace(pipe)
    assert kept() == before + 1
    figures = [parse_spec("mvff").replay(trace).peak_committed for trace in (pieces, open_trace(path))]
    assert figures[0] == figures[1] and pieces.path == pipe
    del pieces
    assert kept() == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "found an empty file, expected a trace"),
        (b"\0" * 200_000, "found binary data that begins"),
        (b"0\n1\n1\n1\na 0 5", None),
        (b"0\n1\n1\n1\nf 0\n", ":5: found 'f 0', expected an id that is allocated"),
        (gzip.compress(b"0\n1\n1\n1\na 0 5\n", mtime=0)[:-9], "the end of the gzip file, expected more"),
        (b"PAR1" + bytes(100), "found what pyarrow cannot read"),
        (gzip.compress(b"PAR1" + bytes(100), mtime=0), "found a Parquet file packed by gzip"),
        (b"\x80\x04" + b"device_traces", "expected plain dicts, lists, strings"),
        (b"Thread,Time,Action,Pointer,Size,Stream\n1,0,allocate,0x10\n", ":2: found '1,0,alloc"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "zstd"),
    ],
)
def test_a_damaged_pipe_is_told_as_a_damaged_file(data, message):
    with piped(data) as pipe:
        if message is None:
            assert len(read_trace(pipe)) == 1
            return
        with pytest.raises(TraceError) as caught:
            read_trace(pipe)
    assert str(caught.value).startswith(pipe) and message in str(caught.value)


def test_a_full_disk_of_temporary_files_is_told(folder, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda buffering: open("/dev/full", "wb", 0))
    with piped((folder / "made.parquet").read_bytes()) as pipe, pytest.raises(OSError) as caught:
        read_trace(pipe)
    assert (caught.value.strerror, caught.value.filename) == (
        "No space left on device", tempfile.gettempdir(),
    )  # fmt: skip


def test_a_closed_standard_input_is_told():
    before = os.dup(0)
    os.close(0)
    try:
        with pytest.raises(OSError) as caught:
            read_trace(STANDARD)
    finally:
        os.dup2(before, 0)
        os.close(before)
    assert (caught.value.strerror, caught.value.filename) == ("Bad file descriptor", STANDARD)
