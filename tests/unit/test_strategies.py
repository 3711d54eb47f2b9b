"""The strategies draw what they promise, their ends included, and the example
of design/machines.md runs (design/machines.md#.sol.strategies)."""

import re

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import rangeland as rl
from rangeland.invariants import strategies as some
from rangeland.invariants.engine import replay
from rangeland.invariants.fits import MVFF_DEFAULTS
from rangeland.invariants.temporal import MVT_DEFAULTS
from rangeland.invariants.prove import trial_of
from vm.faults import KINDS, FaultPlan

pytestmark = pytest.mark.once

tried = settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
# Found, and not made simpler; the same in each run, for chance could miss what is rare.
looked_for = settings(
    max_examples=5000, database=None, derandomize=True, phases=[Phase.generate]
)
bounds = st.tuples(st.integers(1, 300), st.integers(0, 70_000)).map(lambda p: (p[0], p[0] + p[1]))


def reaches(strategy, *values):
    """Assert that `strategy` draws each of `values`."""
    for value in values:
        find(strategy, lambda drawn, value=value: drawn == value, settings=looked_for)


@tried
@given(st.data(), st.integers(1, 70_000))
def test_cliffs_lie_near_powers_of_two(data, most):
    size = data.draw(some.cliffs(most))
    near = {1 << n for n in range(most.bit_length())}
    assert 1 <= size <= most
    assert size in (1, most) or any(size - more in near for more in (0, -1, 1, -8, 8))


def test_cliffs_reach_the_ends():
    for most in (1, 2, 1000, 1024):
        reaches(some.cliffs(most), 1, 1 << most.bit_length() - 1)
    reaches(some.cliffs(1024), 511, 512, 513, 504, 520, 1023, 1024)


@tried
@given(st.data(), bounds)
def test_sizes_lie_in_their_bounds(data, bounds):
    least, most = bounds
    assert least <= data.draw(some.sizes(least, most)) <= most


def test_sizes_reach_ends_cliffs_and_round_numbers():
    reaches(some.sizes(), 1, 1 << 16, 4095, 4096, 4097, 100, 1000)
    reaches(some.sizes(24, 24), 24)
    reaches(some.sizes(300, 301), 300, 301)


@tried
@given(st.data(), st.integers(0, 6), st.integers(0, 8))
def test_alignments_are_powers_of_two_between_the_ends(data, low, more):
    least, most = 1 << low, 1 << low + more
    align = data.draw(some.alignments(least, most))
    assert least <= align <= most and align & align - 1 == 0


def test_alignments_and_fractions_reach_their_ends():
    reaches(some.alignments(), 8, 4096)
    reaches(some.fractions(), 0, 1)


@tried
@given(st.data(), st.sampled_from((1, 8, 64)), st.integers(1, 500))
def test_ranges_are_aligned_not_empty_and_inside(data, align, cells):
    base, limit = data.draw(some.ranges(cells * align, align))
    assert 0 <= base < limit <= cells * align
    assert base % align == limit % align == 0


def test_ranges_reach_their_ends():
    reaches(some.ranges(512, 64), (0, 64), (448, 512), (0, 512))


@tried
@given(some.zone_sets())
def test_zone_sets_are_sets_of_64_zones(zones):
    assert 0 <= zones < 1 << 64


def test_zone_sets_may_have_all_or_one():
    reaches(some.zone_sets(), (1 << 64) - 1, 1, 1 << 63)


@tried
@given(
    mvff=some.mvff_keywords(16384),
    mvt=some.mvt_keywords(16384),
    mfs=some.mfs_keywords(),
    keywords=some.arena_keywords(),
)
def test_keywords_are_taken_by_our_classes(mvff, mvt, mfs, keywords):
    with rl.Arena(1 << 20, grain_size=16384, space=rl.AddressSpace(1 << 28)) as arena:
        small = {"mean_size": 1} if mvff.get("extend_by", 32) == 32 else {}
        for pool in (rl.MVFF(arena, **mvff, **small), rl.MVT(arena, **mvt), rl.MFS(arena, **mfs)):
            pool.destroy()
    with rl.Arena(**keywords, space=rl.AddressSpace(1 << 28)) as arena:
        assert arena.grain_size == keywords["grain_size"]


