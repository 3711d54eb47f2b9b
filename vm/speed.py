"""Which of the two speeds this process runs: compiled or interpreted.

The compiled modules lie beside the plain sources that they were made from.
With RANGELAND_INTERPRETED=1 in the environment the sources are imported.
Source: design/speed.md#.sol.switch
"""

import importlib.machinery
import os
import sys

FOLDERS = ("vm", "land", "pools", "arena", "rangeland")
SWITCH = "RANGELAND_INTERPRETED"


class SourceFinder:
    """An import finder that knows only the sources of our own folders."""

    _hook = importlib.machinery.FileFinder.path_hook(
        (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES)
    )

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """The spec of module `name` from its source, or None."""
        if path is None or name.partition(".")[0] not in FOLDERS:
            return None
        for entry in path:
            spec = cls._hook(entry).find_spec(name)
            if spec is not None:
                return spec
        return None


def interpreted_wanted():
    """True if the environment forces interpreted speed."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def install():
    """Make the sources shadow the compiled modules, if that is wanted."""
    if interpreted_wanted() and SourceFinder not in sys.meta_path:
        sys.meta_path.insert(0, SourceFinder)


def name():
    """'compiled' or 'interpreted': what the hot modules really are.

    Raises: ImportError if they are some of each, as after a half build.
    """
    import land.cbs
    import pools.mvff
    import vm.space

    files = {m.__name__: m.__file__ for m in (vm.space, land.cbs, pools.mvff)}
    compiled = {n for n, file in files.items() if not file.endswith(".py")}
    if compiled and len(compiled) != len(files):
        raise ImportError(f"half compiled: {files}")
    return "compiled" if compiled else "interpreted"
