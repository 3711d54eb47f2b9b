"""Distributions of sizes and lifetimes: what they draw, and which words are none."""

import numpy as np
import pytest

from rangeland.traces.generate.distributions import lifetimes, sizes
from vm.results import ParamError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

COUNT = 100_000


def draw(distribution):
    return distribution.draw(np.random.Generator(np.random.PCG64(7)), COUNT)


@pytest.mark.parametrize(
    ("text", "least", "most", "mean"),
    [
        ("fixed:4K", 4096, 4096, 4096),
        ("uniform:16-48", 16, 48, 32),
        ("uniform:5-5", 5, 5, 5),
        ("exponential:1000", 1, 1 << 47, 1000),
        ("pareto:least=100,shape=3", 100, 1 << 30, 150),
        ("pareto:least=100,shape=3,most=200", 100, 200, None),
        ("powers:16-64", 16, 64, (4 * 16 + 2 * 32 + 64) / 7),
        ("powers:9-40", 16, 32, (2 * 16 + 32) / 3),
        ("weights:16=3,32=1", 16, 32, 20),
        ("weights:1M=1", 1 << 20, 1 << 20, 1 << 20),
        ("lognormal:median=100,sigma=0.5", 1, 1 << 30, 100 * np.exp(0.125)),
        ("lognormal:median=100,sigma=0", 100, 100, 100),
    ],
)
def test_sizes_are_drawn_as_the_words_say(text, least, most, mean):
    values = draw(sizes(text))
    assert values.dtype == np.int64
    assert least <= values.min() <= values.max() <= most
    assert str(sizes(text)) == text
    if mean is not None:
        assert values.mean() == pytest.approx(mean, rel=0.03)


@pytest.mark.parametrize(
    ("text", "mean"),
    [
        ("fixed:7", 7),
        ("uniform:1-9", 5),
        ("exponential:500", 500),
        ("bimodal:short=10,long=1000,share=0.9", 0.9 * 10 + 0.1 * 1000),
        ("bimodal:short=10,long=1000,share=1", 10),
    ],
)
def test_lifetimes_are_drawn_as_the_words_say(text, mean):
    values = draw(lifetimes(text))
    assert values.min() >= 1
    assert values.mean() == pytest.approx(mean, rel=0.06)


def test_each_power_is_half_as_frequent_as_the_one_before():
    values, counts = np.unique(draw(sizes("powers:16-128")), return_counts=True)
    assert values.tolist() == [16, 32, 64, 128]
    assert counts[:-1] / counts[1:] == pytest.approx([2, 2, 2], rel=0.06)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "sizes '': expected one of fixed, uniform, .*, weights$"),
        ("unifrom:1-2", "expected one of .*; did you mean uniform"),
        ("fixed", r"sizes 'fixed': expected fixed:SIZE \(a size such as"),
        ("fixed:x", "expected fixed:SIZE"),
        ("fixed:0", r"expected fixed:SIZE \(0 is not in 1..140737488355328\)"),
        ("fixed:999T", "999T is not in"),
        ("uniform:16", r"expected uniform:SIZE-SIZE \(no range\)"),
        ("uniform:32-16", "32 is more than 16"),
        ("exponential:-5", "expected exponential:MEAN"),
        ("lognormal:64", "expected lognormal:median=SIZE.* .64 is not to be there"),
        ("lognormal:sigma=1", "expected lognormal:median=SIZE"),
        ("lognormal:median=64,sigma=nan", "a number such as 2, 0.5 or 1e-3"),
        ("lognormal:median=64,sigma=-1", "a number such as 2, 0.5 or 1e-3"),
        ("lognormal:median=64,median=65", "a key is not to be there"),
        ("pareto:least=16,shape=0", "0 is not a number from 0.01"),
        ("pareto:least=16,most=8", "8 is not in 16.."),
        ("powers:17-31", "no power of two between them"),
        ("weights:16", "expected weights:SIZE=WEIGHT"),
        ("weights:16=0", "all weights are 0"),
        ("weights:16=-1", "a number such as 2, 0.5 or 1e-3"),
        ("bimodal:short=1,long=2", "expected one of fixed, uniform"),
    ],
)
def test_words_that_are_no_sizes_are_told(text, message):
    with pytest.raises(ParamError, match=message):
        sizes(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lifo", "lifetimes 'lifo': expected one of fixed, uniform, exponential, bimodal"),
        ("bimodal:short=1", "expected bimodal:short=MEAN,long=MEAN"),
        ("bimodal:short=1,long=2,share=2", "2 is more than 1"),
    ],
)
def test_words_that_are_no_lifetimes_are_told(text, message):
    with pytest.raises(ParamError, match=message):
        lifetimes(text)
