"""Files that are written whole or not at all (design/forms.md#.sol.atomic)."""

import errno
import io
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

from vm.results import ParamError

# What a system or a file system without files that have no name answers.
_NAMELESS_UNKNOWN = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


@contextmanager
def written(path, force=False):
    """A binary file to write, which becomes `path` when the context ends without an exception.

    Until then nothing by that name is made or changed; after an exception
    nothing is left, and where the file system has files without a name not
    even after a kill.
    Raises: OSError, with `path` as its filename, also where the file is written;
    ParamError if `path` exists, unless `force` is true; it is never replaced if it
    is no ordinary file.
    """
    target = Path(os.path.realpath(path))
    refuse_existing(path, force)
    with _telling(path):
        fd, name = _temporary(target)
    try:
        with io.BufferedWriter(_Raw(fd, path)) as file:
            yield file
            file.flush()
            if name is None:
                with _telling(path):
                    name = _named(file, target, force)
        if name is not None:
            with _telling(path):
                _place(name, target, force, path)
    except BaseException:
        if name is not None:
            with suppress(FileNotFoundError):
                os.unlink(name)
        raise


@contextmanager
def _telling(path):
    """An OSError inside is one about `path`."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


class _Raw(io.FileIO):
    """The open file `fd`, to write, whose errors tell `path`."""

    def __init__(self, fd, path):
        super().__init__(fd, "wb")
        self.path = path

    def write(self, data):
        """As FileIO does."""
        with _telling(self.path):
            return super().write(data)


def refuse_existing(path, force=False):
    """Raises: ParamError if a file may not be written as `path`."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise ParamError(f"{path}: found something that is no ordinary file, expected none to write")
    if not force:
        raise ParamError(f"{path}: found a file, expected none: only --force overwrites it")


def _beside(target):
    return str(target.with_name(f".{target.name[:200]}.{os.getpid()}.part"))


def _temporary(target):
    """The descriptor of a new file in the folder of `target`, and its name or None if it has none."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(target.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666), None
        except OSError as error:
            if error.errno not in _NAMELESS_UNKNOWN:
                raise
    name = _beside(target)
    return os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666), name


def _named(file, target, force):
    """Give the nameless `file` the name `target`, or if that may be taken another one; that, or None."""
    name = _beside(target) if force else str(target)
    source = f"/proc/self/fd/{file.fileno()}"
    # Only with the descriptor of a folder is the link to the open file followed.
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(source, name, src_dir_fd=folder, follow_symlinks=True)
    except FileExistsError:
        raise ParamError(f"{target}: found a file that was not there before, expected none") from None
    finally:
        os.close(folder)
    return name if force else None


def _place(name, target, force, path):
    if not force:
        refuse_existing(path)
    os.replace(name, target)
