"""The words that a child and its parent share: how far the child has come.

Source: design/library.md#.sol.child
"""

BYTES = 4096

PHASE, EXAMPLE, DONE, FORK = 0, 1, 2, 3
STEP, USED, DEEP = 4, 5, 6
# One word for each thread of a storm, from here on.
THREADS = 8
MOST_THREADS = 64

LOADING, RUNNING, ENDED = 1, 2, 3
