"""Memory is real: what the process has resident follows what is mapped."""

import rangeland as rl

MIB = 1 << 20


def test_resident_size_follows_the_pool_up_and_down():
    space = rl.AddressSpace(1 << 32)
    with rl.Arena(size=MIB, space=space) as arena:
        arena.spare = 0
        pool = rl.MVFF(arena, extend_by=MIB, spare=0)
        start, mapped = space.resident(), space.mapped
        blocks = []
        for _ in range(96):
            blocks.append(pool.alloc(MIB))
            arena.view(blocks[-1], MIB)[:] = b"\xa5" * MIB
        grown, more = space.resident() - start, space.mapped - mapped
        assert more >= 96 * MIB
        assert 0.95 * more < grown < 1.05 * more
        for block in blocks[::2]:
            pool.free(block, MIB)
        half, less = space.resident() - start, space.mapped - mapped
        assert less < 0.52 * more
        assert 0.95 * less < half < 1.1 * less
        assert bytes(arena.view(blocks[1], MIB)) == b"\xa5" * MIB
        pool.destroy()
        assert space.resident() - start < 0.05 * more
        assert space.mapped <= mapped + 0.01 * more


def test_what_is_mapped_again_reads_as_zeros():
    space = rl.AddressSpace(1 << 26, checked=True)
    arena = rl.Arena(size=1 << 22, space=space, spare=1)
    pool = rl.MVFF(arena, spare=0)
    # What is freed first gives a grain to the nodes of spare land, for good.
    pool.free(pool.alloc(8), 8)
    block = pool.alloc(MIB)
    arena.view(block, MIB)[:] = b"\xff" * MIB
    pool.free(block, MIB)
    assert arena.spare_committed > 0
    arena.spare = 0
    assert space.first_unmapped(block, block + 4096) == block
    again = pool.alloc(MIB)
    assert again == block
    assert bytes(arena.view(again, MIB)) == bytes(MIB)


def test_spare_memory_keeps_its_contents_and_is_not_mapped_anew():
    arena = rl.Arena(size=1 << 22, space=rl.AddressSpace(1 << 26), spare=1.0)
    pool = rl.MVFF(arena, spare=0)
    pool.free(pool.alloc(8), 8)
    block = pool.alloc(MIB)
    arena.view(block, MIB)[:] = b"\xff" * MIB
    pool.free(block, MIB)
    committed = arena.committed
    with rl.record(("Seg",)) as log:
        assert pool.alloc(MIB) == block
    assert [event.name for event in log] == []
    assert arena.committed == committed
    assert bytes(arena.view(block, MIB))[8192:] == b"\xff" * (MIB - 8192)


def test_many_arenas_come_and_go():
    space = rl.AddressSpace(1 << 26, checked=True)
    for turn in range(30):
        arenas = [rl.Arena(size=1 << 18, space=space) for _ in range(1 + turn % 4)]
        for arena in arenas:
            pool = rl.MVFF(arena)
            pool.alloc(1000 * turn + 1)
            pool.destroy()
        for arena in arenas[:: -1 if turn % 2 else 1]:
            arena.destroy()
        assert space.reserved == space.mapped == 0
        assert not space.reservations and not space.ledgers
    space.check()
