"""A resize is refused wherever a free with the same arguments is: of a block that is
free again, in whole or in part, and of what is no block.

Source: design/pools.md#.req.refuse, design/pools.md#.sol.resize
"""

import pytest

import rangeland as rl

PAGE = 4096
KINDS = {
    "mfs": lambda arena: rl.MFS(arena, 96, extend_by=PAGE),
    "mvff": rl.MVFF,
    "mvff16": lambda arena: rl.MVFF(arena, align=16, first_fit=False, slot_high=True),
    "bestfit": rl.BestFit,
    "worstfit": rl.WorstFit,
    "nextfit": rl.NextFit,
    "lifofit": rl.LIFOFit,
    "lifofit64": lambda arena: rl.LIFOFit(arena, align=64),
    "mvt": lambda arena: rl.MVT(arena, max_size=PAGE, mean_size=96),
}


class Held:
    """A pool of a kind, with blocks of 96 bytes in use."""

    def __init__(self, kind):
        self.space = rl.AddressSpace(1 << 28)
        self.arena = rl.Arena(1 << 20, space=self.space)
        self.pool = KINDS[kind](self.arena)
        point = self.pool.allocation_point() if kind == "mvt" else None

        def take():
            if point is None:
                return self.pool.alloc(96)
            address = point.reserve(96)
            point.commit(address, 96)
            return address

        self.blocks = [take() for _ in range(12)]

    def words(self):
        """All that the arena has mapped, and what the pool tells."""
        runs = [
            bytes(self.space.view(base, limit - base))
            for held in self.space.reservations.values()
            for base, limit in [(held.base, held.base + held.size)]
            if self.space.first_unmapped(base, limit) == limit
        ]
        pool = self.pool
        return runs, pool.total_size, pool.free_size, pool.slack_size, pool.describe()

    def refused(self, deed, *arguments):
        """The error that `deed` ends with, nothing having changed."""
        before = self.words()
        with pytest.raises((rl.ProtocolError, rl.ParamError)) as caught:
            deed(*arguments)
        assert self.words() == before
        self.pool.check()
        return type(caught.value), str(caught.value)


def wrong(held):
    """Arguments of a free that has to be refused, by name."""
    a, b, c = held.blocks[2], held.blocks[5], held.blocks[6]
    for block in (a, b, c):
        held.pool.free(block, 96)
    yield "freed", (a, 96)
    yield "freed beside a freed one", (b, 96)
    yield "freed last", (c, 96)
    yield "no address of the pool", (held.pool.address, 96)
    yield "below the machine", (8, 96)
    yield "above the machine", (held.space.limit + (1 << 40), 96)
    yield "not aligned", (held.blocks[0] + 4, 96)
    yield "with a size that none has", (held.blocks[0], 1 << 50)


@pytest.mark.parametrize("kind", KINDS)
def test_a_resize_is_refused_where_a_free_is(kind):
    held = Held(kind)
    for name, (address, size) in wrong(held):
        freeing = held.refused(held.pool.free, address, size)
        for new in (8, 48, size, 104, 200, 3000):
            assert held.refused(held.pool.resize, address, size, new) == freeing, name


@pytest.mark.parametrize("kind", [k for k in KINDS if not k.startswith(("mfs", "lifofit"))])
@pytest.mark.parametrize("part", [(0, 48), (48, 48), (32, 16)])
def test_a_block_that_is_half_free_is_not_resized(kind, part):
    held = Held(kind)
    block = held.blocks[4]
    held.pool.free(block + part[0], part[1])
    for new in (16, 96, 128):
        told = held.refused(held.pool.resize, block, 96, new)
        assert told == held.refused(held.pool.free, block, 96)
        assert "already free, in whole or in part" in told[1]


@pytest.mark.parametrize("kind", [k for k in KINDS if not k.startswith(("mfs", "lifofit"))])
def test_what_is_free_in_the_secondary_land_is_not_resized(kind):
    held = Held(kind)
    held.space.faults = rl.FaultPlan().fail("node", nth=range(1, 1000))
    for i in (1, 3, 7, 9):
        held.pool.free(held.blocks[i], 96)
    assert len(held.pool.free_land.secondary) > 0
    for i in (1, 3, 7, 9):
        with pytest.raises(rl.ProtocolError, match="already free"):
            held.pool.resize(held.blocks[i], 96, 48)
    for i in (0, 2, 4):
        assert held.pool.resize(held.blocks[i], 96, 96)
    held.pool.check()


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_in_use_is_resized_as_ever(kind):
    held = Held(kind)
    for block in held.blocks:
        assert held.pool.resize(block, 96, 96)
        if kind != "mfs" and held.pool.resize(block, 96, 40):
            held.pool.resize(block, 40, 90)
    held.pool.check()


def test_of_a_block_that_is_freed_and_taken_again_the_new_size_counts():
    held = Held("lifofit")
    block = held.blocks[3]
    held.pool.free(block, 96)
    again = held.pool.alloc(56)
    assert block < again < block + 96
    with pytest.raises(rl.ProtocolError):
        held.pool.resize(block, 96, 48)
    assert held.pool.resize(again, 56, 40)
    held.pool.check()
