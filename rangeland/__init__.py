"""Rangeland: a memory-manager simulator in the style of the MPS."""

import _signal
import os
import sys


def _interrupted(*told):
    """End at once, with the line and the status of an interrupted command."""
    if sys.stderr:
        os.write(2, b"rangeland: interrupted\n")
    os._exit(130)


def _is_command():
    """True if this process is the command `rangeland`, or `python -m rangeland`."""
    if sys.argv[:1] != ["-m"]:
        return os.path.basename(sys.argv[0] if sys.argv else "") == "rangeland"
    asked = zip(sys.orig_argv[1:], sys.orig_argv[2:])
    return any(option.endswith("m") and name == "rangeland" for option, name in asked)


# Before anything is imported, `signal` too: an interrupt shall have no gap to fall in.
# When all is done, it comes too late (design/speed.md#.sol.start).
if _is_command() and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _interrupted)
    import atexit

    atexit.register(_signal.signal, _signal.SIGINT, _signal.SIG_IGN)

import vm  # noqa: E402, F401  (the switch between the two speeds comes first)
from rangeland.version import VERSION as __version__  # noqa: E402, F401

# Where each public name lives; it is imported when it is first asked for, so that
# a command does not wait for what it does not need.
_PLACES = {
    "AccessError": "vm.results",
    "AddressSpace": "vm.space",
    "ALL_KINDS": "vm.events",
    "AllocationError": "vm.results",
    "AllocationPoint": "pools.point",
    "Arena": "arena.arena",
    "BestFit": "pools.bestfit",
    "Buddy": "pools.buddy",
    "CannotTry": "rangeland.invariants.finding",
    "CBS": "rangeland.lands",
    "CBSFast": "rangeland.lands",
    "CBSZoned": "rangeland.lands",
    "Chunk": "arena.chunk",
    "CommitLimitError": "vm.results",
    "DamageError": "vm.results",
    "DEFAULT_KINDS": "vm.events",
    "Event": "vm.log",
    "Failover": "rangeland.lands",
    "FaultPlan": "vm.faults",
    "Freelist": "rangeland.lands",
    "Land": "land.land",
    "LIFOFit": "pools.lifofit",
    "LimitError": "vm.results",
    "Log": "vm.log",
    "MappingError": "vm.results",
    "MFS": "pools.mfs",
    "MPS_KINDS": "vm.events",
    "MVFF": "pools.mvff",
    "MVT": "pools.mvt",
    "NextFit": "pools.nextfit",
    "ParamError": "vm.results",
    "ParamTypeError": "vm.results",
    "Pool": "pools.pool",
    "ProtocolError": "vm.results",
    "prove": "rangeland.invariants.prove",
    "RangelandError": "vm.results",
    "record": "vm.log",
    "ResourceError": "vm.results",
    "SegFit": "pools.segfit",
    "Slab": "pools.slab",
    "SortedLand": "land.sorted",
    "stream": "vm.telemetry",
    "WorstFit": "pools.worstfit",
}
__all__ = list(_PLACES)


def __getattr__(name):
    """The public `name`, imported now."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    return value


def __dir__():
    """All that is here, imported or not."""
    return sorted({*globals(), *_PLACES})
