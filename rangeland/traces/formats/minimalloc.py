"""Reader of minimalloc's CSV: buffers with their lives (design/readers.md#.sol.minimalloc)."""

import csv
import re
from array import array

import numpy as np

from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.formats.reading import Reading
from rangeland.traces.trace import MOST_SIZE, PART, power_of_two

NAME = "minimalloc-csv"

MARK = b"\xef\xbb\xbf"
# The column's own name, the others that it goes by, and by how much those differ.
NAMES = {
    "id": {"id": 0, "buffer": 0, "buffer_id": 0},
    "lower": {"lower": 0, "start": 0, "begin": 0},
    "upper": {"upper": 0, "end": 1},
    "size": {"size": 0},
}
OPTIONAL = ("alignment", "hint", "gaps", "offset")
MOST_TIME = 1 << 62
EXPECTED = "columns id, lower, upper and size, as minimalloc names them"

_NUMBER = re.compile(r"[-+]?\d{1,30}").fullmatch
_CAPACITY = re.compile(r"\.(\d{1,18})\.csv(?:\.gz|\.zst)?$")


def recognises(head):
    """True if the first line names minimalloc's columns."""
    first = head.removeprefix(MARK).partition(b"\n")[0].strip()
    words = {word.strip() for word in first.decode("latin-1").split(",")}
    return all(words.intersection(names) for names in NAMES.values())


def read(source):
    """The Trace in `source`: of all that begins or ends at a time, first what ends.

    Raises: TraceError.
    """
    return _Buffers(source).read()


class _Buffers(Reading):
    """The columns of the file so far, a row a buffer, in the order of the file."""

    def __init__(self, source):
        super().__init__(source, ("never_live",))
        self.header = None
        self.where = {}
        self.inclusive = 0
        self.lower, self.upper, self.sizes = array("q"), array("q"), array("q")
        self.alignment, self.offset = array("q"), array("q")
        self.unplaced = 0

    def read(self):
        """Read all lines up to the first blank one."""
        for line in self.lines():
            text = line.removeprefix(MARK) if self.header is None else line
            if not text.strip():
                if self.header is None:
                    continue
                break
            words = self._words(text)
            if self.header is None:
                self._header(text, words)
            elif len(words) != len(self.header):
                raise self.bad(line, f"{len(self.header)} values, as the header has columns")
            else:
                self._row(words)
        if self.header is None:
            raise self.source.error(self.line, "no line of column names", EXPECTED)
        self._play()
        notes = {"columns": self.header}
        if self.unplaced:
            notes["unplaced"] = self.unplaced
        if match := _CAPACITY.search(self.source.path):
            notes["capacity"] = int(match[1])
        return self.trace(NAME, "buffers of minimalloc", **notes)

    def _words(self, line):
        try:
            (words,) = csv.reader([line.decode("utf-8", "replace")], strict=True)
        except (csv.Error, ValueError) as wrong:
            raise self.bad(line, f"a line of CSV ({wrong})") from None
        return [word.strip() for word in words]

    def _header(self, line, words):
        for column, names in NAMES.items():
            found = [(at, names[word]) for at, word in enumerate(words) if word in names]
            if len(found) != 1:
                raise self.bad(line, f"{EXPECTED}, each once")
            self.where[column] = found[0][0]
            self.inclusive += found[0][1]
        for column in OPTIONAL:
            if (count := words.count(column)) > 1:
                raise self.bad(line, f"a column {column} once, not {count} times")
            if count:
                self.where[column] = words.index(column)
        self.header = words

    def _number(self, words, column, least, most):
        word = words[self.where[column]]
        if not _NUMBER(word) or not least <= int(word) <= most:
            raise self.error(f"{column} {word[:40]!r}", f"a whole number in {least}..{most}")
        return int(word)

    def _row(self, words):
        lower = self._number(words, "lower", -MOST_TIME, MOST_TIME)
        upper = self._number(words, "upper", -MOST_TIME, MOST_TIME) + self.inclusive
        size = self._number(words, "size", 0, MOST_SIZE)
        if upper < lower:
            raise self.error(f"a life of {lower} to {upper}", "one that ends after its beginning")
        if upper == lower:
            self.odd("never_live", f"a life of {lower} to {upper}", "one that is not empty")
            return
        self.lower.append(lower)
        self.upper.append(upper)
        self.sizes.append(size)
        if "alignment" in self.where:
            alignment = self._number(words, "alignment", 0, MOST_SIZE)
            self.alignment.append(power_of_two(alignment))
        if "offset" in self.where:
            offset = self._number(words, "offset", -1, MOST_TIME)
            self.unplaced += offset < 0
            self.offset.append(max(0, offset))

    def _play(self):
        """Tell the columns what begins and what ends, in the order of time."""
        count = len(self.sizes)
        times = np.concatenate([np.asarray(self.upper), np.asarray(self.lower)])
        order = np.lexsort((np.arange(2 * count) >= count, times))
        del times, self.lower, self.upper
        numbers = np.empty(count, np.uint32)
        for at in range(0, 2 * count, PART):
            part = order[at : at + PART]
            begins, buffer = part >= count, part % max(count, 1)
            made = buffer[begins]
            numbers[made] = np.arange(self.columns.blocks, self.columns.blocks + len(made))
            self.columns.blocks += len(made)
            self._rows(begins, buffer, numbers)

    def _rows(self, begins, buffer, numbers):
        """Rows in which these buffers begin, or end; zero is what an end tells."""
        def told(values, dtype):
            return np.where(begins, np.asarray(values)[buffer], 0).astype(dtype).tobytes()

        columns = self.columns
        columns.op.frombytes(np.where(begins, ALLOC, FREE).astype(np.int8).tobytes())
        columns.id.frombytes(numbers[buffer].tobytes())
        columns.size.frombytes(told(self.sizes, np.int64))
        if self.alignment:
            columns.alignment.frombytes(told(self.alignment, np.int64))
        if self.offset:
            columns.address.frombytes(told(self.offset, np.int64))
