"""What the readers of text have in common (design/readers.md#.sol.reading)."""

from rangeland.traces.source import shown
from rangeland.traces.trace import COUNTS, MOST_SIZE, Columns


class Reading:
    """A recording that is being read: its lines, the columns and counts so far.

    `line` is the number of the line that is being read. What cannot be followed
    is counted in `notes`; if the source is strict it is refused. `skipped` is the
    first line that is none of the format's, its number and what it shows, or None.
    """

    def __init__(self, source, counts=(), addressed=False):
        self.source = source
        self.columns = Columns(addressed)
        self.notes = dict.fromkeys((*COUNTS, *counts), 0)
        self.line = 0
        self.skipped = None

    def lines(self):
        """The lines of the source; `line` is their number."""
        for lines in self.source.blocks():
            for self.line, line in enumerate(lines, self.source.lines + 1):
                yield line

    def sane(self, size):
        """Refuse a size that no address space holds. Raises: TraceError."""
        if not 0 <= size <= MOST_SIZE:
            raise self.error(f"a size of {size}", f"one in 0..{MOST_SIZE}, as the call succeeded")

    def odd(self, count, found, expected):
        """Count what cannot be followed. Raises: TraceError if the source is strict."""
        if self.source.strict:
            raise self.error(found, expected)
        self.notes[count] += 1

    def skip(self, text, expected):
        """Count a line that is none of the format's as `unparsed`.

        Raises: TraceError if it is binary, or the source is strict.
        """
        if b"\0" in text:
            raise self.bad(text, expected)
        self.skipped = self.skipped or (self.line, shown(text))
        self.odd("unparsed", shown(text), expected)

    def bad(self, text, expected):
        """The TraceError for `text` of this line."""
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

    def refuse_mixed(self, expected):
        """Refuse a file most of whose lines were none of the format's. Raises: TraceError."""
        unparsed, lines = self.notes["unparsed"], self.source.lines
        if unparsed > lines // 2:
            line, text = self.skipped
            found = f"{text}, the first of {unparsed} such lines of {lines}"
            raise self.source.error(line, found, expected)

    def trace(self, format, expected, **notes):
        """The Trace of all that was told. Raises: TraceError if nothing was."""
        if not self.events:
            line, text = self.skipped or (None, None)
            found = f"{self.source.lines} lines without one event"
            raise self.source.error(line, found + (f", such as {text}" if text else ""), expected)
        if self.skipped:
            notes["first_unparsed"] = dict(zip(("line", "text"), self.skipped))
        return self.columns.trace(self.notes | notes, format, self.source.path)
