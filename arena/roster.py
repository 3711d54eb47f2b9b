"""The clients' pools of an arena: a list threaded through their descriptors.

A link is followed only when the pool that it names points back, and belongs to
the arena: so a walk ends, and a word written over is told.
Source: design/arena.md#.sol.roster
"""

from arena import fields as a
from arena.damage import damaged
from pools import fields as p
from vm import fields as f

NAMES = {p.NEXT_POOL: "NEXT_POOL", p.PREVIOUS_POOL: "PREVIOUS_POOL"}
ARENA_NAMES = {a.FIRST_POOL: "FIRST_POOL", a.LAST_POOL: "LAST_POOL"}


def _has_room(space, pool):
    """True if there is memory for a descriptor at `pool`."""
    end = pool + p.POOL_SIZE
    inside = space.base <= pool and end <= space.limit and pool % f.WORD == 0
    return inside and space.first_unmapped(pool, end) == end


def _pool(space, arena, pool, holder):
    """The words of the descriptor at `pool`, which `holder` (structure, address,
    field, name of the word) names. Raises: DamageError if no pool of the arena
    lies there."""
    if _has_room(space, pool):
        words = space.words_at(pool, p.POOL_SIZE)
        if words[0] and words[p.ARENA] == arena:
            return words
    return damaged(space, *holder, f"the address of a pool of arena {arena:#x}")


def _neighbour(space, arena, pool, field, back, end):
    """The pool that the word `field` of the descriptor at `pool` names, or 0 at
    the end of the list, which the arena's word `end` names. Raises: DamageError
    unless what is named points back with its word `back`."""
    other = space.words_at(pool, p.POOL_SIZE)[field]
    holder = (f"pool {pool:#x}", pool, field, NAMES[field])
    if other == 0:
        found, word = space.words_at(arena, a.ARENA_SIZE)[end], ARENA_NAMES[end]
    else:
        found, word = _pool(space, arena, other, holder)[back], f"the {NAMES[back]} there"
    if found != pool:
        damaged(space, *holder, f"a pool that points back, or 0 at the end ({word} is {found:#x})")
    return other


def _ends(space, arena):
    """The first and the last pool. Raises: DamageError unless both or none are."""
    head = space.words_at(arena, a.ARENA_SIZE)
    ends = []
    for field, name, beyond in (
        (a.FIRST_POOL, ARENA_NAMES[a.FIRST_POOL], p.PREVIOUS_POOL),
        (a.LAST_POOL, ARENA_NAMES[a.LAST_POOL], p.NEXT_POOL),
    ):
        holder = (f"arena {arena:#x}", arena, field, name)
        pool = head[field]
        if pool and _pool(space, arena, pool, holder)[beyond]:
            expected = f"a pool whose {NAMES[beyond]} is 0"
            damaged(space, *holder, expected)
        ends.append(pool)
    if (ends[0] == 0) != (ends[1] == 0):
        expected = f"0 if LAST_POOL is, which is {ends[1]:#x}"
        damaged(space, f"arena {arena:#x}", arena, a.FIRST_POOL, "FIRST_POOL", expected)
    return ends


def append(space, arena, pool):
    """Put the pool at address `pool` at the end of the arena's list. Cost: O(1).

    Raises: DamageError, and then nothing has changed.
    """
    _, last = _ends(space, arena)
    head = space.words_at(arena, a.ARENA_SIZE)
    words = space.words_at(pool, p.POOL_SIZE)
    words[p.NEXT_POOL] = 0
    words[p.PREVIOUS_POOL] = last
    if last:
        space.words_at(last, p.POOL_SIZE)[p.NEXT_POOL] = pool
    else:
        head[a.FIRST_POOL] = pool
    head[a.LAST_POOL] = pool


def remove(space, arena, pool):
    """Take the pool at address `pool` out of the arena's list. Cost: O(1).

    Raises: DamageError, and then nothing has changed.
    """
    following, previous = neighbours(space, arena, pool)
    head = space.words_at(arena, a.ARENA_SIZE)
    if previous:
        space.words_at(previous, p.POOL_SIZE)[p.NEXT_POOL] = following
    else:
        head[a.FIRST_POOL] = following
    if following:
        space.words_at(following, p.POOL_SIZE)[p.PREVIOUS_POOL] = previous
    else:
        head[a.LAST_POOL] = previous


def neighbours(space, arena, pool):
    """The pools after and before that at `pool`, 0 for none. Cost: O(1).

    Raises: DamageError if the links do not agree.
    """
    following = _neighbour(space, arena, pool, p.NEXT_POOL, p.PREVIOUS_POOL, a.LAST_POOL)
    previous = _neighbour(space, arena, pool, p.PREVIOUS_POOL, p.NEXT_POOL, a.FIRST_POOL)
    return following, previous


def holds(space, arena, pool):
    """True if a pool that is in the arena's list lies at `pool`. Cost: O(1)."""
    if not _has_room(space, pool):
        return False
    previous = space.words_at(pool, p.POOL_SIZE)[p.PREVIOUS_POOL]
    if previous:
        there = _has_room(space, previous)
        return there and space.words_at(previous, p.POOL_SIZE)[p.NEXT_POOL] == pool
    return space.words_at(arena, a.ARENA_SIZE)[a.FIRST_POOL] == pool


def addresses(space, arena):
    """The addresses of the pools in the arena's list, first made first.

    Raises: DamageError where links do not agree. Cost: O(pools).
    """
    found = []
    pool, _ = _ends(space, arena)
    while pool:
        found.append(pool)
        pool = _neighbour(space, arena, pool, p.NEXT_POOL, p.PREVIOUS_POOL, a.LAST_POOL)
    return found
