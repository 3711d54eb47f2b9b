"""The speed that this process runs at, told from the modules themselves.

Source: design/speed.md#.sol.name
"""

from importlib import import_module
from pathlib import Path

import vm
from vm.speed import hot_modules


def name():
    """'compiled' or 'interpreted': what the hot modules really are.

    Raises: ImportError if they are some of each, as after a half build.
    Cost: imports every hot module.
    """
    files = {n: import_module(n).__file__ for n in hot_modules(Path(vm.__file__).parents[1])}
    plain = sorted(n for n, file in files.items() if file.endswith(".py"))
    if plain and len(plain) != len(files):
        raise ImportError(f"half compiled: {', '.join(plain)} are not, the others are")
    return "interpreted" if plain else "compiled"
