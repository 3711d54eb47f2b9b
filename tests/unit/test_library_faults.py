"""Small faulty C allocators: each is found, shrunk, and repeated by a program."""

import subprocess

import pytest
from support import clibs
from support.profile import SEEDS

from rangeland.invariants.library import prove_library

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(clibs.CC is None, reason="no C compiler (cc)"),
]
TRIED = {"examples": 10, "steps": 1000, "threads": 1, "timeout": 2}
LIBC = "libc.so.6"
# Steps of the counterexample: a fault of the 20th call needs 20 calls.
# Each try of a hang waits: on a busy machine the time for shrinking ends early.
MOST = {"CRASHES": 20, "HANGS": 60}


@pytest.mark.parametrize("fault", clibs.FAULTS)
def test_a_fault_is_found_shrunk_and_repeated(fault, tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, fault)
    for seed in SEEDS:
        timeout = 0.2 if fault == "HANGS" else 2
        result = prove_library(library, **TRIED | {"seed": seed, "timeout": timeout})
        print(result)
        assert not result.ok
        finding = result.finding
        assert finding.invariant in clibs.FAULTS[fault]
        assert len(finding.steps) <= MOST.get(fault, 8)
        if seed == SEEDS[0]:
            expect_program(tmp_path, finding.program, library, hangs=fault == "HANGS")


@pytest.mark.parametrize("fault", clibs.ODD_FAULTS)
def test_the_first_example_finds_odd_faults(fault, tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, fault)
    result = prove_library(library, **TRIED | {"seed": 1, "examples": 1})
    print(result)
    assert not result.ok
    assert result.finding.invariant in clibs.ODD_FAULTS[fault]
    assert len(result.finding.steps) <= 4
    expect_program(tmp_path, result.finding.program, library)


def test_a_program_does_not_rely_on_what_the_memory_held(tmp_path):
    library = clibs.built(tmp_path, clibs.IN_LIBC, "DIRTY", name="not-zeroed")
    result = prove_library(library, **TRIED | {"seed": 1})
    print(result)
    assert result.finding.invariant == "zeroed"
    assert len(result.finding.steps) <= 3
    expect_program(tmp_path, result.finding.program, library)


def test_a_program_does_not_rely_on_where_a_block_lies(tmp_path):
    """What comes of chance repeats itself mostly; where it did not, this is told."""
    library = clibs.built(tmp_path, clibs.IN_LIBC, "BY_CHANCE", name="by-chance")
    result = prove_library(library, **TRIED | {"seed": 1})
    print(result)
    assert result.finding.invariant == "alignment"
    if "repeat" not in result.finding.message:
        program = clibs.program(tmp_path, result.finding.program)
        assert any(run(program, library) not in (0, 2) for _ in range(10))


def test_a_program_that_does_not_repeat_it_is_told(tmp_path):
    library = clibs.built(tmp_path, clibs.IN_LIBC, "CLOSES", name="closes")
    result = prove_library(library, **TRIED | {"seed": 1})
    print(result)
    assert result.finding.invariant == "exits"
    assert "did not repeat it" in result.finding.message


def test_what_happens_once_only_is_told_as_that(tmp_path):
    """A fault by chance: one that the steps do not break again."""
    chance = f"ONCE=\"{tmp_path}/once\""
    library = clibs.built(tmp_path, clibs.IN_LIBC, chance, name="once")
    result = prove_library(library, **TRIED | {"seed": 1})
    print(result)
    assert not result.ok
    assert "when repeated, the steps did not break it" in result.finding.message
    assert [step[1] for step in result.finding.steps if len(step) > 1][0] == 1


def expect_program(folder, text, library, flags=(), hangs=False):
    """Assert that the program fails for the library, and not for libc."""
    assert run(clibs.program(folder, text, *flags), LIBC) == 0
    if hangs:
        # How long it waits is no matter where it does not end at all.
        text = text.replace("alarm(20)", "alarm(1)")
    assert run(clibs.program(folder, text, *flags), library) not in (0, 2)


def run(program, library):
    command = [program, str(library)]
    return subprocess.run(command, capture_output=True, timeout=300).returncode


@pytest.mark.parametrize("seed", SEEDS)
def test_a_race_is_found_and_repeated(seed, tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, "NO_LOCK")
    result = prove_library(library, seed=seed, examples=20, steps=2000, threads=4, timeout=2)
    print(result)
    assert not result.ok
    assert result.finding.invariant in {"overlap", "contents", "crash", "hang", "prefix", "zeroed"}
    assert "threads" in result.finding.message
    if seed == SEEDS[0]:
        expect_program(tmp_path, result.finding.program, library, ["-pthread"])


