"""Numbers that 64 bits do not hold, or whose sums wrap: compiled, they were
OverflowErrors, and a view of 2**63 - 1 bytes was granted."""

import pytest

import rangeland as rl

HUGE = (2**62, 2**63 - 8, 2**63, 2**64, 2**70)


@pytest.fixture
def arena():
    return rl.Arena(size=1 << 20, space=rl.AddressSpace(1 << 24))


@pytest.mark.parametrize("huge", HUGE, ids=hex)
def test_huge_numbers_are_refused_with_what_was_expected(arena, huge):
    space, block = arena.space, rl.MVFF(arena).alloc(8)
    for refused in (
        lambda: arena.view(huge, 8),
        lambda: arena.view(block, huge),
        lambda: space.word(huge),
        lambda: space.words_at(block, huge),
        lambda: space.reserve_at(huge, 4096),
        lambda: space.reserve_at(space.base, huge),
        lambda: rl.AddressSpace(size=huge),
        lambda: rl.AddressSpace(size=1 << 20, base=huge),
        lambda: rl.Arena(size=huge, space=space),
        lambda: rl.Arena(size=1 << 20, grain_size=1 << huge.bit_length(), space=space),
        lambda: arena.pool_of(huge),
    ):
        with pytest.raises(rl.ParamError, match=r"is \d+: expected at most \d+"):
            refused()
    arena.check()


def test_a_view_ends_with_the_mapped_memory(arena):
    block = rl.MVFF(arena).alloc(8)
    for size in (1 << 20, 1 << 40, (1 << 61) - 1):
        with pytest.raises(rl.AccessError, match="not mapped"):
            arena.view(block, size)


def test_nobody_sees_the_page_of_zeros_below_every_address(arena):
    for address in (0, arena.space.nil, arena.space.base - 8):
        with pytest.raises(rl.AccessError, match="no address is below"):
            arena.view(address, 8)
