"""Damage: words of simulated memory that cannot be what they are, told.

Whoever follows, divides by, shifts by or counts with a word that lies where
others may write verifies it first, and says here what is wrong.
Source: design/classes.md#.sol.damage
"""

from vm.results import DamageError


def damaged(space, what, address, field, expected):
    """Raises: DamageError, for the word number `field` of the `what` at
    `address`, which is not what is `expected`.

    Called where no Python object may be touched, and only once all is lost.
    """
    at = address + 8 * field
    found = "no word of memory"
    if space.base <= at < space.limit:
        found = f"{space.words[(at - space.origin) >> 3]:#x}"
    raise DamageError(f"{what} at {address:#x}: word {field} is {found}: expected {expected}")
