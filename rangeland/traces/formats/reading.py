"""What the readers of text have in common (design/readers.md#.sol.reading)."""

import re

from rangeland.traces.source import TraceError, shown
from rangeland.traces.trace import COUNTS, MOST_SIZE, Columns

# So many at once were never written, but are a gap that another writer's place left.
_ZEROS = re.compile(rb"\0{4,}")
_OWN_FILE = (
    " (zero bytes may come of several processes that wrote this one file; give each its own, "
    "as with %p in the name for valgrind)"
)


class Reading:
    """A recording that is being read: its lines, the columns and counts so far.

    `line` is the number of the line that is being read. What cannot be followed
    is counted in `notes`; if the source is strict it is refused. `skipped` is the
    first line that is none of the format's, its number and what it shows, or None;
    `usual` the first of those that the tool writes of itself. `is_whole(line)` tells that
    nothing is missing of the last line, though it has no line end; None that the format
    is of files that are written by hand.
    """

    def __init__(self, source, counts=(), addressed=False, is_whole=None):
        self.source = source
        self.columns = Columns(addressed)
        self.notes = dict.fromkeys((*COUNTS, *counts), 0)
        self.line = 0
        self.skipped = None
        self.usual = None
        self._is_whole = is_whole
        self._last = None
        self._missing = {}

    def lines(self):
        """The lines of the source; `line` is their number. The last is not given if it is cut."""
        for lines in self.source.blocks():
            last = lines.pop() if self.source.is_cut and self._is_whole else None
            for self.line, line in enumerate(lines, self.source.lines + 1):
                yield line
            if last is not None and last.strip():
                self.line = self.source.lines + len(lines) + 1
                if self.source.is_small or self._is_whole(last):
                    self._last = last
                    yield last
                else:
                    self._cut(last)

    def through(self, read):
        """Have `read(lines)` read all lines. A partial reading goes on behind a damaged one."""
        lines = self.lines()
        while True:
            try:
                return read(lines)
            except TraceError as error:
                if self._last is not None and error.line == self.line:
                    self._cut(self._last)
                else:
                    self.spoilt(error)

    def spoilt(self, error):
        """Count the damage that is told by `error`. Raises: it, unless the reading is partial."""
        if not self.source.partial:
            raise error
        told = {"line": error.line, "found": error.found, "expected": error.expected}
        self._missing.setdefault("first_damaged", told)
        self._missing["damaged"] = self._missing.get("damaged", 0) + 1

    def missing(self):
        """The notes of what is missing, damaged or cut."""
        return self._missing

    def take_told(self, other):
        """What the Reading `other` skipped and found damaged is told by this one."""
        self.notes["unparsed"], self.skipped = other.notes["unparsed"], other.skipped
        self._missing = other.missing()

    def _cut(self, line):
        if self.source.strict:
            raise self.error(shown(line), "a line end")
        self._missing["cut_short"] = {"line": self.line, "text": shown(line)}
        self.notes["unparsed"] = self.notes.get("unparsed", 0) + 1
        self.skipped = self.skipped or (self.line, shown(line) + ", where the file is cut short")

    def sane(self, size):
        """Refuse a size that no address space holds. Raises: TraceError."""
        if not 0 <= size <= MOST_SIZE:
            raise self.error(f"a size of {size}", f"one in 0..{MOST_SIZE}, as the call succeeded")

    def odd(self, count, found, expected):
        """Count what cannot be followed. Raises: TraceError if the source is strict."""
        if self.source.strict:
            raise self.error(found, expected)
        self.notes[count] += 1

    def skip(self, text, expected, is_usual=False):
        """Count a line that is none of the format's as `unparsed`. One that `is_usual`,
        or blank, is no example of them.

        Raises: TraceError if it is binary, or the source is strict.
        """
        if b"\0" in text:
            raise self.bad(text, expected)
        if is_usual or not text.strip():
            self.usual = self.usual or (self.line, shown(text))
        else:
            self.skipped = self.skipped or (self.line, shown(text))
        self.odd("unparsed", shown(text), expected)

    def bad(self, text, expected):
        """The TraceError for `text` of this line. Of many zero bytes it tells how many."""
        if _ZEROS.search(text):
            found = f"{text.count(0)} zero bytes"
            rest = _ZEROS.sub(b"", text)
            return self.error(found + (f" and {shown(rest)}" if rest else ""), expected + _OWN_FILE)
        return self.error(shown(text), expected)

    def error(self, found, expected):
        """The TraceError for this line."""
        if self.source.is_cut and self.line == self.source.lines + 1:
            expected += " (the file is cut short inside this line)"
        return self.source.error(self.line, found, expected)

    @property
    def events(self):
        """How many calls were told, as `figures` counts them."""
        calls = ("free_null", "failed", "free_unknown")
        return len(self.columns.op) + sum(self.notes[name] for name in calls)

    def refuse_mixed(self, expected, most=1 / 2):
        """Refuse a file of whose lines more than the part `most` were none of the format's.

        Raises: TraceError.
        """
        unparsed, lines = self.notes["unparsed"], self.source.lines
        if unparsed > lines * most and not self.source.partial:
            line, text = self.skipped or self.usual
            found = f"{text}, the first of {unparsed} such lines of {lines}"
            raise self.source.error(line, found, expected)

    def trace(self, format, expected, **notes):
        """The Trace of all that was told. Raises: TraceError if nothing was."""
        if not self.events:
            line, text = self.skipped or self.usual or (None, None)
            found = f"{self.source.lines} lines without one event"
            raise self.source.error(line, found + (f", such as {text}" if text else ""), expected)
        if self.skipped:
            notes["first_unparsed"] = dict(zip(("line", "text"), self.skipped))
        return self.columns.trace(self.notes | notes | self.missing(), format, self.source.path)
