"""What of Rangeland is compiled, and when; the rest is in pyproject.toml.

RANGELAND_INTERPRETED=1 builds without compiling; RANGELAND_REQUIRE_COMPILED=1
makes a failed compilation an error. RANGELAND_BUILD names a folder that keeps
what a later build can use again. Source: design/speed.md#.sol.build
"""

import atexit
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
FLAGS = ["-O2", "-g0", "-fwrapv", "-fno-strict-aliasing"]


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


def extensions(folder):
    """The extensions of all hot modules, as C; none if that is not wanted."""
    if SPEED["interpreted_wanted"]():
        return []
    where = os.path.join(folder, "cython")
    try:
        from Cython.Build import cythonize

        return cythonize(
            [
                Extension(hot, [hot.replace(".", "/") + ".py"], extra_compile_args=FLAGS)
                for hot in SPEED["hot_modules"](".")
            ],
            build_dir=where,
            force=outdated(where),
            language_level=3,
            nthreads=os.cpu_count() or 1,
            compiler_directives={"cdivision": True, "embedsignature": True, "auto_pickle": False},
        )
    except Exception as error:
        fall_back(error)
        return []


class AllOrNothing(build_ext):
    """Compiles every extension, or leaves none (design/speed.md#.sol.whole)."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1

    def run(self):
        expected = {os.path.abspath(path) for path in self.built()}
        for stray in set(self.compiled_below(self.build_lib)) - expected:
            os.unlink(stray)
        try:
            super().run()
        except (CCompilerError, ExecError, PlatformError, OSError) as error:
            self.remove_all()
            fall_back(error)

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
    where = build_folder()
    setup(
        ext_modules=extensions(where),
        cmdclass={"build_ext": AllOrNothing, "build_py": OnlySources},
        options={"build": {"build_base": where}, "egg_info": {"egg_base": where}},
    )
