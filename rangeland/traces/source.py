"""A trace's file, unpacked, in pieces or lines, and the error that says where it went wrong.

Source: design/readers.md#.sol.source
"""

import codecs

from rangeland.inputs import STANDARD, Scratch, opened
from rangeland.traces.packing import LZ4, NAMES, PackingError, is_zip, unpacker
from vm.results import ParamError

HEAD = 1 << 16
# A small file is not to need a large buffer: of what was read, a part that small.
BLOCK = 1 << 17
LEAST_BLOCK = 1 << 14
BLOCK_PART = 64
# What a tool that was ended has written is whole buffers; the smallest one is glibc's, of mtrace.
LEAST_WRITTEN = 512
LONGEST_LINE = 1 << 20
SHOWN = 60
# What a packed file may unpack to: so many times its own bytes, and so much besides.
MOST_RATIO = 200
MOST_SPARE = 1 << 28
# The marks of byte order that other systems write in front of a text, and its encoding.
MARKS = ((codecs.BOM_UTF8, None), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


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
    """An open trace file, plain or packed, read once from the front; the path "-" is that
    of the standard input. A mark of byte order is no part of what is read.

    `head` is its first 64 KB (unpacked), for telling the format beforehand; `packing` the
    name of what it was packed by, or None; `lines` counts the lines given so far;
    `is_cut` tells, at the end, that the last line had no line end. `strict`, `newest` and
    `partial` are what the user wishes of the reader; of a partial reading, `lost` is what
    is wrong with the packed bytes, after which no more are read, or None. `progress(done, total)` is
    called now and then with the bytes of the file that were read, and how many it
    has, None if it is a pipe. `place` is the Scratch to read, if `path` names a pipe.
    Raises: OSError; TraceError for an empty file and for one badly packed.
    """

    def __init__(self, path, *, strict=False, newest=False, partial=False, progress=None, place=None):
        self.path = str(path)
        self.place = place
        self.strict = strict
        self.newest = newest
        self.partial = partial
        self.lost = None
        self.lines = 0
        self.is_cut = False
        self._decoder = None
        self._progress = progress
        self._unpacked = 0
        self._file = opened(path if place is None else place.path)
        try:
            self._unpack()
            self._expect_packing()
            self.head = self._unmarked(self._read(HEAD))
            if not self.head:
                if self.lost:
                    raise self.error(None, self.lost, "a trace")
                raise self.error(None, "an empty file", "a trace")
        except BaseException:
            self.close()
            raise

    def _unpack(self):
        if is_zip(self._file) and self._file.raw.size is None:
            # What it holds stands at its end.
            self._packed = Scratch(iter(lambda: self._file.read(BLOCK), b""))
            self._file.close()
            self._file = opened(self._packed.path)
        try:
            self.packing, self._read_some = unpacker(self._file, self.partial)
        except PackingError as wrong:
            raise self.error(None, f"a zip file that cannot be read ({wrong})", "one of one trace")

    def _expect_packing(self):
        """A name that promises a packing tells when something went wrong on the way."""
        for ending, name in NAMES.items():
            if self.path.endswith(ending) and self.packing != name:
                start = self._file.peek(4)[:4]
                found = f"a file that begins {shown(start)}" if start else "an empty file"
                raise self.error(None, found, f"{name}, from its name")

    def refuse_lz4(self):
        """Refuse what is packed by lz4. Raises: TraceError."""
        if self.head.startswith(LZ4):
            raise self.error(None, "a file packed by lz4", "one that is not: unpack it with lz4 -d")

    def _unmarked(self, head):
        """The head without a mark of byte order; what follows is decoded if it must be."""
        for mark, encoding in MARKS:
            if head.startswith(mark):
                if encoding is not None:
                    self._decoder = codecs.getincrementaldecoder(encoding)("replace")
                return self._decoded(head[len(mark) :])
        return head

    def _decoded(self, piece):
        if self._decoder is None:
            return piece
        return self._decoder.decode(piece).encode("utf-8", "replace")

    def _read(self, size):
        if self.lost:
            return b""
        try:
            piece = self._read_some(size)
        except EOFError:
            return self._lose(f"the end of the {self.packing} file", "more: it is cut short")
        except PackingError as wrong:
            return self._lose(f"bad {self.packing} data ({wrong})", self.packing)
        self._unpacked += len(piece)
        done = self._file.raw.done
        most = MOST_SPARE + MOST_RATIO * done
        if self.packing is not None and self._unpacked > most:
            found = f"{self._unpacked} bytes unpacked of {done}"
            expected = f"at most {most}; if it is a trace, unpack it beforehand"
            raise self.error(self.lines + 1, found, expected)
        if self._progress is not None:
            self._progress(done, self._file.raw.size)
        return self._decoded(piece)

    def _lose(self, found, expected):
        """No more can be unpacked: the end of a partial reading. Raises: TraceError of any other."""
        if not self.partial:
            raise self.error(self.lines + 1, found, expected)
        self.lost = f"{found}, expected {expected}"
        return b""

    @property
    def is_small(self):
        """True if so little was read that no tool has written it in pieces."""
        return self._unpacked < LEAST_WRITTEN

    def error(self, line, found, expected):
        """The TraceError for `line` of this file."""
        return TraceError(self.path, line, found, expected)

    def again(self):
        """The same file once more from its front, for a reader that needs more of it."""
        return self._other(self.place)

    def lasting(self):
        """This source, or of a pipe one of the same bytes, unpacked, in a Scratch: for a
        reader that needs more of a file than once from the front. Raises: OSError."""
        if self._file.raw.size is not None and self.path != STANDARD:
            return self
        return self._other(Scratch(self.pieces()))

    def _other(self, place):
        return Source(
            self.path, strict=self.strict, newest=self.newest, partial=self.partial,
            progress=self._progress, place=place,
        )  # fmt: skip

    def pieces(self):
        """The unpacked bytes of the whole file, in pieces of at most 128 KB; the head is forgotten."""
        head, self.head = self.head, b""
        yield from (head[at : at + LEAST_BLOCK] for at in range(0, len(head), LEAST_BLOCK))
        del head
        while piece := self._read(min(BLOCK, max(LEAST_BLOCK, self._unpacked // BLOCK_PART))):
            yield piece

    def texts(self):
        """The file in pieces of whole lines, each with its line end, which is that of
        Unix; the last may have none. `lines` is that of the lines before.

        Raises: TraceError if a line is longer than 1 MB.
        """
        rest = []
        length = 0
        for piece in self.pieces():
            if not any(rest) and piece.count(b"\n") == len(piece):
                # Nothing but line ends: a small packed file can have a billion.
                self.lines += len(piece)
                continue
            end = piece.rfind(b"\n") + 1
            length += end or len(piece)
            if length > LONGEST_LINE + len(piece):
                raise self._too_long()
            if end:
                yield from self._whole_lines(b"".join((*rest, piece[:end])))
                rest, length = [piece[end:]], len(piece) - end
            else:
                rest.append(piece)
        if length > LONGEST_LINE:
            raise self._too_long()
        if length:
            self.is_cut = True
            yield from self._whole_lines(b"".join(rest))

    def _whole_lines(self, text):
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
            if self.is_cut:
                text = text.removesuffix(b"\r")
        yield text
        self.lines += text.count(b"\n") + self.is_cut

    def _too_long(self):
        return self.error(self.lines + 1, "a line of more than 1 MB", "a text file")

    def blocks(self):
        """Lists of the file's lines, without their ends; `lines` is that of those before.

        Raises: TraceError if a line is longer than 1 MB.
        """
        for text in self.texts():
            lines = text.split(b"\n")
            if not lines[-1]:
                lines.pop()
            yield lines

    def close(self):
        """Close the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

