"""Which of the two speeds this process runs: compiled or interpreted.

The compiled modules lie beside the plain sources that they were made from.
With RANGELAND_INTERPRETED=1 in the environment the sources are imported.
The build asks the same functions. Source: design/speed.md#.sol.switch
"""

import importlib.machinery
import os
import sys
from pathlib import Path

FOLDERS = ("vm", "land", "pools", "arena", "rangeland")
INTERPRETED = "RANGELAND_INTERPRETED"
REQUIRE_COMPILED = "RANGELAND_REQUIRE_COMPILED"

# Modules whose .pxd stands in for them in compiled code: constants and inline
# functions. They are never compiled (design/speed.md#.sol.twin).
TWINS = frozenset({"raw", "mmu", "lock", "fields", "events", "results", "native", "orders"})


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


def wanted(variable):
    """True if the environment sets `variable` to anything but nothing and 0."""
    return os.environ.get(variable, "") not in ("", "0")


def interpreted_wanted():
    """True if the environment forces interpreted speed.

    Raises: ImportError if it also requires compiled speed.
    """
    if wanted(INTERPRETED) and wanted(REQUIRE_COMPILED):
        raise ImportError(f"{INTERPRETED} and {REQUIRE_COMPILED} exclude each other")
    return wanted(INTERPRETED)


def install():
    """Make the sources shadow the compiled modules, if that is wanted."""
    if interpreted_wanted() and SourceFinder not in sys.meta_path:
        sys.meta_path.insert(0, SourceFinder)


def hot_modules(root):
    """The names of the modules under `root` that a build compiles, sorted:
    all with a .pxd beside them but the twins. Cost: one walk of the folders."""
    return sorted(
        ".".join(pxd.relative_to(root).with_suffix("").parts)
        for folder in FOLDERS
        for pxd in Path(root, folder).rglob("*.pxd")
        if pxd.stem not in TWINS and pxd.stem != "__init__"
    )
