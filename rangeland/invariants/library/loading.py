"""Loads a library, and finds the functions that are its own.

Runs in the child. Source: design/library.md#.sol.loading
"""

import ctypes
import os
from ctypes import byref, c_char_p, c_void_p

from rangeland.invariants.library.known import KNOWN
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
    known faults it has). Functions that do not lie beside its malloc are not
    the library's.

    Raises: Refused.
    """
    try:
        library = ctypes.CDLL(path, mode=MODE)
    except OSError as error:
        raise Refused(f"it does not load: {error}") from None
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
    return file, own, _known(library)


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


def _file_of(library):
    map_ = ctypes.POINTER(_LinkMap)()
    if _SYSTEM.dlinfo(library._handle, _RTLD_DI_LINKMAP, byref(map_)) != 0:
        return library._name
    return os.fsdecode(map_.contents.name)


def _address(library, name):
    try:
        return ctypes.cast(getattr(library, name), c_void_p).value
    except AttributeError:
        return None


def _same(one, other):
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
