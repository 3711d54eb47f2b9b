"""The plain lines of a valgrind log, many at a time (design/readers.md#.sol.plain).

A plain line is one whole call, such as `--PID-- malloc(N) = 0xP` or
`--PID-- free(0xP)`, of a function and a process met before. They are nearly all lines.
"""

import numpy as np

from rangeland.traces import fields as f
from rangeland.traces.trace import MOST_SIZE

# The kind of a line that is not plain.
OTHER = -1
# No more heads than the last ones are looked for, so that thousands of processes cost nothing.
MOST_HEADS = 128
# A multiple of 8, as heads are compared word by word.
LONGEST_HEAD = 48


class _Form:
    """Numbers of at most `most` of these digits, whose values are their places.

    `digits` has the value of each byte, -1 if it is none; `weights` for each count
    of digits that a number has what each of them counts, the others nothing.
    """

    def __init__(self, most, digits):
        base = len(digits)
        self.most = most
        self.digits = np.full(256, -1, np.int8)
        self.digits[list(digits)] = range(base)
        self.weights = np.zeros((most + 1, most + 1), np.int64)
        for count in range(1, most + 1):
            self.weights[count, :count] = base ** np.arange(count - 1, -1, -1)


_DECIMAL = _Form(14, b"0123456789")
_HEXADECIMAL = _Form(15, b"0123456789ABCDEF")


class Head:
    """What a line begins with, up to its parenthesis: a process and a function of it.

    `form` is the method of Plain for what follows; `live` the process's blocks.
    """

    def __init__(self, text, form, live):
        self.length = len(text)
        self.form = form
        self.live = live
        self._words = _words(text)

    def matches(self, windows):
        """For each window of LONGEST_HEAD bytes, as words, whether it begins with this head."""
        found = True
        for at, (value, mask) in enumerate(self._words):
            found = found & ((windows[:, at] & mask) == value)
        return found


class Plain:
    """The lines of `text`: of each its `kind`, the number of its head, and as far as
    it has them its size, its address and the old address.

    `calls` is what `Addresses.follow` asks for, of which `id` is filled by it. `starts` and `ends` are where the lines lie in the text.
    """

    def __init__(self, text, heads):
        self.heads = heads = heads[-MOST_HEADS:]
        self.bytes = np.frombuffer(text + b"\n" + bytes(2 * LONGEST_HEAD), np.uint8)
        length = len(text) + (not text.endswith(b"\n"))
        self.ends = np.flatnonzero(self.bytes[:length] == ord("\n"))
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])
        count = len(self.ends)
        self.kind = np.full(count, OTHER, np.int8)
        self.head = np.zeros(count, np.int16)
        self.size, self.address, self.old = np.zeros((3, count), np.int64)
        self.id = np.zeros(count, np.uint32)
        self.calls = tuple(map(memoryview, (self.kind, self.old, self.address, self.id)))
        self._windows = {}
        for number, rows in enumerate(self._rows_of_heads()):
            if len(rows):
                head = heads[number]
                self.head[rows] = number
                head.form(self, rows, _Scan(self, self.starts[rows] + head.length))

    def _rows_of_heads(self):
        windows = self.windows(self.starts, LONGEST_HEAD).view(np.uint64)
        return [np.flatnonzero(head.matches(windows)) for head in self.heads]

    def by_process(self):
        """The lines in slices, within each of which the plain lines are of one process:
        pairs of its blocks (None if there is no plain line) and the slice."""
        if not self.heads:
            return [(None, slice(0, len(self.kind)))]
        numbers = np.array([head.live.number for head in self.heads])[self.head]
        rows = np.flatnonzero(self.kind != OTHER)
        change = rows[1:][numbers[rows[1:]] != numbers[rows[:-1]]].tolist()
        first = [*rows[:1].tolist(), *change] or [0]
        lives = [self.heads[self.head[row]].live for row in first]
        slices = map(slice, [0, *change], [*change, len(self.kind)])
        return list(zip(lives, slices, strict=True))

    def windows(self, at, size):
        """The `size` bytes from each place."""
        if size not in self._windows:
            self._windows[size] = np.lib.stride_tricks.sliding_window_view(self.bytes, size)
        return self._windows[size][at]

    def sized(self, rows, scan):
        """Lines that go on with `N) = 0xP`."""
        size = scan.decimal()
        address = scan.result()
        self._set(rows, scan.good & (scan.at == self.ends[rows]), f.ALLOC, size, address)

    def product(self, rows, scan):
        """Lines that go on with `N,M) = 0xP`."""
        size = scan.decimal()
        scan.expect(b",")
        count = scan.decimal()
        address = scan.result()
        good = scan.good & (scan.at == self.ends[rows])
        good &= size.astype(float) * count <= MOST_SIZE
        self._set(rows, good, f.ALLOC, size * count, address)

    def resized(self, rows, scan):
        """Lines that go on with `0xP,N) = 0xP`, N not 0: that may be another call's result."""
        old = scan.pointer()
        scan.expect(b",")
        size = scan.decimal()
        address = scan.result()
        good = scan.good & (scan.at == self.ends[rows]) & (old > 0) & (size > 0)
        self._set(rows, good, f.REALLOC, size, address)
        self.old[rows] = old

    def freed(self, rows, scan):
        """Lines that go on with `0xP)`, or `0xP, N)`, or `0xP, N, M)`."""
        old = scan.pointer()
        scan.skip_number()
        scan.skip_number()
        scan.expect(b")")
        good = scan.good & (scan.at == self.ends[rows])
        self._set(rows, good & (old > 0), f.FREE, 0, 0)
        self.kind[rows[good & (old == 0)]] = f.NULL
        self.old[rows] = old

    def _set(self, rows, good, kind, size, address):
        self.kind[rows[good]] = kind
        self.size[rows] = size
        self.address[rows] = address


