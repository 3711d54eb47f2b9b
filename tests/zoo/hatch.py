"""Hatch: our own sources with one mistake in them, in a folder of their own.

All files are links to what is installed, but for the one with the mistake.
They run interpreted, in processes of their own.
"""

from pathlib import Path

import vm

ROOT = Path(vm.__file__).resolve().parents[1]
ROOMS = ("vm", "land", "pools", "arena", "rangeland")


def hatch(bug, folder):
    """Make our packages in `folder`, with the mistake `bug`; without, if None.

    Raises: ValueError unless the place of the mistake is found once.
    """
    for room in ROOMS:
        for source in sorted((ROOT / room).rglob("*.py")):
            place = Path(folder) / source.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(source)
    if bug is not None:
        place = Path(folder) / bug.file
        text = bug.made(place.read_text(encoding="utf-8"))
        place.unlink()
        place.write_text(text, encoding="utf-8")
