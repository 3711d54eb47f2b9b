"""What of Rangeland is compiled, and when; the rest is in pyproject.toml.

RANGELAND_INTERPRETED=1 builds without compiling; RANGELAND_REQUIRE_COMPILED=1
makes a failed compilation an error. RANGELAND_BUILD names a folder that keeps
what a later build can use again. Source: design/speed.md#.sol.build
"""

import atexit
import copy
import itertools
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CCompilerError, ExecError, PlatformError

ROOT = Path(__file__).parent.resolve()
os.chdir(ROOT)
SPEED = runpy.run_path("vm/speed.py")
FLAGS = ["-O2", "-g0", "-fwrapv", "-fno-strict-aliasing", "-Wno-sign-compare"]
# Functions whole, and aligned (design/speed.md#.sol.size)
FLAGS += ["-fno-reorder-blocks-and-partition", "-falign-functions=32"]
# What Cython writes to be run once, at import, is a seventh of the compiler's time.
MACROS = [("CYTHON_SMALL_CODE", '__attribute__((cold, optimize("O0")))')]
DIRECTIVES = {
    "cdivision": True,
    "embedsignature": True,
    "auto_pickle": False,
    "show_performance_hints": False,
}
# With fewer modules, what they share would cost more than each with its own.
SHARED_FROM = 12


def build_folder():
    """Where to build: the source tree stays clean, unless a folder is named
    or a developer builds in place."""
    if folder := os.environ.get("RANGELAND_BUILD"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        return os.path.relpath(folder)
    if "build_ext" in sys.argv:
        return "build"
    folder = tempfile.mkdtemp(prefix="rangeland-build-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def fall_back(error):
    """Go on without the compiler, or end with `error` if it is required."""
    if SPEED["wanted"](SPEED["REQUIRE_COMPILED"]):
        raise error
    reason = str(error).strip().split("\n")[0]
    print(f"rangeland: not compiled ({reason}): will run interpreted", file=sys.stderr)


def outdated(folder):
    """True if C in `folder` is older than this file or any .pxd. Cython asks only
    for some: not for those that are taken by `from package cimport module`."""
    made = [path.stat().st_mtime for path in Path(folder).rglob("*.c")]
    given = [p for name in SPEED["FOLDERS"] for p in Path(name).rglob("*.pxd")]
    return bool(made) and min(made) < max(p.stat().st_mtime for p in [Path(__file__), *given])


def extensions():
    """An extension for each hot module, from its source; none if that is not wanted.

    Before them is one for the code of Cython's own that many share: it is large,
    and nothing shall wait for it at the end.
    """
    if SPEED["interpreted_wanted"]():
        return []
    hot = [(name, ".py") for name in SPEED["hot_modules"](".")]
    if len(hot) >= SHARED_FROM:
        hot.insert(0, (SPEED["SHARED"], ".c"))
    return [
        Extension(
            name,
            [name.replace(".", "/") + suffix],
            define_macros=MACROS,
            extra_compile_args=FLAGS,
        )
        for name, suffix in hot
    ]


def translate(extensions, folder):
    """Make C of the `extensions`, in `folder`, and let them be compiled from it."""
    from Cython.Build import cythonize

    for extension in extensions:
        Path(folder, extension.sources[0]).parent.mkdir(parents=True, exist_ok=True)
    shared = SPEED["SHARED"]
    made = cythonize(
        [copy.copy(extension) for extension in extensions],
        build_dir=folder,
        force=outdated(folder),
        language_level=3,
        nthreads=os.cpu_count() or 1,
        shared_utility_qualified_name=shared if extensions[0].name == shared else None,
        compiler_directives=DIRECTIVES,
    )
    sources = {extension.name: extension.sources for extension in made}
    for extension in extensions:
        extension.sources = sources[extension.name]


class AllOrNothing(build_ext):
    """Compiles every extension, or leaves none (design/speed.md#.sol.whole)."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1
        self.done = itertools.count(1)

    def run(self):
        # Not before: pip asks setup.py for other things twice before it builds.
        try:
            if self.extensions:
                translate(self.extensions, os.path.join(WHERE, "cython"))
        except Exception as error:
            self.remove_all()
            fall_back(error)
        expected = {os.path.abspath(path) for path in self.built()}
        for stray in set(self.compiled_below(self.build_lib)) - expected:
            os.unlink(stray)
        try:
            super().run()
        except (CCompilerError, ExecError, PlatformError, OSError) as error:
            self.remove_all()
            fall_back(error)

    def build_extension(self, ext):
        """Compile `ext`, and say so: a build takes a minute or more."""
        path = Path(self.get_ext_fullpath(ext.name))
        before = path.stat().st_mtime_ns if path.exists() else None
        super().build_extension(ext)
        count = len(self.extensions)
        # Extensions are built in threads: counted in one step, and told in one.
        done = next(self.done)
        if path.stat().st_mtime_ns != before:
            told = f"[{done:{len(str(count))}}/{count}] Compiled {ext.name}\n"
            print(told, end="", flush=True)

    def built(self):
        """Where the extensions are built."""
        names = [self.get_ext_filename(self.get_ext_fullname(e.name)) for e in self.extensions]
        return [os.path.join(self.build_lib, name) for name in names]

    def compiled_below(self, folder):
        """The absolute paths of the compiled modules under `folder`."""
        return [str(p.resolve()) for p in Path(folder).rglob("*.so")]

    def remove_all(self):
        """Remove every extension, those of an earlier build in place too."""
        strays = self.compiled_below(self.build_lib)
        if self.inplace:
            for folder in SPEED["FOLDERS"]:
                strays += self.compiled_below(folder)
        for path in strays:
            os.unlink(path)
        self.extensions = []


class OnlySources(build_py):
    """Copies the sources, and drops those that are no longer there."""

    def run(self):
        for path in Path(self.build_lib).rglob("*"):
            if path.is_file() and path.suffix != ".so":
                path.unlink()
        super().run()


if __name__ == "__main__":
    try:
        SPEED["interpreted_wanted"]()
    except ImportError as error:
        sys.exit(f"rangeland: {error}")
    WHERE = build_folder()
    setup(
        ext_modules=extensions(),
        cmdclass={"build_ext": AllOrNothing, "build_py": OnlySources},
        options={"build": {"build_base": WHERE}, "egg_info": {"egg_base": WHERE}},
    )
