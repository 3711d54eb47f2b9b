"""How much is tried: little at each commit, more in the profiles ci and night."""

import os

IS_DEV = (os.environ.get("RANGELAND_PROFILE") or "dev") == "dev"
# What is drawn with these seeds must be found, or be left alone, with each.
SEEDS = (1,) if IS_DEV else (1, 2, 3)


def part(whole, of=4):
    """So much of `whole` as is tried: all of it, but for the profile dev."""
    return max(1, whole // of) if IS_DEV else whole
