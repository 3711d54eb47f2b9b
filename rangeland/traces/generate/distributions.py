"""Distributions of sizes and lifetimes, as words say them (design/generate.md#.if.distributions).

`NAME:VALUE` or `NAME:KEY=VALUE,...`. Each draws many values at a time.
"""

import difflib
import math

import numpy as np

from rangeland.sizes import parse_real, parse_size
from rangeland.traces.trace import MOST_SIZE
from vm.results import ParamError

# What sizes are cut to, where a distribution has no end of its own.
MOST = 1 << 30
LONGEST = 1 << 40


class Distribution:
    """Whole numbers by chance: `draw(rng, count)` gives an int64 array of values in [least, most]."""

    def __init__(self, text, draw, least, most):
        self.text = text
        self._draw = draw
        self.least = least
        self.most = most

    def draw(self, rng, count):
        """`count` values. Cost: O(count)."""
        values = np.asarray(self._draw(rng, count))
        return np.clip(values, self.least, self.most).astype(np.int64)

    def __str__(self):
        return self.text


def sizes(text):
    """The distribution of sizes that `text` says. Units: bytes. Raises: ParamError."""
    return _parsed(text, _SIZES, "sizes", MOST_SIZE)


def lifetimes(text):
    """The distribution of lifetimes that `text` says. Units: allocations. Raises: ParamError."""
    return _parsed(text, _LIFETIMES, "lifetimes", LONGEST)


def _parsed(text, makers, what, most):
    name, _, rest = text.partition(":")
    if name not in makers:
        near = difflib.get_close_matches(name, makers, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ParamError(f"{what} {text!r}: expected one of {', '.join(makers)}{hint}")
    form, make = makers[name]
    try:
        return make(text, rest, most)
    except ValueError as error:
        wrong = f" ({error})" if str(error) else ""
        raise ParamError(f"{what} {text!r}: expected {form}{wrong}") from None


def _number(text, most, least=1):
    value = parse_size(text)
    if not least <= value <= most:
        raise ValueError(f"{text} is not in {least}..{most}")
    return value


def _real(text, least):
    value = parse_real(text)
    if value < least:
        raise ValueError(f"{text} is not a number from {least:g}")
    return value


def _range(text, most):
    low, dash, high = text.partition("-")
    if not dash:
        raise ValueError("no range")
    low, high = _number(low, most), _number(high, most)
    if low > high:
        raise ValueError(f"{low} is more than {high}")
    return low, high


def _named(text, *names):
    """The values of KEY=VALUE,..., by `names`; None of those that are not there."""
    pairs = [part.partition("=")[::2] for part in text.split(",")] if text else []
    values = dict(pairs)
    if len(values) != len(pairs) or set(values) - set(names):
        raise ValueError(f"{', '.join(sorted(set(values) - set(names))) or 'a key'} is not to be there")
    return [values.get(name) for name in names]


def _fixed(text, rest, most):
    value = _number(rest, most)
    return Distribution(text, lambda rng, count: np.full(count, value), value, value)


def _uniform(text, rest, most):
    low, high = _range(rest, most)
    return Distribution(text, lambda rng, n: rng.integers(low, high, n, endpoint=True), low, high)


def _exponential(text, rest, most):
    mean = _number(rest, most)
    return Distribution(text, lambda rng, n: np.ceil(rng.exponential(mean, n)), 1, most)


def _lognormal(text, rest, most):
    median, sigma, limit = _named(rest, "median", "sigma", "most")
    median, sigma = _number(median or "", most), _real(sigma or "1", 0)
    limit = _number(limit, most) if limit else min(most, MOST)
    at = math.log(median)
    return Distribution(text, lambda rng, n: np.rint(rng.lognormal(at, sigma, n)), 1, limit)


def _pareto(text, rest, most):
    least, shape, limit = _named(rest, "least", "shape", "most")
    least, shape = _number(least or "", most), _real(shape or "1.5", 0.01)
    limit = _number(limit, most, least) if limit else min(most, MOST)
    return Distribution(
        text, lambda rng, n: np.minimum(least * (1 + rng.pareto(shape, n)), limit), least, limit
    )


def _powers(text, rest, most):
    low, high = _range(rest, most)
    first, last = (low - 1).bit_length(), high.bit_length() - 1
    if first > last:
        raise ValueError("no power of two between them")
    # Each power is half as frequent as the one before.
    shares = 0.5 ** np.arange(last - first + 1)
    values = 1 << np.arange(first, last + 1)
    return _weighted(text, values, shares)


def _weights(text, rest, most):
    pairs = [part.partition("=")[::2] for part in rest.split(",")]
    values = np.array([_number(value, most) for value, _ in pairs])
    shares = np.array([_real(share, 0) for _, share in pairs])
    if not shares.sum() > 0:
        raise ValueError("all weights are 0")
    return _weighted(text, values, shares)


def _weighted(text, values, shares):
    edges = np.cumsum(shares / shares.sum())
    edges[-1] = 1
    return Distribution(
        text, lambda rng, n: values[np.searchsorted(edges, rng.random(n), "right")],
        int(values.min()), int(values.max()),
    )  # fmt: skip


def _bimodal(text, rest, most):
    short, long, share = _named(rest, "short", "long", "share")
    short, long = _number(short or "", most), _number(long or "", most)
    share = _real(share or "0.9", 0)
    if share > 1:
        raise ValueError(f"{share:g} is more than 1")

    def draw(rng, count):
        mean = np.where(rng.random(count) < share, short, long)
        return np.ceil(rng.exponential(1, count) * mean)

    return Distribution(text, draw, 1, most)


_SIZES = {
    "fixed": ("fixed:SIZE", _fixed),
    "uniform": ("uniform:SIZE-SIZE", _uniform),
    "exponential": ("exponential:MEAN", _exponential),
    "lognormal": ("lognormal:median=SIZE[,sigma=REAL][,most=SIZE]", _lognormal),
    "powers": ("powers:SIZE-SIZE, each power of two half as often as the one before", _powers),
    "pareto": ("pareto:least=SIZE[,shape=REAL][,most=SIZE]", _pareto),
    "weights": ("weights:SIZE=WEIGHT,SIZE=WEIGHT,...", _weights),
}
_LIFETIMES = {
    "fixed": ("fixed:NUMBER", _fixed),
    "uniform": ("uniform:NUMBER-NUMBER", _uniform),
    "exponential": ("exponential:MEAN", _exponential),
    "bimodal": ("bimodal:short=MEAN,long=MEAN[,share=REAL of the short]", _bimodal),
}
SIZE_FORMS = tuple(form for form, _ in _SIZES.values())
LIFETIME_FORMS = tuple(form for form, _ in _LIFETIMES.values())
