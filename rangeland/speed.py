"""The speed that this process runs at, told from the modules themselves.

Source: design/speed.md#.sol.name
"""

import os
import sys
from importlib.util import find_spec

import vm
from vm.speed import hot_modules


def name():
    """'compiled' or 'interpreted': what the hot modules really are, or would be.

    Raises: ImportError if they are some of each, as after a half build.
    Cost: a look for every hot module, none of which is imported for it.
    """
    hot = hot_modules(os.path.dirname(os.path.dirname(vm.__file__)))
    plain = [module for module in hot if _file_of(module).endswith(".py")]
    if plain and len(plain) != len(hot):
        raise ImportError(f"half compiled: {', '.join(plain)} are not, the others are")
    return "interpreted" if plain else "compiled"


def _file_of(module):
    """The file that `module` was imported from, or that it would be."""
    known = sys.modules.get(module)
    return known.__file__ if known else find_spec(module).origin
