"""Reader of the logs of valgrind's --trace-malloc=yes (design/readers.md#.sol.valgrind).

Nearly every line is one whole call, `--PID-- malloc(N) = 0xP` or
`--PID-- free(0xP)`; such plain lines are read many at a time, and `_Log._take` does
them. All else (the first call of each sort, a realloc, lines cut by another
process or thread, banners) goes to `_Log._line`, which takes the line apart.
"""

import re

import numpy as np

from rangeland.traces import fields as f
from rangeland.traces.addresses import Addresses
from rangeland.traces.formats import calls
from rangeland.traces.formats.heap import Heap
from rangeland.traces.formats.valgrind_plain import LONGEST_HEAD, Head, Plain
from rangeland.traces.source import TraceError, shown

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

_VERSION = re.compile(rb"Using Valgrind-3\.(\d{1,4})\.")

# What valgrind tells of itself with -v; what belongs to it is indented.
_USUAL = re.compile(
    rb"  |Valgrind (?:options|library directory):|Contents of |Arch and hwcaps:|Page sizes:"
    rb"|Reading (?:syms|suppressions) |Discarding syms |Scheduler:|REDIR:|Massif: |used_suppression:"
    rb"|WARNING: Serious error when reading debug info|When reading debug info from "
)


def _is_whole(line):
    """True if nothing can be missing of a last line, though it has no line end."""
    name = line.partition(b"(")[0].rpartition(b" ")[2]
    return line.startswith(b"==") or line.endswith(b")") and calls.sort_of(name) is calls.FREE


_FORMS = {
    calls.SIZED: Plain.sized,
    calls.PRODUCT: Plain.product,
    calls.RESIZED: Plain.resized,
    calls.FREE: Plain.freed,
}


class _Cut:
    """A call whose line was cut: another process or thread wrote before its result.

    `line` is where its text so far, `text`, was told, in `piece`; `has_inner` tells
    that another call is told in it, `is_late` that its result may never be.
    """

    def __init__(self, pid, text, line, piece, nested):
        self.pid = pid
        self.text = text
        self.line = line
        self.piece = piece
        self.has_inner = nested and calls.has_inner(text)
        self.is_late = calls.is_late(text)


class _Process(Addresses):
    """The live blocks of a process by address; processes are numbered as they appear.

    `inner` counts the open calls of it whose inner call is to come: as that may look
    like any other, none of its lines is plain until then. `echo` is the result that
    is told once more, or None.
    """

    def __init__(self, number):
        super().__init__()
        self.number = number
        self.inner = 0
        self.echo = None


