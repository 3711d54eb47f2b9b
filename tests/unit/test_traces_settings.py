"""Settings of real allocators, and how a program gets them."""

import re

import pytest

from rangeland.traces.contenders.names import parse_contender
from rangeland.traces.contenders.settings import Settings, family_of
from rangeland.traces.trace import Columns
from vm.results import ParamError

KB = 1 << 10


def installed(text):
    found = parse_contender(text)
    try:
        parse_contender(text.partition(":")[0]).try_out()
    except ParamError as missing:
        pytest.skip(str(missing))
    return found


@pytest.mark.parametrize(
    ("name", "given", "environment"),
    [
        (
            "glibc",
            [("arena_max", "1"), ("trim_threshold", "128K"), ("env.A", "b")],
            {
                "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.trim_threshold=131072",
                "A": "b",
            },
        ),
        (
            "jemalloc",
            [("dirty_decay_ms", "0"), ("background_thread", "true")],
            {"MALLOC_CONF": "dirty_decay_ms:0,background_thread:true"},
        ),
        ("mimalloc", [("purge_delay", "0")], {"MIMALLOC_PURGE_DELAY": "0"}),
        ("lib/libtcmalloc.so", [("release_rate", "9")], {"TCMALLOC_RELEASE_RATE": "9"}),
        ("./own.so", [("env.OWN", "1")], {"OWN": "1"}),
        ("glibc", [], {}),
    ],
)
def test_settings_are_variables_of_the_environment(name, given, environment):
    settings = Settings(name, tuple(given))
    assert settings.environment() == environment
    *words, program = settings.command("").split()
    assert sorted(words) == sorted(f"{key}={value}" for key, value in environment.items())
    assert program == "./my-program"
    assert settings.command("/a b.so").endswith("LD_PRELOAD='/a b.so' ./my-program")


def test_the_family_is_that_of_the_file():
    names = ("glibc", "/x/libjemalloc.so.2", "/jemalloc/own.so", "./own.so")
    assert [family_of(name) for name in names] == ["glibc", "jemalloc", "", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("glibc:arena_mx=1", "unknown option 'arena_mx': .* did you mean arena_max?"),
        ("glibc:trim_threshold=x", "trim_threshold has 'x': expected a size"),
        ("jemalloc:narenas", "narenas has no value: expected a word or a number"),
        ("jemalloc:narenas=1,narenas=2", "narenas is given twice"),
        ("./own.so:speed=1", "unknown option 'speed': expected one of threads, env.NAME"),
        ("glibc:env.=1", "unknown option 'env.'"),
    ],
)
def test_what_no_spec_can_say_is_refused(text, message):
    with pytest.raises(ParamError, match=message):
        parse_contender(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jemalloc:dirty_decay=0", "Invalid conf pair: dirty_decay:0"),
        ("jemalloc:dirty_decay_ms=x", "Invalid conf value: dirty_decay_ms:x"),
        ("mimalloc:no_such_thing=0", "knows no setting 'no_such_thing'"),
        ("tcmalloc:release_rat=0", "knows no setting 'release_rat'; did you mean release_rate?"),
    ],
)
def test_what_the_library_does_not_know_is_refused(text, message):
    with pytest.raises(ParamError, match=re.escape(text) + ".*" + re.escape(message)):
        installed(text).try_out()


@pytest.fixture(scope="module")
def pinned():
    """A trace that leaves one block above all that was freed."""
    columns = Columns()
    blocks = [columns.alloc(32 * KB) for _ in range(200)]
    for block in blocks[:-1]:
        columns.free(block)
    return columns.trace({})


def test_a_setting_of_glibc_comes_through(pinned):
    plain, mapped = (
        parse_contender(text).replay(pinned) for text in ("glibc", "glibc:mmap_threshold=16K")
    )
    assert plain.after_peak["end"]["held"] > 6000 * KB
    assert mapped.after_peak["end"]["held"] < 300 * KB
    assert mapped.pool == "glibc:mmap_threshold=16K"
    assert mapped.how == "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=16384 ./my-program"
    assert plain.how == "what programs of this machine have"
    assert plain.to_dict()["how"] == plain.how


def test_a_setting_of_jemalloc_comes_through(pinned):
    text = "jemalloc:dirty_decay_ms=0,muzzy_decay_ms=0"
    plain, eager = (installed(name).replay(pinned) for name in ("jemalloc", text))
    assert eager.after_peak["end"]["held"] < plain.after_peak["end"]["held"] / 2
    library = eager.more["library"]
    told = f"MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0 LD_PRELOAD={library} ./my-program"
    assert eager.how == told


def test_others_say_how_too(pinned):
    told = {name: parse_contender(name).replay(pinned).how for name in ("mvff", "ideal")}
    assert told["mvff"] == "a policy, simulated here: no library to preload has it"
    assert told["ideal"] == "not to be had: it knows all lives beforehand"
