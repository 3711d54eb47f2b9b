"""Equivalents: mistakes that change nothing that anybody can see, each with the reason.

They are in `equivalent.toml`: `file`, `function`, `old`, `new`, one or a list, `nth`
if there are several such lines, `times` if all of so many are meant, and `reason`.
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
        for key in _keys(entry):
            if not entry.get("reason", "").strip():
                raise ValueError(f"{key}: expected a reason")
            if key in found:
                raise ValueError(f"{key}: is there twice")
            found[key] = entry["reason"]
    return found


def _keys(entry):
    """What the mistakes of an entry are called."""
    lines = [entry["new"]] if isinstance(entry["new"], str) else entry["new"]
    first = entry.get("nth", 0)
    for nth in range(first, first + entry.get("times", 1)):
        which = f" (#{nth + 1})" if nth else ""
        for new in lines:
            yield f"{entry['file']} {entry.get('function', '')}: {entry['old']} -> {new}{which}"
