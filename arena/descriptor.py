"""What the words of an arena descriptor can be, as far as that follows from
what the machine has reserved, and from each other.

The counts that change are held against their bounds by `Chunks.verify`, at
every step that the arena takes. Source: design/arena.md#.sol.words
"""

import struct

from arena import fields as a
from arena.damage import damaged, verify_words
from vm import fields as f

# What is allocated in the control pool from the start, in this order: the
# first block that it gives out, and what follows (design/bootstrap.md#.sol.control).
GLOBALS = (
    ("message table", a.MESSAGES, a.MESSAGE_TABLE_SIZE),
    ("trace start", a.TRACE_START, a.TRACE_START_SIZE),
    ("trace message", a.TRACE_MESSAGE, a.TRACE_MESSAGE_SIZE),
    ("lock", a.LOCK, a.LOCK_SIZE),
    ("default chain", a.CHAIN, a.CHAIN_SIZE),
)
# The generations of the default chain: capacity in bytes, mortality.
TOP_GENERATION = (1024, 0.5)
DEFAULT_CHAIN = ((8192 * 1024, 0.85), (36864 * 1024, 0.45))


def verify_arena(grains):
    """Hold the descriptor of the arena of `grains` against what it can be.

    Raises: DamageError. Cost: O(log chunks).
    """
    space, address, chunks = grains.space, grains.address, grains.chunks
    name = f"arena {address:#x}"
    held = space.reservations.of(address)
    if held is None or held.base != address or held.size != grains.grain:
        found = "nothing" if held is None else f"{held.size} bytes"
        expected = f"the size of what is reserved for the arena descriptor: {found}"
        damaged(space, name, address, a.GRAIN_SIZE, "GRAIN_SIZE", expected)
    verify_words(space, name, address, _layout(held, grains))
    chunks.verify()
    primary = chunks.get(a.PRIMARY)
    if chunks.tree.node_of(primary) != primary:
        damaged(space, name, address, a.PRIMARY, "PRIMARY", "the base of a chunk")
    first = chunks.at(primary)
    shift = (first.limit - first.base >> 6).bit_length() - 1
    if chunks.get(a.ZONE_SHIFT) != shift:
        damaged(space, name, address, a.ZONE_SHIFT, "ZONE_SHIFT", f"{shift}")
    _verify_globals(grains, name)


def _layout(held, grains):
    """What stands in the arena descriptor for good: (field, name, word)."""
    vm = a.ARENA_VM_AT // f.WORD
    top = a.TOP_GEN_AT // f.WORD
    generation = _generation(grains, 0, TOP_GENERATION, "TopGen")
    return (
        (0, "SIG", a.ARENA_SIG),
        (a.GRAIN_SIZE, "GRAIN_SIZE", grains.grain),
        (vm + f.SIG, "VM SIG", f.VM_SIG),
        (vm + f.VM_PAGE_SIZE, "VM_PAGE_SIZE", f.PAGE),
        (vm + f.VM_BLOCK, "VM_BLOCK", held.block),
        (vm + f.VM_BASE, "VM_BASE", held.base),
        (vm + f.VM_LIMIT, "VM_LIMIT", held.base + held.size),
        (vm + f.VM_RESERVED, "VM_RESERVED", held.counted),
        (vm + f.VM_MAPPED, "VM_MAPPED", held.size),
        *((top + field, name, word) for field, name, word in generation),
    )


def _generation(grains, number, generation, what):
    capacity, mortality = generation
    (bits,) = struct.unpack("<q", struct.pack("<d", mortality))
    return (
        (0, f"{what} SIG", a.GEN_SIG),
        (a.GEN_ARENA, f"{what} ARENA", grains.address),
        (a.GEN_NUMBER, f"{what} NUMBER", number),
        (a.GEN_CAPACITY, f"{what} CAPACITY", capacity),
        (a.GEN_MORTALITY, f"{what} MORTALITY", bits),
    )


def _verify_globals(grains, name):
    """What was allocated first lies where an extent of the control pool begins."""
    space, address, get = grains.space, grains.address, grains.chunks.get
    where = get(GLOBALS[0][1])
    chunk = grains.chunks.of(where)
    i = chunk.index_of(where) if chunk else 0
    owned = chunk is not None and chunk.owner(i) == grains.control.address
    if not owned or chunk.allocation_base(i) != where:
        field, what = GLOBALS[0][1], GLOBALS[0][0]
        damaged(space, name, address, field, what, "the base of an extent of the control pool")
    for what, field, size in GLOBALS:
        if get(field) != where:
            damaged(space, name, address, field, what, f"{where:#x}")
        where += size
    chain = get(a.CHAIN)
    verify_words(space, f"chain {chain:#x}", chain, ((0, "SIG", a.CHAIN_SIG),))
    for i, generation in enumerate(DEFAULT_CHAIN):
        at = chain + a.CHAIN_HEADER + i * a.GEN_SIZE
        words = _generation(grains, i + 1, generation, f"DefGen-{i}")
        verify_words(space, f"generation {at:#x}", at, words)
