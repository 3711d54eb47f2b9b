"""What the header of a recording tells of its machine, and what it is here.

Facts are named by their path in the header: `arena.chunk0.pages`.
Source: design/conform.md#.sol.facts
"""

from arena import fields as a
from land import fields as lf
from pools import fields as p
from pools.mfs import MFS
from rangeland.conform.shapes import short
from vm import fields as f
from vm.results import ParamError

# The objects of a header whose every member is compared,
OBJECTS = ("block_sizes", "arena", "arena.arena_vm", "arena.chunk0", "arena.start", "pool")
# but for what the machine is made from, and the asides.
INPUTS = {
    "arena.requested_size",
    "arena.clamped",
    "arena.grain_size",
    "arena.zoned",
    "arena.spare",
    "arena.commit_limit",
    "arena.control_log",
    "pool.class",
    "pool.args",
}
BLOCK_SIZES = {
    "block_sizes.cbs_plain": lf.NODE_SIZE,
    "block_sizes.cbs_fast": lf.FAST_NODE_SIZE,
    "block_sizes.cbs_zoned": lf.ZONED_NODE_SIZE,
    "block_sizes.mfs_extent_ring": p.EXTENT_HEADER,
}


def told(header, objects=OBJECTS):
    """The facts that `header` tells in these objects of it.

    Raises: ParamError if one of them is no object.
    """
    facts = {}
    for path in objects:
        members = header
        for key in path.split("."):
            members = members.get(key, {})
        if not isinstance(members, dict):
            raise ParamError(
                f"expected an object as {path!r} of the header, found {short(members)}"
            )
        for key, value in members.items():
            name = f"{path}.{key}"
            if name not in OBJECTS and name not in INPUTS:
                facts[name] = value
    return facts


def of_arena(arena):
    """The facts of `arena` as it is now."""
    chunk = arena.chunks[0]
    descriptor = arena.space.words_at(chunk.address, a.CHUNK_SIZE)
    return BLOCK_SIZES | {
        "arena.class": "VM",
        "arena.os_page_size": f.PAGE,
        "arena.zone_shift": arena.zone_shift,
        "arena.arena_vm.base": arena.address,
        "arena.arena_vm.struct_size": a.ARENA_SIZE,
        "arena.chunk0.base": chunk.base,
        "arena.chunk0.size": chunk.limit - chunk.base,
        "arena.chunk0.reserved": chunk.reserved,
        "arena.chunk0.pages": chunk.pages,
        "arena.chunk0.alloc_base_page": chunk.alloc_base,
        "arena.chunk0.alloc_table": chunk.allocated.address - chunk.base,
        "arena.chunk0.page_table": chunk.page_table - chunk.base,
        "arena.chunk0.page_table_pages": descriptor[a.PAGE_TABLE_PAGES],
        "arena.chunk0.page_desc_size": a.PAGE_DESC_SIZE,
        "arena.start.committed": arena.committed,
        "arena.start.reserved": arena.reserved,
        "arena.start.spare_committed": arena.spare_committed,
        "arena.start.free_zones": arena.free_zones,
    }


def of_pool(pool):
    """The facts of `pool`; the sizes that an MFS pool rounds are told of it."""
    facts = {"pool.serial": pool.serial, "pool.struct_size": pool.descriptor_size}
    if isinstance(pool, MFS):
        facts |= {"pool.unit_size": pool.unit_size, "pool.extend_by": pool.extend_by}
    return facts


def compared(expected, here):
    """The facts `expected`, and the same facts as they are `here`. Where they
    differ, those that do; a fact unknown here is one that differs."""
    came = {name: here[name] for name in expected if name in here}
    if came == expected:
        return expected, came
    differ = [name for name in expected if name not in came or came[name] != expected[name]]
    return (
        {name: expected[name] for name in differ},
        {name: came[name] for name in differ if name in came},
    )
