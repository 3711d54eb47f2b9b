"""Recorded files to be changed and tried, and what is known of the recordings that come along."""

import gzip
import json
from pathlib import Path

import pytest

from rangeland.conform.run import conform
from rangeland.conform.vectors import VectorError

VECTORS = Path(__file__).parents[1] / "vectors"
KEPT = 400

# With the blocks from before the recording, which the expected figures do not have.
VIEWED = {"torch_train_a.pickle.gz": {
    "free_unknown": 0, "frees": 1721, "live_end": 229, "live_end_bytes": 1373919236,
    "max_live": 504, "peak_bytes": 13923997700,
}}  # fmt: skip


class Recording:
    """The first lines of a recorded file, to be changed and tried."""

    def __init__(self, tmp_path, name, kept=KEPT):
        self.path = tmp_path / "tampered.jsonl"
        with gzip.open(VECTORS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            self.lines = [json.loads(line) for line, _ in zip(file, range(kept))]

    def find(self, name, nth=0):
        """The line number of the nth operation `name`."""
        found = [n for n, line in enumerate(self.lines[1:], start=2) if line[0] == name]
        return found[nth]

    def line(self, number):
        """The line of that number, which may be changed."""
        return self.lines[number - 1]

    def write(self):
        """Write the file. Returns its path."""
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        self.path.write_text(text, encoding="utf-8")
        return self.path

    def first(self):
        """The first mismatch when the file is repeated."""
        outcome = conform(self.write())
        assert outcome.mismatches > 0
        return outcome.first

    def refusal(self):
        """Why the file is refused: the message after its path."""
        with pytest.raises(VectorError) as caught:
            conform(self.write())
        message = str(caught.value)
        assert "\n" not in message and message.startswith(f"{self.path}: ")
        return message.removeprefix(f"{self.path}: ")
