"""Reader of the logs of valgrind's --trace-malloc=yes (design/readers.md#.sol.valgrind).

Nearly every line is one whole call, `--PID-- malloc(N) = 0xP` or
`--PID-- free(0xP)`; such plain lines are read many at a time, and `_Log._take` does
them. All else (the first call of each sort, a realloc, lines cut by another
process, banners) goes to `_Log._line`, which takes the line apart.
"""

import re

import numpy as np

from rangeland.traces import fields as f
from rangeland.traces.addresses import Addresses
from rangeland.traces.formats import calls
from rangeland.traces.formats.heap import Heap
from rangeland.traces.formats.valgrind_plain import LONGEST_HEAD, Head, Plain

NAME = "valgrind"

_PREFIX = re.compile(rb"(--|==)(\d+)\1(?: |$)")
# With --time-stamp=yes; the times are taken off, as no trace has them.
_TIME = re.compile(rb"(--|==)\d\d:\d\d:\d\d:\d\d\.\d{3} (?=\d+\1)")
_LOOKS_LIKE = re.compile(
    rb"^(?:--|==)(?:\d\d:\d\d:\d\d:\d\d\.\d{3} )?\d+(?:--|==)(?: |\r?$)", re.MULTILINE
)

CALL = "a call as valgrind writes it, such as malloc(N) = 0xP or free(0xP)"
LONGEST_ADDRESS = len("0x0123456789ABCDEF")
RESULT = "the result of the call: = 0xP"


def recognises(head):
    """True if a line begins as valgrind's lines do."""
    return _LOOKS_LIKE.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    return _Log(source).read()


# What memcheck counts, in the order in which it is told; a failed realloc counts as done.
SUMMARY = ("bytes_in_use", "blocks_in_use", "allocs", "frees", "bytes")
_SUMMARY = re.compile(
    rb"^ +(?:in use at exit: (?P<bytes_in_use>[\d,]+) bytes in (?P<blocks_in_use>[\d,]+) blocks"
    rb"|total heap usage: (?P<allocs>[\d,]+) allocs, (?P<frees>[\d,]+) frees, (?P<bytes>[\d,]+) bytes)"
)

_FORMS = {
    calls.SIZED: Plain.sized,
    calls.PRODUCT: Plain.product,
    calls.RESIZED: Plain.resized,
    calls.FREE: Plain.freed,
}


class _Cut:
    """A call whose line was cut: another process wrote before its result."""

    def __init__(self, pid, text):
        self.pid = pid
        self.text = text


class _Process(Addresses):
    """The live blocks of a process by address; processes are numbered as they appear."""

    def __init__(self, number):
        super().__init__()
        self.number = number


