"""Reader of the captures of memray, through its own library (design/forms.md#.sol.memray)."""

import importlib.util
import json
import struct
import subprocess
import sys
import tempfile
from array import array

from rangeland.traces.addresses import Addresses
from rangeland.traces.formats import memray_child
from rangeland.traces.formats.memray_child import FREED, MADE, RECORDS
from rangeland.traces.trace import COUNTS, MOST_SIZE, Columns
from vm.results import ParamError

NAME = "memray"

EXPECTED = "a capture that memray can read, recorded without --aggregate"
LZ4 = b"\x04\x22\x4d\x18"
WORD = b"memray"
NEAR = 64
# What memray writes on its standard error of a damaged capture, and how much of it is told.
ERROR = "Memray ERROR"
MOST_SAID = 1 << 20
LONGEST_SAID = 500


def recognises(head):
    """True if the file begins as a capture, packed by LZ4 or not."""
    return head.startswith(WORD) or (head.startswith(LZ4) and WORD in head[:NEAR])


def read(source):
    """The Trace in `source`. Raises: TraceError; ParamError without memray."""
    if importlib.util.find_spec("memray") is None:
        raise ParamError(
            "a capture of memray needs memray, which is not installed: pip install 'rangeland[memray]'"
        )
    if source.packing is not None:
        found = f"a capture packed by {source.packing}"
        raise source.error(None, found, "one as memray writes it, packed by itself or not")
    with source.lasting() as source:
        return _read(source)


def _read(source):
    file = source.path if source.place is None else source.place.path
    command = [sys.executable, "-P", memray_child.__file__, file]
    # A file, as a pipe that nobody reads meanwhile could be full.
    with tempfile.TemporaryFile() as said, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
    ) as child:
        try:
            return _Capture(source, child, said).trace()
        finally:
            child.kill()


class _Capture:
    """The blocks of a capture so far, as the child process tells of them."""

    def __init__(self, source, child, said):
        self.source = source
        self.child = child
        self.said = said
        self.columns = Columns(addressed=True)
        self.notes = dict.fromkeys(COUNTS, 0)
        self.live = Addresses()
        self.threads = {}
        self.record = 0

    def trace(self):
        while (count := struct.unpack("<q", self._take(8))[0]) >= 0:
            if count > RECORDS:
                raise self._crashed()
            kinds, *rest = [self._column("b", count)] + [self._column("Q", count) for _ in range(3)]
            for record in zip(kinds, *rest):
                self._record(*record)
                self.record += 1
        end = json.loads(self.child.stdout.read())
        if "error" in end:
            raise self.source.error(None, f"what memray refuses ({end['error']})", EXPECTED)
        if not self.record:
            raise self.source.error(None, "a capture without one record", EXPECTED)
        self.live.clear()
        return self.columns.trace(self.notes | end | self._damage(), NAME, self.source.path)

    def _damage(self):
        """What memray told to be damaged, as notes: it gives the records before that, as if
        they were all. Raises: TraceError if the source is strict."""
        self.child.wait()
        lines = dict.fromkeys(line.strip() for line in self._stderr().split("\n") if ERROR in line)
        if not lines:
            return {}
        said = "; ".join(lines)[:LONGEST_SAID]
        if self.source.strict:
            raise self.source.error(None, f"a capture of which memray says {said}", EXPECTED)
        return {"damaged": len(lines), "memray_said": said}

    def _stderr(self):
        self.said.seek(0)
        return self.said.read(MOST_SAID).decode(errors="replace")

    def _record(self, kind, thread, address, size):
        if kind == MADE:
            if size > MOST_SIZE:
                found = f"record {self.record}: size {size}"
                raise self.source.error(None, found, f"one in 0..{MOST_SIZE}")
            old = self.live.pop(address)
            number = self.threads.setdefault(thread, len(self.threads))
            if old is not None:
                found = f"record {self.record}: a new block at {address:#x}"
                self._odd("alloc_over_live", found, "one where none is live")
                self.columns.free(old, thread=number)
            self.live[address] = self.columns.alloc(size, address=address, thread=number)
        elif kind == FREED:
            block = self.live.pop(address)
            if block is None:
                found = f"record {self.record}: a free of {address:#x}"
                self._odd("free_unknown", found, "a free of a live block")
            else:
                number = self.threads.setdefault(thread, len(self.threads))
                self.columns.free(block, thread=number)

    def _odd(self, count, found, expected):
        if self.source.strict:
            raise self.source.error(None, found, expected)
        self.notes[count] += 1

    def _column(self, form, count):
        column = array(form)
        column.frombytes(self._take(count * column.itemsize))
        return column

    def _take(self, count):
        data = self.child.stdout.read(count)
        if len(data) < count:
            raise self._crashed()
        return data

    def _crashed(self):
        """The TraceError for a child that has ended before it should."""
        status = self.child.wait()
        said = self._stderr().strip().rpartition("\n")[2]
        ended = f"memray ended by signal {-status}" if status < 0 else f"memray failed: {said[:200]}"
        return self.source.error(None, f"a capture over which {ended}", EXPECTED)
