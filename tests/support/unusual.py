"""Right allocators of unusual kinds, and faulty ones of which little shows."""

import random

from support.faulty import SIZE, Accounted, FirstFit, Full, rounded

import rangeland as rl

LARGEST = 1 << 18


class GrowsInPlace(FirstFit):
    """Its bytearray is extended."""

    STEP = 1024

    def __init__(self):
        self.memory, self.holes = bytearray(), []

    def grow(self, count):
        self.memory.extend(bytes(count))

    def alloc(self, size):
        address = super().alloc(size)
        if address is None and len(self.memory) + size <= LARGEST:
            base, count = len(self.memory), size + self.STEP & -self.STEP
            self.grow(count)
            super().free(base, count)
            address = super().alloc(size)
        return address


class GrowsElsewhere(GrowsInPlace):
    """Its bytearray is replaced by a longer one; it tells what is free."""

    def grow(self, count):
        self.memory = self.memory + bytes(count)

    @property
    def free_size(self):
        return sum(limit - base for base, limit in self.holes)


class GrowsFromBase(GrowsElsewhere):
    """Addresses begin somewhere."""

    base = 0x7000

    def alloc(self, size):
        address = super().alloc(size)
        return None if address is None else address + self.base

    def free(self, address, size):
        super().free(address - self.base, size)


class GrowsAsPair(FirstFit):
    """It tells a pair, whose limit rises."""

    def __init__(self):
        self.memory, self.holes = (0, 0), []

    def alloc(self, size):
        address = super().alloc(size)
        if address is None and self.memory[1] + size <= LARGEST:
            base = self.memory[1]
            self.memory = (0, base + rounded(size))
            super().free(base, size)
            address = super().alloc(size)
        return address


class GrowsTooLate(GrowsInPlace):
    """The last byte of a block of 100 is not there."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None and size == 100:
            del self.memory[address + size - 1 :]
        return address


class WrapsPool:
    """Blocks of a pool of ours, which it calls `pool`, with a header each."""

    def __init__(self, arena):
        self.pool = rl.MVFF(arena)

    def alloc(self, size):
        return self.pool.alloc(size + 8) + 8

    def free(self, address, size):
        self.pool.free(address - 8, size + 8)


class Methods(FirstFit):
    """It tells its accounts by methods."""

    def total_size(self):
        return len(self.memory)

    def free_size(self):
        return sum(limit - base for base, limit in self.holes)


class MethodsWrong(Methods):
    def free_size(self):
        return super().free_size() + (8 if len(self.holes) > 1 else 0)


class FreeRaises(FirstFit):
    """No hole, no sum."""

    total_size = SIZE

    @property
    def free_size(self):
        return self.told([limit - base for base, limit in self.holes])

    def told(self, holes):
        return sum(holes) // (len(holes) > 0)


class FreeIsNone(FreeRaises):
    def told(self, holes):
        return sum(holes) if holes else None


class FreeIsFloat(FreeRaises):
    def told(self, holes):
        return sum(holes) if len(holes) == 1 else sum(holes) / 1


class FreeIsText(FreeRaises):
    def told(self, holes):
        return sum(holes) if len(holes) == 1 else str(sum(holes))


class ChecksFalse(FirstFit):
    def check(self):
        return len(self.holes) < 3


class ChecksExit(FirstFit):
    def check(self):
        if len(self.holes) > 2:
            raise SystemExit("there are few holes")


class Refuses:
    def alloc(self, size):
        return None

    def free(self, address, size):
        pass


class Chance(FirstFit):
    """It gives the same twice at times, as chance will have it."""

    chance = random.Random(0)

    def alloc(self, size):
        address = super().alloc(size)
        return 0 if address and self.chance.random() < 0.2 else address


class RaisesTheSecondTime(FirstFit):
    calls = 0

    def alloc(self, size):
        self.calls += 1
        if self.calls == 2:
            raise RuntimeError("only once")
        return super().alloc(size)


class ReallocRefuses(Full):
    """A realloc that is refused frees the block, and so it is given again."""

    def realloc(self, address, old, new):
        if new > SIZE // 2:
            self.free(address, old)
            return None
        return super().realloc(address, old, new)


class RefusalTakes(Accounted):
    """A request that is refused has taken a word."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None:
            super().alloc(1)
        return address


class RecordsOnce(Accounted):
    """It keeps records in its memory, eight at once, and makes room for
    these before it looks for a block."""

    def __init__(self):
        super().__init__()
        self.live = self.room = 0

    def alloc(self, size):
        if self.live == self.room:
            if super().alloc(64) is None:
                return None
            self.room += 8
        address = super().alloc(size)
        self.live += address is not None
        return address

    def free(self, address, size):
        self.live -= 1
        super().free(address, size)


class ByName(Full):
    """Its operations take sizes by name alone."""

    def free(self, address, *, size):
        super().free(address, size)

    def realloc(self, address, *, new_size, old_size):
        moved = self.alloc(new_size)
        if moved is not None:
            kept = min(old_size, new_size)
            self.memory[moved : moved + kept] = self.memory[address : address + kept]
            self.free(address, size=old_size)
        return moved

    def alloc_aligned(self, size, *, align):
        return super().alloc_aligned(align, size)


class ByNameWrong(ByName):
    def free(self, address, *, size):
        super().free(address, size=size + 8)


class TwoPools:
    """Small blocks have a pool of their own, which is destroyed, too."""

    def __init__(self, arena):
        self.small, self.large = rl.MVFF(arena), rl.MVFF(arena)

    def of(self, size):
        return self.small if size < 100 else self.large

    def alloc(self, size):
        return self.of(size).alloc(size)

    def free(self, address, size):
        self.of(size).free(address, size)

    def destroy(self):
        self.small.destroy()
        self.large.destroy()


class ForgetsAPool(TwoPools):
    def destroy(self):
        self.small.destroy()
