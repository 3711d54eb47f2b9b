"""MVFF: placement, extension and reduction, against what the real MPS was
measured doing and against a naive judge, a plain list of free ranges.

Source: design/pools.md#.req.mvff.check, design/pools.md#.req.mvff.place
"""

import itertools

import pytest
from support.grains import PAGE, steady, take

import rangeland as rl
from pools import fields as p
from vm import events as ev
from vm.telemetry import stream

FLAGS = list(itertools.product((False, True), repeat=3))


@pytest.fixture
def arena():
    """A small arena without zones, so that no address matters."""
    return rl.Arena(size=1 << 20, zoned=False)


def hole(arena, pages):
    """Leave a hole of so many free pages below all other free memory."""
    # The first page of what is freed first becomes memory for spare nodes.
    below = take(steady(arena), pages + 1)
    take(arena, 32)
    below.destroy()


LOW = (0, 104, 304, 608, 1008)
HIGH = (3992, 3792, 3488, 3088, 2584)


@pytest.mark.parametrize(
    "first_fit, slot_high, arena_high, five, three",
    [
        (False, False, False, LOW, (1512, 1664, 1816)),
        (False, False, True, LOW, (1512, 1664, -4096)),
        (True, False, False, LOW, (104, 608, 1512)),
        (True, False, True, LOW, (104, 608, -4096)),
        (False, True, False, HIGH, (3840, 3336, 4096)),
        (False, True, True, HIGH, (3840, 3336, -1512)),
        (True, True, False, HIGH, (2432, 2280, 4096)),
        (True, True, True, HIGH, (2432, 2280, -1816)),
    ],
)
def test_the_offsets_that_the_mps_was_measured_to_give(
    arena, first_fit, slot_high, arena_high, five, three
):
    hole(arena, 2)
    pool = rl.MVFF(
        arena,
        extend_by=4096,
        spare=1.0,
        first_fit=first_fit,
        slot_high=slot_high,
        arena_high=arena_high,
    )
    blocks = [pool.alloc(size) for size in (100, 200, 300, 400, 500)]
    page = blocks[0] // PAGE * PAGE
    assert tuple(block - page for block in blocks) == five
    pool.free(blocks[1], 200)
    pool.free(blocks[3], 400)
    assert tuple(pool.alloc(size) - page for size in (150, 150, 4096)) == three
    assert (pool.total_size, pool.free_size) == (8192, 2880)
    arena.check()


