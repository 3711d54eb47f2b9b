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
# The command may have line ends. What is told next is the size of a page, and how many there are.
_COMMAND = re.compile(rb"^X .*$", re.M)
_SYSTEM = re.compile(rb"^I [0-9a-f]+ [0-9a-f]+\r?$", re.M)
# Older files do not tell that: their command ends where a line is a record.
_RECORD = re.compile(rb"[vtiacRI+-](?: [0-9a-f]+)+|[msxS] [0-9a-f]+(?: .*)?").fullmatch
_OLD_RECORD = re.compile(rb"[vtiacRI+-](?: [0-9a-f]+)+|[msxS] .*").fullmatch


def has_addresses(head):
    """True if the file is a raw one: its first event has an address, or, without
    an event, there is a line of a kind that only raw files have."""
    begin, end = _command(head)
    head = head[:begin] + head[end:]
    event = _EVENT.search(head)
    return bool(event[1]) if event else _RAW.search(head) is not None


def _command(head):
    """(begin, end) of the command, if it is told where that ends; else of nothing."""
    command = _COMMAND.search(head)
    system = command and _SYSTEM.search(head, command.end())
    return (command.start(), system.start()) if system else (0, 0)


def is_whole(line):
    """True if no event is in the line."""
    return line[:1] not in (b"a", b"+", b"-")


class Lines:
    """The lines of a file of heaptrack that a Reading reads."""

    def __init__(self, reading):
        self.reading = reading
        self.milliseconds = 0
        self._has_lengths = False
        self._headers = 0
        self._has_system = any(_command(reading.source.head))
        # What of a string is still to come, and what ends the command that is being told;
        # if neither is so, `_aside` is false.
        self._text_left = 0
        self._ends_command = None
        self._aside = False

    def events(self, lines, kinds):
        """Of the lines, each of one of `kinds`, as its kind and the words behind it."""
        for line in lines:
            kind = line[:1]
            if self._aside and self._is_aside(line):
                continue
            if kind and kind in kinds and line[1:2] == b" ":
                yield kind, line.split()[1:]
            elif line:
                self._other(kind, line)
                if self._headers > 1:
                    break
        for _ in lines:
            pass

    def _is_aside(self, line):
        """True if the line is more of a string, or of the command."""
        if self._text_left:
            self._text_left = max(0, self._text_left - len(line) - 1)
            self._aside = self._text_left > 0
            return True
        self._aside = not self._ends_command(line)
        return self._aside

    def _other(self, kind, line):
        if line[1:2] not in (b" ", b"") or kind[0] not in KINDS:
            if kind in b"+-":
                raise self.reading.bad(line, LINE)
            self.reading.skip(line, LINE)
        elif kind == b"c":
            (self.milliseconds,) = self.numbers(line.split()[1:], 1, "c MILLISECONDS")
        elif kind == b"X":
            record = _RECORD if self._has_lengths else _OLD_RECORD
            self._ends_command = _SYSTEM.fullmatch if self._has_system else record
            self._has_system, self._aside = False, True
        elif kind == b"v":
            self._header()
            self._has_lengths = self.numbers(line.split()[2:] or [b"0"], 1, "v N N")[0] >= LENGTHS
        elif kind in TEXT and self._has_lengths:
            self._text(line)

    def _header(self):
        """A second one begins another file: a partial reading ends there. Raises: TraceError."""
        self._headers += 1
        if self._headers > 1:
            found = "the beginning of another file of heaptrack"
            self.reading.spoilt(self.reading.error(found, "one file: give each on its own"))

    def _text(self, line):
        """A string may hold line ends: its length is told."""
        words = line.split(b" ", 2)
        if len(words) == 3 and re.fullmatch(rb"[0-9a-f]{1,8}", words[1]):
            self._text_left = max(0, int(words[1], 16) - len(words[2]))
            self._aside = self._text_left > 0

    def numbers(self, words, count, form):
        """The `count` hexadecimal numbers `words`. Raises: TraceError."""
        if len(words) != count or not all(map(_NUMBER, words)):
            raise self.reading.bad(b" ".join(words), f"{form}, in hexadecimal")
        return [int(word, 16) for word in words]

    def trace(self, name):
        """The Trace of all that was told. Raises: TraceError."""
        self.reading.refuse_mixed(EXPECTED)
        return self.reading.trace(name, EXPECTED, last_timestamp_ms=self.milliseconds)
