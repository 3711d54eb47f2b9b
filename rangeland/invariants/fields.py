"""What the stress driver's columns and verdicts are told by, in numbers.

The columns' kinds: an allocation, or the free of which block.
Source: design/stress.md#.sol.columns
"""

ALLOC = 0
NEWEST = 1
OLDEST = 2
ANY = 3

# The verdicts on an operation.
GOOD = 0
OVERLAP = 1
OUTSIDE = 2
MISALIGNED = 3
CONTENTS = 4
ACCOUNTS = 5
NONSENSE = 6
REFUSED = 7
UNWOUND = 8

# A block up to WHOLE words is written and verified whole, a larger one in
# its first and its last EDGE words.
WHOLE = 64
EDGE = 32
