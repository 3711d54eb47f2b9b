"""Strategies of Hypothesis for what allocators are asked.

Sizes at the cliffs, alignments, ranges, keywords of pools, lifetimes, fault
plans, whole traces. All in bytes. Source: design/machines.md#.sol.strategies
"""

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "the machines and strategies of Rangeland need Hypothesis: pip install 'rangeland[kit]'"
    ) from error

from rangeland.invariants.temporal import DEPTHS, LARGEST, MEANS
from rangeland.invariants.workload import ROUND
from vm.faults import FaultPlan

PAGE = 4096
GRAINS = (4096, 4096, 16384, 65536)
LIFETIMES = ("lifo", "fifo", "random", "epochs")


def cliffs(most=1 << 16):
    """Sizes just below, at and above powers of two, up to `most` bytes."""
    powers = [1 << n for n in range(most.bit_length()) if 1 << n <= most]
    near = st.sampled_from((0, 0, -1, 1, -8, 8))
    return st.builds(
        lambda power, more: max(1, min(power + more, most)), st.sampled_from(powers), near
    )


def sizes(least=1, most=1 << 16):
    """Sizes of blocks from `least` to `most` bytes: small, at cliffs, round, any."""
    small = st.integers(least, min(most, max(least, 64)))
    near = cliffs(most).map(lambda size: max(least, size))
    # What people think of first is what their code treats apart.
    usual = st.sampled_from([size for size in ROUND if least <= size <= most] or [least])
    return st.one_of(small, near, usual, st.integers(least, most))


def alignments(least=8, most=4096):
    """Powers of two from `least` to `most`, both powers of two."""
    return st.sampled_from(
        [1 << n for n in range(least.bit_length() - 1, most.bit_length())]
    )


def ranges(span, align=8):
    """(base, limit) of a range in [0, span), aligned, mostly short."""
    cells = span // align
    width = st.one_of(st.integers(1, min(8, cells)), st.integers(1, cells))
    return st.builds(
        lambda at, count: (at * align, min(at + count, cells) * align),
        st.integers(0, cells - 1),
        width,
    )


def zone_sets():
    """Sets of the 64 zones, as bits: any, one zone, a run of 16, all."""
    everything = (1 << 64) - 1
    near = st.integers(0, 63)
    return st.one_of(
        st.integers(0, everything),
        near.map(lambda i: 1 << i),
        near.map(lambda i: 0xFFFF << i & everything),
        st.just(everything),
    )


def arguments(defaults, keywords):
    """The arguments of a step, in their order: those of `keywords`, a dict
    that was drawn, and for others the `defaults`. A tuple."""
    return tuple((defaults | keywords).values())


def mvff_keywords(grain=PAGE):
    """Keywords of an MVFF pool in an arena of this grain size: a dict."""
    return st.fixed_dictionaries(
        {},
        optional={
            "extend_by": st.sampled_from((65536, 16384, 4096, 32)),
            "align": alignments(8, grain),
            "spare": fractions(),
            "arena_high": st.booleans(),
            "slot_high": st.booleans(),
            "first_fit": st.booleans(),
        },
    )


def mfs_keywords():
    """Keywords of an MFS pool: a dict with its unit size."""
    return st.fixed_dictionaries(
        {"unit_size": sizes(1, 5000)},
        optional={"extend_by": st.sampled_from((65536, 8192, 4096, 1))},
    )


def mvt_keywords(grain=PAGE):
    """Keywords of an MVT pool in an arena of this grain size: a dict."""
    return st.fixed_dictionaries(
        {},
        optional={
            "mean_size": st.sampled_from(MEANS),
            "max_size": st.sampled_from(LARGEST),
            "reserve_depth": st.sampled_from(DEPTHS),
            "frag_limit": fractions(),
            "align": alignments(8, grain),
        },
    )


def arena_keywords():
    """Keywords of an arena that is small, so that it grows: a dict."""
    return st.fixed_dictionaries(
        {
            "size": st.sampled_from((1 << 20, 1 << 19, 1)),
            "grain_size": st.sampled_from(GRAINS),
            "zoned": st.booleans(),
            "spare": fractions(),
        }
    )


def fractions():
    """Fractions from 0 to 1, the ends included."""
    return st.sampled_from((0, 0.1, 0.25, 0.5, 0.75, 1))


def fault_kinds():
    """What the machine may refuse to a program."""
    return st.sampled_from(("node", "mapping", "reservation"))


def fault_counts():
    """How many attempts in a row are refused: mostly one."""
    return st.sampled_from((1, 1, 3, 40))


def fault_plans():
    """Fault plans: the nth attempt of a kind and some after it, or each with
    a probability."""
    counted = st.builds(
        lambda kind, nth, count: FaultPlan().fail(kind, nth=range(nth, nth + count)),
        fault_kinds(),
        st.integers(1, 6),
        fault_counts(),
    )
    chance = st.builds(
        lambda kind, p, seed: FaultPlan().fail(kind, probability=p, seed=seed),
        fault_kinds(),
        st.sampled_from((0.1, 0.5, 0.9)),
        st.integers(0, 1 << 16),
    )
    return counted | chance


@st.composite
def traces(draw, events=60, size=None, lifetime=None):
    """Whole traces, which are steps of an allocator's trial: a list of
    ("alloc", number, size) and ("free", number), with up to `events` draws.

    `size` is a strategy of sizes; `lifetime` one of "lifo", "fifo", "random",
    "epochs" (all that lives is freed at once), or else drawn.
    """
    size = sizes() if size is None else size
    lifetime = draw(lifetimes()) if lifetime is None else lifetime
    steps, live = [], []
    for number, frees in enumerate(draw(st.lists(st.booleans(), max_size=events))):
        if not frees or not live:
            steps.append(("alloc", number, draw(size)))
            live.append(number)
        elif lifetime == "epochs":
            steps += [("free", each) for each in live]
            live.clear()
        else:
            at = {"lifo": -1, "fifo": 0}.get(lifetime)
            at = draw(st.integers(0, len(live) - 1)) if at is None else at
            steps.append(("free", live.pop(at)))
    return steps


def lifetimes():
    """In which order blocks are freed: newest or oldest first, any, or all
    that live at once."""
    return st.sampled_from(LIFETIMES)
