"""Where the fields of pool descriptors lie, in words.

Source: design/pools.md#.sol.layout
"""

from vm.fields import signature

# No size of a block or of an extension is larger.
MOST_BYTES = 1 << 60

# What every pool descriptor begins with, after its signature: 112 bytes
SERIAL = 1
NEXT_POOL = 2
PREVIOUS_POOL = 3
ARENA = 4
POOL_ALIGN = 5
# No other pool of the address space ever had this word here, so that the
# handle of a destroyed pool is not taken for that of a later one
# (design/pools.md#.sol.birth).
BIRTH = 6
# Its allocation points, the first made first
FIRST_POINT = 7
# Its name, 40 bytes (design/vm.md#.sol.label)
POOL_LABEL = 8
POOL_SIZE = 112

# MFS, 192 bytes
UNIT_SIZE = 14
CLIENT_SIZE = 15
MFS_EXTEND_BY = 16
EXTEND_SELF = 17
FREE_UNITS = 18
MFS_TOTAL = 19
MFS_FREE = 20
FIRST_EXTENT = 21
LAST_EXTENT = 22
MFS_SIZE = 192

# The upper half of a free unit's first word, the address of the next one, is
# crossed with this, so that a second free is noticed, and what a client keeps
# in a live unit is not taken for one (design/pools.md#.sol.mfs.twice).
FREE_KEY = signature("FREE")

# What stands at the base of each extent of an MFS pool, 16 bytes
EXTENT_NEXT = 0
EXTENT_SIZE = 1
EXTENT_HEADER = 16

# MVFF and the other fit pools, 752 bytes; what ends in _AT are offsets in bytes
# of what is embedded. A NextFit pool has its rover where MVFF has the mean size.
FIT_EXTEND_BY = 14
MEAN_SIZE = 15
ROVER = 15
FIT_SPARE = 16
ARENA_HIGH = 17
SLOT_HIGH = 18
FIRST_FIT = 19
FIT_BLOCKS_AT = 168
FIT_TOTAL_AT = 360
FIT_PRIMARY_AT = 480
FIT_SECONDARY_AT = 600
FIT_FREE_AT = 672
FIT_SIZE = 752

# The SIZE words of the lands embedded in it (land.fields), read in place
TOTAL_BYTES = 47
PRIMARY_BYTES = 62
SECONDARY_BYTES = 77

# MVT, 536 bytes; what ends in _AT are offsets in bytes of what is embedded
MVT_PRIMARY_AT = 112
MVT_SECONDARY_AT = 232
MVT_FREE_AT = 304
MIN_SIZE = 46
MVT_MEAN_SIZE = 47
MAX_SIZE = 48
RESERVE_DEPTH = 49
FRAG_LIMIT = 50
FILL_SIZE = 51
REUSE_SIZE = 52
MVT_TOTAL = 53
AVAILABLE = 54
UNAVAILABLE = 55
SPLINTER_BASE = 56
SPLINTER_LIMIT = 57
OVERFLOWED = 58
MVT_BLOCKS = 59
MVT_QUEUE_AT = 480
MVT_SEGMENTS_AT = 512
MVT_SIZE = 536

# The queue of an MVT pool, four words, and what lies in its ring
RING = 0
SLOTS = 1
TAIL = 2
QUEUED = 3
SLOT_SIZE = 16

# The list of a pool's segments, two words; and a segment, 56 bytes
FIRST_SEGMENT = 0
LAST_SEGMENT = 1
SEG_POOL = 1
NEXT_SEG = 2
PREVIOUS_SEG = 3
SEG_BASE = 4
SEG_LIMIT = 5
SEG_BLOCK = 6
SEG_SIZE = 56

# Pools over regions (Buddy, SegFit, Slab): what follows the head of each
REGION_SPARE = 14
REGION_HIGH = 15
REGION_BY = 16
REGION_TOTAL = 17
REGION_FREE = 18
REGION_SLACK = 19
FIRST_BUSY = 20
FIRST_IDLE = 21
LEAST_ORDER = 22
REGIONS_HEAD = 184
# Buddy, 672 bytes: the first free block of each order
ORDERS = 23
MOST_ORDER = 60
BUDDY_SIZE = 672
# SegFit, 1248 bytes: which bins have a chunk, 32 in a word, and the first of each
DIRECT_ABOVE = 23
BIN_MASKS = 24
BINS = 28
MOST_BINS = 128
SEGFIT_SIZE = 1248
# Slab, 1856 bytes: for each small class the heap of slabs with room
LARGE_CLASS = 23
SLAB_HEAPS = 24
SLAB_SIZE = 1856

