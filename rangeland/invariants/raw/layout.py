"""Where everything lies in an arena's bytes, in bytes from its base.

Told a second time, so that the raw judge shares nothing with what it judges:
if the two disagree, one of them is wrong. Source: design/raw.md#.sol.layout
"""

OS_PAGE = 4096


def name(text):
    """The word that a structure named `text` begins with."""
    return int.from_bytes(text.encode().ljust(8, b"\0"), "little")


ARENA = dict(
    sig=0, first_pool=8, last_pool=16, serial=24, pool_serial=40, chunk_serial=48, lost=136,
    control=184, reserved=936, committed=944, commit_limit=952, spare_committed=960, spare=968,
    grain=976, zone_shift=984, zoned=992, free_zones=1000, primary=1008, root=1016,
    free_blocks=1056, free_land=1248, vm=3088, spare_blocks=3184, spare_land=3376,
)  # fmt: skip
ARENA_BYTES = 3504

VM = dict(sig=0, page=8, block=16, base=24, limit=32, reserved=40, mapped=48)

CHUNK = dict(
    left=0, right=8, base=16, limit=24, sig=32, serial=40, arena=48, pages=56, alloc_base=64,
    alloc_table=72, page_table=80, page_table_pages=88, reserved=96, vm=136, overhead=192,
    sparse=200,
)  # fmt: skip
CHUNK_BYTES = 272

SPARSE = dict(sig=0, base=8, element=16, length=24, mapped=32, pages=40, vm=48, count=56)
ENTRY_BYTES = 24

LAND = dict(sig=0, align=8, size=16, owner=24, root=32, count=40, nodes=48, zone_shift=56)
FREELIST = dict(sig=0, align=8, size=16, head=32, count=40)
FAILOVER = dict(sig=0, primary=32, secondary=40)
NODE_BYTES = {name("CBSS"): 32, name("CBS"): 32, name("CBSF"): 40, name("CBSZ"): 48}

POOL = dict(sig=0, serial=8, next=16, previous=24, arena=32, align=40, first_point=56)
MFS = dict(
    POOL, unit=112, client=120, extend_by=128, extend_self=136, free_units=144, total=152,
    free=160, first=168, last=176,
)  # fmt: skip
MFS_BYTES = 192
EXTENT_HEADER = 16
# The link of a free unit reads FREE in its upper half.
FREE_KEY = name("FREE") << 32
MVFF = dict(POOL, blocks=168, total=360, primary=480, secondary=600, free=672)
MVFF_BYTES = 752
# A sized CBS has a second tree, of the last two words of nodes of 48 bytes
SIZED_ROOT = 64
SIZED_LINKS = 32
NEXTFIT = dict(rover=120)
LIFO = dict(
    POOL, extend_by=112, spare=120, arena_high=128, total=136, free=144, rests=152,
    free_blocks=160, first_free=168, first_extent=176, extents=184, empty=192,
    level1=200, level2=208, level3=216, level4=224, has_levels=232,
)  # fmt: skip
LIFO_BYTES = 240
TAG_BYTES, LEAST_BLOCK = 8, 32
IN_USE, BEFORE, FIRST = 1, 2, 4
# The least block of each list, and where a tag has the rest of its block
LEVELS = (32, 48, 128, 512, 4096)
REST_BIT = 57
MVT = dict(
    POOL, primary=112, secondary=232, failover=304, min_size=368, mean_size=376, max_size=384,
    reserve_depth=392, frag_limit=400, fill_size=408, reuse_size=416, total=424, available=432,
    unavailable=440, splinter_base=448, splinter_limit=456, overflowed=464, blocks=472, queue=480,
    first_segment=512, last_segment=520,
)  # fmt: skip
MVT_BYTES = 536
QUEUE = dict(ring=0, slots=8, oldest=16, count=24)
SLOT_BYTES = 16
SEGMENT = dict(sig=0, pool=8, next=16, previous=24, base=32, limit=40, block=48)
SEGMENT_BYTES = 56
POINT = dict(sig=0, pool=8, next=16, base=24, init=32, alloc=40, limit=48)
POINT_BYTES = 144

# Pools over regions
REGIONS = dict(total=136, free=144, slack=152, busy=160, idle=168)
REGION = dict(
    sig=0, pool=8, next=16, previous=24, base=32, limit=40, bytes=48, idle=56, sole=64,
)  # fmt: skip
REGION_BYTES = 72
BUDDY_BYTES, ORDERS, ORDERS_MOST = 672, 184, 60
TREE_ORDER, TREE = 72, 80
SEGFIT_BYTES, DIRECT_ABOVE, BIN_MASKS, BINS, BINS_MOST = 1248, 184, 192, 224, 128
USED, END = 1, 8
SLAB_BYTES, LARGE_CLASS, HEAPS = 1856, 184, 192
SLAB = dict(
    REGION, number=72, unit=80, room=88, units=96, child=104, next=112, back=120,
)  # fmt: skip
SLAB_TABLE = 128

# What the arena itself holds in the control pool: a table of messages, two
# messages, a lock, a chain of generations.
GLOBALS = 8 + 184 + 80 + 56 + 288
