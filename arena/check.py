"""The invariants of a whole arena, asserted by its own handles.

An independent judge of the same, which reads raw bytes and shares no code
with this, is in the tests. Source: design/arena.md#.req.check
"""

from bisect import bisect_left

from arena import fields as a
from arena.descriptor import verify_arena
from vm import fields as f
from vm.sparse import runs


def check_arena(arena):
    """Assert the invariants of `arena` (design/arena.md#.req.check).

    Cost: O(pages that are mapped + ranges + units + pools + chunks).
    """
    grains = arena.grains
    arena.space.check()
    chunks = arena.chunks
    for chunk in chunks:
        chunk.verify()
    verify_arena(grains)
    _check_descriptor(arena, chunks)
    grains.free_land.land.check()
    grains.spare_land.land.check()
    pools = [*arena.system_pools, *arena.pools]
    for pool in pools:
        pool.check()
    _check_nodes(grains.free_land, grains.grain)
    _check_nodes(grains.spare_land, grains.grain)
    free = list(grains.free_land.land)
    spare = list(grains.spare_land.land)
    owners = {pool.address for pool in pools}
    owners.update(pool.blocks.address for pool in pools if hasattr(pool, "blocks"))
    inside = 0
    for chunk in chunks:
        inside += _check_chunk(chunk, _within(chunk, free), _within(chunk, spare), owners)
    assert inside == len(free) + len(spare), "a range is in a chunk"


def _check_descriptor(arena, chunks):
    get = arena.grains.chunks.get
    vms = [chunk.vm for chunk in chunks]
    for chunk_vm in vms:
        chunk_vm.check()
    own = arena.space.words_at(arena.address + a.ARENA_VM_AT, f.VM_SIZE)
    mapped = own[f.VM_MAPPED] + sum(vm.mapped for vm in vms)
    reserved = own[f.VM_RESERVED] + sum(chunk.reserved for chunk in chunks)
    assert arena.committed == mapped + get(a.LOST), "committed is what is mapped, and what is lost"
    assert arena.reserved == reserved, "reserved is the sum of the VMs"
    assert arena.committed <= get(a.COMMIT_LIMIT) or get(a.LOST), "the commit limit is kept"
    assert arena.grains.spare_land.land.size == arena.spare_committed, "spare land is counted"
    assert chunks[0].address == get(a.PRIMARY), "the oldest chunk is the primary"
    serials = {chunk.serial for chunk in chunks}
    assert len(serials) == len(chunks), "no two chunks have the same serial number"
    assert len(chunks) == arena.grains.chunks.tree.check(), "the tree holds the chunks"


def _check_nodes(land, grain):
    """Every node of a land that hosts itself holds a range."""
    used = (land.blocks.total_size - land.blocks.free_size) // land.blocks.unit_size
    assert used == len(land.land), "every node holds a range"
    for base, limit in land.blocks.extents():
        assert limit - base == grain, "nodes come a grain at a time"


def _within(chunk, ranges):
    """Those of the ascending `ranges` that begin in `chunk`, as page numbers."""
    first = bisect_left(ranges, (chunk.base, 0))
    last = bisect_left(ranges, (chunk.limit, 0))
    found = []
    for base, limit in ranges[first:last]:
        assert limit <= chunk.limit, "a range is in a chunk"
        found.append((chunk.index_of(base), chunk.index_of(limit)))
    return found


def _check_chunk(chunk, free, spare, owners):
    """Free ranges and allocated pages share the chunk; spare ones are free.
    Returns how many ranges it has."""
    chunk.descriptors.check()
    allocated = list(runs(chunk.allocated))
    mapped = list(runs(chunk.descriptors.mapped))
    assert _between(allocated, chunk.alloc_base, chunk.pages) == free, (
        f"a page of {chunk!r} above its overhead is free or allocated"
    )
    assert _union(allocated, spare) == mapped, f"a page of {chunk!r} is mapped if it is in use"
    assert _union(free, spare) == free, "spare memory is free"
    assert _total(allocated) + _total(spare) == _total(mapped), "spare memory is free"
    for lo, hi in mapped:
        base, limit = chunk.address_of(lo), chunk.address_of(hi)
        assert chunk.space.first_unmapped(base, limit) == limit, "what is mapped is mapped"
    for lo, hi in allocated:
        _check_owners(chunk, lo, hi, owners)
    return len(free) + len(spare)


def _check_owners(chunk, lo, hi, owners):
    """Each of the allocated pages lo to hi - 1 belongs to a pool that exists."""
    for i in range(lo, hi):
        owner = chunk.owner(i)
        assert owner in owners, f"page {i} of {chunk!r} belongs to a pool, found {owner:#x}"
        base, at = chunk.allocation_base(i), chunk.address_of(i)
        inside = chunk.base < base <= at and base % chunk.grain == 0
        assert inside, f"page {i} of {chunk!r} has a base"


def _between(ranges, lo, hi):
    """What of [lo, hi) is in none of the ascending `ranges`, all of them in it."""
    found = []
    for first, last in ranges:
        assert lo <= first, "the overhead of a chunk is not allocated"
        if lo < first:
            found.append((lo, first))
        lo = last
    if lo < hi:
        found.append((lo, hi))
    return found


def _total(ranges):
    return sum(hi - lo for lo, hi in ranges)


def _union(one, two):
    """The ranges of two ascending lists, one where they touch or overlap."""
    found = []
    for lo, hi in sorted([*one, *two]):
        if found and lo <= found[-1][1]:
            found[-1] = (found[-1][0], max(hi, found[-1][1]))
        else:
            found.append((lo, hi))
    return found