# A region, 72 bytes of control memory; then, in a Buddy pool, the tree, in which a
# word of free blocks and one of live ones are in turn; in a Slab pool, the table of
# free units
REGION_POOL = 1
NEXT_REGION = 2
PREVIOUS_REGION = 3
REGION_BASE = 4
REGION_LIMIT = 5
REGION_BYTES = 6
IS_IDLE = 7
SOLE_BLOCK = 8
REGION_SIZE = 72
TREE_ORDER = 9
TREE = 10
LIVE = 11
TREE_HEAD = 80
SLAB_CLASS = 9
SLAB_UNIT = 10
SLAB_ROOM = 11
SLAB_UNITS = 12
HEAP_CHILD = 13
HEAP_NEXT = 14
HEAP_BACK = 15
UNIT_TABLE = 16
SLAB_HEAD = 128

# The tags of a chunk of a SegFit pool, in the low bits of its size
TAG_USED = 1
TAG_BEFORE = 2
TAG_FIRST = 4
TAG_END = 8
TAG_BITS = 15
# The words of a chunk from its header on, and what a free one has at least
CHUNK_NEXT = 1
CHUNK_BACK = 2
LEAST_CHUNK = 32
# The header of a chunk, what chunks are multiples of, and what a region needs
# for itself: the word before its first chunk, and its end
CHUNK_HEADER = 8
CHUNK_QUANTUM = 16
REGION_EDGES = 16
# Bins below this have chunks of one size each, below 1024, which is 2^10
SMALL_BINS = 64
SMALL_BELOW = 1024
SMALL_ORDER = 10

# An allocation point, 144 bytes
POINT_POOL = 1
NEXT_POINT = 2
POINT_BASE = 3
POINT_INIT = 4
POINT_ALLOC = 5
POINT_LIMIT = 6
POINT_BIRTH = 7
POINT_SIZE = 144

# LIFOFit, 240 bytes
LIFO_EXTEND_BY = 14
LIFO_SPARE = 15
LIFO_ARENA_HIGH = 16
LIFO_TOTAL = 17
LIFO_FREE = 18
LIFO_RESTS = 19
FREE_BLOCKS = 20
FIRST_FREE = 21
FIRST_TAGGED = 22
TAGGED_EXTENTS = 23
EMPTY_EXTENTS = 24
LIFO_SIZE = 240

# The first blocks of its lists of the levels 1 to 4, if it has these; that of level
# 0, which has all free blocks, is FIRST_FREE. It has them from so many free blocks
# on, until there are so few.
FIRST_OF_LEVEL = 24
MOST_LEVEL = 4
HAS_LEVELS = 29
MANY_FREE = 512
FEW_FREE = 128

# The word before a block of LIFOFit is its header: its size, header included, a
# multiple of 8; in the bits below whether it is in use, the block before it is,
# and it is the first of its extent; in those above, if it is in use, its rest.
TAG = 8
TAGS = 7
IN_USE = 1
BEFORE_IN_USE = 2
IS_FIRST = 4
SIZES = (1 << 57) - 8
REST_SHIFT = 57
# Words of a free block after its header: its neighbours in the list of level 0,
# and then those in each level that it is large enough for. Its last word is its
# size once more.
NEXT_FREE = 1
PREVIOUS_FREE = 2
LEAST_TAGGED = 32

# What stands at the base of each extent of a LIFOFit pool, before its blocks
TAGGED_NEXT = 0
TAGGED_PREVIOUS = 1
TAGGED_SIZE = 2

# The least extent of the pool that nodes of a fit pool or an MVT pool come from
NODE_EXTEND_BY = 65536

MFS_SIG = signature("MFS")
MVFF_SIG = signature("MVFF")
MVT_SIG = signature("MVT")
BEST_SIG = signature("BEST")
WORST_SIG = signature("WRST")
NEXT_SIG = signature("NEXT")
LIFO_SIG = signature("LIFO")
SEG_SIG = signature("SEG")
POINT_SIG = signature("POINT")
BUDDY_SIG = signature("BUD")
SEGFIT_SIG = signature("SEGF")
SLAB_SIG = signature("SLAB")
REGION_SIG = signature("RGN")
