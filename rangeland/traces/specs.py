"""Pool specs: a pool and its arena in one word (design/replay.md#.sol.spec).

`mvff:spare=0.5,extend_by=64K,arena.commit_limit=10M` is a class, a colon, and
options; those of the arena begin with `arena.`.
"""

import difflib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from arena.arena import Arena
from pools.bestfit import BestFit
from pools.buddy import Buddy
from pools.lifofit import LIFOFit
from pools.mfs import MFS
from pools.mvff import MVFF
from pools.nextfit import NextFit
from pools.segfit import SegFit
from pools.slab import Slab
from pools.worstfit import WorstFit
from rangeland.sizes import parse_real, parse_size
from rangeland.traces.crew import Crew
from rangeland.traces.fields import ALLOC
from rangeland.traces.replay import ROWS, replay, time_empty, time_once
from rangeland.traces.trace import Trace
from vm.results import AllocationError, ParamError

# What an MVFF pool has when nothing is said.
MEAN_SIZE = 32

_BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}


def _limit(text):
    return None if text == "none" else parse_size(text)


def _boolean(text):
    if text.lower() not in _BOOLEANS:
        raise ValueError("yes or no")
    return _BOOLEANS[text.lower()]


def _own(text):
    if text not in ("one", "own"):
        raise ValueError("one, for all threads, or own, one for each")
    return text == "own"


def _fraction(text):
    try:
        return parse_real(text)
    except ValueError:
        raise ValueError("a number from 0 to 1") from None


@dataclass(frozen=True)
class _Kind:
    """A pool class as specs know it: its options, and what those not given are,
    where that depends on the trace or on the options given."""

    make: type
    options: dict
    defaults: object


def _mvff_defaults(trace, given):
    # A pool that asks for less than its own mean size has a smaller mean size.
    return {"mean_size": min(MEAN_SIZE, given["extend_by"])} if "extend_by" in given else {}


def _mfs_defaults(trace, given):
    # The largest size of the trace, so that every request fits a unit.
    return {"unit_size": max(1, trace.largest)}


def _no_defaults(trace, given):
    return {}


_FIT = {
    "extend_by": parse_size,
    "align": parse_size,
    "spare": _fraction,
    "arena_high": _boolean,
}
# What all pools over regions have.
_SPARE = {"spare": _fraction, "arena_high": _boolean}

_KINDS = {
    "mvff": _Kind(
        MVFF,
        {
            "extend_by": parse_size,
            "mean_size": parse_size,
            "align": parse_size,
            "spare": _fraction,
            "arena_high": _boolean,
            "slot_high": _boolean,
            "first_fit": _boolean,
        },
        _mvff_defaults,
    ),
    "mfs": _Kind(MFS, {"unit_size": parse_size, "extend_by": parse_size}, _mfs_defaults),
    "bestfit": _Kind(BestFit, _FIT, _no_defaults),
    "worstfit": _Kind(WorstFit, _FIT, _no_defaults),
    "nextfit": _Kind(NextFit, _FIT, _no_defaults),
    "lifofit": _Kind(LIFOFit, _FIT, _no_defaults),
    "buddy": _Kind(Buddy, _SPARE | {"extend_by": parse_size, "min_size": parse_size}, _no_defaults),
    "segfit": _Kind(
        SegFit, _SPARE | {"extend_by": parse_size, "direct_above": parse_size}, _no_defaults
    ),
    "slab": _Kind(Slab, _SPARE | {"align": parse_size}, _no_defaults),
}

POOLS = tuple(_KINDS)

# Classes that have no `alloc` (design/pools.md#.lim.points).
POINTED = {"mvt"}

_ARENA = {
    "arena.size": parse_size,
    "arena.grain_size": parse_size,
    "arena.zoned": _boolean,
    "arena.commit_limit": _limit,
    "arena.spare": _fraction,
}


