"""Files packed by gzip, zstd, xz, bzip2 or zip, told by their first bytes.

Source: design/readers.md#.sol.source
"""

import bz2
import gzip
import lzma
import zipfile
import zlib

import zstandard

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
XZ = b"\xfd7zXZ\0"
BZIP2 = b"BZh"
ZIP = b"PK\x03\x04"
# Of lz4 the standard library reads nothing: it is named, and what to do.
LZ4 = b"\x04\x22\x4d\x18"
NAMES = {".gz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bzip2", ".zip": "zip"}
# A frame of zstd that is to be skipped begins with one of sixteen.
ZSTD_SKIPPED = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
# So little makes at most 16 MB at a time: a block of zstd has 4 bytes or more, and makes 128 KB.
MORSEL = 512
# Of the others it is told how much they may make at a time.
CHUNK = 1 << 13
# The largest window of zstd, or dictionary of xz, that is asked for memory.
LARGEST_WINDOW = 1 << 27


class PackingError(Exception):
    """What is packed is damaged; the message says how."""


def is_zip(file):
    """True if the buffered `file` is a zip file, which is to be read from its end."""
    return file.peek(4)[:4] == ZIP


def unpacker(file, keeps=False):
    """What the buffered `file` is packed by (or None), and a function that reads so
    many unpacked bytes.

    The function returns fewer bytes only at the end; it raises EOFError where the
    packed data end too early, and PackingError where they are damaged: if it `keeps`,
    not before all was given that comes before.
    """
    start = file.peek(6)[:6]
    if start.startswith(GZIP):
        return "gzip", _Unpacked(_read1(gzip.GzipFile(fileobj=file)), keeps).read
    if start[:4] == ZSTD or start[:4] in ZSTD_SKIPPED:
        return "zstd", _Unpacked(_Zstd(file).some, keeps).read
    if start == XZ:
        return "xz", _Unpacked(_Streams(file, _xz).some, keeps).read
    if start.startswith(BZIP2):
        return "bzip2", _Unpacked(_Streams(file, bz2.BZ2Decompressor).some, keeps).read
    if start.startswith(ZIP):
        return "zip", _Unpacked(_read1(_only(file)), keeps).read
    return None, file.read


def _xz():
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_WINDOW)


def _read1(packed):
    def some(most):
        try:
            return packed.read1(most)
        except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, lzma.LZMAError) as wrong:
            raise PackingError(wrong) from None

    return some


def _only(file):
    """The one file that the zip file `file` has. Raises: PackingError."""
    try:
        archive = zipfile.ZipFile(file)
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise PackingError(f"{len(members)} files in it; unzip it, and name the one that is meant")
        return archive.open(members[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as wrong:
        raise PackingError(wrong) from None


class _Unpacked:
    """What `some(most)` gives, which is at most so many bytes and none at the end, as
    much at once as is asked for."""

    def __init__(self, some, keeps):
        self._some = some
        self._keeps = keeps
        self._error = None

    def read(self, size):
        """Up to `size` bytes, fewer only at the end."""
        if self._error is not None:
            raise self._error
        pieces = []
        try:
            while size > 0 and (piece := self._some(size)):
                pieces.append(piece)
                size -= len(piece)
        except (EOFError, PackingError) as error:
            if not (self._keeps and pieces):
                raise
            self._error = error
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)


class _Streams:
    """The streams of an xz or bzip2 file, one after the other; `made()` makes what unpacks one."""

    def __init__(self, file, made):
        self._file = file
        self._made = made
        self._stream = None
        self._left = b""

    def some(self, most):
        """Up to `most` bytes, none only at the end."""
        while True:
            data = self._left
            self._left = b""
            if not data and (self._stream is None or self._stream.needs_input):
                data = self._file.read(CHUNK)
                if not data and self._stream is not None:
                    raise EOFError
            if self._stream is None:
                # Between streams zero bytes may stand.
                data = data.lstrip(b"\0") or self._file.read(CHUNK)
                if not data:
                    return b""
                self._stream = self._made()
            if piece := self._unpack(data, most):
                return piece

    def _unpack(self, data, most):
        try:
            piece = self._stream.decompress(data, most)
        except (lzma.LZMAError, OSError, ValueError) as wrong:
            raise PackingError(wrong) from None
        if self._stream.eof:
            self._left = self._stream.unused_data
            self._stream = None
        return piece


class _Zstd:
    """The frames of a zstd file, one after the other.

    The library's own stream reader takes a file that is cut short for one that is
    whole, so the frames are followed here.
    """

    def __init__(self, file):
        self._file = file
        self._frames = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        self._frame = None
        self._left = b""
        self._ready = memoryview(b"")

    def some(self, most):
        """Up to `most` bytes, none only at the end."""
        while not self._ready:
            morsel = self._left or self._file.read(MORSEL)
            self._left = b""
            if not morsel:
                if self._frame is not None:
                    raise EOFError
                return b""
            self._ready = memoryview(self._unpack(morsel))
        piece, self._ready = self._ready[:most], self._ready[most:]
        return piece

    def _unpack(self, morsel):
        if self._frame is None:
            self._frame = self._frames.decompressobj()
        try:
            data = self._frame.decompress(morsel)
        except zstandard.ZstdError as wrong:
            raise PackingError(wrong) from None
        if self._frame.eof:
            self._left = self._frame.unused_data
            self._frame = None
        return data
