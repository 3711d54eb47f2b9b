"""Strategies of Hypothesis for what allocators are asked.

Sizes at the cliffs, alignments, ranges, keywords of pools, lifetimes, fault
plans, whole traces. Needs Hypothesis. Source: design/machines.md#.sol.strategies
"""

from hypothesis import strategies as st

from vm.faults import KINDS, FaultPlan

PAGE = 4096
GRAINS = (4096, 4096, 16384, 65536)
LIFETIMES = ("lifo", "fifo", "random", "epochs")


def cliffs(most=1 << 16):
    """Sizes just below, at and above powers of two, up to `most` bytes."""
    powers = [1 << n for n in range(most.bit_length()) if 1 << n <= most]
    near = st.sampled_from((0, 0, -1, 1, -8, 8))
    return st.builds(lambda p, d: max(1, min(p + d, most)), st.sampled_from(powers), near)


def sizes(least=1, most=1 << 16):
    """Sizes of blocks from `least` to `most` bytes: small, at cliffs, any."""
    small = st.integers(least, min(most, max(least, 64)))
    kinds = st.one_of(small, cliffs(most), st.integers(least, most))
    return kinds.map(lambda size: max(least, min(size, most)))


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


def mvff_keywords(grain=PAGE):
    """Keywords of an MVFF pool in an arena of this grain size: a dict."""
    return st.fixed_dictionaries(
        {},
        optional={
            "extend_by": st.sampled_from((32, 4096, 8192, 65536)),
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
        optional={"extend_by": st.sampled_from((1, 4096, 8192, 65536))},
    )


def mvt_keywords(grain=PAGE):
    """Keywords of an MVT pool in an arena of this grain size: a dict."""
    return st.fixed_dictionaries(
        {"min_size": st.just(8), "mean_size": st.sampled_from((8, 64, 500))},
        optional={
            "max_size": st.sampled_from((500, 4096, 16384)),
            "reserve_depth": st.sampled_from((1, 64, 1024)),
            "frag_limit": fractions(),
            "align": alignments(8, grain),
        },
    )


def arena_keywords():
    """Keywords of an arena that is small, so that it grows: a dict."""
    return st.fixed_dictionaries(
        {
            "size": st.sampled_from((1, 1 << 19, 1 << 20)),
            "grain_size": st.sampled_from(GRAINS),
            "zoned": st.booleans(),
            "spare": fractions(),
        }
    )


def fractions():
    """Fractions from 0 to 1, the ends included."""
    return st.sampled_from((0, 0.1, 0.25, 0.5, 0.75, 1))


def fault_plans():
    """Fault plans: the nth attempt of a kind and some after it, or each with
    a probability."""
    kinds = st.sampled_from(KINDS)
    counted = st.builds(
        lambda kind, nth, count: FaultPlan().fail(kind, nth=range(nth, nth + count)),
        kinds,
        st.integers(1, 6),
        st.sampled_from((1, 1, 3, 40)),
    )
    chance = st.builds(
        lambda kind, p, seed: FaultPlan().fail(kind, probability=p, seed=seed),
        kinds,
        st.sampled_from((0.1, 0.5, 0.9)),
        st.integers(0, 1 << 16),
    )
    return counted | chance


@st.composite
def traces(draw, events=60, size=None, lifetime=None):
    """Whole traces, which are steps of an allocator's trial: a list of
    ("alloc", number, size) and ("free", number).

    `size` is a strategy of sizes; `lifetime` one of "lifo", "fifo", "random",
    "epochs" (all that lives is freed at once), or drawn.
    """
    size = sizes() if size is None else size
    lifetime = draw(st.sampled_from(LIFETIMES)) if lifetime is None else lifetime
    steps, live = [], []
    for number in range(draw(st.integers(1, events))):
        if live and draw(st.booleans()):
            if lifetime == "epochs":
                steps += [("free", each) for each in live]
                live.clear()
            else:
                at = {"lifo": -1, "fifo": 0}.get(lifetime)
                at = draw(st.integers(0, len(live) - 1)) if at is None else at
                steps.append(("free", live.pop(at)))
        else:
            steps.append(("alloc", number, draw(size)))
            live.append(number)
    return steps
