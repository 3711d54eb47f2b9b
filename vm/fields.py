"""Where the fields of the machine's own structures lie.

Every name is a word number (a word has 8 bytes) from the base of its
structure; every `..._SIZE` counts bytes. `fields.pxd` tells a compiler the
same, and a test holds the two together. Source: design/vm.md#.sol.layout
"""

WORD = 8
PAGE = 4096
PAGE_SHIFT = 12

# Every structure but a node begins with a signature: ASCII, so that a dump
# of raw memory can be read (design/vm.md#.sol.sig).
SIG = 0

# VM descriptor, 56 bytes
VM_PAGE_SIZE = 1
VM_BLOCK = 2
VM_BASE = 3
VM_LIMIT = 4
VM_RESERVED = 5
VM_MAPPED = 6
VM_SIZE = 56

# Boot block, 32 bytes
BOOT_BASE = 1
BOOT_ALLOC = 2
BOOT_LIMIT = 3
BOOT_SIZE = 32

# Sparse array, 64 bytes
SPARSE_BASE = 1
SPARSE_ELEMENT = 2
SPARSE_LENGTH = 3
SPARSE_MAPPED = 4
SPARSE_PAGES = 5
SPARSE_VM = 6
SPARSE_PAGE_COUNT = 7
SPARSE_SIZE = 64


def signature(text):
    """The word that marks a structure as a `text` (at most 4 characters)."""
    return int.from_bytes(text.encode("ascii").ljust(4, b"\0"), "little")


VM_SIG = signature("VM")
BOOT_SIG = signature("BOOT")
SPARSE_SIG = signature("SPRS")
