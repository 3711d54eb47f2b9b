"""The pytest plugin: an `arena` that is judged and destroyed after each test.

pytest finds it by its entry point once Rangeland is installed. It imports
nothing of Rangeland before a test asks for something of it.
Source: design/machines.md#.sol.plugin
"""

import os
import random

import pytest

LEVELS = ("off", "check", "audit")
PROFILES = ("dev", "ci", "night")


def pytest_addoption(parser):
    """The options of the plugin."""
    group = parser.getgroup("rangeland")
    group.addoption(
        "--rangeland-check",
        choices=LEVELS,
        default="audit",
        help="what is judged after a test that used the fixture `arena`: nothing; its own "
        "check; or (the default) its raw bytes as well",
    )
    group.addoption(
        "--rangeland-seed",
        type=int,
        metavar="N",
        help="the seed of `rangeland_rng`; by default RANGELAND_SEED, or else at random",
    )
    group.addoption(
        "--rangeland-profile",
        choices=PROFILES,
        help="how much is tried; by default what RANGELAND_PROFILE says, or else dev",
    )


def pytest_configure(config):
    """Settle the seed and the profile, for this process and its children."""
    seed = config.getoption("--rangeland-seed")
    if seed is None:
        seed = int(os.environ.get("RANGELAND_SEED") or random.SystemRandom().randrange(1 << 32))
    os.environ["RANGELAND_SEED"] = str(seed)
    config.rangeland_seed = seed
    if profile := config.getoption("--rangeland-profile"):
        os.environ["RANGELAND_PROFILE"] = profile


def pytest_report_header(config):
    """Tell the seed, without which a failure could not be repeated."""
    return f"rangeland: seed {config.rangeland_seed} (--rangeland-seed repeats it)"


@pytest.fixture
def rangeland_seed(request):
    """The seed of the session, which is printed if the test fails."""
    seed = request.config.rangeland_seed
    print(f"--rangeland-seed={seed}")
    return seed


@pytest.fixture
def rangeland_rng(rangeland_seed, request):
    """A random.Random of the seed and of the name of the test."""
    return random.Random(f"{rangeland_seed}/{request.node.nodeid}")


@pytest.fixture
def arena(request):
    """A fresh arena of 1 MiB in a checked space of its own.

    After the test it is judged, its pools and then it are destroyed, and
    nothing may be left reserved or mapped.
    """
    from arena.arena import Arena
    from vm.space import AddressSpace

    made = Arena(size=1 << 20, space=AddressSpace(1 << 32, checked=True))
    yield made
    made.space.faults = None
    if not made.alive:
        return
    level = request.config.getoption("--rangeland-check")
    if level != "off":
        made.check()
    if level == "audit":
        from rangeland.invariants.raw import audit

        audit(made.space, made.address)
    made.__exit__()
    assert made.space.reserved == made.space.mapped == 0, "the arena leaves nothing behind"
