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


@pytest.mark.parametrize("size", [200_000, 600_000, 2_000_000])
def test_a_large_block_of_a_moment_is_in_the_peak_of_a_real_allocator(rangeland, tmp_path, size):
    lines = []
    for i in range(3000):
        lines.append("--7-- malloc(500) = 0x8000000")
        if i == 1501:
            lines += [f"--7-- malloc({size}) = 0xB000000", "--7-- free(0xB000000)"]
        if i < 200:
            lines.append(f"--7-- malloc(100) = 0x{0x9000000 + 112 * i:X}")
        lines.append("--7-- free(0x8000000)")
    (tmp_path / "log").write_text("\n".join(lines) + "\n")
    done = rangeland("replay", "log", "--pool", "glibc", "--json")
    (result,) = json.loads(done.stdout)["traces"][0]["pools"]
    assert size + 20_500 <= result["peak_committed"] < size + 200_000
