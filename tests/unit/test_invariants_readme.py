"""The allocators of README.md are written, tried and right as they stand."""

import re

import pytest


@pytest.fixture
def blocks(root):
    """The programs under the heading "Try your own allocator"."""
    text = (root / "README.md").read_text(encoding="utf-8")
    section = text.split("## Try your own allocator\n")[1].split("\n## ")[0]
    assert section.count("\n") <= 80
    return re.findall(r"^```python\n(.*?)^```$", section, re.M | re.S)


@pytest.mark.once
def test_the_examples_run_and_hold(blocks, python):
    assert len(blocks) == 4
    assert blocks[0].count("\n") <= 30 and blocks[1].count("\n") <= 6
    assert blocks[2].count("\n") <= 16 and "rl.MVFF(arena)" in blocks[2]
    result = python("-c", "\n".join(blocks))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_machine_of_five_lines_runs_under_pytest(blocks, python, tmp_path):
    assert blocks[3].count("\n") <= 5
    (tmp_path / "test_mine.py").write_text(blocks[0] + blocks[3])
    result = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py")
    assert result.returncode == 0 and "1 passed" in result.stdout, result.stdout


def test_a_fault_in_the_example_is_found_from_the_command_line(blocks, rangeland, tmp_path):
    faulty = blocks[0].replace("return self.top - size", "return max(0, self.top - size - 1)")
    assert faulty != blocks[0]
    (tmp_path / "mine.py").write_text(faulty)
    result = rangeland("prove", "mine.py:Bump")
    assert result.returncode == 1 and "overlap: " in result.stdout
