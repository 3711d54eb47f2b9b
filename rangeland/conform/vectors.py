"""Vector files: gzipped (or plain) JSON lines, a header and operations.

Source: design/conform.md#.sol.read
"""

import gzip
import io
import json
import zlib
from contextlib import contextmanager

from rangeland.conform.shapes import ASIDES, check_header, check_line, short
from rangeland.inputs import opened
from vm.results import ParamError, RangelandError

FORMAT = "mps-vectors/1"
# No line of a recording is longer, so a bomb of zeros ends early.
LONGEST_LINE = 1 << 24


class VectorError(ParamError):
    """A file is no vector file: the message has the line, and what was
    expected there."""


@contextmanager
def at_line(path, number):
    """What is refused in this context is said of line `number` of `path`."""
    try:
        yield
    except VectorError:
        raise
    except (RangelandError, MemoryError, OverflowError) as error:
        raise VectorError(f"{path}: line {number}: {error}") from error


class Vectors:
    """A vector file: `header`, a dict, and `lines`, lists with their numbers.

    Raises: VectorError; OSError.
    """

    def __init__(self, path):
        self.path = str(path)
        texts = self._texts()
        if not texts:
            raise VectorError(f"{self.path}: line 1: expected a header object, found an empty file")
        self.header = self._header(texts[0])
        self.kind = self.header["kind"]
        self.lines = [
            (number, self._line(number, text)) for number, text in enumerate(texts[1:], start=2)
        ]

    def _texts(self):
        """The lines of the file, unzipped and decoded."""
        with opened(self.path) as file:
            data = file.read()
        if data[:2] == b"\x1f\x8b":
            data = self._unzipped(data)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            number = data.count(b"\n", 0, error.start) + 1
            raise VectorError(f"{self.path}: line {number}: expected UTF-8: {error}") from error
        if text and not text.endswith("\n"):
            number = text.count("\n") + 1
            raise VectorError(f"{self.path}: line {number}: expected a line end, found a cut line")
        return text.split("\n")[:-1]

    def _unzipped(self, data):
        lines = []
        with gzip.open(io.BytesIO(data)) as file:
            try:
                while line := file.readline(LONGEST_LINE):
                    if len(line) == LONGEST_LINE:
                        raise VectorError(
                            f"{self.path}: line {len(lines) + 1}: expected a line of less than "
                            f"{LONGEST_LINE} bytes"
                        )
                    lines.append(line)
            except (OSError, EOFError, zlib.error) as error:
                raise VectorError(
                    f"{self.path}: line {len(lines) + 1}: expected whole gzip data: {error}"
                ) from error
        return b"".join(lines)

    def _json(self, number, text):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            why = f"{error.msg} at column {error.colno}"
        except (ValueError, RecursionError) as error:
            why = str(error)
        raise VectorError(f"{self.path}: line {number}: expected JSON: {why}")

    def _header(self, text):
        header = self._json(1, text)
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise VectorError(
                f"{self.path}: line 1: expected a header with format {FORMAT}, "
                f"found {short(header)}"
            )
        with at_line(self.path, 1):
            check_header(header)
        return header

    def _line(self, number, text):
        line = self._json(number, text)
        if not isinstance(line, list) or not line or not isinstance(line[0], str):
            raise VectorError(
                f"{self.path}: line {number}: expected an array that begins with the name "
                f"of an operation, found {short(line)}"
            )
        if self.kind == "bootstrap" or line[0] in ASIDES:
            self.check(number, line)
        return line

    def check(self, number, line):
        """Raise VectorError unless `line`, of that number, is one of its kind."""
        with at_line(self.path, number):
            check_line(self.kind, line)

    def operations(self):
        """The operations: (number, asides, line) each, where asides are the
        lines about what happened inside it."""
        asides = []
        for number, line in self.lines:
            if line[0] in ASIDES:
                asides.append(line)
            else:
                self.check(number, line)
                yield number, asides, line
                asides = []
        if asides:
            raise VectorError(
                f"{self.path}: line {self.lines[-1][0]}: expected an operation after "
                f"{short(asides[-1])}, found the end of the file"
            )
