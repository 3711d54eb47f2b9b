"""Subjects: what a command is told to try, found by its name.

`module:factory`, or `path/to/file.py:factory`.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

from rangeland.invariants.finding import CannotTry
from rangeland.invariants.trial import described

EXPECTED = "expected module:factory or path/to/file.py:factory"


def load_subject(text):
    """The callable that `text` names. Raises: CannotTry; OSError."""
    place, colon, name = text.rpartition(":")
    if not (colon and place and name):
        raise CannotTry(f"{text!r} names no factory: {EXPECTED}")
    found = _from_file(Path(place)) if place.endswith(".py") else _from_module(place)
    for part in name.split("."):
        if not hasattr(found, part):
            raise CannotTry(f"{place} has no {name}: {EXPECTED}")
        found = getattr(found, part)
    return found


def _from_file(path):
    with open(path, "rb"):
        pass
    # What lies beside the file can be imported by it, as when it is run.
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    _imported(str(path), lambda: spec.loader.exec_module(module))
    return module


def _from_module(name):
    sys.path.insert(0, "")
    return _imported(name, lambda: importlib.import_module(name))


def _imported(name, load):
    """What `load()` gives; whatever a stranger's module raises is one line."""
    try:
        return load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise CannotTry(f"{name} cannot be imported: {described(error)}") from error
