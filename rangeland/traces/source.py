"""A trace's file as blocks of lines, and the error that says where it went wrong."""

import gzip
import zlib

from vm.results import ParamError

GZIP = b"\x1f\x8b"
HEAD = 1 << 16
BLOCK = 1 << 20
LONGEST_LINE = 1 << 20
SHOWN = 60


class TraceError(ParamError):
    """A trace's file does not hold what it should.

    The message has the file, the line (from 1; None if it is the whole file),
    what was found there and what was expected.
    """

    def __init__(self, path, line, found, expected):
        self.path = path
        self.line = line
        self.found = found
        self.expected = expected
        where = path if line is None else f"{path}:{line}"
        super().__init__(f"{where}: found {found}, expected {expected}")


def shown(text):
    """Bytes of a file as a message may show them: quoted, escaped, not too long."""
    cut = text[:SHOWN]
    return repr(cut)[1:] + ("..." if cut != text else "")


class Source:
    """An open trace file, plain or gzip, read once from the front.

    `head` is its first 64 KB (unpacked), for telling the format; `lines` counts
    the lines given so far; `is_cut` tells, at the end, that the last line had
    no line end.
    Raises: OSError; TraceError for an empty file and for a bad gzip file.
    """

    def __init__(self, path):
        self.path = str(path)
        self.lines = 0
        self.is_cut = False
        self._file = open(path, "rb")
        try:
            self._unpack()
            self.head = self._read(HEAD)
            if not self.head:
                raise self.error(None, "an empty file", "a trace")
        except BaseException:
            self.close()
            raise

    def _unpack(self):
        start = self._file.peek(2)[:2]
        if start == GZIP:
            self._file = gzip.GzipFile(fileobj=self._file)
        elif self.path.endswith(".gz"):
            raise self.error(None, f"a file that begins {shown(start)}", "gzip, from its name")

    def _read(self, size):
        try:
            return self._file.read(size)
        except EOFError:
            raise self.error(self.lines + 1, "the end of the gzip file", "more: it is cut short")
        except (gzip.BadGzipFile, zlib.error) as wrong:
            raise self.error(self.lines + 1, f"bad gzip data ({wrong})", "gzip")

    def error(self, line, found, expected):
        """The TraceError for `line` of this file."""
        return TraceError(self.path, line, found, expected)

    def pieces(self):
        """The unpacked bytes of the whole file, in pieces of at most 1 MB."""
        piece = self.head
        while piece:
            yield piece
            piece = self._read(BLOCK)

    def blocks(self):
        """Lists of the file's lines, without their ends; `lines` is that of those before.

        Raises: TraceError if a line is longer than 1 MB.
        """
        block, rest = self.head, b""
        while block:
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            if len(rest) > LONGEST_LINE:
                line = self.lines + len(lines) + 1
                raise self.error(line, "a line of more than 1 MB", "a text file")
            yield _without_returns(lines)
            self.lines += len(lines)
            block = self._read(BLOCK)
        if rest:
            self.is_cut = True
            yield [rest]
            self.lines += 1

    def close(self):
        """Close the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _without_returns(lines):
    if lines and lines[0].endswith(b"\r"):
        return [line.removesuffix(b"\r") for line in lines]
    return lines
