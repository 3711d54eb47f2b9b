"""The invariants of a whole arena, asserted by its own handles.

An independent judge of the same, which reads raw bytes and shares no code
with this, is in the tests. Source: design/arena.md#.req.check
"""

from arena import fields as a
from vm import fields as f


def check_arena(arena):
    """Assert the invariants of `arena` (design/arena.md#.req.check)."""
    grains = arena.grains
    arena.space.check()
    _check_descriptor(arena)
    grains.free_land.land.check()
    grains.spare_land.land.check()
    for pool in (*arena.system_pools, *arena.pools):
        pool.check()
    _check_nodes(grains.free_land, grains.grain)
    _check_nodes(grains.spare_land, grains.grain)
    free = list(grains.free_land.land)
    spare = list(grains.spare_land.land)
    for chunk in arena.chunks:
        _check_chunk(arena, chunk, free, spare)
    inside = [(chunk.base, chunk.limit) for chunk in arena.chunks]
    for base, limit in free + spare:
        assert any(low <= base and limit <= high for low, high in inside), "a range is in a chunk"


def _check_descriptor(arena):
    get = arena.grains.chunks.get
    vms = [chunk.vm for chunk in arena.chunks]
    for chunk_vm in vms:
        chunk_vm.check()
    own = arena.space.words_at(arena.address + a.ARENA_VM_AT, f.VM_SIZE)
    mapped = own[f.VM_MAPPED] + sum(vm.mapped for vm in vms)
    reserved = own[f.VM_RESERVED] + sum(chunk.reserved for chunk in arena.chunks)
    assert arena.committed == mapped + get(a.LOST), "committed is what is mapped, and what is lost"
    assert arena.reserved == reserved, "reserved is the sum of the VMs"
    assert arena.committed <= get(a.COMMIT_LIMIT) or get(a.LOST), "the commit limit is kept"
    assert arena.grains.spare_land.land.size == arena.spare_committed, "spare land is counted"
    assert arena.chunks[0].address == get(a.PRIMARY), "the oldest chunk is the primary"
    assert len(arena.grains.chunks.ascending()) == arena.grains.chunks.tree.check()


def _check_nodes(land, grain):
    """Every node of a land that hosts itself holds a range."""
    used = (land.blocks.total_size - land.blocks.free_size) // land.blocks.unit_size
    assert used == len(land.land), "every node holds a range"
    for base, limit in land.blocks.extents():
        assert limit - base == grain, "nodes come a grain at a time"


def _check_chunk(arena, chunk, free, spare):
    """Free ranges and allocated pages share the chunk; spare ones are free."""
    chunk.descriptors.check()
    assert chunk.allocated.next_set(0, chunk.alloc_base) == chunk.alloc_base, "overhead is not"
    free_pages = _pages(chunk, free)
    spare_pages = _pages(chunk, spare)
    for i in range(chunk.alloc_base, chunk.pages):
        allocated = chunk.allocated.get(i)
        assert allocated != (i in free_pages), f"page {i} of {chunk!r} is free or allocated"
        mapped = chunk.descriptors.mapped.get(i)
        assert mapped == (allocated or i in spare_pages), f"page {i} of {chunk!r} is mapped"
        if allocated:
            assert arena.pool_of(chunk.address_of(i)) is not None
    assert spare_pages <= free_pages, "spare memory is free"


def _pages(chunk, ranges):
    pages = set()
    for base, limit in ranges:
        if chunk.base <= base < chunk.limit:
            pages.update(range(chunk.index_of(base), chunk.index_of(limit)))
    return pages
