"""Files packed by gzip or zstd, told by their first bytes (design/readers.md#.sol.source)."""

import gzip
import zlib

import zstandard

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
# A frame of zstd that is to be skipped begins with one of sixteen.
ZSTD_SKIPPED = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
# So little makes at most 16 MB at a time: a block of zstd has 4 bytes or more, and makes 128 KB.
MORSEL = 512
# The largest window of zstd that is asked for memory.
LARGEST_WINDOW = 1 << 27


def unpacker(file):
    """What the buffered `file` is packed by (or None), a function that reads so
    many unpacked bytes, and the errors that it raises for what is not so packed.

    The function returns fewer bytes only at the end; it raises EOFError where the
    packed data end too early.
    """
    start = file.peek(4)[:4]
    if start.startswith(GZIP):
        return "gzip", gzip.GzipFile(fileobj=file).read, (gzip.BadGzipFile, zlib.error)
    if start == ZSTD or start in ZSTD_SKIPPED:
        return "zstd", _Zstd(file).read, (zstandard.ZstdError,)
    return None, file.read, ()


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
        self._ready = []
        self._count = 0

    def read(self, size):
        """Up to `size` bytes, fewer only at the end."""
        while self._count < size and self._feed():
            pass
        data = b"".join(self._ready)
        self._ready = [data[size:]]
        self._count = len(self._ready[0])
        return data[:size]

    def _feed(self):
        """Unpack a morsel. Returns False at the end of the file."""
        morsel = self._left or self._file.read(MORSEL)
        self._left = b""
        if not morsel:
            if self._frame is not None:
                raise EOFError
            return False
        if self._frame is None:
            self._frame = self._frames.decompressobj()
        data = self._frame.decompress(morsel)
        if self._frame.eof:
            self._left = self._frame.unused_data
            self._frame = None
        self._ready.append(data)
        self._count += len(data)
        return True
