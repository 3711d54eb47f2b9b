"""Buddy, SegFit and Slab: beside the kit's models, and what is refused.

Source: design/classes.md
"""

import pytest

import rangeland as rl
from rangeland.invariants.raw import audit
from rangeland.invariants.rounding import rounding_of

GRAIN = 4096


KINDS = ("Buddy", "SegFit", "Slab")
# The size classes of Slab.
CLASSES = [16 * n for n in range(1, 9)]
CLASSES += [step * n for step in (2**k for k in range(5, 20)) for n in (5, 6, 7, 8)]


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_as_the_model_of_the_class_says(kind, rng):
    result = rl.prove(getattr(rl, kind), rng.randrange(1 << 30), examples=24)
    assert result.ok and result.steps > 300, result


VARIED = {
    "Buddy": lambda arena, rng: rl.Buddy(
        arena,
        extend_by=rng.choice((1, 5000, 65536)),
        min_size=rng.choice((16, 64)),
        spare=rng.choice((0, 0.5, 1)),
        arena_high=rng.random() < 0.5,
    ),
    "SegFit": lambda arena, rng: rl.SegFit(
        arena,
        extend_by=rng.choice((1, 5000, 65536)),
        direct_above=rng.choice((0, 3000, 1 << 18)),
        spare=rng.choice((0, 0.5, 1)),
        arena_high=rng.random() < 0.5,
    ),
    "Slab": lambda arena, rng: rl.Slab(
        arena, rng.choice((8, 16, 256)), rng.choice((0, 0.5, 1)), rng.random() < 0.5
    ),
}