def test_threads_that_begin_when_others_have_ended_are_tried(tmp_path):
    library = clibs.built(tmp_path, clibs.THREAD_ENDS, name="ends")
    result = prove_library(library, seed=1, examples=5, steps=500, threads=2, timeout=2)
    print(result)
    assert not result.ok
    assert result.finding.steps[0][0] == "storm"
    expect_program(tmp_path, result.finding.program, library, ["-pthread"])


def test_a_fault_of_the_three_hundredth_free_has_a_short_program(tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, "COUNTS")
    result = prove_library(library, **TRIED | {"seed": 1})
    print(result)
    assert result.finding.invariant == "contents"
    assert result.finding.program.count("\n") < 100
    expect_program(tmp_path, result.finding.program, library)


@pytest.mark.parametrize("macros", [(), ("PLAIN",)])
def test_the_sound_allocator_holds(macros, tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, *macros)
    for seed in (1, 2)[: len(SEEDS)]:
        result = prove_library(library, seed=seed, examples=20, threads=1 + seed)
        assert result.ok, str(result)
        assert "realloc" in result.functions
        assert ("malloc_usable_size" in result.functions) == (macros == ())


def test_a_race_needs_threads(tmp_path):
    library = clibs.built(tmp_path, clibs.ALLOCATOR, "NO_LOCK")
    assert prove_library(library, seed=1, examples=5, steps=500, threads=1).ok


@pytest.mark.parametrize(("name", "threads"), [("WRAPPER", 2), ("BUMP", 1)])
def test_libraries_of_malloc_and_free_alone_hold(name, threads, tmp_path):
    library = clibs.built(tmp_path, getattr(clibs, name), name=name)
    result = prove_library(library, seed=1, examples=10, steps=1000, threads=threads)
    assert result.ok, str(result)
    assert result.functions == ["free", "malloc"]


@pytest.mark.parametrize("fault", clibs.WRAPPING)
def test_sizes_that_wrap_and_refusals_are_judged(fault, tmp_path):
    library = clibs.built(tmp_path, clibs.WRAPS, fault)
    result = prove_library(library, **TRIED | {"seed": 1, "examples": 1})
    print(result)
    assert not result.ok and result.finding.invariant in clibs.WRAPPING[fault], result
    assert len(result.finding.steps) <= 4
    expect_program(tmp_path, result.finding.program, library)


def test_right_refusals_are_no_finding(tmp_path):
    library = clibs.built(tmp_path, clibs.WRAPS, name="right")
    assert prove_library(library, **TRIED | {"seed": 1, "examples": 2}).ok


@pytest.mark.parametrize("macro", ("EXTRA=1", "EXTRA=3", "LAST_SHORT"))
def test_a_unit_more_than_there_is_room_for_is_found(macro, tmp_path):
    library = clibs.built(tmp_path, clibs.ROOM, macro)
    result = prove_library(library, **TRIED | {"seed": 1})
    print(result)
    assert not result.ok
    assert result.finding.invariant in ("outside", "overlap", "contents"), result
    expect_program(tmp_path, result.finding.program, library)


def test_a_room_filled_to_the_brim_is_right(tmp_path):
    library = clibs.built(tmp_path, clibs.ROOM, name="brim")
    assert prove_library(library, **TRIED | {"seed": 1, "examples": 3}).ok


def test_recursion_is_told_as_a_stack_overflow(tmp_path):
    library = clibs.built(tmp_path, clibs.RECURSES, name="recurses")
    result = prove_library(library, **TRIED | {"seed": 1, "examples": 1})
    assert result.finding.invariant == "crash"
    assert "a stack overflow: calls without end" in result.finding.message


def test_a_program_takes_no_function_of_another_library(tmp_path):
    """The loader finds libc's for what a library lacks: two heaps would mix."""
    racing = clibs.built(tmp_path, clibs.ALLOCATOR, "NO_LOCK")
    text = prove_library(racing, **TRIED | {"seed": 2, "threads": 4, "examples": 1}).finding.program
    path = clibs.program(tmp_path, text, "-pthread")
    lacking = clibs.built(tmp_path, clibs.WRAPPER, name="lacking")
    done = subprocess.run([path, lacking], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    done = subprocess.run([path, racing], capture_output=True, text=True)
    assert done.returncode < 0 or done.stdout.count("bytes at") >= 1


def test_a_program_that_needs_what_is_lacking_says_so(tmp_path):
    library = clibs.built(tmp_path, clibs.WRAPS, "ALIGN_WRAPS")
    text = prove_library(library, **TRIED | {"seed": 1, "examples": 1}).finding.program
    lacking = clibs.built(tmp_path, clibs.WRAPPER, name="lacking")
    path = clibs.program(tmp_path, text)
    done = subprocess.run([path, lacking], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "the library has no memalign of its own\n")
