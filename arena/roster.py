"""The clients' pools of an arena: a list threaded through their descriptors.

Source: design/arena.md#.sol.roster
"""

from arena import fields as a
from pools import fields as p


def append(space, arena, pool):
    """Put the pool at address `pool` at the end of the arena's list."""
    head = space.words_at(arena, a.ARENA_SIZE)
    words = space.words_at(pool, p.POOL_SIZE)
    last = head[a.LAST_POOL]
    words[p.NEXT_POOL] = 0
    words[p.PREVIOUS_POOL] = last
    if last:
        space.words_at(last, p.POOL_SIZE)[p.NEXT_POOL] = pool
    else:
        head[a.FIRST_POOL] = pool
    head[a.LAST_POOL] = pool


def remove(space, arena, pool):
    """Take the pool at address `pool` out of the arena's list."""
    head = space.words_at(arena, a.ARENA_SIZE)
    words = space.words_at(pool, p.POOL_SIZE)
    following, previous = words[p.NEXT_POOL], words[p.PREVIOUS_POOL]
    if previous:
        space.words_at(previous, p.POOL_SIZE)[p.NEXT_POOL] = following
    else:
        head[a.FIRST_POOL] = following
    if following:
        space.words_at(following, p.POOL_SIZE)[p.PREVIOUS_POOL] = previous
    else:
        head[a.LAST_POOL] = previous


def addresses(space, arena):
    """The addresses of the pools in the arena's list, first made first."""
    found = []
    pool = space.words_at(arena, a.ARENA_SIZE)[a.FIRST_POOL]
    while pool:
        found.append(pool)
        pool = space.words_at(pool, p.POOL_SIZE)[p.NEXT_POOL]
    return found
