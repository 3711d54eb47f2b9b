"""Where the fields of the arena's own structures lie, in words; what ends in
_AT is the offset in bytes of a structure embedded in another.

Source: design/arena.md#.sol.layout
"""

from vm.fields import signature

# Arena descriptor, 3504 bytes. First what the MPS calls the globals,
FIRST_POOL = 1
LAST_POOL = 2
ARENA_SERIAL = 3
SYSTEM_POOLS = 4
POOL_SERIAL = 5
CHUNK_SERIAL = 6
GEN_SERIAL = 7
FILL = 8
POLL_THRESHOLD = 9
MESSAGES = 10
TRACE_START = 11
TRACE_MESSAGE = 12
LOCK = 13
CHAIN = 14
# Bytes that a chunk which failed half made left counted as committed.
LOST = 17
# Its name, 40 bytes (design/vm.md#.sol.label)
ARENA_LABEL = 18
CONTROL_AT = 184
# then the accounts,
RESERVED = 117
COMMITTED = 118
COMMIT_LIMIT = 119
SPARE_COMMITTED = 120
SPARE = 121
GRAIN_SIZE = 122
ZONE_SHIFT = 123
ZONED = 124
FREE_ZONES = 125
PRIMARY = 126
CHUNK_ROOT = 127
FREE_BLOCKS_AT = 1056
FREE_LAND_AT = 1248
TOP_GEN_AT = 1384
# then what belongs to an arena in virtual memory.
ARENA_VM_AT = 3088
EXTEND_BY = 394
EXTEND_MIN = 395
SPARE_BLOCKS_AT = 3184
SPARE_LAND_AT = 3376
ARENA_SIZE = 3504

# Chunk descriptor, 272 bytes. It begins as a node of the tree of chunks
# (land.fields: LEFT, RIGHT, BASE, LIMIT).
CHUNK_BASE = 2
CHUNK_LIMIT = 3
CHUNK_SIGNATURE = 4
SERIAL = 5
ARENA = 6
PAGES = 7
ALLOC_BASE = 8
ALLOC_TABLE = 9
PAGE_TABLE = 10
PAGE_TABLE_PAGES = 11
CHUNK_RESERVED = 12
CHUNK_VM_AT = 136
OVERHEAD_LIMIT = 24
SPARSE_AT = 200
CHUNK_SIZE = 272

# Page descriptor, 24 bytes: whose the page is, and where the grains that
# were allocated together with it begin. Valid where the allocation table
# or the spare land says that the page is mapped.
PAGE_POOL = 0
PAGE_SEG = 1
PAGE_BASE = 2
PAGE_DESC_SIZE = 24

# Generation, 120 bytes, and the default chain, a header and two of them
GEN_ARENA = 1
GEN_NUMBER = 2
GEN_CAPACITY = 3
GEN_MORTALITY = 4
GEN_SIZE = 120
CHAIN_HEADER = 48

# What the control pool allocates for the arena
MESSAGE_TABLE_SIZE = 8
TRACE_START_SIZE = 184
TRACE_MESSAGE_SIZE = 80
LOCK_SIZE = 56
CHAIN_SIZE = 288
CONTROL_EXTEND_BY = 32768

# Bytes that clients allocate from one poll to the next
POLL_EVERY = 65536

# No limit at all on committed memory
NO_LIMIT = (1 << 63) - 1

ARENA_SIG = signature("ARNA")
CHUNK_SIG = signature("CHNK")
GEN_SIG = signature("GEN")
CHAIN_SIG = signature("CHN")
