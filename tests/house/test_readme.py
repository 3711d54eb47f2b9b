"""The first program that a newcomer meets runs, and prints what is said."""

import re

import pytest


@pytest.fixture(scope="module")
def section(root):
    """The part of README.md under the heading "First program"."""
    text = (root / "README.md").read_text(encoding="utf-8")
    match = re.search(r"^#+ First program$(.+?)(?=^#+ |\Z)", text, re.M | re.S)
    assert match, 'README.md has a heading "First program"'
    return match[1]


def test_the_first_program_prints_what_the_readme_says(section, python):
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.M | re.S)
    assert [language for language, _ in blocks[:2]] == ["python", "text"]
    result = python("-c", blocks[0][1])
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == blocks[1][1]
