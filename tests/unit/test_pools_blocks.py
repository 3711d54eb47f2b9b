"""Blocks that are aligned or change their size where they lie, beside a naive account."""

import pytest

import rangeland as rl

KINDS = {
    "mvff": lambda arena: rl.MVFF(arena),
    "mvff-high": lambda arena: rl.MVFF(
        arena, extend_by=4096, align=16, spare=0.1, slot_high=True, first_fit=False, arena_high=True
    ),
    "bestfit": lambda arena: rl.BestFit(arena),
    "nextfit": lambda arena: rl.NextFit(arena, extend_by=4096, align=16, spare=0.1),
    "mfs": lambda arena: rl.MFS(arena, 200),
}


class Blocks:
    """What a client knows of its blocks: {address: (size, first byte)}."""

    def __init__(self, pool):
        self.pool, self.arena, self.live, self.mark = pool, pool.arena, {}, 0

    def write(self, address, size):
        self.mark = self.mark % 255 + 1
        self.arena.view(address, size)[:] = bytes([self.mark]) * size
        self.live[address] = size, self.mark

    def judge(self):
        """No two blocks overlap, all keep their bytes, and the sums are exact."""
        pool = self.pool
        previous = 0
        for address, (size, mark) in sorted(self.live.items()):
            assert previous <= address and address % pool.align == 0
            assert self.arena.view(address, size) == bytes([mark]) * size
            previous = address + size
        taken = pool.total_size - pool.free_size
        step = pool.unit_size if isinstance(pool, rl.MFS) else pool.align
        assert taken == sum(-(-size // step) * step for size, _ in self.live.values())
        pool.check()


@pytest.mark.parametrize("kind", KINDS)
def test_random_runs(kind, rng):
    with rl.Arena(1 << 22, space=rl.AddressSpace(1 << 30, checked=True)) as arena:
        pool = KINDS[kind](arena)
        blocks = Blocks(pool)
        most = 200 if kind == "mfs" else 9000
        grown = shrunk = 0
        for step in range(400):
            choice = rng.random()
            if choice < 0.3 or not blocks.live:
                size = 200 if kind == "mfs" else rng.randint(1, rng.choice((40, most)))
                blocks.write(pool.alloc(size), size)
            elif choice < 0.45 and kind != "mfs":
                size, align = rng.randint(1, most), 1 << rng.randrange(14)
                address = pool.alloc(size, align=align)
                assert address % align == 0
                blocks.write(address, size)
            elif choice < 0.75 and kind != "mfs":
                address = rng.choice(sorted(blocks.live))
                old, mark = blocks.live[address]
                new = rng.choice((rng.randint(1, most), old + rng.randint(0, 50)))
                if pool.resize(address, old, new):
                    kept = min(old, new)
                    assert arena.view(address, kept) == bytes([mark]) * kept
                    blocks.write(address, new)
                    grown, shrunk = grown + (new > old), shrunk + (new < old)
                else:
                    assert new > old
            else:
                address = rng.choice(sorted(blocks.live))
                pool.free(address, blocks.live.pop(address)[0])
            if step % 20 == 0:
                blocks.judge()
        blocks.judge()
        assert kind == "mfs" or (grown > 5 and shrunk > 5)
        arena.check()


def whole(ranges, grain):
    return sum(max(0, limit // grain - -(-base // grain)) * grain for base, limit in ranges)


@pytest.mark.parametrize("kind", ["CBSFast", "CBSZoned", "Freelist", "Failover"])
def test_grains_in_a_land_are_summed(kind, rng):
    with rl.Arena(1 << 20) as arena:
        base = rl.MVFF(arena, spare=1, extend_by=1 << 19).alloc(1 << 19)
        land = getattr(rl, kind)(arena)
        for _ in range(60):
            start = base + rng.randrange(1 << 15) * 8
            limit = start + 8 * rng.choice((1, rng.randint(1, 2000)))
            try:
                land.insert(start, limit)
            except rl.ProtocolError:
                continue
        with pytest.raises(rl.ParamError, match="grain is 12: expected a power of two"):
            land.whole_size(12)
        for grain in (4096, 1024, 8):
            assert land.whole_size(grain) == whole(land, grain)


def test_free_grains_of_a_pool_are_told():
    with rl.Arena(1 << 22) as arena:
        pool = rl.MVFF(arena, spare=1)
        blocks = [pool.alloc(5000) for _ in range(8)]
        for address in blocks[1:5] + blocks[6:7]:
            pool.free(address, 5000)
        assert pool.whole_free_size == whole(pool.free_land, 4096) > 0
        assert pool.whole_free_size < pool.free_size


def test_what_cannot_be_resized_or_aligned():
    with rl.Arena(1 << 20) as arena:
        units = rl.MFS(arena, 64)
        unit = units.alloc(64)
        assert units.resize(unit, 64, 40) and not units.resize(unit, 64, 65)
        with pytest.raises(rl.ProtocolError, match="no blocks aligned to 64: expected 8"):
            units.alloc(64, align=64)
        assert units.alloc(64, align=8) % 8 == 0
        pool = rl.MVFF(arena)
        first, second = pool.alloc(64), pool.alloc(64)
        before = pool.free_size
        assert not pool.resize(first, 64, 65)
        assert pool.resize(first, 60, 64)
        assert pool.free_size == before
        for new in (0, -1, 1.5, "8", 1 << 62):
            with pytest.raises(rl.ParamError, match="new is"):
                pool.resize(first, 64, new)
        with pytest.raises(rl.ProtocolError):
            pool.resize(first + 4, 64, 32)
        for align in (0, 3, 48, 1.5):
            with pytest.raises(rl.ParamError, match="align is"):
                pool.alloc(8, align=align)
        pool.free(second, 64)
        assert pool.resize(first, 64, 128)
        pool.destroy()
        with pytest.raises(rl.ProtocolError, match="destroyed"):
            pool.resize(first, 128, 64)


@pytest.mark.parametrize(
    "kind", ["MVFF", "BestFit", "WorstFit", "NextFit", "LIFOFit", "Buddy", "SegFit", "Slab"]
)
def test_free_ranges_are_what_is_free(kind, rng):
    with rl.Arena(1 << 22) as arena:
        pool = getattr(rl, kind)(arena)
        live = {}
        for _ in range(400):
            size = rng.choice((rng.randrange(1, 200), rng.randrange(1, 9000)))
            live[pool.alloc(size)] = size
            if rng.random() < 0.6:
                address = rng.choice(list(live))
                pool.free(address, live.pop(address))
        free = sorted(pool.free_ranges())
        assert sum(limit - base for base, limit in free) == pool.free_size > 0
        for (_, limit), (base, _) in zip(free, free[1:], strict=False):
            assert limit <= base
        for address, size in live.items():
            assert not any(base < address + size and address < limit for base, limit in free)
        assert whole(_joined(free), 4096) == pool.whole_free_size
        taken = pool.total_size - pool.free_size - pool.slack_size
        assert taken >= sum(live.values())


def _joined(ranges):
    """Ascending ranges, those that touch made one."""
    found = []
    for base, limit in ranges:
        if found and found[-1][1] == base:
            base = found.pop()[0]
        found.append((base, limit))
    return found
