"""Reader of minimalloc's CSV: buffers with their lives (design/readers.md#.sol.minimalloc)."""

import csv
import re
from array import array

import numpy as np

from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.formats.reading import Reading
from rangeland.traces.trace import MOST_SIZE, PART, power_of_two

NAME = "minimalloc-csv"

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

_NUMBER = re.compile(r"([-+]?)0*(\d{1,30})").fullmatch
_GAP = re.compile(r"([-+]?\d+)-([-+]?\d+)(?:@([-+]?\d+):([-+]?\d+))?").fullmatch
_CAPACITY = re.compile(r"\.(\d{1,18})\.csv(?:\.(?:gz|zst|xz|bz2|zip))?$")


def recognises(head):
    """True if the first line names minimalloc's columns."""
    first = head.partition(b"\n")[0].strip()
    words = {word.strip() for word in first.decode("latin-1").split(",")}
    return all(words.intersection(names) for names in NAMES.values())


def read(source):
    """The Trace in `source`: of all that begins or ends at a time, first what ends.

    Raises: TraceError.
    """
    return _Buffers(source).read()


class _Buffers(Reading):
    """The columns of the file so far, a row a buffer, or a part of its life between gaps,
    in the order of the file."""

    def __init__(self, source):
        super().__init__(source, ("never_live",))
        self.header = None
        self.where = {}
        self.inclusive = 0
        self.lower, self.upper, self.sizes = array("q"), array("q"), array("q")
        self.alignment, self.offset = array("q"), array("q")
        self.unplaced = 0
        self.gaps = 0

    def read(self):
        """Read all lines up to the first blank one."""
        self.through(self._read)
        if self.header is None:
            raise self.source.error(self.line, "no line of column names", EXPECTED)
        self._play()
        notes = {"columns": self.header}
        if self.unplaced:
            notes["unplaced"] = self.unplaced
        if self.gaps:
            notes["gaps"] = self.gaps
        if match := _CAPACITY.search(self.source.path):
            notes["capacity"] = int(match[1])
        return self.trace(NAME, "buffers of minimalloc", **notes)

    def _read(self, lines):
        for line in lines:
            if not line.strip():
                if self.header is None:
                    continue
                break
            words = self._words(line)
            if self.header is None:
                self._header(line, words)
            elif len(words) != len(self.header):
                raise self.bad(line, f"{len(self.header)} values, as the header has columns")
            else:
                self._row(words)

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
        return self._whole(words[self.where[column]], column, least, most)

    def _whole(self, word, what, least, most):
        match = _NUMBER(word)
        number = int(match[1] + match[2]) if match else None
        if number is None or not least <= number <= most:
            raise self.error(f"{what} {word[:40]!r}", f"a whole number in {least}..{most}")
        return number

    def _row(self, words):
        lower = self._number(words, "lower", -MOST_TIME, MOST_TIME)
        upper = self._number(words, "upper", -MOST_TIME, MOST_TIME) + self.inclusive
        size = self._number(words, "size", 0, MOST_SIZE)
        if upper < lower:
            raise self.error(f"a life of {lower} to {upper}", "one that ends after its beginning")
        if upper == lower:
            self.odd("never_live", f"a life of {lower} to {upper}", "one that is not empty")
            return
        alignment = offset = None
        if "alignment" in self.where:
            alignment = power_of_two(self._number(words, "alignment", 0, MOST_SIZE))
        if "offset" in self.where:
            offset = self._number(words, "offset", -1, MOST_TIME)
        gaps = self._gaps(words)
        self.gaps += len(gaps)
        self.unplaced += offset is not None and offset < 0
        for begin, end, first, last in _parts(lower, upper, size, gaps):
            self.lower.append(begin)
            self.upper.append(end)
            self.sizes.append(last - first)
            if alignment is not None:
                self.alignment.append(alignment if first == 0 else min(alignment, 1))
            if offset is not None:
                self.offset.append(max(0, offset) + first)

    def _gaps(self, words):
        """The gaps of a buffer as (begin, end, first byte in use, last one and one)."""
        found = []
        for word in words[self.where["gaps"]].split() if "gaps" in self.where else ():
            match = _GAP(word)
            if match is None:
                raise self.error(f"gaps {word[:40]!r}", "LOWER-UPPER or LOWER-UPPER@FIRST:LAST")
            begin, end = (self._whole(match[n], "gaps", -MOST_TIME, MOST_TIME) for n in (1, 2))
            window = (self._whole(match[n] or "0", "gaps", 0, MOST_SIZE) for n in (3, 4))
            found.append((begin, end + self.inclusive, *window))
        return sorted(found)

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


def _parts(lower, upper, size, gaps):
    """A buffer as (begin, end, first byte in use, last one and one): all of it but in its
    gaps, in which nothing is, or a part. What has no time, or no byte in a gap, is left out."""
    at = lower
    for begin, end, first, last in gaps:
        begin, end = max(begin, at), min(end, upper)
        if begin >= end:
            continue
        if at < begin:
            yield at, begin, 0, size
        if min(last, size) > first:
            yield begin, end, first, min(last, size)
        at = end
    if at < upper:
        yield at, upper, 0, size