class _Log(Heap):
    """What is known so far: per process, the live blocks by address.

    `heads` has, for each `--PID-- NAME` met, the sort of call and the blocks of
    that process; `plain` those of them that plain lines can begin with. `version` is
    the N of valgrind 3.N, and `flat` whether a realloc of NULL, or to 0, is told without
    the call in it; None before that is known.
    """

    def __init__(self, source):
        super().__init__(source, ("unparsed", "cut_lines_joined", "open_at_end"))
        self.processes = {}
        self.heads = {}
        self.plain = []
        self.cuts = []
        self.version = None
        self.flat = None
        # What memcheck itself counted, and the bytes of reallocs that failed, which it counts.
        self.summary = {}
        self.refused = 0

    def read(self):
        """Read all lines. Cost: O(n), more than a million lines a second."""
        for text in self.source.texts():
            last = b""
            if self.source.is_cut and not self.source.is_small:
                before, end, last = text.rpartition(b"\n")
                text, last = (text, b"") if _is_whole(last) else (before + end, last)
            if b":" in text and _TIME.search(text):
                text = _TIME.sub(rb"\1", text)
            plain = Plain(text, self.plain)
            for live, lines in plain.by_process():
                self._take(text, plain, live, lines)
            if last.strip():
                self.line = self.source.lines + text.count(b"\n") + 1
                self._cut(last)
        self._lose(self.cuts)
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
            if live is not None and not live.inner:
                first = at
                self._switch(live)
                at = live.follow(*plain.calls, first, lines.stop, self.columns.blocks)
                self._rows(plain, slice(first, at))
            if at < lines.stop:
                self.line = self.source.lines + at + 1
                try:
                    self._other(text[plain.starts[at] : plain.ends[at]])
                except TraceError as error:
                    self.spoilt(error)
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
        if sort is None or live.inner or not sort.whole(self, live, tail):
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

    def is_flat(self):
        """True if a realloc of NULL, or to 0, is told without the call in it. If nothing
        has told, the first that comes while no call is open does."""
        if self.flat is None and not self.cuts:
            self.flat = True
        return bool(self.flat)

    def nests(self):
        """A realloc was told with the call in it."""
        self.flat = False

    def _banner(self, pid, text):
        if match := _VERSION.search(text):
            self.version = int(match[1])
            self.flat = self.version >= calls.FLAT
        if match := _SUMMARY.search(text):
            told = {name: int(n.replace(b",", b"")) for name, n in match.groupdict().items() if n}
            self.summary |= told
        if not text.startswith(b"Command:"):
            return
        self._lose(self._own(pid))
        live = self.processes.get(pid)
        if live:
            self._switch(live)
            self.exec(live)

    def _piece(self, pid, text, is_last):
        """The text that one process wrote after its prefix."""
        live = self.processes.get(pid)
        if live is not None and self._is_echo(live, text):
            return
        own = self._own(pid)
        if own and own[-1].is_late and own[-1].line == self.line - 1:
            # Its own result comes right behind it, though others wait longer.
            own.insert(0, own.pop())
        if live is not None and (live.inner or own and calls.is_answer(text)) and self._join(text, is_last, own):
            return
        state = self._call(pid, text)
        if state == "cut" and not is_last:
            self._open(pid, text)
        elif state == "cut":
            raise self.bad(text, RESULT)
        elif state is None and calls.is_answer(text) and not own:
            # Of a valloc from 3.24 on, whose name and size are not told
            self.skip(text, "a result behind its call")
        elif state is None and not self._parts(pid, text, is_last):
            self._remark(pid, text)

    def _remark(self, pid, text):
        """What is no whole call: one with a warning instead of its result, or what
        valgrind says of itself. Raises: TraceError for what a call is damaged to."""
        if call := calls.warned(text):
            # Up to 3.20 another call stands behind a realloc to 0.
            self.flat = self.flat or calls.has_inner(call)
            self._open(pid, call, text)
        elif calls.resembles(text):
            raise self.bad(text, CALL)
        else:
            self.skip(text, CALL, is_usual=_USUAL.match(text) is not None)

    def _orphan(self, text, is_last):
        """Text without a prefix: the end of a cut call, or no text of valgrind's."""
        if not text or self._join(text, is_last, self.cuts[::-1]):
            return
        if self.cuts and self._parts(None, text, is_last):
            return
        if calls.resembles_orphan(text):
            raise self.bad(text, "a call after its process, as --PID-- malloc(N) = 0xP")
        self.skip(text, CALL)

    def _parts(self, pid, text, is_last):
        """Do a text that several threads or processes wrote, of whom only the first told
        its process: parts of calls that are open, and of others by threads of that
        process. Returns False, and has done nothing, if it does not read so.

        Raises: TraceError for a part that belongs to no call.
        """
        parts = calls.parts(text)
        if not parts or (pid is None and len(parts) < 2):
            return False
        # Threads take turns: of those that were cut the one that waits longest goes on.
        cuts = self.cuts[::-1] if pid is None else self._own(pid)
        while parts:
            part = parts.pop(0)
            is_joined = self._join(part, is_last and not parts, cuts)
            cuts = self.cuts[::-1]
            if is_joined:
                continue
            if pid is not None and parts and self._call(pid, part + parts[0]) == "whole":
                parts.pop(0)
                continue
            state = self._call(pid, part) if pid is not None else None
            if state == "cut" and (parts or not is_last):
                self._open(pid, part, text)
            elif state != "whole":
                raise self.bad(text, CALL)
        return True

    def _own(self, pid):
        """The open calls of a process, that told of last comes last."""
        return [cut for cut in self.cuts if cut.pid == pid]

    def _open(self, pid, text, piece=b""):
        cut = _Cut(pid, text, self.line, piece, nested=not self.flat)
        self.cuts.append(cut)
        self._blocks(pid).inner += cut.has_inner

    def _close(self, cut):
        self.cuts.remove(cut)
        self._blocks(cut.pid).inner -= cut.has_inner

    def _lose(self, cuts):
        """The results of these calls never came. Raises: TraceError if strict, and for
        one that is more likely to be damaged."""
        line = self.line
        for cut in cuts[:]:
            self._close(cut)
            self.line = cut.line
            if calls.is_garbled(cut.piece):
                self.spoilt(self.bad(cut.piece, CALL))
                continue
            count = "unparsed" if cut.is_late else "open_at_end"
            self.odd(count, shown(cut.text), RESULT)
        self.line = line

    def _join(self, text, is_last, cuts):
        """Add the text to the first of these calls that it fits. Returns False, and has
        done nothing, if it fits none."""
        for cut in cuts:
            whole = cut.text + text
            state = self._call(cut.pid, whole)
            if state == "whole":
                self._close(cut)
                self.notes["cut_lines_joined"] += 1
                return True
            if state == "cut" and not is_last:
                self._close(cut)
                self._open(cut.pid, whole, cut.piece)
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
        if calls.is_late(text) and (self.version is None or self.version >= calls.ANSWERED):
            # Of one process none but the last can still be answered.
            self._lose([cut for cut in self._own(pid) if cut.is_late])
            self._open(pid, text)
            return "whole"
        if untold := calls.untold(text):
            rest, note = untold
            state = self._call(pid, rest) if rest else "whole"
            if state == "whole":
                self.notes[note] += 1
            return state
        return "cut" if calls.is_cut(text) else None

    def _is_echo(self, live, text):
        """True if `text` is the result that this process was to tell once more."""
        is_echo = live.echo == text
        if is_echo:
            live.echo = None
        return is_echo

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
