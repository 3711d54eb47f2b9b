"""What every test session says first, and refuses to run without.

A session says which of the two speeds it runs, and from where, and fails if
that is not what was asked for. Source: design/speed.md#.sol.proof

RANGELAND_EXPECT        the speed that must be running: compiled, interpreted
RANGELAND_TEST_SOURCES  1: test the sources at the root, not what is installed. If
                        Rangeland is installed too, pytest finds its plugin there
                        before this file is read: then PYTHONPATH has to be the root
RANGELAND_SEED          the seed of every random choice; by default the day
RANGELAND_PROFILE       how much Hypothesis tries: dev, ci, night
"""

import datetime
import os
import random
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.server import Server

ROOT = Path(__file__).resolve().parents[1]
FROM_SOURCES = os.environ.get("RANGELAND_TEST_SOURCES", "") not in ("", "0")
if FROM_SOURCES:
    sys.path.insert(0, str(ROOT))
    # Processes that this one starts, by whatever way, shall run the sources, too.
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *others])

FOLDERS = ("vm", "land", "pools", "arena", "rangeland")
SEED = int(os.environ.get("RANGELAND_SEED") or f"{datetime.date.today():%Y%m%d}")
# Processes that this one starts shall not take the next day's seed.
os.environ["RANGELAND_SEED"] = str(SEED)
PROFILE = os.environ.get("RANGELAND_PROFILE") or "dev"

# No deadline: the slower of the two speeds is twenty times as slow.
for name, examples in (("dev", 40), ("ci", 100), ("night", 5000)):
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile(PROFILE)


def where_from():
    """'the installed packages' or 'the sources'; an error if not as asked."""
    places = {Path(import_module(name).__file__).resolve().parents[1] for name in FOLDERS}
    if FROM_SOURCES:
        if places != {ROOT}:
            others = ", ".join(sorted(map(str, places - {ROOT})))
            raise pytest.UsageError(
                f"RANGELAND_TEST_SOURCES is set, but {others} was imported first, by the "
                f"plugin that is installed there: set PYTHONPATH={ROOT} as well"
            )
        return "the sources"
    if ROOT in places:
        raise pytest.UsageError(
            "the tests would run the sources at the root, not the installed packages: use "
            "`make test`, or the pytest command of .venv, or set RANGELAND_TEST_SOURCES=1"
        )
    return "the installed packages"


def running_speed():
    """The speed that is running; an error if another was asked for."""
    running = import_module("rangeland.speed").name()
    expected = os.environ.get("RANGELAND_EXPECT", running)
    if running != expected:
        raise pytest.UsageError(f"{expected} speed was asked for, but {running} is running")
    return running


def pytest_configure(config):
    # Tests interrupt the processes that they start, which could not be if this one
    # ignored interrupts: a shell makes what it starts in the background do so.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.rangeland_place = where_from()
    config.rangeland_speed = running_speed()


def pytest_report_header(config):
    return [
        f"rangeland: {config.rangeland_speed}, from {config.rangeland_place}",
        f"rangeland: RANGELAND_SEED={SEED} RANGELAND_PROFILE={PROFILE}",
    ]


def pytest_collection_modifyitems(config, items):
    unwanted = set()
    if config.rangeland_speed == "interpreted":
        unwanted.add("once")
    if FROM_SOURCES:
        unwanted.add("installed")
    dropped = [i for i in items if any(i.get_closest_marker(name) for name in unwanted)]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]


@pytest.fixture(scope="session")
def root():
    """The root of the clone."""
    return ROOT


@pytest.fixture(scope="session")
def speed(pytestconfig):
    """The speed that is running: 'compiled' or 'interpreted'."""
    return pytestconfig.rangeland_speed


@pytest.fixture
def seed(request):
    """The seed of the session, printed if the test fails."""
    print(f"RANGELAND_SEED={SEED} in {request.node.nodeid}")
    return SEED


@pytest.fixture
def rng(seed):
    """A random.Random, seeded."""
    return random.Random(seed)


def _environment():
    environment = dict(os.environ)
    environment.pop("RANGELAND_REQUIRE_COMPILED", None)
    return environment


@pytest.fixture
def environment():
    """The environment in which another process runs what this one runs."""
    return _environment()


@pytest.fixture
def python(tmp_path, environment):
    """Run python with the arguments given, at the running speed, elsewhere
    than in the clone. Gives the CompletedProcess, with text."""

    def run(*args, env=(), **options):
        options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 1800} | options
        command = [sys.executable, *map(str, args)]
        return subprocess.run(command, env=environment | dict(env), **options)

    return run


@pytest.fixture(scope="session")
def server():
    """What runs the command `rangeland` without starting python each time."""
    with Server(_environment()) as running:
        yield running


@pytest.fixture
def rangeland(python, server, tmp_path, environment):
    """Run the command `rangeland`, as `python` does: by the server, but with options, or
    with variables that python reads when it starts, in a process of its own."""

    def run(*args, env=(), cwd=tmp_path, stdin=None, **options):
        variables = environment | dict(env)
        if options or not server.serves(variables):
            options |= {"env": env, "cwd": cwd, "stdin": stdin}
            return python("-m", "rangeland", *args, **options)
        return server.run([*map(str, args)], variables, cwd, stdin)

    return run
