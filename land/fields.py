"""Where the fields of nodes and of land descriptors lie, in words.

Source: design/land.md#.sol.layout
"""

from vm.fields import signature

# A node of a tree: plain 32 bytes, fast 40, zoned 48. A node has no
# signature: its size decides when its pool extends, so it has no room.
LEFT = 0
RIGHT = 1
BASE = 2
LIMIT = 3
MAX = 4
ZONES = 5
NODE_SIZE = 32
FAST_NODE_SIZE = 40
ZONED_NODE_SIZE = 48
# The last entry of the path of a walk that a node may have; one more may be hung below
# (design/land.md#.sol.bounds)
DEEPEST = 94
# The word number of the first address: what is below is the nil page.
FIRST = 512
# A node of a sized CBS: its range, and from BY_SIZE on the links of a second tree
BY_SIZE = 4
SIZED_NODE_SIZE = 48

# What every land descriptor begins with, after its signature.
ALIGN = 1
SIZE = 2
OWNER = 3

# A CBS of any kind, 120 bytes
ROOT = 4
COUNT = 5
NODES = 6
ZONE_SHIFT = 7
SIZE_ROOT = 8
CBS_SIZE = 120

# A freelist, 72 bytes: ROOT is unused, HEAD is in its place
HEAD = 4
FREELIST_SIZE = 72

# A failover, 64 bytes: the addresses of the two lands
PRIMARY = 4
SECONDARY = 5
FAILOVER_SIZE = 64

CBS_SIG = signature("CBS")
FAST_SIG = signature("CBSF")
ZONED_SIG = signature("CBSZ")
SIZED_SIG = signature("CBSS")
FREELIST_SIG = signature("FREE")
FAILOVER_SIG = signature("FAIL")

# What a find deletes of the range that it found
KEEP = 0
LOW = 1
HIGH = 2
ENTIRE = 3
