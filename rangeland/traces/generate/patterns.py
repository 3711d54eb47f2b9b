"""The patterns that there are, by name, and how a plan for one is made (design/generate.md#.sol.patterns)."""

import difflib

from rangeland.traces.generate import births, robson, walks
from rangeland.traces.generate.distributions import lifetimes as parse_lifetimes
from rangeland.traces.generate.distributions import sizes as parse_sizes
from rangeland.traces.generate.plan import Pattern, Plan
from vm.results import ParamError

SIZES = "lognormal:median=64,sigma=1.2,most=1M"
OTHERS = ("live", "memory", "largest", "phases")

_ALL = (
    Pattern(
        "steady", "Blocks of given sizes live for given times: --sizes and --lifetimes.",
        "Zorn and Grunwald, Evaluating models of memory allocation (1994)",
        births.steady, {"sizes": SIZES, "lifetimes": "exponential:10000"},
    ),
    Pattern(
        "balanced", "A number of blocks lives on average, each dying by chance.",
        "Wilson, Johnstone, Neely and Boles, Dynamic storage allocation (1995), on synthetic traces",
        births.balanced, {"sizes": SIZES, "live": 10_000},
    ),
    Pattern(
        "queue", "First in, first out: the oldest block is freed.", "as balanced",
        births.queue, {"sizes": SIZES, "live": 10_000},
    ),
    Pattern(
        "stack", "Last in, first out: the newest block is freed; the depth is a walk by chance.",
        "as balanced", walks.stack, {"sizes": SIZES, "live": 10_000},
    ),
    Pattern(
        "generations", "Most blocks die young, one in twenty lives two thousand times as long.",
        "Ungar, Generation scavenging (1984)",
        births.generations, {"sizes": SIZES, "live": 10_000},
    ),
    Pattern(
        "ramp", "Three blocks in ten are kept for ever, the others are short-lived.",
        "Wilson et al. (1995): ramps, peaks and plateaus",
        births.ramp, {"sizes": SIZES, "live": 1000},
    ),
    Pattern(
        "peak", "Blocks gather and all die at once, --phases times, while others come and go.",
        "as ramp", births.peak, {"sizes": SIZES, "phases": 8},
    ),
    Pattern(
        "plateau", "Blocks made at the start live to the end, while others come and go.",
        "as ramp", births.plateau, {"sizes": SIZES, "live": 10_000},
    ),
    Pattern(
        "phases", "Each phase has sizes of its own, and leaves one block in ten to the next three.",
        "Wilson et al. (1995): phase behaviour",
        births.phases, {"sizes": SIZES, "live": 1000, "phases": 8},
    ),
    Pattern(
        "knuth", "Births and deaths in balance, lifetimes equally likely up to a limit: with first "
        "fit there are half as many holes as blocks.",
        "Knuth, The art of computer programming 1, section 2.5: the fifty-percent rule",
        births.knuth,
        {"sizes": "uniform:100-2000", "live": 1000},
    ),
    Pattern(
        "full", "A memory is always as full as it can be: for each block others, by chance, must go.",
        "Shore, On the external storage fragmentation produced by first-fit and best-fit "
        "allocation strategies (1975): uniform sizes",
        walks.full, {"sizes": "uniform:16-4096", "memory": 1 << 22},
    ),
    Pattern(
        "comb", "Of a row of --live blocks every other one is freed, then comes a row of blocks that "
        "are a little too large for the holes, up to --largest; then all are freed.",
        "Randell, A note on storage fragmentation and program segmentation (1969): checkerboards",
        walks.comb, {"sizes": "fixed:64", "live": 10_000, "largest": 1024},
    ),
    Pattern(
        "vectors", "Vectors grow by realloc to twice their size, up to --largest, and begin again.",
        "the amortised growth of arrays in every library of containers",
        walks.vectors, {"sizes": "powers:16-256", "live": 1000, "largest": 1 << 20},
    ),
    Pattern(
        "robson", "The worst case: powers of two up to --largest, each step freeing whatever does "
        "not keep a hole from closing, played against first fit; at most --memory lives.",
        "Robson, An estimate of the store size necessary for dynamic storage allocation (1971), "
        "Bounds for some functions concerning dynamic storage allocation (1974)",
        robson.robson, {"sizes": "fixed:16", "memory": 1 << 20, "largest": 1 << 14},
        robson.robson_round,
    ),
    Pattern(
        "classes", "Each power of two up to --largest fills --memory, and leaves one block in each "
        "space of --largest: the worst case for size classes that do not share pages.",
        "Wilson et al. (1995), on segregated free lists",
        robson.classes, {"sizes": "fixed:16", "memory": 1 << 22, "largest": 1 << 12},
        robson.classes_round,
    ),
)  # fmt: skip
PATTERNS = {pattern.name: pattern for pattern in _ALL}


def pattern_of(name):
    """The Pattern called `name`. Raises: ParamError, naming the nearest."""
    if name in PATTERNS:
        return PATTERNS[name]
    near = difflib.get_close_matches(name, PATTERNS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ParamError(f"unknown pattern {name!r}: expected one of {', '.join(PATTERNS)}{hint}")


def plan_of(pattern, events, seed=0, **options):
    """The Plan for `pattern`, whose defaults stand for options that are None.

    Raises: ParamError for an option that it does not take, or a value that it cannot.
    """
    for name, value in options.items():
        if value is not None and name not in pattern.defaults:
            takes = ", ".join(f"--{option}" for option in pattern.defaults)
            raise ParamError(f"{pattern.name} takes no --{name}: expected {takes}")
    values = {n: options.get(n) if options.get(n) is not None else d for n, d in pattern.defaults.items()}
    values["sizes"] = parse_sizes(values["sizes"])
    if "lifetimes" in values:
        values["lifetimes"] = parse_lifetimes(values["lifetimes"])
    plan = Plan(events=events, seed=seed, **values)
    _check(pattern, plan)
    return plan


def _check(pattern, plan):
    for name in OTHERS:
        value = getattr(plan, name)
        if value is not None and value < 1:
            raise ParamError(f"--{name} {value}: expected 1 or more")
    least = plan.sizes.most
    if pattern.make is walks.full and plan.sizes.least > plan.memory:
        raise ParamError(f"--memory {plan.memory}: expected {plan.sizes.least} or more, the least size")
    if pattern.make is walks.comb and least > plan.largest:
        raise ParamError(f"--largest {plan.largest}: expected {least} or more, as --sizes")
    if pattern.make in (robson.robson, robson.classes):
        if plan.sizes.least != plan.sizes.most:
            raise ParamError(f"--sizes {plan.sizes}: expected one size, fixed:SIZE, the word of {pattern.name}")
        if plan.largest < least:
            raise ParamError(f"--largest {plan.largest}: expected {least} or more, as --sizes")
        if plan.memory < plan.largest:
            raise ParamError(f"--memory {plan.memory}: expected {plan.largest} or more, as --largest")
