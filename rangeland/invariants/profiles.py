"""Profiles: how much is tried while developing, in CI, and at night.

The environment says which: RANGELAND_PROFILE is dev, ci or night.
Source: design/invariants.md#.sol.profiles
"""

import os
from dataclasses import dataclass

from vm.results import ParamError

VARIABLE = "RANGELAND_PROFILE"


@dataclass(frozen=True)
class Profile:
    """So many examples, of so many steps at most."""

    examples: int
    steps: int


PROFILES = {"dev": Profile(200, 400), "ci": Profile(500, 1000), "night": Profile(20_000, 5000)}
# Of the machines, whose steps Hypothesis draws (design/machines.md#.sol.profiles).
MACHINES = {"dev": Profile(40, 30), "ci": Profile(100, 50), "night": Profile(5000, 100)}


def profile(name=None, profiles=PROFILES):
    """The profile called `name`, or else the one that the environment names,
    or else dev. Raises: ParamError."""
    name = name or os.environ.get(VARIABLE) or "dev"
    if name not in profiles:
        raise ParamError(f"no profile is named {name!r}: expected {', '.join(profiles)}")
    return profiles[name]
