"""Words of the arena's own structures, written over: an error of ours, or a
correct arena. All words, and all structures: `python tests/stress/garble.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import garbled

GARBLE = Path(__file__).with_name("garble.py")
OWN = ("arena", "chunk", "page descriptors", "bit tables")


@pytest.mark.parametrize("mode", [(), ("--checked",)], ids=["unchecked", "checked"])
@pytest.mark.parametrize("structure", OWN)
def test_no_word_of_an_arena_takes_the_process_down(structure, mode, speed):
    """The cases run in children of a child, each with a limit of its own."""
    words, values = ("5", "8") if speed == "compiled" else ("3", "4")
    options = ["--structure", structure, "--words", words, "--values", values]
    result = subprocess.run(
        [sys.executable, str(GARBLE), *options, *mode],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def arena_and_client():
    return garbled.built(False)


def test_the_words_tried_are_those_of_every_class(arena_and_client):
    structures = {structure for structure, _, _ in garbled.words_of(arena_and_client[0])}
    kinds = {"MFS", "MVFF", "MVT", "BestFit", "WorstFit", "NextFit"}
    kinds |= {"LIFOFit", "Buddy", "SegFit", "Slab"}
    assert structures >= {f"{kind}Pool descriptor" for kind in kinds} | set(OWN)
    assert structures >= {"control pool", "free land", "spare land", "nodes", "control memory"}


@pytest.mark.parametrize(
    "do,outcome",
    [
        (lambda: os.kill(os.getpid(), 11), garbled.CRASH),
        (lambda: [].pop(), garbled.FOREIGN),
        (lambda: bytearray(1 << 44), garbled.FOREIGN),
        (lambda: sum(iter(int, 1)), garbled.ENDLESS),
        (lambda: None, garbled.CORRECT),
    ],
    ids=["crash", "foreign", "memory", "endless", "nothing"],
)
def test_what_a_case_does_is_told(arena_and_client, monkeypatch, do, outcome):
    """The kit is no judge of what it cannot see."""
    arena, client = arena_and_client
    monkeypatch.setattr(garbled, "SECONDS", 1)
    monkeypatch.setattr(garbled.Trial, "_ask", lambda self: do())
    address = arena.address + 8 * 20
    assert garbled.tried(arena, client, address, 0)[0] == outcome


def test_a_block_that_is_given_out_twice_is_told(arena_and_client, monkeypatch):
    arena, client = arena_and_client
    taken = next(iter(client.blocks))
    monkeypatch.setattr(garbled.Client, "_take", lambda self, pool, size: taken + 8)
    outcome, text = garbled.tried(arena, client, arena.address + 8 * 20, 0)
    assert outcome == garbled.WRONG and " is in 0x" in text
