"""Captures of memray, of programs that the tests run themselves."""

import gzip
import subprocess
import sys

import pytest

from rangeland.traces.fields import ALLOC
from rangeland.traces.formats import memray as reader
from rangeland.traces.read import read_trace
from rangeland.traces.source import TraceError
from vm.results import ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

pytest.importorskip("memray")

PROGRAM = """
import memray, mmap, sys, threading
def work():
    return [bytearray(9000) for _ in range(20)]
with memray.Tracker(sys.argv[1]%s):
    blocks = [bytearray(5000 + n) for n in range(50)]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    mmap.mmap(-1, 1 << 20).close()
    del blocks[10:20]
"""


def capture(path, more=""):
    command = [sys.executable, "-P", "-c", PROGRAM % more, str(path)]
    subprocess.run(command, check=True, timeout=600)
    return path


def test_a_capture_is_read(tmp_path):
    trace = read_trace(capture(tmp_path / "x.bin"))
    figures = trace.figures()
    sizes = trace.size[trace.op == ALLOC].tolist()
    # A bytearray has a byte more than asked for.
    assert [size for size in sizes if 5000 < size <= 5050] == list(range(5001, 5051))
    assert sizes.count(9001) == 20
    assert figures["frees"] >= 30
    assert figures["kinds"]["MALLOC"] >= 70
    assert (figures["kinds"]["MMAP"], figures["kinds"]["MUNMAP"]) >= (1, 1)
    assert set(trace.thread.tolist()) == {0, 1}
    assert trace.address[trace.op == ALLOC].min() > 0
    assert trace.format == "memray"


def test_small_objects_of_python_are_blocks_too(tmp_path):
    trace = read_trace(capture(tmp_path / "x.bin", ", trace_python_allocators=True"))
    kinds = trace.figures()["kinds"]
    assert kinds["PYMALLOC_MALLOC"] > 0 < kinds["PYMALLOC_FREE"]


def test_an_aggregated_capture_has_no_events(tmp_path):
    more = ", file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS"
    with pytest.raises(TraceError, match="what memray refuses .*, expected .* without --aggregate"):
        read_trace(capture(tmp_path / "x.bin", more))


def test_what_memray_refuses_is_told(tmp_path):
    path = capture(tmp_path / "x.bin")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(TraceError, match="what memray refuses"):
        read_trace(path, "memray")


def test_a_packed_capture_is_to_be_unpacked(tmp_path):
    path = capture(tmp_path / "x.bin")
    (tmp_path / "y").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(TraceError, match="a capture packed by gzip, expected one as memray writes it"):
        read_trace(tmp_path / "y")


def test_what_cannot_be_is_refused_of_a_strict_reading(tmp_path, monkeypatch):
    path = capture(tmp_path / "x.bin")
    child = tmp_path / "child.py"
    for kind, message in (("\\x01", "record 1: a free of 0x40"), ("\\x00", "record 1: a new block")):
        child.write_text(f"""
import struct, sys
pieces = [b"\\x00{kind}{kind}", struct.pack("<3Q", 1, 1, 1), struct.pack("<3Q", 128, 64, 64)]
out = struct.pack("<q", 3) + b"".join(pieces) + struct.pack("<3Q", 8, 8, 8)
sys.stdout.buffer.write(out + struct.pack("<q", -1) + b'{{"kinds": {{}}}}')
""")
        monkeypatch.setattr(reader.memray_child, "__file__", str(child))
        count = "free_unknown" if kind == "\\x01" else "alloc_over_live"
        assert read_trace(path).notes[count] == (2 if kind == "\\x01" else 1)
        with pytest.raises(TraceError, match=message.replace("1:", "[12]:")):
            read_trace(path, strict=True)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", "memray ended by signal 11"),
        ("raise OSError('cannot')", "memray failed: OSError: cannot"),
        ("import sys; sys.stdout.write('x' * 8)", "memray failed"),
    ],
)
def test_a_crash_of_memray_is_an_error_of_the_file(tmp_path, monkeypatch, program, message):
    path = capture(tmp_path / "x.bin")
    child = tmp_path / "child.py"
    child.write_text(program)
    monkeypatch.setattr(reader.memray_child, "__file__", str(child))
    with pytest.raises(TraceError, match=message):
        read_trace(path)


@pytest.mark.parametrize("part", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_what_memray_says_of_a_cut_capture_is_told(tmp_path, part):
    path, program = tmp_path / "x.bin", tmp_path / "program.py"
    program.write_text("blocks = [bytearray(5000 + n) for n in range(300)]\ndel blocks[10:50]\n")
    command = [sys.executable, "-m", "memray", "run", "--no-compress", "-q", "-o", path, program]
    subprocess.run(command, check=True, timeout=600)
    whole = read_trace(path)
    assert "memray_said" not in whole.notes and "damaged" not in whole.notes
    data = path.read_bytes().rstrip(b"\0")
    said, end = None, int(len(data) * part)
    # At the end of a record memray says nothing.
    while said is None:
        end -= 1
        path.write_bytes(data[:end])
        trace = read_trace(path)
        said = trace.notes.get("memray_said")
    assert said.startswith("Memray ERROR: Failed to process") and trace.notes["damaged"] == 1
    assert trace.op.tolist() == whole.op.tolist()[: len(trace)]
    with pytest.raises(TraceError):
        read_trace(path, strict=True)


def test_much_that_memray_says_does_not_stop_it(tmp_path, monkeypatch):
    path = capture(tmp_path / "x.bin")
    child = tmp_path / "child.py"
    child.write_text("""
import struct, sys
for number in range(100_000):
    print("Memray ERROR: Failed", number % 3, file=sys.stderr)
out = struct.pack("<q", 1) + b"\\x00" + struct.pack("<3Q", 1, 128, 8)
sys.stdout.buffer.write(out + struct.pack("<q", -1) + b'{"kinds": {}}')
""")
    monkeypatch.setattr(reader.memray_child, "__file__", str(child))
    trace = read_trace(path)
    assert trace.notes["damaged"] == 3 and trace.notes["memray_said"].count("Failed") == 3


def test_without_memray_the_extra_is_named(tmp_path, monkeypatch):
    path = capture(tmp_path / "x.bin")
    monkeypatch.setattr(reader.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ParamError, match=r"needs memray, .*: pip install 'rangeland\[memray\]'"):
        read_trace(path)
