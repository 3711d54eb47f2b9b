"""How long a CBSFast takes to free and to allocate by first fit.

    python benchmarks/land_ops.py [LIVE ...]

Sizes are lognormal (mean about 120 bytes, rounded to 8); a random block of
LIVE is freed and another allocated at the low end of the first range that
holds it, again and again. Prints ns for each operation (the best of ten
rounds) and how many ranges there were. At compiled speed the loop is compiled
too, for which it takes a moment and a C compiler. Run it from the root, after
`python setup.py build_ext --inplace`. Seed: 1.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.lands import machine_for_speed, make  # noqa: E402

ROUNDS = 10
LOOP = """
# cython: language_level=3
from land.cbs cimport CBSFast
def loop(CBSFast land, long[::1] sizes, long[::1] victims, long[::1] bases, long[::1] limits):
    cdef long i, v
    for i in range(len(sizes)):
        v = victims[i]
        land.insert_range(bases[v], limits[v])
        land.first_range(sizes[i], 1)
        bases[v] = land.found_base
        limits[v] = land.found_limit
"""


def plain_loop(land, sizes, victims, bases, limits):
    """The same loop, for interpreted speed."""
    for size, v in zip(sizes, victims, strict=True):
        land.insert_range(bases[v], limits[v])
        land.first_range(size, 1)
        bases[v] = land.found_base
        limits[v] = land.found_limit


def compiled_loop():
    """LOOP, compiled in a folder of its own."""
    from Cython.Build import cythonize
    from setuptools import Extension, setup

    folder = Path(tempfile.mkdtemp())
    (folder / "land_loop.pyx").write_text(LOOP)
    modules = cythonize(
        [Extension("land_loop", [str(folder / "land_loop.pyx")], extra_compile_args=["-O3"])],
        include_path=[str(ROOT)],
        quiet=True,
    )
    build = ["build_ext", f"--build-lib={folder}", f"--build-temp={folder}"]
    setup(ext_modules=modules, script_args=["-q", *build], py_modules=[])
    sys.path.insert(0, str(folder))
    return __import__("land_loop").loop


def measure(loop, live, count):
    """(ns for an operation, ranges) with `live` blocks."""
    import array

    chance = random.Random(1)
    land = make("CBSFast", machine_for_speed())
    land.insert(1 << 40, (1 << 40) + (1 << 30))

    def size():
        return max(8, -(-int(chance.lognormvariate(4.29, 1.0)) // 8) * 8)

    found = [land.find_first(size(), "low")[0] for _ in range(live)]
    bases = array.array("l", [base for base, _ in found])
    limits = array.array("l", [limit for _, limit in found])
    sizes = array.array("l", [size() for _ in range(count)])
    victims = array.array("l", [chance.randrange(live) for _ in range(count)])
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        loop(land, sizes, victims, bases, limits)
        best = min(best, time.perf_counter() - start)
    land.check()
    return best / count / 2 * 1e9, len(land)


def main():
    """Measure at each number of live blocks given."""
    compiled = not hasattr(make("CBSFast", machine_for_speed()), "__dict__")
    loop = compiled_loop() if compiled else plain_loop
    for live in [int(arg) for arg in sys.argv[1:]] or [300, 1000, 20000]:
        ns, ranges = measure(loop, live, 100_000 if compiled else 5_000)
        print(f"{live} live: {ns:.0f} ns, {ranges} ranges")


if __name__ == "__main__":
    main()
