"""Reader of the `.rep` traces of malloc exercises (design/readers.md#.sol.rep)."""

import re

from rangeland.traces.addresses import MOST_BLOCK, Addresses
from rangeland.traces.formats.reading import Reading
from rangeland.traces.source import shown
from rangeland.traces.trace import MOST_SIZE

NAME = "rep"

HEADER = ("the heap size or weight", "the number of ids", "the number of operations",
          "the weight or peak bytes")
OPERATION = "an operation: a ID SIZE, r ID SIZE or f ID"

# Of so many digits each is below 2**64.
LONGEST_NUMBER = 19
FREED = MOST_BLOCK

_START = re.compile(rb"\s*\d+\s+\d+\s+\d+\s+\d+\s*(?:$|[arf]\s)")


def recognises(head):
    """True if the file begins as a `.rep`: four numbers, then an operation or the end."""
    return _START.match(head) is not None


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    return _Rep(source).read()


class _Rep(Reading):
    """The blocks of a `.rep` so far; `block` has, per id of the file, our number or FREED."""

    def __init__(self, source):
        super().__init__(source)
        self.header = []
        self.block = Addresses()
        self.operations = 0

    def read(self):
        """The Trace of the source."""
        self.through(self._read)
        self._finish()
        self.block.clear()
        ids, operations = self.header[1:3]
        extra = self.missing() | {"header": self.header, "ids": ids, "ops": operations}
        return self.columns.trace(self.notes | extra, NAME, self.source.path)

    def _read(self, lines):
        for line in lines:
            words = line.split()
            if not words:
                continue
            if len(self.header) < len(HEADER):
                self._header(words)
            else:
                self._operation(line, words)

    def _header(self, words):
        for word in words:
            if len(self.header) == len(HEADER):
                raise self._bad(word, "the end of the header's last line")
            self.header.append(self._number(word, HEADER[len(self.header)]))

    def _number(self, word, expected):
        digits = word.lstrip(b"0") or word[-1:]
        if not word.isdigit() or len(digits) > LONGEST_NUMBER:
            raise self._bad(word, expected)
        return int(digits)

    def _operation(self, line, words):
        self.operations += 1
        if self.operations > self.header[2]:
            raise self._bad(line, f"the end: the header promises {self.header[2]} operations")
        kind, id, *rest = words + [b""] if len(words) < 2 else words
        if kind == b"f" and not rest and id == b"-1":
            self.notes["free_null"] += 1
            return
        if kind not in (b"a", b"r", b"f") or len(rest) != (kind != b"f") or not id.isdigit():
            raise self._bad(line, OPERATION)
        id = self._number(id, f"an id of at most {LONGEST_NUMBER} digits")
        if id >= self.header[1]:
            raise self._bad(line, f"an id below {self.header[1]}, the header's number of ids")
        block = self.block.get(id)
        if block == FREED:
            raise self._bad(line, f"an id that is not yet freed: {id} is")
        if kind == b"f":
            self._free(line, id, block)
        else:
            self._sized(line, kind, id, block, rest[0])

    def _free(self, line, id, block):
        if block is None:
            raise self._bad(line, f"an id that is allocated: {id} is not")
        self.columns.free(block)
        self.block[id] = FREED

    def _sized(self, line, kind, id, block, word):
        size = self._number(word, f"a size in 0..{MOST_SIZE}")
        if size > MOST_SIZE:
            raise self._bad(word, f"a size in 0..{MOST_SIZE}")
        if block is None:
            self.block[id] = self.columns.alloc(size)
        elif kind == b"a":
            raise self._bad(line, f"an id that is not yet allocated: {id} is")
        else:
            self.columns.realloc(block, size)

    def _finish(self):
        end = self.source.lines + 1
        if len(self.header) < len(HEADER):
            raise self.source.error(end, "the end of the file", HEADER[len(self.header)])
        ids, operations = self.header[1:3]
        if self.operations != operations:
            found = f"the end of the file after {self.operations} operations"
            self.spoilt(self.source.error(end, found, f"{operations}, as the header promises"))
        if len(self.block) != ids:
            found = f"the end of the file after {len(self.block)} ids"
            self.spoilt(self.source.error(end, found, f"{ids}, as the header promises"))

    def _bad(self, text, expected):
        return self.source.error(self.line, shown(text), expected)
