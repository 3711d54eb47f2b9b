"""Reader of the logs of ltrace (design/readers.md#.sol.ltrace)."""

import re

from rangeland.traces.formats.ltrace_calls import call_of
from rangeland.traces.formats.heap import Heap

NAME = "ltrace"

# Blanks and not \s, since a search over many blank lines would take their square.
_PREFIX = (
    rb"[ \t]*(?:\[pid +(\d+)\] +|(\d+) +(?=\S))?"
    rb"(?:(?:\d+:\d\d:\d\d|\d+)(?:\.\d+)? +)?(?:\[0x[0-9a-f]+\] +)?"
)
_NAME = rb"(?:[^\s()<>=]*->)?([A-Za-z_]\w*)(?:@[^\s()]*)?"
_RESULT = rb"\s*= +(\S+)(?: +<\d+\.\d+>)?\s*"
_WHOLE = re.compile(_PREFIX + _NAME + rb"\((.*)\)" + _RESULT)
_OPEN = re.compile(_PREFIX + _NAME + rb"\((.*)<unfinished \.\.\.>\s*")
_RESUMED = re.compile(_PREFIX + rb"<\.\.\. " + _NAME + rb" resumed>(.*)\)" + _RESULT)
_REMARK = re.compile(_PREFIX + rb"(\+\+\+ .* \+\+\+|--- .* ---)\s*")
_BEGINS = re.compile(_PREFIX + rb"(?:<\.\.\. )?" + _NAME + rb"(?:\(| resumed>)")
_EXEC = b"--- Called exec() ---"
_RECOGNISED = re.compile(
    rb"^" + _PREFIX + rb"(?:[^\s()<>=]*->)?(?:malloc|calloc|realloc|free|_Zn[aw]\w+|_Zd[al]\w+)"
    rb"(?:@[^\s()]*)?\([^)\n]*(?:\)\s+= |<unfinished \.\.\.>)",
    re.M,
)

# Only calls that have strings among their arguments have longer lines.
LONGEST_LINE = 4096
EXPECTED = "a call as ltrace writes it, such as malloc@libc.so.6(N) = 0xP"


def recognises(head):
    """True if a line is a call for memory as ltrace writes it."""
    return _RECOGNISED.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    return _Log(source).read()


class _Open:
    """A call whose end is not yet told. `counts` unless it is within another."""

    def __init__(self, name, args, counts):
        self.name = name
        self.args = args
        self.counts = counts


class _Log(Heap):
    """The calls that each thread is in, outermost first.

    Only the outermost call of a thread counts; what the C library calls within
    it is part of it. What a call releases is gone from its beginning, as another
    thread may have it before the end is told; what it makes is there at its end.
    `moving` has the blocks of open reallocs, each by its thread and old address.
    """

    def __init__(self, source):
        super().__init__(source, ("unparsed", "nested_ignored", "unfinished_at_end"))
        self.open = {}
        self.moving = {}

    def read(self):
        """Read all lines."""
        for line in self.lines():
            if len(line) > LONGEST_LINE:
                self._other(line[:LONGEST_LINE])
            elif match := _WHOLE.fullmatch(line):
                self._whole(line, *match.groups())
            elif match := _OPEN.fullmatch(line):
                self._begin(line, *match.groups())
            elif match := _RESUMED.fullmatch(line):
                self._resume(line, *match.groups())
            else:
                self._other(line)
        self.notes["unfinished_at_end"] = sum(map(len, self.open.values()))
        return self.trace(NAME, "a log of ltrace", threads=max(self.threads, 1))

    def _whole(self, line, pid, other, name, args, result):
        call = call_of(name)
        if call is None:
            self.notes["unparsed"] += 1
        elif self._within(pid or other, call):
            self.notes["nested_ignored"] += 1
        else:
            call.end(self, call.numbers(self, line, args), call.result(self, line, result))

    def _begin(self, line, pid, other, name, args):
        call = call_of(name)
        if call is None:
            self.notes["unparsed"] += 1
            return
        thread = pid or other
        counts = not self._within(thread, call)
        if counts:
            args = call.begin(self, call.numbers(self, line, args), thread)
        else:
            self.notes["nested_ignored"] += 1
        self.open[thread].append(_Open(name, args, counts))

    def _resume(self, line, pid, other, name, _, result):
        call = call_of(name)
        if call is None:
            return
        self._within(pid or other, call)
        calls = self.open[pid or other]
        while calls and calls[-1].name != name:
            calls.pop()
        if not calls:
            self.skip(line, "the beginning of this call before its end")
        elif (opened := calls.pop()).counts:
            call.end(self, opened.args, call.result(self, line, result))

    def _exec(self):
        for block in self.moving.values():
            self.columns.free(block)
        self.notes["exec_dropped"] += len(self.moving)
        self.exec(self.live)
        self.moving.clear()
        self.open.clear()

    def stays(self, block, address):
        """An open realloc of `block`, or None, has failed: it lies at `address` again."""
        self.notes["failed"] += 1
        if block is not None:
            self.notes["failed_realloc"] += 1
            self.live[address] = block

    def _within(self, thread, call):
        """True if `thread` is in a call that may call this one. The thread is the next
        to do something."""
        if thread is not None:
            self.by(thread)
        calls = self.open.setdefault(thread, [])
        while calls and not call_of(calls[-1].name).may_call(call):
            calls.pop()
        return bool(calls)

    def _other(self, line):
        if match := _REMARK.fullmatch(line):
            if match[3] == _EXEC and self.threads < 2:
                self._exec()
            return
        match = _BEGINS.match(line)
        if match and call_of(match[3]):
            raise self.bad(line, EXPECTED)
        if match:
            # A function that is not asked for memory, whatever it gave.
            self.notes["unparsed"] += 1
            return
        if line.strip():
            self.skip(line, EXPECTED)