@tried
@given(some.mvff_keywords(), some.mvt_keywords())
def test_arguments_are_in_the_order_of_the_steps(mvff, mvt):
    for defaults, keywords in ((MVFF_DEFAULTS, mvff), (MVT_DEFAULTS, mvt)):
        told = dict(zip(defaults, some.arguments(defaults, keywords), strict=True))
        assert told == {name: keywords.get(name, defaults[name]) for name in defaults}


@tried
@given(some.fault_plans())
def test_a_fault_plan_refuses_some_of_one_kind(plan):
    assert isinstance(plan, FaultPlan)
    refused = {kind: sum(plan.refuses(kind) for _ in range(300)) for kind in KINDS}
    assert sorted(count > 0 for count in refused.values()) == [False, False, True]


def freed(steps):
    """Assert that `steps` is a trace: each number is allocated once, and freed
    at most once, after that. Gives the frees, each with what lived."""
    known, live, frees = set(), [], []
    for name, number, *size in steps:
        if name == "alloc":
            assert number not in known and size[0] >= 1
            known.add(number)
            live.append(number)
        else:
            assert name == "free" and not size
            frees.append((number, list(live)))
            live.remove(number)
    return frees


@tried
@given(st.data(), st.sampled_from(some.LIFETIMES), st.integers(0, 80))
def test_a_trace_is_well_formed_and_keeps_to_its_lifetime(data, lifetime, events):
    steps = data.draw(some.traces(events, some.sizes(16, 32), lifetime))
    frees = freed(steps)
    assert sum(name == "alloc" for name, *_ in steps) <= events
    assert all(16 <= step[2] <= 32 for step in steps if step[0] == "alloc")
    if lifetime != "random":
        end = -1 if lifetime == "lifo" else 0
        assert all(number == live[end] for number, live in frees)
    if lifetime == "epochs":
        kinds = "".join(name[0] for name, *_ in steps)
        assert all(len(made) == len(gone) for made, gone in re.findall("(a+)(f+)", kinds))


def test_all_lifetimes_are_drawn():
    reaches(some.lifetimes(), *some.LIFETIMES)
    orders = {
        "lifo": lambda number, live: number == live[-1] != live[0],
        "fifo": lambda number, live: number == live[0] != live[-1],
        "random": lambda number, live: number not in (live[0], live[-1]),
    }
    for is_so in orders.values():
        find(
            some.traces(events=12),
            lambda steps, is_so=is_so: any(is_so(*each) for each in freed(steps)),
            settings=looked_for,
        )


@tried
@given(some.traces(events=20))
def test_a_trace_is_done_by_a_trial_of_an_allocator(steps):
    assert replay(trial_of(rl.MVFF), steps, every=10) is None


@pytest.fixture
def example(root):
    """The program in design/machines.md."""
    text = (root / "design/machines.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    return program


def test_the_example_holds_and_finds_a_fault(example, python, tmp_path):
    faulty = """
class Forgetful(rl.MVFF):
    def free(self, address, size):
        if size < 1000:
            super().free(address, size)

"""
    changed = example.replace("TRIAL = trial_of(rl.MVFF)", faulty + "TRIAL = trial_of(Forgetful)")
    assert changed != example
    # Found, and not made simpler.
    changed = changed.replace("import given", "import Phase, given")
    changed = changed.replace("deadline=None", "deadline=None, phases=[Phase.generate]")
    (tmp_path / "test_right.py").write_text(example)
    (tmp_path / "test_wrong.py").write_text(changed)
    result = python("-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
    assert result.returncode == 1 and "accounts: " in result.stdout, result.stdout
    failed = re.findall(r"^FAILED (\S+)", result.stdout, re.M)
    wrong = ("whole_traces_hold", "what_was_found_once_stays_mended")
    assert failed == [f"test_wrong.py::test_{name}" for name in wrong], result.stdout
