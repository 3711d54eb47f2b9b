"""Vector files: gzipped (or plain) JSON lines, a header and operations.

Source: design/conform.md#.sol.read
"""

import gzip
import json
import zlib

from vm.results import ParamError

# Lines that tell what happened inside the operation that follows them.
ASIDES = ("c+", "c-", "chunk", "chunk-")


class VectorError(ParamError):
    """A file is no vector file: the message has the line, and what was
    expected there."""


class Vectors:
    """A vector file: `header`, a dict, and `lines`, lists with their numbers.

    Raises: VectorError; OSError.
    """

    def __init__(self, path):
        self.path = str(path)
        numbered = list(enumerate(self._decoded(), start=1))
        if not numbered:
            raise VectorError(f"{self.path}: line 1: expected a header object, found an empty file")
        self.header = self._header(numbered[0][1])
        self.lines = [(number, self._line(number, text)) for number, text in numbered[1:]]

    def _decoded(self):
        with open(self.path, "rb") as file:
            data = file.read()
        if data[:2] == b"\x1f\x8b":
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError, zlib.error) as error:
                raise VectorError(f"{self.path}: expected whole gzip data: {error}") from error
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise VectorError(f"{self.path}: expected UTF-8 text: {error}") from error
        if text and not text.endswith("\n"):
            count = text.count("\n") + 1
            raise VectorError(f"{self.path}: line {count}: expected a line end, found a cut line")
        return text.splitlines()

    def _json(self, number, text):
        try:
            return json.loads(text)
        except ValueError as error:
            raise VectorError(f"{self.path}: line {number}: expected JSON: {error}") from error

    def _header(self, text):
        header = self._json(1, text)
        if not isinstance(header, dict) or header.get("format") != "mps-vectors/1":
            raise VectorError(
                f"{self.path}: line 1: expected a header with format mps-vectors/1, "
                f"found {text[:60]!r}"
            )
        for field in ("kind", "arena", "loc"):
            if field not in header:
                raise VectorError(f"{self.path}: line 1: expected a header with {field!r}")
        return header

    def _line(self, number, text):
        line = self._json(number, text)
        if not isinstance(line, list) or not line or not isinstance(line[0], str):
            raise VectorError(
                f"{self.path}: line {number}: expected an array that begins with the name "
                f"of an operation, found {text[:60]!r}"
            )
        return line

    def operations(self):
        """The operations: (number, asides, line) each, where asides are the
        lines about what happened inside it."""
        asides = []
        for number, line in self.lines:
            if line[0] in ASIDES:
                asides.append(line)
            else:
                yield number, asides, line
                asides = []
        if asides:
            raise VectorError(
                f"{self.path}: line {self.lines[-1][0]}: expected an operation after "
                f"{asides[-1]!r}, found the end of the file"
            )
