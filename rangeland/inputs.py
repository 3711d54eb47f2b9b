"""What a command is given to read: files, pipes, the standard input.

Source: design/readers.md#.sol.pipe
"""

import io
import os
import select
import stat
import tempfile
import weakref

STANDARD = "-"


class Incoming(io.FileIO):
    """A file to read, "-" being the standard input. `done` counts the bytes that were
    read; `size` is how many it has, None if it is no ordinary file.

    Raises: OSError.
    """

    def __init__(self, path):
        # A copy of the standard input's descriptor, for it is not this that closes it.
        if os.fspath(path) == STANDARD:
            try:
                path = os.dup(0)
            except OSError as error:
                raise OSError(error.errno, error.strerror, STANDARD) from None
        super().__init__(path, "rb")
        self.done = 0
        mode = os.fstat(self.fileno())
        self.size = mode.st_size if stat.S_ISREG(mode.st_mode) else None

    def readinto(self, buffer):
        """As FileIO does, but less than was asked for comes only at the end of a pipe."""
        view, got = memoryview(buffer).cast("B"), 0
        while got < len(view):
            count = super().readinto(view[got:])
            if count is None:
                # Who started this one may have made the pipe one that does not wait.
                select.select([self], [], [])
            elif count:
                got += count
            else:
                break
        self.done += got
        return got


def opened(path):
    """The file `path`, "-" being the standard input, buffered. Raises: OSError."""
    raw = Incoming(path)
    try:
        return io.BufferedReader(raw)
    except BaseException:
        raw.close()
        raise


class Scratch:
    """A temporary file without a name that holds `pieces` of bytes; `path` is where it
    can be opened as long as this object is there, by other processes, too.

    Raises: OSError, with the folder of temporary files as its filename.
    """

    def __init__(self, pieces):
        file = tempfile.TemporaryFile(buffering=0)
        weakref.finalize(self, file.close)
        for piece in pieces:
            view = memoryview(piece)
            while view:
                try:
                    view = view[file.write(view) :]
                except OSError as error:
                    raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
        self.path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
