"""Grains taken by way of pools, for tests that ask where they lie."""

import rangeland as rl

PAGE = 4096
# With so much of the control pool in use, it gives nothing back when a pool
# is destroyed, and what a test frees is all that is freed.
KEPT = 9000


def steady(arena):
    """`arena`, with a control pool that keeps what it has."""
    arena.control_alloc(KEPT)
    return arena


def take(arena, pages):
    """A pool that has so many pages, at the low end, in one extent; it
    frees them when it is destroyed."""
    pool = rl.MFS(arena, 1024, extend_by=pages * PAGE)
    pool.add_extent()
    return pool
