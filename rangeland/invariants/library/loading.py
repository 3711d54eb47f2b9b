"""Loads a library, and finds the functions that are its own.

Runs in the child. Source: design/library.md#.sol.loading
"""

import ctypes
import os
import sys
from ctypes import byref, c_char_p, c_void_p

from rangeland.invariants.library.known import KNOWN
from rangeland.invariants.library.rooms import Rooms, objects
from rangeland.invariants.library.steps import FUNCTIONS, REQUIRED

MODE = os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND
_RTLD_DI_LINKMAP = 2


class Refused(Exception):
    """The library cannot be tried; the message says why."""


class _Found(ctypes.Structure):
    """What dladdr tells: Dl_info."""

    _fields_ = [
        ("file", c_char_p),
        ("base", c_void_p),
        ("symbol", c_char_p),
        ("address", c_void_p),
    ]


class _LinkMap(ctypes.Structure):
    """The public beginning of a link_map."""

    _fields_ = [("base", c_void_p), ("name", c_char_p)]


_SYSTEM = ctypes.CDLL(None)
_SYSTEM.dladdr.argtypes = [c_void_p, c_void_p]
_SYSTEM.dlinfo.argtypes = [c_void_p, ctypes.c_int, c_void_p]


def load(path):
    """(the file of the library, the addresses of its functions by name, the
    known faults it has, its Rooms). Functions that do not lie beside its malloc are not
    the library's.

    Raises: Refused.
    """
    try:
        library = ctypes.CDLL(path, mode=MODE)
    except UnicodeDecodeError:
        raise Refused("it does not load, for a reason that is not in UTF-8") from None
    except OSError as error:
        raise Refused(f"it does not load: {_machine(path) or error}") from None
    file = _file_of(library)
    addresses = {name: _address(library, name) for name in FUNCTIONS}
    for name in REQUIRED:
        if addresses[name] is None:
            raise Refused(f"it has no {name}")
    home = where(addresses["malloc"])
    if not _same(home, file) and _same(home, where(_address(_SYSTEM, "abort"))):
        raise Refused(f"it has no malloc of its own: the one found is that of {home}")
    if not _same(there := where(addresses["free"]), home):
        raise Refused(f"it has no free of its own: the one found is that of {there}")
    own = {n: at for n, at in addresses.items() if at is not None and _same(where(at), home)}
    return file, own, _known(library), _rooms(addresses["malloc"], home)


def _rooms(malloc, home):
    """The Rooms of the file that `malloc` lies in."""
    found = _Found()
    _SYSTEM.dladdr(malloc, byref(found))
    return Rooms(found.base or 0, objects(home))


def _known(library):
    """The known faults of the library's version."""
    found = []
    for fault in KNOWN.values():
        if (address := _address(library, fault.symbol)) is not None:
            if ctypes.CFUNCTYPE(ctypes.c_int)(address)() in fault.versions:
                found.append(fault)
    return found


def where(address):
    """The file that the code at `address` was loaded from, or ''."""
    found = _Found()
    if not _SYSTEM.dladdr(address, byref(found)) or not found.file:
        return ""
    return os.fsdecode(found.file)


def _machine(path):
    """What is wrong if the library is for another machine, of which the loader
    says that there is no such file; else None."""
    try:
        with open(path, "rb") as file, open("/proc/self/exe", "rb") as own:
            theirs, ours = file.read(20), own.read(20)
    except OSError:
        return None
    if theirs[:6] != ours[:6] or theirs[18:] == ours[18:]:
        return None
    numbers = [int.from_bytes(head[18:], sys.byteorder) for head in (theirs, ours)]
    return "it is for machine {} of the ELF numbers, and this one is {}".format(*numbers)


def _file_of(library):
    map_ = ctypes.POINTER(_LinkMap)()
    if _SYSTEM.dlinfo(library._handle, _RTLD_DI_LINKMAP, byref(map_)) != 0:
        return library._name
    return os.fsdecode(map_.contents.name)


def _address(library, name):
    try:
        return ctypes.cast(getattr(library, name), c_void_p).value
    except (AttributeError, UnicodeDecodeError):
        # The loader's message has the path, which need not be UTF-8.
        return None


def _same(one, other):
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
