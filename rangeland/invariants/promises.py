"""Promises: what the public face takes, within which bounds, and what everything has.

Source: design/invariants.md#.sol.faces
"""

import rangeland.lands as lands
from pools.bestfit import BestFit
from pools.buddy import Buddy
from pools.lifofit import LIFOFit
from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from pools.nextfit import NextFit
from pools.segfit import SegFit
from pools.slab import Slab
from pools.worstfit import WorstFit

MOST = 1 << 60
GRAIN = 4096
SIZES = 1, MOST
SHARE = 0.0, 1.0
# What each keyword takes: (least, most), a power of two or not.
FIT = {"extend_by": SIZES, "align": (8, GRAIN, 2), "spare": SHARE}
PROMISES = {
    MFS: {"unit_size": SIZES, "extend_by": SIZES},
    # Its mean size, 32, is no more than what it extends by.
    MVFF: FIT | {"mean_size": (1, 65536), "extend_by": (32, MOST)},
    BestFit: FIT,
    WorstFit: FIT,
    NextFit: FIT,
    LIFOFit: FIT,
    MVT: {
        "min_size": (1, 32),
        "mean_size": (8, 8192),
        "max_size": (32, 1 << 48),
        "reserve_depth": (1, 1 << 32),
        "frag_limit": SHARE,
        "align": (8, GRAIN, 2),
    },
    Buddy: {"extend_by": SIZES, "min_size": (16, GRAIN, 2), "spare": SHARE},
    SegFit: {"extend_by": SIZES, "direct_above": (0, MOST), "spare": SHARE},
    Slab: {"align": (8, GRAIN // 16, 2), "spare": SHARE},
}
# What each keyword is where it is not given.
FIT_IS = {"extend_by": 65536, "align": 8, "spare": 0.75, "arena_high": False}
DEFAULTS = {
    MFS: {"unit_size": 24, "extend_by": 65536, "extend_self": True},
    MVFF: FIT_IS | {"mean_size": 32, "slot_high": False, "first_fit": True},
    BestFit: FIT_IS,
    WorstFit: FIT_IS,
    NextFit: FIT_IS,
    LIFOFit: FIT_IS,
    MVT: {"min_size": 8, "mean_size": 32, "max_size": 8192, "reserve_depth": 1024,
          "frag_limit": 0.3, "align": 8},
    Buddy: {"extend_by": 65536, "min_size": 16, "spare": 0.75, "arena_high": False},
    SegFit: {"extend_by": 65536, "direct_above": 1 << 18, "spare": 0.75, "arena_high": False},
    Slab: {"align": 16, "spare": 0.75, "arena_high": False},
}  # fmt: skip
KINDS = {kind.__name__: kind for kind in PROMISES}
LANDS = {k.__name__: k for k in (lands.CBS, lands.CBSFast, lands.CBSZoned, lands.Freelist, lands.Failover)}
FAST = ("find_first", "find_last", "find_largest", "find_next", "whole_size")
# What a land has beyond what all have; the rest it refuses.
HAS = {
    "CBS": (),
    "CBSFast": FAST,
    "CBSZoned": (*FAST, "find_in_zones"),
    "Freelist": (*FAST, "find_best"),
    "Failover": FAST,
}
# What every pool has, and refuses when it is gone.
ASKED = (
    "total_size", "free_size", "slack_size", "largest_free", "whole_free_size", "serial", "align",
    "label", "check", "describe", "destroy",
)  # fmt: skip
# What is an operation of a pool, so refused in the middle of another.
OPERATIONS = ("alloc", "free", "resize", "largest_free", "whole_free_size", "check", "describe", "destroy")
FREED = {"free": (4096, 24), "resize": (4096, 24, 32), "alloc": (24,)}
# What is asked of an arena that is gone.
OF_ARENAS = {
    "reserved": (), "committed": (), "spare_committed": (), "page_tables": (), "grain_size": (),
    "zone_shift": (), "zoned": (), "free_zones": (), "serial": (), "commit_limit": (), "spare": (),
    "extend_by": (), "extend_min": (), "chunks": (), "pools": (), "system_pools": (), "label": (),
    "collect": (), "check": (), "describe": (), "destroy": (), "pool_of": (4096,), "load": (4096,),
    "store": (4096, 1), "view": (4096, 8), "control_alloc": (64,), "control_free": (4096, 64),
}  # fmt: skip
# Those of them that are operations.
ARENA_OPERATIONS = ("collect", "check", "describe", "destroy", "control_alloc", "control_free")
NO_NUMBERS = ("x", None, 1.5, True)
# Labels, and whether they are taken.
LABELS = (
    ("", True), ("a", True), ("\u00e9" * 20, True), ("b" * 40, True), ("b" * 41, False),
    ("\u00e9" * 21, False), ("a\0b", False), ("\ud800", False), (1, False), (None, False), (b"a", False),
)  # fmt: skip


def values_of(promise):
    """What is tried of a keyword: (value, is it taken), the ends of the bounds,
    what is just beyond, and what is no number."""
    least, most, *power = promise
    if isinstance(least, float):
        tried = [(least, True), (most, True), (-0.001, False), (1.001, False)]
        return tried + [(value, False) for value in ("x", None, True)]
    tried = [(least, True), (most, True)]
    if power:
        tried += [(least // 2, False), (most * 2, False), (least + 1, False), (least * 2, True)]
    else:
        tried += [(least - 1, False), (most + 1, False), (least + 1, True)]
    return tried + [(value, False) for value in NO_NUMBERS]


def is_taken(value, known):
    """Whether `value` is taken, of `known`, (value, is it taken) each; None if it
    is none of these."""
    return next((t for v, t in known if v is value or (type(v), v) == (type(value), value)), None)


def is_number(value, least=0, most=None):
    """True if `value` is a whole number in these bounds."""
    return type(value) is int and least <= value and (most is None or value <= most)
