"""Pool specs: a pool and its arena in one word (design/replay.md#.sol.spec).

`mvff:spare=0.5,extend_by=64K,arena.commit_limit=10M` is a class, a colon, and
options; those of the arena begin with `arena.`.
"""

import difflib
import re
from contextlib import contextmanager
from dataclasses import dataclass, field

from arena.arena import Arena
from pools.mfs import MFS
from pools.mvff import MVFF
from vm.results import ParamError

_SIZE = re.compile(r"(\d{1,20})([KMGT]?)", re.IGNORECASE)
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}


def _size(text):
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("a size, such as 4096, 64K, 1M or 2G")
    return int(match[1]) << _SHIFTS[match[2].upper()]


def _limit(text):
    return None if text == "none" else _size(text)


def _boolean(text):
    if text.lower() not in _BOOLEANS:
        raise ValueError("yes or no")
    return _BOOLEANS[text.lower()]


def _fraction(text):
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number from 0 to 1") from None


@dataclass(frozen=True)
class _Kind:
    """A pool class as specs know it: its options, and those that depend on the trace."""

    make: type
    options: dict
    for_trace: object = staticmethod(lambda trace: {})


_KINDS = {
    "mvff": _Kind(
        MVFF,
        {
            "extend_by": _size,
            "mean_size": _size,
            "align": _size,
            "spare": _fraction,
            "arena_high": _boolean,
            "slot_high": _boolean,
            "first_fit": _boolean,
        },
    ),
    "mfs": _Kind(
        MFS,
        {"unit_size": _size, "extend_by": _size},
        # The largest size of the trace, so that every request fits a unit.
        lambda trace: {"unit_size": max(1, trace.largest)},
    ),
}

_ARENA = {
    "arena.size": _size,
    "arena.grain_size": _size,
    "arena.zoned": _boolean,
    "arena.commit_limit": _limit,
    "arena.spare": _fraction,
}


@dataclass(frozen=True)
class PoolSpec:
    """What pool to make in what arena; called with a trace it is a context that does.

    Raises: ParamError, AllocationError if the class or the arena refuses.
    """

    text: str
    kind: str
    options: dict = field(default_factory=dict)
    arena: dict = field(default_factory=dict)

    @contextmanager
    def __call__(self, trace):
        """The pool, in an arena of its own that goes at the end of the context."""
        kind = _KINDS[self.kind]
        with Arena(**self.arena) as arena:
            yield kind.make(arena, **kind.for_trace(trace) | self.options)

    def __str__(self):
        return self.text


def parse_spec(text):
    """The PoolSpec that `text` says.

    Raises: ParamError for an unknown class or option, with the nearest known one;
    for a second value, and for a value of another form.
    """
    name, _, rest = text.partition(":")
    if name not in _KINDS:
        raise _unknown(text, "pool class", name, _KINDS)
    known = _KINDS[name].options | _ARENA
    options, arena = {}, {}
    for item in rest.split(",") if rest else ():
        key, equals, value = item.partition("=")
        if key not in known:
            raise _unknown(text, "option", key, known)
        where, short = (arena, key[6:]) if key in _ARENA else (options, key)
        if short in where:
            raise ParamError(f"pool spec {text!r}: {key} is given twice")
        try:
            where[short] = known[key](value)
        except ValueError as expected:
            found = repr(value) if equals else "no value"
            raise ParamError(
                f"pool spec {text!r}: {key} has {found}: expected {expected}"
            ) from None
    return PoolSpec(text, name, options, arena)


def _unknown(text, what, name, known):
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return ParamError(
        f"pool spec {text!r}: unknown {what} {name!r}: expected one of {', '.join(known)}{hint}"
    )
