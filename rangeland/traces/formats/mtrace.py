"""Reader of the files of glibc's mtrace (design/readers.md#.sol.mtrace)."""

import re

from rangeland.traces.formats.heap import Heap

NAME = "mtrace"

_P = rb"(0x[0-9a-f]{1,16}|\(nil\))"
_S = rb"(0x[0-9a-f]{1,16}|0)"
# Old C libraries wrote no @ in front of the place of the call.
_WHERE = rb"(?:@ .* | *(?:[^\s\[]+ ?)?\[0x[0-9a-f]{1,16}\] )?"
_FORM = _WHERE + rb"(?:([-<]) P|([+>!]) P S)".replace(b"P", _P).replace(b"S", _S)
_EVENT = re.compile(_FORM)
_LINE = re.compile(rb"^" + _FORM + rb"\r?$", re.M)
_RESEMBLES = re.compile(rb"@ |[-+<>!=] | *\[0x")

START = b"= Start"
END = b"= End"
EXPECTED = "an event as mtrace writes it, such as @ WHERE + 0xP 0xSIZE or @ WHERE - 0xP"


def recognises(head):
    """True if a line is the first line of mtrace, or one of its events."""
    return re.match(rb"= Start\r?$", head, re.M) is not None or _LINE.search(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    log = _Log(source)
    log.through(log.read)
    return log.finish()


class _Log(Heap):
    """The events so far; `moving` is the address of a < line whose > line is to come, or None."""

    def __init__(self, source):
        super().__init__(source, ("unparsed",), is_whole=(START, END).__contains__)
        self.moving = None

    def read(self, lines):
        """Read the lines."""
        for line in lines:
            match = _EVENT.fullmatch(line)
            if match is None:
                self._other(line)
                continue
            released, old, made, place, size = match.groups()
            if released is None:
                address, size = _number(place), int(size, 16)
            if released == b"-":
                self.free(_number(old))
            elif made == b"+":
                self.alloc(size, address)
            elif made == b"!":
                self.realloc(address, size, 0)
            elif released == b"<":
                if self.moving is not None:
                    self.skip(b"<", "a > line after the < line before")
                self.moving = _number(old)
            elif self.moving is None:
                self.skip(line, "a < line before this > line")
                self.alloc(size, address)
            else:
                old, self.moving = self.moving, None
                self.realloc(old, size, address)

    def _other(self, line):
        if line in (START, END, b""):
            return
        if _RESEMBLES.match(line):
            raise self.bad(line, EXPECTED)
        self.skip(line, EXPECTED)

    def finish(self):
        """The Trace of what was read."""
        if self.moving is not None:
            self.skip(b"the end of the file", "a > line after the last < line")
        self.refuse_mixed(EXPECTED)
        return self.trace(NAME, "a file of mtrace")


def _number(text):
    return 0 if text == b"(nil)" else int(text, 16)
