"""A C allocator loaded beside that of the process, so that nobody else uses it.

Runs in the child. Source: design/contenders.md#.sol.beside
"""

import ctypes
import os

FUNCTIONS = ("malloc", "free", "realloc", "posix_memalign")
_MODE = os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND

# Of glibc: so many blocks of each size are cached, up to that size.
_CACHED = 7
_LARGEST_CACHED = 1032
_LEAST = 24
_GRAIN = 16
# Larger ones are mapped for themselves.
_LARGEST_HOLE = 1 << 16


# The name of the library that is none.
NOTHING = "nothing"


class Refused(Exception):
    """The library cannot be used; the message says why."""


class _Info(ctypes.Structure):
    """What mallinfo2 tells."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )  # fmt: skip
    ]


class Nothing:
    """In the place of an allocator functions that do nothing, so that the loop is timed alone."""

    home, missing = "", ()

    def __init__(self):
        # What it gives is the size that was asked for, which is not 0.
        self.functions = (_address(ctypes.CDLL(None), "labs"),) * len(FUNCTIONS)

    def version(self):
        """Of nothing: ""."""
        return ""

    def fill_holes(self):
        """None."""


class Allocator:
    """The allocator of the library at `path` or of that name; of the C library if "".

    `home` is the file that its malloc lies in; `functions` the addresses of FUNCTIONS, 0
    for those that are not its own, which `missing` names.
    Raises: Refused if it does not load, or has no malloc of its own.
    """

    def __init__(self, path):
        self.is_own = not path
        system = ctypes.CDLL(None)
        try:
            self.library = ctypes.CDLL(path, mode=_MODE) if path else system
        except OSError as error:
            raise Refused(f"it does not load: {error}") from None
        if self.is_own and not hasattr(system, "gnu_get_libc_version"):
            raise Refused("the C library of this python is another one")
        found = tuple(_address(self.library, name) for name in FUNCTIONS)
        if not found[0]:
            raise Refused("it has no malloc")
        *homes, system_home = _homes((*found, _address(system, "abort")))
        self.home = homes[0]
        if path and self.home == system_home:
            raise Refused("it has no malloc of its own")
        # What it gets from elsewhere, by what it is linked to, is another allocator's.
        own = [home == self.home for home in homes]
        self.functions = tuple(at if its else 0 for at, its in zip(found, own, strict=True))
        self.missing = [name for name, its in zip(FUNCTIONS, own, strict=True) if not its]

    def version(self):
        """What the allocator says of its version, or ""."""
        library = self.library
        if self.is_own:
            library.gnu_get_libc_version.restype = ctypes.c_char_p
            return library.gnu_get_libc_version().decode()
        if hasattr(library, "mallctl"):
            text, size = ctypes.c_char_p(), ctypes.c_size_t(ctypes.sizeof(ctypes.c_char_p))
            library.mallctl(b"version", ctypes.byref(text), ctypes.byref(size), None, 0)
            return (text.value or b"").decode().partition("-")[0]
        if hasattr(library, "mi_version"):
            number = library.mi_version()
            step = 10 if number < 10_000 else 100
            return f"{number // step**2}.{number // step % step}.{number % step}"
        if hasattr(library, "tc_version"):
            numbers = ctypes.c_int(), ctypes.c_int(), ctypes.c_char_p()
            library.tc_version(*map(ctypes.byref, numbers))
            return f"{numbers[0].value}.{numbers[1].value}"
        return ""

    def fill_holes(self):
        """Of the C library, which the process uses, too: allocate all that was freed
        so far, so that the trace does not find it (design/contenders.md#.sol.holes)."""
        if not self.is_own or not hasattr(self.library, "mallinfo2"):
            return
        malloc, info = self.library.malloc, self.library.mallinfo2
        malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        info.restype = _Info
        self.library.malloc_trim(0)
        for size in range(_LEAST, _LARGEST_CACHED + 1, _GRAIN):
            for _ in range(_CACHED):
                malloc(size)
        size = _LARGEST_HOLE
        while size >= _LEAST:
            before = info()
            malloc(size)
            after = info()
            # Not from a hole: from the top, or mapped for itself.
            if (after.keepcost, after.hblks) != (before.keepcost, before.hblks):
                size = size // 2 if size > _LARGEST_CACHED else size - _GRAIN
        self.library.malloc_trim(0)


def _address(library, name):
    """The address of a function, or 0."""
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    except AttributeError:
        return 0


def _homes(addresses):
    """The files that were mapped where the addresses are, or ""."""
    homes = [""] * len(addresses)
    with open("/proc/self/maps") as maps:
        for line in maps:
            words = line.split(maxsplit=5)
            base, limit = (int(word, 16) for word in words[0].split("-"))
            for at, address in enumerate(addresses):
                if base <= address < limit and len(words) == 6:
                    homes[at] = words[5].strip()
    return homes
