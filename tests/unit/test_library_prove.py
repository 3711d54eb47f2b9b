"""Proving real C allocators, and what is no library or cannot be tried."""

import ctypes.util
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support import clibs

from rangeland.invariants.finding import CannotTry
from rangeland.invariants.library import prove_library, storm
from rangeland.invariants.library.nursery import Nursery
from vm.results import ParamError

pytestmark = pytest.mark.once
needs_cc = pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)")

ALLOCATORS = {
    "glibc": "libc.so.6",
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}


def children():
    """The processes that this one has, zombies too."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(autouse=True)
def nothing_left(tmp_path, monkeypatch):
    """No child, no file descriptor and no file is left by any test here."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = len(os.listdir("/proc/self/fd")), children()
    yield
    assert (len(os.listdir("/proc/self/fd")), children()) == before
    assert not list(tmp_path.glob("rangeland-*"))


def installed(name):
    """The name of the allocator's library; skips if it is not there."""
    try:
        listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    except OSError:
        listed = ""
    if ALLOCATORS[name] not in listed:
        pytest.skip(f"{name} ({ALLOCATORS[name]}) is not installed")
    return ALLOCATORS[name]


@pytest.mark.parametrize("name", ALLOCATORS)
def test_real_allocators_hold(name, seed):
    result = prove_library(installed(name), seed=seed, examples=60)
    print(result)
    assert result.ok
    assert result.steps > 110_000
    assert result.examples == 60
    assert result.threads["operations"] > 100_000 or clibs.CC is None
    assert result.promises["calloc_overflow"] == "NULL"
    assert result.promises["impossible_size"] == "NULL"
    for size, align in result.promises["alignment"]:
        assert align >= min(16, 1 << (size.bit_length() - 1))
    for size, least, most in result.promises["usable_size"]:
        assert size <= least <= most
    assert json.loads(json.dumps(result.to_dict()))["ok"] is True


def test_a_known_fault_is_told_and_a_finding_if_strict():
    name = installed("mimalloc")
    version = ctypes.CDLL(name).mi_version() if name else 0
    if version != 209:
        pytest.skip(f"mimalloc has version {version}, not the one with the known fault")
    result = prove_library(name, seed=1, examples=2, threads=1)
    assert result.ok
    assert "issue 700" in result.known[0]
    strict = prove_library(name, seed=1, examples=2, threads=1, strict=True)
    assert strict.finding.invariant == "alignment"
    assert len(strict.finding.steps) <= 3


@pytest.mark.parametrize(
    "sizes", [(5 << 20, 512), (5 << 20, 6 << 20), (512, 5 << 20), (5 << 20, 1 << 20)]
)
def test_blocks_larger_than_any_pattern_hold(sizes):
    steps = [("malloc", 1, sizes[0]), ("realloc", 1, sizes[1]), ("check",), ("realloc", 1, 300)]
    with Nursery("libc.so.6") as nursery:
        steps += [("calloc", 2, 1, 5 << 20), ("malloc_usable_size", 2), ("free", 2), ("free", 1)]
        request = {"seed": 1, "first": 1, "last": 2, "strict": True, "steps": steps}
        outcome = nursery.ask(10, kind="examples", **request)
    assert outcome.death is None
    assert "broken" not in outcome.answer
    assert outcome.answer["done"] == len(steps)


def test_the_result_is_the_same_from_the_same_seed():
    one, other = (prove_library("libc.so.6", seed=7, examples=5, threads=1) for _ in range(2))
    assert (one.steps, one.refused) == (other.steps, other.refused)
    assert prove_library("libc.so.6", seed=8, examples=5, threads=1).steps != one.steps


def refused(path, expected, **options):
    """Assert that the library cannot be tried, and what is said."""
    options = {"seed": 1, "examples": 2, "steps": 100, "threads": 1, "timeout": 1} | options
    with pytest.raises(CannotTry, match=expected) as caught:
        prove_library(path, **options)
    assert "\n" not in str(caught.value)


