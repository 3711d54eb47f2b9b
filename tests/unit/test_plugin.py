"""The pytest plugin, in a pytest of its own (design/machines.md#.sol.plugin)."""

import pytest

pytestmark = [pytest.mark.installed, pytest.mark.once]

USES = """
import rangeland as rl

def test_a_block_is_left(arena):
    rl.MVFF(arena).alloc(100)

def test_it_is_destroyed_by_the_test(arena):
    arena.destroy()

def test_numbers(rangeland_rng):
    print("number", rangeland_rng.random())
"""
CORRUPTS = """
import rangeland as rl

def test_a_word_is_changed(arena):
    pool = rl.MVFF(arena)
    pool.alloc(100)
    arena.space.words_at(arena.address, 3504)[118] += 4096
"""


@pytest.fixture
def run(python, tmp_path):
    """Run pytest over this text, with these options."""

    def run(text, *options):
        (tmp_path / "test_it.py").write_text(text)
        return python("-m", "pytest", "-p", "no:cacheprovider", "-s", *options, "test_it.py")

    return run


def test_an_arena_is_there_and_goes(run):
    result = run(USES)
    assert result.returncode == 0, result.stdout
    assert "rangeland: seed " in result.stdout and "3 passed" in result.stdout


def test_an_arena_that_is_broken_fails_the_test(run):
    result = run(CORRUPTS)
    assert result.returncode == 1 and "to what the machine has mapped" in result.stdout


def test_a_seed_repeats(run):
    told = [run(USES, "--rangeland-seed=5").stdout for _ in range(2)]
    numbers = [line for text in told for line in text.splitlines() if "number" in line]
    assert len(numbers) == 2 and numbers[0] == numbers[1]
    assert "rangeland: seed 5 " in told[0]


def test_options_that_are_wrong_are_refused(run):
    for option in ("--rangeland-check=some", "--rangeland-seed=x", "--rangeland-profile=weekend"):
        result = run(USES, option)
        assert result.returncode == 4 and "invalid" in result.stderr
