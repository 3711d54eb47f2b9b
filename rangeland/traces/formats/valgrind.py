"""Reader of the logs of valgrind's --trace-malloc=yes (design/readers.md#.sol.valgrind).

Nearly every line is one whole call, `--PID-- malloc(N) = 0xP` or
`--PID-- free(0xP)`, and is read by the loop of `_Log.trace`. All else (the first
call of each sort, lines cut by another process, banners) goes to `_Log._line`,
which takes the line apart.
"""

import re

from rangeland.traces import fields as f
from rangeland.traces.formats import calls
from rangeland.traces.formats.calls import FREE, SIZED
from rangeland.traces.heap import Heap

NAME = "valgrind"

_PREFIX = re.compile(rb"(--|==)(\d+)\1(?: |$)")
_LOOKS_LIKE = re.compile(rb"^(?:--|==)\d+(?:--|==)(?: |\r?$)", re.MULTILINE)
# All digits of a size that the loop may take without asking whether it is absurd.
_SIZED = re.compile(rb"(\d{1,14})\) = (0x[1-9A-F][0-9A-F]{0,14})").fullmatch

CALL = "a call as valgrind writes it, such as malloc(N) = 0xP or free(0xP)"
LONGEST_ADDRESS = len("0x0123456789ABCDEF")
RESULT = "the result of the call: = 0xP"


def recognises(head):
    """True if a line begins as valgrind's lines do."""
    return _LOOKS_LIKE.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    return _Log(source).read()


class _Cut:
    """A call whose line was cut: another process wrote before its result."""

    def __init__(self, pid, text, line):
        self.pid = pid
        self.text = text
        self.line = line


class _Process(dict):
    """The live blocks of a process by address; processes are numbered as they appear."""

    def __init__(self, number):
        super().__init__()
        self.number = number


class _Log(Heap):
    """What is known so far: per process, the live blocks by address.

    `heads` has, for each `--PID-- NAME` met, the sort of call and the blocks of
    that process, which are keyed by address and closing parenthesis, just as
    the rest of a `free(` line reads.
    """

    def __init__(self, source):
        super().__init__(source, ("unparsed", "cut_lines_joined", "open_at_end"))
        self.processes = {}
        self.heads = {}
        self.cuts = []

    def read(self):
        """Read all lines. Cost: O(n), about a million lines a second."""
        for lines in self.source.blocks():
            for number, line in self._uncommon(lines):
                self.line = number
                self._line(line)
        return self._finish()

    def _uncommon(self, lines):
        """Take the whole calls of malloc and free; yield the other lines."""
        columns, heads = self.columns, self.heads
        op, id, size = columns.op.append, columns.id.append, columns.size.append
        place, of_now = columns.address.append, None
        for number, line in enumerate(lines, self.source.lines + 1):
            head, _, tail = line.partition(b"(")
            sort, live = heads.get(head, (None, None))
            if live is not of_now and live is not None:
                self._switch(live)
                of_now = live
            if sort is FREE:
                block = live.pop(tail, None)
                if block is not None:
                    op(f.FREE)
                    id(block)
                    size(0)
                    place(0)
                    continue
            elif sort is SIZED and (match := _SIZED(tail)):
                found, address = match.groups()
                key = address + b")"
                if key not in live:
                    block = live[key] = columns.blocks
                    columns.blocks = block + 1
                    op(f.ALLOC)
                    id(block)
                    size(int(found))
                    place(int(address, 16))
                    continue
            elif sort is not None:
                self.line = number
                if sort.whole(self, live, tail):
                    continue
            yield number, line
            of_now = None

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
        if sort is not None and head.count(b" ") == 1:
            self.heads[head] = sort, self._blocks(pid)

    def _blocks(self, pid):
        live = self.processes.get(pid)
        if live is None:
            live = self.processes[pid] = _Process(len(self.processes))
        return live

    def _switch(self, live):
        """The next rows are of this process. Of a single one there is nothing to tell."""
        if len(self.processes) > 1:
            self.columns.by(live.number)

    def _banner(self, pid, text):
        if not text.startswith(b"Command:"):
            return
        live = self.processes.get(pid)
        if live:
            self._switch(live)
            for block in live.values():
                self.columns.free(block)
            self.notes["exec_dropped"] += len(live)
            live.clear()

    def _piece(self, pid, text, is_last):
        """The text that one process wrote after its prefix."""
        state = self._call(pid, text)
        if state == "cut" and not is_last:
            self.cuts.append(_Cut(pid, text, self.line))
        elif state == "cut":
            raise self.bad(text, RESULT)
        elif state is None and calls.resembles(text):
            raise self.bad(text, CALL)
        elif state is None:
            self.skip(text, CALL)

    def _orphan(self, text, is_last):
        """Text without a prefix: the end of a cut call, or no text of valgrind's."""
        for cut in reversed(self.cuts):
            whole = cut.text + text
            state = self._call(cut.pid, whole)
            if state == "whole":
                self.cuts.remove(cut)
                self.notes["cut_lines_joined"] += 1
                return
            if state == "cut" and not is_last:
                cut.text = whole
                return
        if calls.resembles_orphan(text):
            raise self.bad(text, "a call after its process, as --PID-- malloc(N) = 0xP")
        if text:
            self.skip(text, CALL)

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
        if address == calls.NULL:
            self.notes["failed"] += 1
        else:
            self.place(live, address + b")", size, self._number(address), alignment)

    def moved(self, live, old, size, address):
        """A realloc of `old`, not NULL, gave `address`. Raises: TraceError."""
        key = old + b")"
        if address == calls.NULL:
            self.notes["failed"] += 1
            self.notes["failed_realloc"] += key in live
        else:
            places = self._number(address), self._number(old)
            self.move(live, key, address + b")", size, *places)

    def freed(self, live, address):
        """A call released the block at `address`. Raises: TraceError if strict."""
        if address == calls.NULL:
            self.notes["free_null"] += 1
        else:
            self.release(live, address + b")", self._number(address))

    def _number(self, address):
        if len(address) > LONGEST_ADDRESS:
            raise self.bad(address, "an address of at most 64 bits")
        return int(address, 16)

    def _finish(self):
        self.notes["open_at_end"] = len(self.cuts)
        return self.trace(NAME, "a log of valgrind --trace-malloc=yes",
                          processes=len(self.processes))
