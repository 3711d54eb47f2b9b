"""What is said of a word of the simulated memory that cannot be what it is.

Source: design/arena.md#.sol.words
"""

from vm import fields as f
from vm.results import DamageError


def damaged(space, structure, address, field, name, expected):
    """Raise DamageError for the word `field`, called `name`, of the
    `structure` at `address`; `expected` says in words what it could be."""
    at = address + field * f.WORD
    found = space.word(at)
    raise DamageError(
        f"{structure}: the word {name} at {at:#x} is {found:#x} ({found}): expected {expected}"
    )


def verify_words(space, structure, address, words):
    """Raise DamageError for the first of `words`, (field, name, word) each,
    that is not what it was when the `structure` at `address` was made."""
    for field, name, word in words:
        if space.word(address + field * f.WORD) != word:
            damaged(space, structure, address, field, name, f"{word:#x} ({word})")
