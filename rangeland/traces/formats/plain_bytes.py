"""The bytes of a pickle, at hand piece by piece (design/forms.md#.sol.pickle)."""

import struct

# Of a longer string, or line, only so much is taken.
LONGEST = 1024
# Bytes at hand when an operation begins, if there are so many: more than any takes.
ROOM = LONGEST + 16


class PickleError(Exception):
    """A pickle is damaged, or holds what is not plain: `found`, at byte `place`."""

    def __init__(self, place, found):
        super().__init__(f"at byte {place}: {found}")
        self.place = place
        self.found = found
        self.unfinished = ()


class Bytes:
    """The bytes of a pickle: `data` is at hand, the next of it at `at`.

    Raises: PickleError where they end too early.
    """

    def __init__(self, pieces):
        self.data = b""
        self.at = 0
        self._pieces = iter(pieces)
        self._before = 0

    def refill(self):
        """Have ROOM bytes at hand, or all that are left."""
        while len(self.data) - self.at < ROOM:
            piece = next(self._pieces, b"")
            self._before += self.at
            self.data = self.data[self.at :] + piece
            self.at = 0
            if not piece:
                return

    def error(self, found):
        """The PickleError for the place that was reached."""
        return PickleError(self._before + self.at, found)

    def take(self, count):
        """The next `count` bytes, or LONGEST of them if there are more."""
        end = self.at + (count if count < LONGEST else LONGEST)
        if count < 0 or end > len(self.data):
            raise self.error(f"the end, though {count} bytes more are promised")
        taken, self.at = self.data[self.at : end], end
        if count > LONGEST:
            self._skip(count - LONGEST, count)
        return taken

    def _skip(self, left, count):
        while left > len(self.data) - self.at:
            left -= len(self.data) - self.at
            self.at = len(self.data)
            self.refill()
            if self.at == len(self.data):
                raise self.error(f"the end, though {count} bytes more are promised")
        self.at += left

    def unsigned(self, count):
        """The number of the next `count` bytes, the lowest first."""
        return int.from_bytes(self.take(count), "little")

    def number(self, form, count):
        """The number that struct has in this `form`."""
        return struct.unpack(form, self.take(count))[0]

    def line(self):
        """The bytes up to the next line end, or the first LONGEST of them."""
        line = b""
        while (end := self.data.find(b"\n", self.at)) < 0:
            line = (line + self.data[self.at : self.at + LONGEST])[:LONGEST]
            self.at = len(self.data)
            self.refill()
            if self.at == len(self.data):
                raise self.error("the end within a line")
        line += self.data[self.at : min(end, self.at + LONGEST)]
        self.at = end + 1
        return line[:LONGEST]

    def word(self):
        """A line as a message may show it."""
        return self.line()[:100].decode("ascii", "backslashreplace")
