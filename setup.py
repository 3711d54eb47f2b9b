"""What of Rangeland is compiled, and when; the rest is in pyproject.toml.

RANGELAND_INTERPRETED=1 builds without compiling; RANGELAND_REQUIRE_COMPILED=1
makes a failed compilation an error. Source: design/speed.md#.sol.build
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

os.chdir(Path(__file__).parent)

# Every module with a .pxd beside it is hot, but for the twins, whose .pxd
# stands in for them in compiled code.
TWINS = {"raw", "mmu", "fields", "events", "results"}


def wanted(variable):
    return os.environ.get(variable, "") not in ("", "0")


def extensions():
    interpreted = wanted("RANGELAND_INTERPRETED")
    required = wanted("RANGELAND_REQUIRE_COMPILED")
    if interpreted and required:
        sys.exit("RANGELAND_INTERPRETED and RANGELAND_REQUIRE_COMPILED exclude each other")
    if interpreted:
        return []
    try:
        from Cython.Build import cythonize

        hot = sorted(
            p.with_suffix("")
            for folder in ("vm", "land", "pools", "arena", "rangeland")
            for p in Path(folder).rglob("*.pxd")
            if p.stem not in TWINS and p.stem != "__init__"
        )
        return cythonize(
            [
                Extension(
                    ".".join(p.parts),
                    [f"{p}.py"],
                    extra_compile_args=["-O3", "-fwrapv", "-fno-strict-aliasing"],
                    optional=not required,
                )
                for p in hot
            ],
            language_level=3,
            nthreads=os.cpu_count() or 1,
            compiler_directives={"cdivision": True},
        )
    except Exception:
        if required:
            raise
        print("rangeland: not compiled, the sources will be interpreted", file=sys.stderr)
        return []


setup(ext_modules=extensions())
