"""Files that are written whole or not at all (design/forms.md#.sol.atomic)."""

import errno
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
    Raises: OSError; ParamError if `path` exists, unless `force` is true; it is
    never replaced if it is no ordinary file.
    """
    target = Path(os.path.realpath(path))
    refuse_existing(path, force)
    file, name = _temporary(target)
    try:
        with file:
            yield file
            file.flush()
            if name is None:
                name = _named(file, target, force)
        if name is not None:
            _place(name, target, force, path)
    except BaseException:
        if name is not None:
            with suppress(FileNotFoundError):
                os.unlink(name)
        raise


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
    """A new file in the folder of `target`, and its name or None if it has none."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            fd = os.open(target.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
            return os.fdopen(fd, "wb"), None
        except OSError as error:
            if error.errno not in _NAMELESS_UNKNOWN:
                raise
    name = _beside(target)
    fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
    return os.fdopen(fd, "wb"), name


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
