"""Which of the two speeds this process runs: compiled or interpreted.

The compiled modules lie beside the plain sources that they were made from.
With RANGELAND_INTERPRETED=1 in the environment the sources are imported.
The build asks the same functions. Source: design/speed.md#.sol.switch
"""

import importlib.machinery
import os
import sys

FOLDERS = ("vm", "land", "pools", "arena", "rangeland")
INTERPRETED = "RANGELAND_INTERPRETED"
REQUIRE_COMPILED = "RANGELAND_REQUIRE_COMPILED"
TEST_SOURCES = "RANGELAND_TEST_SOURCES"

# Modules whose .pxd stands in for them in compiled code: constants and inline
# functions. They are never compiled (design/speed.md#.sol.twin).
TWINS = frozenset({"raw", "mmu", "lock", "fields", "events", "results", "native", "orders"})

# What the compiled modules share of Cython's own code (design/speed.md#.sol.shared).
SHARED = "vm._cyutility"


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
    """Make the sources shadow the compiled modules, if that is wanted, and tell if
    they are all that there is though it is not (design/speed.md#.sol.told)."""
    if interpreted_wanted():
        if SourceFinder not in sys.meta_path:
            sys.meta_path.insert(0, SourceFinder)
    elif sys.stderr and not wanted(TEST_SOURCES):
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if told := uncompiled(root):
            print(told, file=sys.stderr)


def uncompiled(root):
    """A line that says so if `root` is a clone that was not compiled in place, or None.
    It names an installation that is compiled, if there is one that `root` hides."""
    if not os.path.exists(os.path.join(root, "setup.py")) or _is_compiled(root):
        return None
    hidden = [path for path in sys.path if path and _is_compiled(path)]
    if hidden:
        remedy = f"python -P runs what is installed in {hidden[0]}, compiled"
    else:
        remedy = "python setup.py build_ext --inplace compiles them"
    return (
        f"rangeland: interpreted, from the sources in {root}: {remedy}; "
        f"{INTERPRETED}=1 is content with them"
    )


def _is_compiled(folder):
    """True if the package vm in `folder` has compiled modules."""
    try:
        names = os.listdir(os.path.join(folder, "vm"))
    except OSError:
        return False
    return any(name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)) for name in names)


def hot_modules(root):
    """The names of the modules under `root` that a build compiles, sorted:
    all with a .pxd beside them but the twins. Cost: one walk of the folders."""
    hot = []
    for folder in FOLDERS:
        for place, _, files in os.walk(os.path.join(root, folder)):
            parts = os.path.relpath(place, root).split(os.sep)
            stems = [file.removesuffix(".pxd") for file in files if file.endswith(".pxd")]
            hot += [".".join([*parts, stem]) for stem in stems if stem not in {*TWINS, "__init__"}]
    return sorted(hot)