class Client:
    """What a client knows of its blocks, and what it does with them at random."""

    def __init__(self, pool, rng):
        self.pool, self.rng, self.live = pool, rng, {}
        self.resized = self.refused = 0

    def write(self, address, size):
        self.live[address] = size
        self.pool.arena.view(address, size)[:] = self.pattern(address, size)

    def pattern(self, address, size):
        return bytes([address // 8 % 251]) * size

    def expect_kept(self, address, size):
        assert self.pool.arena.view(address, size) == self.pattern(address, size)

    def alloc(self):
        size = self.rng.randint(1, self.rng.choice((30, 300, 9000, 100_000)))
        align = self.rng.choice((None, None, 1 << self.rng.randrange(16)))
        before = self.pool.total_size, self.pool.free_size, self.pool.slack_size
        try:
            address = self.pool.alloc(size, align)
        except MemoryError:
            self.refused += 1
            assert before == (self.pool.total_size, self.pool.free_size, self.pool.slack_size)
            return
        assert address % (align or 1) == address % self.pool.align == 0
        for other, length in self.live.items():
            assert address + size <= other or other + length <= address
        self.write(address, size)

    def resize(self):
        address = self.rng.choice(sorted(self.live))
        old = self.live[address]
        new = self.rng.choice((self.rng.randint(1, 9000), old * 2, old // 2 + 1, old + 20))
        if self.pool.resize(address, old, new):
            self.resized += 1
            self.expect_kept(address, min(old, new))
            self.write(address, new)

    def free(self):
        address = self.rng.choice(sorted(self.live))
        self.expect_kept(address, self.live[address])
        self.pool.free(address, self.live.pop(address))

    def step(self):
        chance = self.rng.random()
        if chance < 0.5 or not self.live:
            self.alloc()
        else:
            self.resize() if chance < 0.7 else self.free()

    def judge(self, rounded):
        pool = self.pool
        taken = sum(rounded(size) for size in self.live.values())
        assert pool.total_size - pool.free_size - pool.slack_size == taken
        pool.check()
        pool.arena.check()
        found = audit(pool.arena.space, pool.arena.address)
        assert found.extra == 0 and found.clients[0].largest == pool.largest_free


@pytest.mark.parametrize("kind", VARIED)
def test_random_runs_of_all_operations(kind, rng):
    resized = 0
    for _ in range(4):
        space = rl.AddressSpace(1 << 32, checked=True)
        with rl.Arena(1 << 20, space=space) as arena:
            client = Client(VARIED[kind](arena, rng), rng)
            for step in range(300):
                client.step()
                if step % 50 == 0:
                    client.judge(rounding_of(client.pool))
            resized += client.resized
            # All handles can be made anew, and go on alike.
            other = rl.Arena.attach(space, arena.address).pools[0]
            assert other.describe() == client.pool.describe()
            client.pool = other
            while client.live:
                client.free()
            client.judge(rounding_of(other))
            assert other.free_size + other.slack_size == other.total_size
            other.destroy()
            assert not arena.pools
    assert resized > 3


@pytest.mark.parametrize("kind", VARIED)
@pytest.mark.parametrize("limit", (0, 60_000, 300_000))
def test_what_is_refused_changes_nothing_and_frees_never_fail(kind, limit, rng):
    space = rl.AddressSpace(1 << 32, checked=True)
    with rl.Arena(1 << 20, space=space) as arena:
        client = Client(VARIED[kind](arena, rng), rng)
        for _ in range(60):
            client.step()
        arena.commit_limit = arena.committed + limit
        for step in range(4000):
            if step % 20 == 0:
                space.faults = rl.FaultPlan().fail("mapping", nth=rng.randint(1, 3))
            client.step()
            if step >= 200 and client.refused:
                break
        assert client.refused
        client.judge(rounding_of(client.pool))
        space.faults = rl.FaultPlan().fail("mapping", nth=range(1, 1 << 20))
        while client.live:
            client.free()
        client.judge(rounding_of(client.pool))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_free_goes_back_as_spare_says(kind):
    for spare in (0, 0.5, 1):
        with rl.Arena(1 << 22) as arena:
            pool = getattr(rl, kind)(arena, spare=spare)
            blocks = [pool.alloc(4000) for _ in range(200)]
            most = pool.total_size
            for count, address in enumerate(blocks, 1):
                pool.free(address, 4000)
                assert spare == 1 or pool.free_size <= spare * pool.total_size or (
                    len(pool.regions(idle=True)) == 0
                )
                assert spare < 1 or pool.total_size == most
                assert spare > 0 or not pool.regions(idle=True), count
            assert pool.total_size == (most if spare == 1 else 0)
            assert pool.describe().count("\n") >= 3


def test_buddies_of_several_orders_are_made_one():
    with rl.Arena(1 << 20) as arena:
        pool = rl.Buddy(arena, extend_by=4096, spare=1)
        blocks = [pool.alloc(size) for size in (1024, 16, 512, 2000)]
        assert [address - blocks[0] for address in blocks] == [0, 1024, 1536, 2048]
        assert pool.largest_free == 256
        for address, size in zip(blocks[1:], (16, 512, 2000)):
            pool.free(address, size)
        assert pool.largest_free == 2048
        pool.free(blocks[0], 1024)
        assert (pool.largest_free, pool.whole_free_size) == (4096, 4096)
        assert "1 of 4096" in pool.describe() and pool.free_blocks() == [(blocks[0], 4096)]


def test_a_block_of_buddy_grows_over_free_buddies():
    with rl.Arena(1 << 20) as arena:
        pool = rl.Buddy(arena, extend_by=4096)
        low, high = pool.alloc(1000), pool.alloc(1000)
        assert not pool.resize(low, 1000, 1025) and not pool.resize(high, 1000, 2000)
        pool.free(high, 1000)
        assert pool.resize(low, 1000, 4096) and pool.free_size == 0
        assert not pool.resize(low, 4096, 4097)
        assert pool.resize(low, 4096, 3) and pool.free_size == 4080
        pool.check()


def test_a_chunk_that_is_too_small_for_two_is_slack():
    with rl.Arena(1 << 20) as arena:
        pool = rl.SegFit(arena, spare=1)
        first, second, third = pool.alloc(56), pool.alloc(40), pool.alloc(40)
        assert (second - first, third - second, pool.slack_size) == (64, 48, 16)
        pool.free(second, 40)
        assert pool.alloc(24) == second and pool.slack_size == 32
        assert pool.resize(second, 24, 40) and pool.slack_size == 16
        assert pool.resize(second, 40, 20) and pool.slack_size == 32
        assert not pool.resize(second, 20, 41)
        pool.free(second, 20)
        assert pool.slack_size == 16
        assert pool.resize(first, 56, 90) and pool.resize(first, 90, 1)
        pool.check()


def test_blocks_above_the_limit_are_regions():
    with rl.Arena(1 << 22) as arena:
        pool = rl.SegFit(arena, direct_above=10_000, spare=0)
        large, small = pool.alloc(10_001), pool.alloc(10_000)
        assert large % GRAIN == 0 and len(pool.regions()) == 2
        assert pool.resize(large, 10_001, 12_288) and not pool.resize(large, 12_288, 12_289)
        assert not pool.resize(large, 12_288, 9000) and not pool.resize(small, 10_000, 10_001)
        assert pool.alloc(20_000, align=1 << 16) % (1 << 16) == 0
        pool.free(large, 12_288)
        assert len(pool.regions()) == 2


def test_slabs_of_all_small_classes_are_filled_by_their_units():
    with rl.Arena(1 << 22) as arena:
        pool = rl.Slab(arena)
        sizes = [unit for unit in CLASSES if unit < 4 * GRAIN]
        for size in (1, *sizes):
            pool.alloc(size)
        slabs = pool.slabs()
        assert sorted(unit for _, unit, _, _ in slabs) == sizes
        for base, unit, units, room in slabs:
            assert (base % GRAIN, units - room) == (0, 2 if unit == 16 else 1)
        assert pool.slack_size == 0
        assert "class 16: 2 of 256 units used" in pool.describe()


def test_aligned_blocks_of_slabs_use_what_is_there():
    with rl.Arena(1 << 22) as arena:
        pool = rl.Slab(arena, spare=1)
        plain = [pool.alloc(64) for _ in range(64)]
        for _ in range(20):
            address = pool.alloc(64, align=4096)
            assert address % 4096 == 0 and address not in plain
            pool.free(address, 64)
        assert pool.total_size == 2 * GRAIN
        assert pool.alloc(64, align=1 << 15) % (1 << 15) == 0
        assert pool.alloc(30_000, align=1 << 17) % (1 << 17) == 0
        assert pool.alloc(48, align=16) % 16 == 0
        pool.check()


WRONG = {
    "Buddy": (
        lambda p, a, b: p.free(a + 4096, 100),
        lambda p, a, b: p.free(a + 8, 100),
        lambda p, a, b: p.free(b, 1 << 20),
        lambda p, a, b: p.free(a + 16, 100),
    ),
    "SegFit": (
        lambda p, a, b: p.free(a + 16, 100),
        lambda p, a, b: p.free(a, 1),
        lambda p, a, b: p.free(a - 16, 8),
        lambda p, a, b: p.free(a, 300_000),
    ),
    "Slab": (
        lambda p, a, b: p.free(a + 16, 100),
        lambda p, a, b: p.free(a, 1),
        lambda p, a, b: p.free(a, 50_000),
        lambda p, a, b: p.free(a + 3, 100),
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_free_of_what_is_no_block_is_refused(kind):
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
        pool, other = getattr(rl, kind)(arena), rl.MVFF(arena)
        foreign = other.alloc(100)
        first, second = pool.alloc(100), pool.alloc(100)
        pool.free(second, 100)
        before = pool.describe(), pool.free_size
        for wrong in (
            *WRONG[kind],
            lambda p, a, b: p.free(b, 100),
            lambda p, a, b: p.free(foreign & -16, 100),
            lambda p, a, b: p.free(1 << 20, 100),
            lambda p, a, b: p.resize(b, 100, 200),
        ):
            with pytest.raises(rl.ProtocolError):
                wrong(pool, first, second)
            assert before == (pool.describe(), pool.free_size)
            pool.check()
        pool.free(first, 100)
        pool.destroy()
        with pytest.raises(rl.ProtocolError, match="destroyed"):
            pool.alloc(8)


def test_a_wrong_size_of_a_large_block_is_refused():
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30)) as arena:
        for pool in (rl.SegFit(arena, direct_above=0), rl.Slab(arena)):
            address = pool.alloc(50_000)
            for at, size in ((address, 5000), (address + GRAIN, 50_000), (address, 500_000)):
                with pytest.raises(rl.ProtocolError):
                    pool.free(at, size)
            pool.free(address, 50_000)


@pytest.mark.parametrize(
    "kind, options",
    [
        ("Buddy", {"extend_by": 0}),
        ("Buddy", {"min_size": 8}),
        ("Buddy", {"min_size": 24}),
        ("Buddy", {"min_size": 8192}),
        ("Buddy", {"spare": 1.5}),
        ("SegFit", {"extend_by": -1}),
        ("SegFit", {"direct_above": "x"}),
        ("Slab", {"align": 4}),
        ("Slab", {"align": 512}),
        ("Slab", {"spare": None}),
    ],
)
def test_wrong_options_are_refused(kind, options):
    with rl.Arena() as arena:
        with pytest.raises(rl.ParamError, match=next(iter(options))):
            getattr(rl, kind)(arena, **options)
        assert not arena.pools
    with pytest.raises(rl.ParamTypeError, match="expected an Arena"):
        getattr(rl, kind)(None)


@pytest.mark.parametrize("kind", KINDS)
def test_requests_that_no_memory_holds(kind):
    with rl.Arena(1 << 20, space=rl.AddressSpace(1 << 30)) as arena:
        pool = getattr(rl, kind)(arena)
        for size in (1 << 31, 1 << 45, 1 << 60, (1 << 59) + 1):
            with pytest.raises(rl.ResourceError):
                pool.alloc(size)
            with pytest.raises(rl.ResourceError):
                pool.alloc(16, align=1 << 45)
            with pytest.raises(rl.ResourceError):
                pool.alloc(size, align=1 << 60)
        assert pool.total_size == 0
        pool.check()


def test_all_keep_to_a_larger_grain():
    with rl.Arena(1 << 24, grain_size=65536) as arena:
        for kind in KINDS:
            pool = getattr(rl, kind)(arena)
            blocks = [(pool.alloc(size), size) for size in (1, 5000, 70_000, 300_000)]
            assert all(base % 65536 == limit % 65536 == 0 for base, limit in pool.spans())
            pool.check()
            for address, size in blocks:
                pool.free(address, size)
            arena.check()
        assert audit(arena.space, arena.address).extra == 0