class _Log(Heap):
    """What is known so far: per process, the live blocks by address.

    `heads` has, for each `--PID-- NAME` met, the sort of call and the blocks of
    that process; `plain` those of them that plain lines can begin with.
    """

    def __init__(self, source):
        super().__init__(source, ("unparsed", "cut_lines_joined", "open_at_end"))
        self.processes = {}
        self.heads = {}
        self.plain = []
        self.cuts = []
        # What memcheck itself counted, and the bytes of reallocs that failed, which it counts.
        self.summary = {}
        self.refused = 0

    def read(self):
        """Read all lines. Cost: O(n), more than a million lines a second."""
        for text in self.source.texts():
            if b":" in text and _TIME.search(text):
                text = _TIME.sub(rb"\1", text)
            plain = Plain(text, self.plain)
            for live, lines in plain.by_process():
                self._take(text, plain, live, lines)
        self.notes["open_at_end"] = len(self.cuts)
        for live in self.processes.values():
            live.clear()
        count = len(self.processes)
        trace = self.trace(NAME, "a log of valgrind --trace-malloc=yes", processes=count)
        if count == 1 and len(self.summary) == 5:
            trace.notes |= self._compared(trace.figures())
        return trace

    def _compared(self, figures):
        """What memcheck counted, and whether it is what was read."""
        told = [self.summary[name] for name in SUMMARY]
        resized = figures["reallocs"] + figures["failed_realloc"]
        read = [
            figures["live_end_bytes"],
            figures["live_end"],
            figures["allocs"] + resized,
            figures["frees"] + resized,
            figures["total_bytes"] + self.refused,
        ]
        return {"tool_summary": told, "tool_summary_agrees": told == read}

    def _take(self, text, plain, live, lines):
        """Do the lines of this slice; the plain ones are of the process with these blocks."""
        at = lines.start
        while at < lines.stop:
            if live is not None:
                first = at
                self._switch(live)
                at = live.follow(*plain.calls, first, lines.stop, self.columns.blocks)
                self._rows(plain, slice(first, at))
            if at < lines.stop:
                self.line = self.source.lines + at + 1
                self._other(text[plain.starts[at] : plain.ends[at]])
                at += 1

    def _rows(self, plain, lines):
        """The rows of these plain lines."""
        columns, kind = self.columns, plain.kind[lines]
        kept = kind != f.NULL
        self.notes["free_null"] += int(np.count_nonzero(~kept))
        columns.blocks += int(np.count_nonzero(kind == f.ALLOC))
        columns.op.frombytes(kind[kept].tobytes())
        columns.id.frombytes(plain.id[lines][kept].tobytes())
        columns.size.frombytes(plain.size[lines][kept].tobytes())
        columns.address.frombytes(plain.address[lines][kept].tobytes())

    def _other(self, line):
        """Do a line by itself: a call of a sort that was met, or any other."""
        head, _, tail = line.partition(b"(")
        sort, live = self.heads.get(head, (None, None))
        if sort is not None:
            self._switch(live)
        if sort is None or not sort.whole(self, live, tail):
            self._line(line)

    def _line(self, line):
        """Take apart a line: the pieces written by each process, in order."""
        pieces = []
        at, pid, mark = 0, None, None
        for prefix in _PREFIX.finditer(line):
            if prefix.start() or pieces:
                pieces.append((mark, pid, line[at : prefix.start()]))
            at, mark, pid = prefix.end(), prefix[1], prefix[2]
        pieces.append((mark, pid, line[at:]))
        if len(pieces) == 1 and mark == b"--":
            self._learn(pid, line)
        for index, (mark, pid, text) in enumerate(pieces):
            is_last = index == len(pieces) - 1
            if mark is None:
                self._orphan(text, is_last)
            elif mark == b"==":
                self._banner(pid, text)
            else:
                self._piece(pid, text, is_last)

    def _learn(self, pid, line):
        head = line.partition(b"(")[0]
        sort = calls.sort_of(head.rpartition(b" ")[2])
        if sort is not None and head.count(b" ") == 1 and head not in self.heads:
            live = self._blocks(pid)
            self.heads[head] = sort, live
            # To be strict is to look at each block by itself.
            if sort in _FORMS and len(head) < LONGEST_HEAD and not self.source.strict:
                self.plain.append(Head(head + b"(", _FORMS[sort], live))

    def _blocks(self, pid):
        live = self.processes.get(pid)
        if live is None:
            live = self.processes[pid] = _Process(len(self.processes))
        return live

    def _switch(self, live):
        """The next rows are of this process. Of a single one there is nothing to tell."""
        if live is not None and len(self.processes) > 1:
            self.columns.by(live.number)

    def _banner(self, pid, text):
        if match := _SUMMARY.search(text):
            told = {name: int(n.replace(b",", b"")) for name, n in match.groupdict().items() if n}
            self.summary |= told
        if not text.startswith(b"Command:"):
            return
        live = self.processes.get(pid)
        if live:
            self._switch(live)
            self.exec(live)

    def _piece(self, pid, text, is_last):
        """The text that one process wrote after its prefix."""
        state = self._call(pid, text)
        if state == "cut" and not is_last:
            self.cuts.append(_Cut(pid, text))
        elif state == "cut":
            raise self.bad(text, RESULT)
        elif state is None and not self._parts(pid, text):
            if calls.resembles(text):
                raise self.bad(text, CALL)
            self.skip(text, CALL)

    def _orphan(self, text, is_last):
        """Text without a prefix: the end of a cut call, or no text of valgrind's."""
        if not text or self._join(text, is_last) or self._parts(None, text):
            return
        if calls.resembles_orphan(text):
            raise self.bad(text, "a call after its process, as --PID-- malloc(N) = 0xP")
        self.skip(text, CALL)

    def _parts(self, pid, text):
        """Do a text that several processes wrote, of whom only the first told its prefix:
        after the beginning of its call come parts of calls that are open. Returns
        False, and has done nothing, if it does not read so."""
        parts = calls.parts(text)
        if not self.cuts or len(parts) < 2 or (pid is not None and not calls.is_cut(parts[0])):
            return False
        if pid is not None:
            self.cuts.append(_Cut(pid, parts.pop(0)))
        for part in parts:
            if not self._join(part, False):
                raise self.bad(text, CALL)
        return True

    def _join(self, text, is_last):
        """Add the text to the call opened or added to last that it fits. Returns False,
        and has done nothing, if it fits none."""
        for cut in reversed(self.cuts):
            whole = cut.text + text
            state = self._call(cut.pid, whole)
            if state == "whole":
                self.cuts.remove(cut)
                self.notes["cut_lines_joined"] += 1
                return True
            if state == "cut" and not is_last:
                self.cuts.remove(cut)
                self.cuts.append(_Cut(cut.pid, whole))
                return True
        return False

    def _call(self, pid, text):
        """Do the call `text`: "whole", "cut" if its result is missing, or None."""
        if text == calls.REALLOC_ZERO_RESULT:
            return "whole"
        name, _, tail = text.partition(b"(")
        sort = calls.sort_of(name)
        if sort is not None:
            live = self._blocks(pid)
            self._switch(live)
            if sort.whole(self, live, tail):
                return "whole"
        if untold := calls.untold(text):
            rest, note = untold
            state = self._call(pid, rest) if rest else "whole"
            if state == "whole":
                self.notes[note] += 1
            return state
        return "cut" if calls.is_cut(text) else None

    def made(self, live, size, address, alignment=None):
        """A call gave `address`, of a new block of `size` bytes. Raises: TraceError."""
        place = self._number(address)
        if place == 0:
            self.notes["failed"] += 1
        else:
            self.place(live, size, place, alignment)

    def moved(self, live, old, size, address):
        """A realloc of `old`, not NULL, gave `address`. Raises: TraceError."""
        old, place = self._number(old), self._number(address)
        if place == 0:
            self.notes["failed"] += 1
            self.notes["failed_realloc"] += old in live
            self.refused += size if old in live else 0
        else:
            self.move(live, self.take(live, old), old, size, place)

    def freed(self, live, address):
        """A call released the block at `address`. Raises: TraceError if strict."""
        place = self._number(address)
        if place == 0:
            self.notes["free_null"] += 1
        else:
            self.release(self.take(live, place), place)

    def _number(self, address):
        if len(address) > LONGEST_ADDRESS:
            raise self.bad(address, "an address of at most 64 bits")
        return int(address, 16)
