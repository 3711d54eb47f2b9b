"""Results: what is known of the mistakes so far, in a file of a line for each.

A line is written at once, so what was interrupted goes on where it was: a line
that is not whole is none.
"""

import hashlib
import json
from pathlib import Path

from mutants.copy import ROOT


class Results:
    """The results in the file at `path`, {key: dict}, of mistakes in the
    sources as they are now; of other sources nothing is known, nor if one of
    `others` has changed, files that every result depends on."""

    def __init__(self, path, others=()):
        self.path = Path(path)
        self.common = b"".join((ROOT / other).read_bytes() for other in others)
        self.known = {}
        self.digests = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").split("\n"):
                self._read(line)

    def _read(self, line):
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if isinstance(entry, dict) and entry.get("digest") == self._digest(entry.get("file", "")):
            self.known[entry["key"]] = entry

    def _digest(self, file):
        if file not in self.digests:
            place = ROOT / file
            text = place.read_bytes() if file and place.is_file() else b""
            self.digests[file] = hashlib.sha256(text + self.common).hexdigest()[:16]
        return self.digests[file]

    def add(self, mutant, noticed, seconds):
        """Keep what is known of a mistake: `noticed` has, for each stage that
        was asked, what noticed it, or None."""
        told = {"kind": mutant.kind, "line": mutant.line, **noticed}
        self.keep(mutant.key, mutant.file, seconds, told)

    def keep(self, key, file, seconds, told):
        """Keep `told`, a dict, of the mistake of that key, which is in `file`."""
        entry = {
            "key": key,
            "file": file,
            "digest": self._digest(file),
            "seconds": round(seconds, 1),
            **told,
        }
        self.known[key] = entry
        text = json.dumps(entry) + "\n"
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            text = "\n" + text
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(text)

    def of(self, mutant):
        """What is known of the mistake, or None."""
        return self.known.get(mutant.key)