# Whether each thread of a trace has one of its own, of pools and of real allocators alike.
THREADS = {"threads": _own}


@dataclass(frozen=True)
class PoolSpec:
    """What pool to make in what arena; called with a trace it is a context that does.

    With `own`, each thread of the trace has a pool of its own: a Crew of them.

    Raises: ParamError, AllocationError if the class or the arena refuses; the
    message begins with the spec.
    """

    text: str
    kind: str
    options: dict = field(default_factory=dict)
    arena: dict = field(default_factory=dict)
    own: bool = False

    @contextmanager
    def __call__(self, trace):
        """The pool, in an arena of its own that goes at the end of the context."""
        with ExitStack() as stack:
            try:
                arena = stack.enter_context(Arena(**self.arena))
                make = self.make(trace)
                pool = Crew(make(arena), make) if self.own else make(arena)
            except (ParamError, AllocationError) as error:
                raise type(error)(f"pool spec {self.text!r}: {error}") from None
            yield pool

    def make(self, trace):
        """What makes the pool when it is called with an arena."""
        kind = _KINDS[self.kind]
        return partial(kind.make, **kind.defaults(trace, self.options) | self.options)

    def try_out(self):
        """Make the arena and the pool once, for nothing, so that what they
        refuse of any trace is known before one is read.

        Raises: ParamError, AllocationError, as the context does.
        """
        with self(Trace([ALLOC], [0], [1])):
            pass

    def replay(self, trace, progress=None, rows=ROWS, curve=False):
        """What `rangeland.traces.replay.replay` says of a replay in such a pool."""
        return replay(trace, self, progress, rows, curve)

    # As `rangeland.traces.times.take_times` wants it.
    loop, start = "pool", 0.0

    def timer(self, trace):
        """A call that does the trace once and returns the seconds."""
        return partial(time_once, trace, self)

    def empty(self, trace):
        """A call that does the loop alone and returns the seconds."""
        return partial(time_empty, trace, PoolSpec("mvff", "mvff"))

    def __str__(self):
        return self.text


def parse_spec(text):
    """The PoolSpec that `text` says.

    Raises: ParamError for an unknown class or option, with the nearest known one;
    for a second value, and for a value of another form.
    """
    name, _, rest = text.partition(":")
    if name in POINTED:
        raise ParamError(
            f"pool spec {text!r}: {name} has blocks at allocation points only, and what is done "
            f"here asks for them by `alloc`: expected one of {', '.join(POOLS)}"
        )
    if name not in _KINDS:
        raise unknown(text, "pool class", name, POOLS)
    given = parse_options(text, rest, _KINDS[name].options | THREADS | _ARENA)
    own = given.pop("threads", False)
    options = {key: value for key, value in given.items() if key not in _ARENA}
    arena = {key.removeprefix("arena."): given[key] for key in given if key in _ARENA}
    return PoolSpec(text, name, options, arena, own)


def parse_options(text, rest, known):
    """{key: value} of `rest`, which is KEY=VALUE,... and the end of the spec
    `text`; `known` has for each key what makes a value of its text.

    Raises: ParamError, as parse_spec does.
    """
    given = {}
    for item in rest.split(",") if rest else ():
        key, equals, value = item.partition("=")
        if key not in known:
            raise unknown(text, "option", key, known)
        if key in given:
            raise ParamError(f"pool spec {text!r}: {key} is given twice")
        try:
            given[key] = known[key](value)
        except ValueError as expected:
            found = repr(value) if equals else "no value"
            raise ParamError(
                f"pool spec {text!r}: {key} has {found}: expected {expected}"
            ) from None
    return given


def unknown(text, what, name, known):
    """The ParamError for the unknown `name` in the spec `text`, with the nearest known one."""
    near = difflib.get_close_matches(name.lower(), known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    expected = ", ".join(known)
    return ParamError(f"pool spec {text!r}: unknown {what} {name!r}: expected one of {expected}{hint}")
