"""Copy: our own sources in a folder of their own, one of which may be mutated.

They run interpreted, in processes of their own, so what is installed stays as it is.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("vm", "land", "pools", "arena", "rangeland")
# Tables of numbers and names, and what only builds: no mistakes are made in them.
LEFT_ALONE = ("fields.py", "events.py", "speed.py", "telemetry.py", "log.py", "check.py", "__init__.py")


def sources(rooms=ROOMS[:-1]):
    """The files in which mistakes are made, relative to the root, ascending."""
    found = (path for room in rooms for path in (ROOT / room).rglob("*.py"))
    return sorted(str(p.relative_to(ROOT)) for p in found if p.name not in LEFT_ALONE)


class Copy:
    """Our packages, and the tests beside them, in `folder`."""

    def __init__(self, folder):
        self.folder = Path(folder)
        for room in ROOMS:
            self._take(room, "*.py", "*.pxd", "data/**/*")
        self._take("tests", "**/*")

    def _take(self, room, *patterns):
        for path in {path for pattern in patterns for path in (ROOT / room).rglob(pattern)}:
            if path.is_file() and path.suffix not in (".so", ".c", ".pyc"):
                place = self.folder / path.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)

    def mutate(self, mutant):
        """Make the mistake in the file that it belongs to."""
        place = self.folder / mutant.file
        self._write(place, mutant.made((ROOT / mutant.file).read_text(encoding="utf-8")))

    def restore(self, mutant):
        """The file that was mutated is as it is at the root."""
        self._write(self.folder / mutant.file, (ROOT / mutant.file).read_text(encoding="utf-8"))

    def _write(self, place, text):
        # What was compiled of the other text may be as old, and of as many bytes.
        for compiled in (place.parent / "__pycache__").glob(f"{place.stem}.*"):
            compiled.unlink()
        place.write_text(text, encoding="utf-8")
