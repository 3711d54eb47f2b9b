"""The lines that both sorts of heaptrack files have (design/readers.md#.sol.heaptrack)."""

import re

HEADER = re.compile(rb"v [0-9a-f]+(?: [0-9a-f]+)?\r?$", re.M)
# The kinds of lines that are no event: header, strings, places, clock, sizes, comments.
KINDS = frozenset(b"vxXsSitaAmcRI#")
EXPECTED = "a file of heaptrack"
LINE = "a line of heaptrack: a letter and what belongs to it"
TEXT = b"sx"
# The version of files since which a string's length is told.
LENGTHS = 3

_EVENT = re.compile(rb"^\+ [0-9a-f]+( [0-9a-f]+ [0-9a-f]+)?\r?$", re.M)
_NUMBER = re.compile(rb"[0-9a-f]{1,16}").fullmatch
_RAW = re.compile(rb"^[xm] ", re.M)


def has_addresses(head):
    """True if the file is a raw one: its first event has an address, or, without
    an event, there is a line of a kind that only raw files have."""
    event = _EVENT.search(head)
    return bool(event[1]) if event else _RAW.search(head) is not None


class Lines:
    """The lines of a file of heaptrack that a Reading reads."""

    def __init__(self, reading):
        self.reading = reading
        self.milliseconds = 0
        self._has_lengths = False
        self._text_left = 0

    def events(self, kinds):
        """Each line of one of `kinds`, as its kind and the words behind it."""
        for line in self.reading.lines():
            kind = line[:1]
            if self._text_left:
                self._text_left = max(0, self._text_left - len(line) - 1)
            elif kind and kind in kinds and line[1:2] == b" ":
                yield kind, line.split()[1:]
            elif line:
                self._other(kind, line)

    def _other(self, kind, line):
        if line[1:2] not in (b" ", b"") or kind[0] not in KINDS:
            if kind in b"+-":
                raise self.reading.bad(line, LINE)
            self.reading.skip(line, LINE)
        elif kind == b"c":
            (self.milliseconds,) = self.numbers(line.split()[1:], 1, "c MILLISECONDS")
        elif kind == b"v":
            self._has_lengths = self.numbers(line.split()[2:] or [b"0"], 1, "v N N")[0] >= LENGTHS
        elif kind in TEXT and self._has_lengths:
            self._text(line)

    def _text(self, line):
        """A string may hold line ends: its length is told."""
        words = line.split(b" ", 2)
        if len(words) == 3 and re.fullmatch(rb"[0-9a-f]{1,8}", words[1]):
            self._text_left = max(0, int(words[1], 16) - len(words[2]))

    def numbers(self, words, count, form):
        """The `count` hexadecimal numbers `words`. Raises: TraceError."""
        if len(words) != count or not all(map(_NUMBER, words)):
            raise self.reading.bad(b" ".join(words), f"{form}, in hexadecimal")
        return [int(word, 16) for word in words]

    def trace(self, name):
        """The Trace of all that was told. Raises: TraceError."""
        self.reading.refuse_mixed(EXPECTED)
        return self.reading.trace(name, EXPECTED, last_timestamp_ms=self.milliseconds)
