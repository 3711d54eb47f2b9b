"""Equivalents: mistakes that change nothing that anybody can see, each with the reason.

They are in `equivalent.toml`: `file`, `function`, `old`, `new`, `nth` if there
are several such lines, and `reason`.
"""

import tomllib
from pathlib import Path

PLACE = Path(__file__).with_name("equivalent.toml")


def equivalents(place=PLACE):
    """The reasons, {key of a mistake: reason}.

    Raises: ValueError for an entry without a reason, and one that is there twice.
    """
    found = {}
    if not place.exists():
        return found
    for entry in tomllib.loads(place.read_text(encoding="utf-8")).get("mutant", ()):
        which = f" (#{entry['nth'] + 1})" if entry.get("nth") else ""
        key = f"{entry['file']} {entry.get('function', '')}: {entry['old']} -> {entry['new']}{which}"
        if not entry.get("reason", "").strip():
            raise ValueError(f"{key}: expected a reason")
        if key in found:
            raise ValueError(f"{key}: is there twice")
        found[key] = entry["reason"]
    return found