class _Scan:
    """Places in the text, one in each of some lines, that go forward together.

    `good` tells of each whether it has found all that was looked for.
    """

    def __init__(self, plain, at):
        self._plain = plain
        self.at = at
        self.good = np.ones(len(at), bool)

    def expect(self, text):
        """Step over this text, of at most 8 bytes."""
        ((value, mask),) = _words(text)
        found = self._plain.windows(self.at, 8).view(np.uint64)[:, 0]
        self.good &= (found & mask) == value
        self.at = self.at + len(text)

    def decimal(self):
        """Step over a number; returns its value."""
        return self._number(_DECIMAL)

    def pointer(self):
        """Step over `0xP`; returns P, which is no longer than valgrind writes it."""
        self.expect(b"0x")
        before = self.at
        value = self._number(_HEXADECIMAL)
        self.good &= (self._plain.bytes[before] != ord("0")) | (self.at == before + 1)
        return value

    def skip_number(self):
        """Step over `, N` where that stands."""
        ((value, mask),) = _words(b", ")
        found = self._plain.windows(self.at, 8).view(np.uint64)[:, 0]
        there = np.flatnonzero((found & mask) == value)
        if len(there):
            rest = _Scan(self._plain, self.at[there] + 2)
            rest.decimal()
            self.at[there] = rest.at
            self.good[there] &= rest.good

    def result(self):
        """Step over `) = 0xP`; returns P, which is not NULL."""
        self.expect(b") = ")
        address = self.pointer()
        self.good &= address > 0
        return address

    def _number(self, form):
        digits = form.digits[self._plain.windows(self.at, form.most + 1)]
        # So that each number ends.
        digits[:, form.most] = -1
        count = np.argmin(digits >= 0, axis=1)
        width = count.max(initial=0)
        value = np.einsum("ij,ij->i", digits[:, :width], form.weights[count, :width])
        self.good &= count > 0
        # A place that has found nothing stays within its line, where it finds nothing.
        self.at = self.at + count
        return value


def _words(text):
    """The text as words of 8 bytes, each with the mask of its bytes that count."""
    words = []
    for at in range(0, len(text), 8):
        part = text[at : at + 8]
        mask = (b"\xff" * len(part)).ljust(8, b"\0")
        pair = np.frombuffer(part.ljust(8, b"\0") + mask, np.uint64)
        words.append((pair[0], pair[1]))
    return words
