"""Reader of the logs of ltrace (design/readers.md#.sol.ltrace)."""

import re

from rangeland.traces.addresses import Addresses
from rangeland.traces.formats.heap import Heap
from rangeland.traces.formats.ltrace_calls import FAR, call_of, forks

NAME = "ltrace"

# Blanks and not \s, since a search over many blank lines would take their square.
_PREFIX = (
    rb"[ \t]*(?:\[pid +(\d+)\] +|(\d+) +(?=\S))?"
    rb"(?:(?:\d+:\d\d:\d\d|\d+)(?:\.\d+)? +)?(?:\[0x[0-9a-f]+\] +)?"
)
# With -C operators have their names in C++.
_OPERATOR = rb"operator (?:new|delete)(?:\[\])?\([^()\n]*\)"
_NAME = rb"(?:[^\s()<>=]*->)?(" + _OPERATOR + rb"|[A-Za-z_]\w*)(?:@[^\s()]*)?"
_RESULT = rb"\s*= +(\S+)(?: +<\d+\.\d+>)?\s*"
_WHOLE = re.compile(_PREFIX + _NAME + rb"\((.*)\)" + _RESULT)
_OPEN = re.compile(_PREFIX + _NAME + rb"\((.*)<(?:unfinished|no return) \.\.\.>\s*")
_RESUMED = re.compile(_PREFIX + rb"<\.\.\. " + _NAME + rb" resumed>(.*)\)" + _RESULT)
_REMARK = re.compile(_PREFIX + rb"(\+\+\+ .* \+\+\+|--- .* ---)\s*")
_BEGINS = re.compile(_PREFIX + rb"(?:<\.\.\. )?" + _NAME + rb"(?:\(| resumed>)")
_ENDS = re.compile(rb".*(?:>|\+\+\+|---)\s*").fullmatch
_EXEC = b"--- Called exec() ---"
_RECOGNISED = re.compile(
    rb"^" + _PREFIX + rb"(?:[^\s()<>=]*->)?(?:malloc|calloc|realloc|free|_Zn[aw]\w+|_Zd[al]\w+|"
    + _OPERATOR + rb")"
    rb"(?:@[^\s()]*)?\([^)\n]*(?:\)\s+= |<(?:unfinished|no return) \.\.\.>)",
    re.M,
)

# Only calls that have strings among their arguments have longer lines.
LONGEST_LINE = 4096
# No program asks for a larger one: the call has a wrong name.
MOST_ALIGNMENT = 1 << 32
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
    `live` has those of the process that did something last; `children` those of each
    thread that the log tells to be a process of its own, which has none of its parent's.
    """

    def __init__(self, source):
        counts = ("unparsed", "nested_ignored", "unfinished_at_end")
        super().__init__(source, counts, is_whole=_ENDS)
        self.open = {}
        self.moving = {}
        self.parent = self.live
        self.first = self.last = None
        self.children = {}
        self.forking = set()

    def read(self):
        """Read all lines."""
        self.through(self._read)
        self.notes["unfinished_at_end"] = sum(map(len, self.open.values()))
        told = {"processes": len(self.children) + 1} if self.children else {}
        return self.trace(NAME, "a log of ltrace", threads=max(self.threads, 1), **told)

    def _read(self, lines):
        for line in lines:
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

    def _whole(self, line, pid, other, name, args, result):
        call = call_of(name)
        if call is None:
            self.notes["unparsed"] += 1
            if forks(name, args):
                self._forked(pid or other, result)
        elif self._within(pid or other, call):
            self.notes["nested_ignored"] += 1
        else:
            call.end(self, call.numbers(self, line, args), call.result(self, line, result))

    def _begin(self, line, pid, other, name, args):
        call = call_of(name)
        thread = pid or other
        if call is None:
            self.notes["unparsed"] += 1
            if forks(name, args):
                self._as(thread)
                self.forking.add(thread)
            return
        counts = not self._within(thread, call)
        if counts:
            args = call.begin(self, call.numbers(self, line, args), thread)
        else:
            self.notes["nested_ignored"] += 1
        self.open[thread].append(_Open(name, args, counts))

    def _resume(self, line, pid, other, name, _, result):
        call = call_of(name)
        if call is None:
            if (pid or other) in self.forking:
                self._forked(pid or other, result)
            return
        self._within(pid or other, call)
        calls = self.open[pid or other]
        while calls and calls[-1].name != name:
            calls.pop()
        if not calls:
            self.skip(line, "the beginning of this call before its end")
        elif (opened := calls.pop()).counts:
            call.end(self, opened.args, call.result(self, line, result))

    def _forked(self, thread, result):
        """`thread` was told the result of a fork: the number of its child, or that it is one."""
        self._as(thread)
        self.forking.discard(thread)
        if result == b"0":
            self._child(thread)
        elif result.isdigit():
            self._child(b"%d" % int(result[:20]))

    def _child(self, thread):
        if thread is not None and thread != self.first:
            self.children.setdefault(thread, Addresses())
            self.last = None

    def _exec(self, thread):
        """The process of `thread` has become another program."""
        if thread is None and self.threads > 1:
            return
        self._as(thread)
        if thread not in (None, self.first) and thread not in self.children:
            # Who does that beside others is no thread, but a child of which no fork was told.
            self._child(thread)
        else:
            is_child = thread in self.children
            lost = [key for key in self.moving
                    if (key[0] == thread if is_child else key[0] not in self.children)]  # fmt: skip
            for key in lost:
                self.columns.free(self.moving.pop(key))
            self.notes["exec_dropped"] += len(lost)
            self.exec(self.live)
        self.open.pop(thread, None)

    # What is told of a call that ltrace gave the name of another one

    def place(self, live, size, address, alignment=None):
        """As of a Heap, but a size that cannot be is counted: the name was wrong."""
        if 0 <= size < FAR and (alignment is None or alignment <= MOST_ALIGNMENT):
            super().place(live, size, address, alignment)
        elif 0 <= size < FAR:
            self.misnamed(f"an alignment of {alignment}")
        else:
            self.misnamed(f"a size of {size}")

    def move(self, live, block, old, size, address):
        """As of a Heap; the block stays what and where it was if the size cannot be."""
        if 0 <= size < FAR:
            super().move(live, block, old, size, address)
            return
        if block is not None:
            self.stays(block, old, failed=0)
        self.misnamed(f"a size of {size}")

    def misnamed(self, found):
        """Count a call that cannot be what its name says. Raises: TraceError of a strict source."""
        self.skip(found.encode(), f"sizes below {FAR}, as the call succeeded")

    def stays(self, block, address, failed=1):
        """An open realloc of `block`, or None, has failed: it lies at `address` again."""
        self.notes["failed"] += failed
        if block is not None:
            self.notes["failed_realloc"] += failed
            self.live[address] = block

    def _as(self, thread):
        """What comes next is of `thread`, and of the blocks of its process."""
        if thread is not None:
            if self.first is None:
                self.first = thread
            elif self.forking and not self.knows(thread):
                self._child(thread)
            self.by(thread)
            self.last = thread
            self.live = self.children.get(thread, self.parent) if self.children else self.parent

    def _within(self, thread, call):
        """True if `thread` is in a call that may call this one. The thread is the next
        to do something."""
        if thread != self.last:
            self._as(thread)
        calls = self.open.setdefault(thread, [])
        while calls and not call_of(calls[-1].name).may_call(call):
            calls.pop()
        return bool(calls)

    def _other(self, line):
        if match := _REMARK.fullmatch(line):
            if match[3] == _EXEC:
                self._exec(match[1] or match[2])
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
