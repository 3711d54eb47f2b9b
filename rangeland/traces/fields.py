"""What an event of a trace can be, and what a sample of a replay is made of."""

# The values of the column `op`
ALLOC = 0
FREE = 1
REALLOC = 2
# What a log may tell besides: a free of NULL, which is no event of a trace
NULL = 3

# A sample: the words of a row of a curve (design/metrics.md#.def.sample)
EVENT = 0
LIVE = 1
COMMITTED = 2
TOTAL = 3
FREE_BYTES = 4
SLACK = 5
WHOLE_FREE = 6
LARGEST = 7
SPARE = 8
PAGE_TABLES = 9
PEAK_LIVE = 10
PEAK_COMMITTED = 11
PEAK_TOTAL = 12
LIVE_SUM = 13
COMMITTED_SUM = 14
WIDTH = 15

# In the place of the number of a thread's pool: it was never seen, or has none
UNSEEN = -2
NO_POOL = -1