def test_what_is_no_library_is_told(tmp_path):
    refused(tmp_path / "none.so", "there is no such file")
    refused("none", "there is no such file")
    refused("libnone.so.77", "does not load: libnone.so.77: cannot open")
    refused(tmp_path, "no regular file")
    text = tmp_path / "text.so"
    text.write_text("This is text, and longer than any header of a library. " * 20)
    refused(text, "does not load.*invalid ELF header")
    text.write_bytes(b"")
    refused(text, "does not load.*file too short")
    os.mkfifo(tmp_path / "fifo.so")
    refused(tmp_path / "fifo.so", "no regular file")


def test_a_library_of_another_machine_is_told(tmp_path):
    data = bytearray(Path("/proc/self/exe").read_bytes()[:4096])
    data[4] = 1
    (tmp_path / "other.so").write_bytes(data)
    refused(tmp_path / "other.so", "does not load.*ELF")
    data[4], data[18:20] = 2, (0x1234).to_bytes(2, sys.byteorder)
    (tmp_path / "other.so").write_bytes(data)
    refused(tmp_path / "other.so", "does not load: it is for machine 4660 of the ELF numbers")


@needs_cc
def test_a_library_whose_name_is_no_text_is_tried(tmp_path):
    library = clibs.built(tmp_path, clibs.WRAPPER, name="wrapper")
    other = library.rename(tmp_path / os.fsdecode(b"wr\xff.so"))
    assert prove_library(other, seed=1, examples=1, threads=1).ok


@needs_cc
@pytest.mark.parametrize("when", ["AT_MALLOC", "AT_FREE"])
def test_libraries_that_fill_blocks_are_not_asked_for_all_memory(when, tmp_path):
    library = clibs.built(tmp_path, clibs.FILLS, when, name="fills")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert prove_library(library, seed=1, examples=2, threads=1).ok
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after <= max(before, 1 << 20)


def test_libraries_without_malloc_are_told():
    refused("libm.so.6", "no malloc of its own: the one found is that of .*libc")


@needs_cc
def test_half_a_family_is_told(tmp_path):
    only = clibs.built(tmp_path, clibs.ONLY_MALLOC, name="only")
    refused(only, "it has no free")
    refused(clibs.built(tmp_path, clibs.REFUSES, name="refuses"), "refused every request")


@needs_cc
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("CRASHES_AT_LOAD", "while it is loaded, the process died of SIGSEGV"),
        ("EXITS_AT_LOAD", "while it is loaded, the process exited with status 3"),
        ("HANGS_AT_LOAD", "while it is loaded, no progress in 0.3 seconds"),
    ],
)
def test_libraries_that_do_not_come_to_be_loaded_are_told(fault, expected, tmp_path):
    refused(clibs.built(tmp_path, clibs.ALLOCATOR, fault), expected, timeout=0.3)


@needs_cc
def test_missing_dependencies_are_told(tmp_path):
    source = "void missing(void);\n" + clibs.BUMP + "void use(void) { missing(); }\n"
    refused(clibs.built(tmp_path, source, name="missing"), "undefined symbol: missing")


@pytest.mark.parametrize(
    "options",
    [
        {"examples": 0},
        {"steps": -1},
        {"steps": "x"},
        {"threads": 0},
        {"threads": 65},
        {"timeout": 0},
    ],
)
def test_bad_parameters_are_refused(options):
    with pytest.raises(ParamError, match="expected"):
        prove_library("libc.so.6", **options)


def test_without_a_compiler_threads_take_turns(monkeypatch):
    monkeypatch.setattr(storm, "compiler", lambda: None)
    result = prove_library("libc.so.6", seed=1, examples=3, threads=3)
    assert result.ok
    assert result.threads["count"] == 3
    assert "interpreted" in result.threads["how"]


@needs_cc
def test_an_interrupt_ends_the_child(tmp_path, python):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, "HANGS")
    code = (
        "import _thread, threading, sys\n"
        "from rangeland.invariants.library import prove_library\n"
        "threading.Timer(1.5, _thread.interrupt_main).start()\n"
        f"prove_library({str(library)!r}, seed=1, threads=1, timeout=3600)\n"
    )
    # With so much patience it ends of the interrupt, and of nothing else.
    result = python("-c", code)
    assert "KeyboardInterrupt" in result.stderr
    assert str(library) not in mapped()


def mapped():
    """What the processes of this machine have mapped, of those that we may ask."""
    found = ""
    for path in Path("/proc").glob("[0-9]*/maps"):
        try:
            found += path.read_text()
        except OSError:
            pass
    return found
