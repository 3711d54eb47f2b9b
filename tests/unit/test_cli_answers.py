"""What is not to be said of a recording: leaks of a cut one, lives that were guessed."""

import json

import pytest

pytestmark = pytest.mark.once

LEAK = "".join(f"--7-- malloc(1000) = 0x{0x4A00000 + 1024 * i:X}\n" for i in range(4000))
SAID = "no sign of a leak"


@pytest.mark.parametrize("cut", [0, 9])
def test_what_a_cut_recording_does_not_free_is_no_leak(rangeland, tmp_path, cut):
    (tmp_path / "log").write_text(LEAK[: len(LEAK) - cut])
    done = rangeland("replay", "log", "--pool", "slab", "--json")
    (section,) = json.loads(done.stdout)["traces"]
    assert (SAID in section["verdict"]) == bool(cut)
    assert ("it leaks" in section["verdict"]) == (not cut)
    assert (SAID in " ".join(rangeland("replay", "log", "--pool", "slab").stdout.split())) == bool(cut)


@pytest.mark.parametrize("frees,guessed", [("- 0\n- 0\n", 1), ("- 0\n+ 0\n- 0\n", 2), ("", 0)])
def test_frees_of_heaptrack_that_name_no_block_are_told(rangeland, tmp_path, frees, guessed):
    (tmp_path / "ht").write_text("v 10400 3\na 5 1\n+ 0\n+ 0\n" + frees)
    assert json.loads(rangeland("info", "ht", "--json").stdout)["ht"]["guessed"] == guessed
    said = "Guessed: which block was freed"
    assert (said in rangeland("info", "ht").stdout) == bool(guessed)
    assert (said in rangeland("replay", "ht", "--pool", "slab").stdout) == bool(guessed)


def test_an_allocator_whose_blocks_overlap_serves_nobody(rangeland, tmp_path):
    (tmp_path / "log").write_text(LEAK)
    (tmp_path / "bad.py").write_text(
        "class Bad:\n"
        "    top = 8\n"
        "    def alloc(self, size):\n"
        "        self.top += 8\n"
        "        return self.top\n"
        "    def free(self, address, size):\n"
        "        pass\n"
    )
    done = rangeland("replay", "log", "--pool", "bad.py:Bad", "--pool", "slab")
    assert done.returncode == 0 and "blocks overlap" in " ".join(done.stdout.split())
    assert "slab served best" in " ".join(done.stdout.split()) or "slab had" in done.stdout
    done = rangeland("replay", "log", "--pool", "bad.py:Bad")
    assert done.returncode != 0 and "none of the pools could do it" in done.stderr