def test_the_reduction_that_the_mps_was_measured_to_do(arena):
    pool = rl.MVFF(arena, extend_by=65536, spare=0.5)
    blocks = [pool.alloc(8192) for _ in range(16)]
    assert (pool.total_size, pool.free_size) == (131072, 0)
    came = []
    for block in reversed(blocks):
        pool.free(block, 8192)
        came.append((pool.total_size // PAGE, pool.free_size // PAGE))
    whole = [(32, 2 * i) for i in range(1, 8)]
    rest = [(24, 8), (24, 10), (18, 6), (18, 8), (12, 4), (9, 3), (6, 2), (3, 1), (0, 0)]
    assert came == whole + rest


class Naive:
    """The judge: free and total memory as sorted lists of [base, limit]."""

    def __init__(self, align, spare, extend_by, first_fit, slot_high):
        self.align = align
        self.spare = spare
        self.extend_by = max(extend_by, PAGE)
        self.first_fit = first_fit
        self.slot_high = slot_high
        self.free = []
        self.total = []

    def rounded(self, size):
        return -(-size // self.align) * self.align

    def take(self, size):
        """The address of a block in free memory, or None."""
        size = self.rounded(size)
        fitting = [pair for pair in self.free if pair[1] - pair[0] >= size]
        if not fitting:
            return None
        base, limit = fitting[0] if self.first_fit else fitting[-1]
        address = limit - size if self.slot_high else base
        cut(self.free, address, address + size)
        return address

    def wanted(self, size):
        """The bytes that the arena shall be asked for."""
        return -(-max(self.extend_by, self.rounded(size)) // PAGE) * PAGE

    def give(self, address, size):
        """Free a block. The ranges that go back to the arena, in order."""
        join(self.free, address, address + self.rounded(size))
        free, limit = extent(self.free), int(extent(self.total) * self.spare)
        target, gone = limit // 2, []
        while free >= limit and free > target:
            base, top = max(self.free, key=lambda pair: (pair[1] - pair[0], -pair[0]))
            base, top = -(-base // PAGE) * PAGE, top // PAGE * PAGE
            base = max(base, top - -(-(free - target) // PAGE) * PAGE)
            if base >= top:
                break
            cut(self.free, base, top)
            cut(self.total, base, top)
            gone.append((base, top - base))
            free, limit = free - (top - base), 0
        return gone


def extent(pairs):
    """The bytes of the ranges in `pairs`."""
    return sum(limit - base for base, limit in pairs)


def join(pairs, base, limit):
    """Add [base, limit) to sorted `pairs`, one with what it touches."""
    apart = [pair for pair in pairs if pair[1] < base or limit < pair[0]]
    touched = [pair for pair in pairs if pair not in apart]
    base = min([base, *(pair[0] for pair in touched)])
    limit = max([limit, *(pair[1] for pair in touched)])
    pairs[:] = sorted([*apart, (base, limit)])


def cut(pairs, base, limit):
    """Take [base, limit) out of sorted `pairs`."""
    (low, high) = next(pair for pair in pairs if pair[0] <= base and limit <= pair[1])
    pairs.remove((low, high))
    pairs.extend(pair for pair in ((low, base), (limit, high)) if pair[0] < pair[1])
    pairs.sort()


class Traffic:
    """The grains that one pool gets of the arena and gives back."""

    def __init__(self):
        self.got, self.gave, self.pool = [], [], 0

    def __call__(self, code, params):
        if code == ev.ARENA_ALLOC and params[4] == self.pool:
            self.got.append((params[2], params[3]))
        elif code == ev.ARENA_FREE and params[3] == self.pool:
            self.gave.append((params[1], params[2]))

    def take(self):
        """What it got and what it gave since the last call."""
        got, gave, self.got, self.gave = self.got, self.gave, [], []
        return got, gave


@pytest.fixture
def traffic():
    """A Traffic that listens."""
    listener = Traffic()
    stream.attach(listener, ev.ARENA)
    yield listener
    stream.detach(listener)


@pytest.mark.parametrize("first_fit, slot_high, arena_high", FLAGS)
@pytest.mark.parametrize("spare", [0.0, 0.3, 0.75, 1.0])
def test_a_random_trace_against_the_judge(traffic, rng, first_fit, slot_high, arena_high, spare):
    arena = rl.Arena(size=1 << 24)
    options = {"spare": spare, "first_fit": first_fit, "slot_high": slot_high}
    options |= {"align": rng.choice([8, 16, 64]), "extend_by": rng.choice([1, 4096, 20000, 65536])}
    print(options)
    pool = rl.MVFF(arena, arena_high=arena_high, mean_size=1, **options)
    traffic.pool = pool.address
    judge = Naive(**options)
    live = {}
    for step in range(600):
        if live and rng.random() < (0.4 if step < 300 else 0.7):
            address = rng.choice(list(live))
            size = live.pop(address)
            pool.free(address, size)
            assert traffic.take() == ([], judge.give(address, size)), step
        else:
            size = rng.choice([rng.randint(1, 100), rng.randint(1, 2000), rng.randint(1, 30000)])
            expected = judge.take(size)
            address = pool.alloc(size)
            got, gave = traffic.take()
            if expected is None:
                assert gave == [] and [pages for _, pages in got] == [judge.wanted(size)], step
                join(judge.free, got[0][0], got[0][0] + got[0][1])
                join(judge.total, got[0][0], got[0][0] + got[0][1])
                expected = judge.take(size)
            else:
                assert (got, gave) == ([], []), step
            assert address == expected, step
            live[address] = size
        assert list(pool.free_land) == judge.free, step
        assert list(pool.total_land) == judge.total, step
        assert pool.total_size - pool.free_size == sum(map(judge.rounded, live.values()))
    assert pool.largest_free == max((limit - base for base, limit in judge.free), default=0)
    arena.check()


def test_blocks_are_disjoint_and_keep_their_contents(arena, rng):
    pool = rl.MVFF(arena, extend_by=8192, spare=0.2)
    live = {}
    for step in range(2000):
        if live and rng.random() < 0.5:
            address = rng.choice(list(live))
            content = live.pop(address)
            assert bytes(arena.view(address, len(content))) == content, step
            pool.free(address, len(content))
        else:
            content = rng.randbytes(rng.randint(1, 300))
            address = pool.alloc(len(content))
            arena.view(address, len(content))[:] = content
            live[address] = content
    assert pool.total_size % PAGE == 0
    pool.check()


def test_no_free_fails_for_want_of_a_node(rng):
    arena = rl.Arena(size=1 << 22)
    pool = rl.MVFF(arena, extend_by=4096, spare=0.5)
    plan = rl.FaultPlan().fail("node", probability=0.7, seed=rng.random())
    live, most = {}, 0
    for step in range(1500):
        if live and step % 100 >= 60:
            address = rng.choice(list(live))
            arena.space.faults = plan
            pool.free(address, live.pop(address))
            arena.space.faults = None
        else:
            size = rng.randint(8, 500)
            live[pool.alloc(size)] = size
        assert pool.total_size - pool.free_size == sum(-(-size // 8) * 8 for size in live.values())
        most = max(most, len(pool.free_land.secondary))
        if step % 50 == 0:
            pool.check()
    assert plan.refused["node"] > 0 and most > 0, "else nothing was tried"
    for address, size in live.items():
        pool.free(address, size)
    assert pool.free_size == pool.total_size
    arena.check()


def test_a_pool_without_a_node_for_its_memory_gives_that_back(arena):
    pool = rl.MVFF(arena)
    committed = arena.committed
    arena.space.faults = rl.FaultPlan().fail("node", nth=1)
    with pytest.raises(rl.MappingError):
        pool.alloc(100)
    assert (pool.total_size, pool.free_size) == (0, 0)
    # All came back, but a page that the spare land took for its nodes.
    assert arena.committed - arena.spare_committed == committed + PAGE
    arena.check()
    assert pool.alloc(100) > 0


def test_a_smaller_extension_is_tried_when_the_large_one_is_refused(arena):
    pool = rl.MVFF(arena, extend_by=1 << 18)
    pool.alloc(8)
    pool.alloc((1 << 18) - 8)
    assert (pool.total_size, pool.free_size) == (1 << 18, 0)
    arena.commit_limit = arena.committed + 10 * PAGE
    pool.alloc(5000)
    assert (pool.total_size, pool.free_size) == ((1 << 18) + 2 * PAGE, 2 * PAGE - 5000)


def test_no_memory_changes_nothing(arena):
    pool = rl.MVFF(arena, extend_by=4096)
    keep = pool.alloc(100)
    before = (pool.total_size, pool.free_size, list(pool.free_land), arena.committed)
    arena.commit_limit = arena.committed
    for _ in range(2):
        with pytest.raises(rl.CommitLimitError):
            pool.alloc(8000)
        assert (pool.total_size, pool.free_size, list(pool.free_land), arena.committed) == before
    pool.free(keep, 100)
    arena.check()


@pytest.mark.parametrize(
    "wrong, why",
    [
        (lambda a, b: (b, 96), "already free"),
        (lambda a, b: (a, 192), "already free"),
        (lambda a, b: (a + 4, 96), "not aligned"),
        (lambda a, b: (a - 65536 * 4, 96), "is not in the memory of"),
        (lambda a, b: (a, 1 << 17), "is not in the memory of"),
    ],
    ids="twice long unaligned foreign beyond".split(),
)
@pytest.mark.parametrize("checked", [False, True])
def test_a_free_that_is_wrong_is_refused(wrong, why, checked):
    arena = rl.Arena(size=1 << 22, space=rl.AddressSpace(checked=checked))
    pool = rl.MVFF(arena)
    live, dead = pool.alloc(96), pool.alloc(96)
    pool.free(dead, 96)
    before = (pool.total_size, list(pool.free_land))
    with pytest.raises(rl.ProtocolError, match="expected 96|no live block" if checked else why):
        pool.free(*wrong(live, dead))
    assert (pool.total_size, list(pool.free_land)) == before
    pool.free(live, 96)
    pool.check()


def test_only_checked_mode_can_tell_that_a_size_is_too_small():
    arena = rl.Arena(size=1 << 22, space=rl.AddressSpace(checked=True))
    pool = rl.MVFF(arena)
    address = pool.alloc(96)
    with pytest.raises(rl.ProtocolError, match="with size 88: expected 96"):
        pool.free(address, 88)
    pool.free(address, 96)


def test_the_free_memory_and_the_pools_nodes_account_for_each_other(arena):
    pool = rl.MVFF(arena)
    blocks = [pool.alloc(64) for _ in range(20)]
    for block in blocks[::2]:
        pool.free(block, 64)
    used = (pool.blocks.total_size - pool.blocks.free_size) // pool.blocks.unit_size
    assert used == len(pool.free_land) + len(pool.total_land) == 12
    assert pool.blocks.unit_size == 40


@pytest.mark.parametrize(
    "break_it, why",
    [
        (lambda pool, end: pool.free_land.insert(end, end + 64), "lies in the total land"),
        (lambda pool, end: pool.blocks.alloc(40), "every node holds a range"),
    ],
)
def test_check_finds_what_is_wrong(arena, break_it, why):
    pool = rl.MVFF(arena)
    pool.alloc(64)
    pool.check()
    (_, end) = next(iter(pool.total_land))
    break_it(pool, end + 4096)
    with pytest.raises(AssertionError, match=why):
        pool.check()


def test_describe(arena):
    pool = rl.MVFF(arena, extend_by=5000, slot_high=True, first_fit=False, spare=0.5, align=16)
    pool.alloc(10)
    assert pool.describe() == (
        f"MVFF pool 4 at {pool.address:#x}\n"
        "  extend by 5000 bytes, align 16, spare 0.5\n"
        "  last fit, high end of the range, low end of the arena\n"
        "  total 8192, free 8176 bytes in 1 ranges, largest 8176\n"
    )
    other = rl.MVFF(arena, arena_high=True)
    assert "  first fit, low end of the range, high end of the arena\n" in other.describe()
    assert other.serial == 6, "an MVFF pool has two serial numbers"
    other.destroy()
    with pytest.raises(rl.ProtocolError, match="destroyed"):
        other.describe()


def test_a_descriptor_lies_in_control_memory_at_its_size(arena):
    first, second = rl.MVFF(arena), rl.MVFF(arena)
    assert second.address - first.address == p.FIT_SIZE == 752
    assert arena.pool_of(first.address) is arena.system_pools[2]
