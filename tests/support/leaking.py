"""Allocators from which memory goes away: frees that do nothing, lists that
never coalesce, and plain leaks, told by accounts or not."""

from support.faulty import Accounted, FirstFit, Headers, rounded
from support.odd import Larger
from support.wearing import Complete, LargeStay

import rangeland as rl


class Nothing:
    """A pointer that goes up. Its free does nothing; where memory ends it tells."""

    size = 1 << 14

    def __init__(self):
        self.memory, self.top = (0, self.size), 0

    def alloc(self, size):
        if self.top + size > self.size:
            return None
        self.top += size
        return self.top - size

    def free(self, address, size):
        pass


class NothingTold(Nothing):
    """It tells no memory."""

    def __init__(self):
        self.top = 0


class NothingRaises(Nothing):
    def alloc(self, size):
        address = super().alloc(size)
        if address is None:
            raise MemoryError(size)
        return address


class NothingEndless(Nothing):
    """Memory has no end."""

    size = 1 << 60

    def __init__(self):
        self.top = 0


class NothingGrows(Nothing):
    """Its bytes grow."""

    size = 1 << 22

    def __init__(self):
        self.top, self.memory = 0, bytearray()

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None:
            self.memory.extend(bytes(size))
        return address


class NothingAccounted(Nothing):
    """It tells rightly that nothing is free again."""

    @property
    def free_size(self):
        return self.size - self.top


class NothingSaid(Nothing):
    """It says that what was freed is free."""

    live = 0

    def alloc(self, size):
        address = super().alloc(size)
        self.live += size if address is not None else 0
        return address

    def free(self, address, size):
        self.live -= size

    @property
    def free_size(self):
        return self.size - self.live


class NothingUnits(Nothing):
    """Blocks of 64 bytes."""

    unit_size = 64


class NothingSmall(Nothing):
    """Blocks of up to 256 bytes, by the rest of a page."""

    max_size = 256

    def alloc(self, size):
        if self.top // 4096 != (self.top + size - 1) // 4096:
            self.top = self.top + 4095 & -4096
        return super().alloc(size)


class NothingInArena:
    """Grains of an arena's pool."""

    def __init__(self, arena):
        self.pool = rl.MVFF(arena)

    def alloc(self, size):
        return self.pool.alloc(size)

    def free(self, address, size):
        pass

    def destroy(self):
        self.pool.destroy()


NOTHING = (
    Nothing, NothingTold, NothingRaises, NothingEndless, NothingGrows, NothingAccounted,
    NothingSaid, NothingUnits, NothingSmall, NothingInArena, LargeStay,
)  # fmt: skip


class Splits(Larger):
    """First fit by address; holes are split, and never united."""

    def coalesce(self):
        pass


class SplitsLatest(Splits):
    """What was freed last is looked at first."""

    def free(self, address, size):
        self.holes.insert(0, (address, address + self.round(size)))


class SplitsEnd(Splits):
    """What was freed last is looked at last."""

    def free(self, address, size):
        self.holes.append((address, address + self.round(size)))


class SplitsBest(Splits):
    """Best fit."""

    def alloc(self, size):
        self.holes.sort(key=lambda hole: hole[1] - hole[0])
        return super().alloc(size)


class SplitsWorst(Splits):
    """Worst fit."""

    def alloc(self, size):
        self.holes.sort(key=lambda hole: hole[0] - hole[1])
        return super().alloc(size)


class SplitsNext(Splits):
    """Next fit."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None:
            at = next((i for i, hole in enumerate(self.holes) if hole[0] >= address), 0)
            self.holes = self.holes[at:] + self.holes[:at]
        return address

    def free(self, address, size):
        self.holes.append((address, address + self.round(size)))


class SplitsHigh(Splits):
    """The high end of a hole."""

    def alloc(self, size):
        size = self.round(size)
        for i, (base, limit) in enumerate(self.holes):
            if limit - base >= size:
                self.holes[i : i + 1] = self.rest(base, limit - size)
                return limit - size
        return None


class SplitsAccounted(Accounted, Splits):
    """It tells what is free."""

    def __init__(self):
        Splits.__init__(self)

    total_size = Larger.size


class SplitsCoarse(Splits):
    """By 64 bytes."""

    align = 64

    def round(self, size):
        return size + 63 & -64


class SplitsSome(Splits):
    """It unites what lies above the middle."""

    def coalesce(self):
        low = [hole for hole in self.holes if hole[1] <= 12_000]
        high = [hole for hole in self.holes if hole[1] > 12_000]
        self.holes = high
        Larger.coalesce(self)
        self.holes = low + self.holes


SPLITTING = (
    Headers, Splits, SplitsLatest, SplitsEnd, SplitsBest, SplitsWorst, SplitsNext, SplitsHigh,
    SplitsAccounted, SplitsCoarse, SplitsSome,
)  # fmt: skip


def every(n, base=Larger, when=None, name=None, accounted=False):
    """A class that loses every `n`th block for which `when(size)` is true."""

    class Leaks(base):
        frees = 0

        def free(self, address, size):
            if when is None or when(size):
                self.frees += 1
                if self.frees % n == 0:
                    return
            super().free(address, size)

    if accounted:
        Leaks.total_size = Larger.size
        Leaks.free_size = property(lambda self: sum(x - b for b, x in self.holes))
    Leaks.__name__ = Leaks.__qualname__ = name
    return Leaks


Second = every(2, name="Second")
Seventh = every(7, name="Seventh")
Hundredth = every(100, name="Hundredth")
SeventhAccounted = every(7, name="SeventhAccounted", accounted=True)
HundredthAccounted = every(100, name="HundredthAccounted", accounted=True)
LargeOnly = every(1, when=lambda size: size >= 4096, name="LargeOnly")
LargeThird = every(3, when=lambda size: size > 1000, name="LargeThird")
LargeAccounted = every(1, when=lambda size: size > 2000, name="LargeAccounted", accounted=True)
SmallOnly = every(1, when=lambda size: size <= 32, name="SmallOnly")
SmallTenth = every(10, when=lambda size: size <= 64, name="SmallTenth")
MiddleOnly = every(1, when=lambda size: 128 <= size < 512, name="MiddleOnly")
OddOnly = every(2, when=lambda size: size % 2, name="OddOnly")




class ResizeLeaks(Complete):
    """What a resized block had is lost if it moves."""

    def realloc(self, address, old, new):
        moved = self.alloc(new)
        if moved is not None:
            kept = min(old, new)
            self.memory[moved : moved + kept] = self.memory[address : address + kept]
        return moved


class ResizeSometimes(ResizeLeaks):
    """Every fourth time."""

    moves = 0

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        self.moves += 1
        if moved is not None and self.moves % 4:
            self.free(address, old)
        return moved


class GrowLeaks(Complete):
    """Only if it becomes larger."""

    def realloc(self, address, old, new):
        if new <= old:
            return super().realloc(address, old, new)
        return ResizeLeaks.realloc(self, address, old, new)


class RefusalLeaks(Larger):
    """The first free after a refusal is lost."""

    refused = False

    def alloc(self, size):
        address = super().alloc(size)
        self.refused |= address is None
        return address

    def free(self, address, size):
        if self.refused:
            self.refused = False
        else:
            super().free(address, size)


class RefusalTakesHole(Larger):
    """A request that is refused has taken the first word of the first hole."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None and self.holes:
            base, limit = self.holes[0]
            self.holes[0:1] = self.rest(base + 8, limit)
        return address


class ZerosLeak(Complete):
    """A block of zeros has a word more, which is lost."""

    def calloc(self, count, size):
        address = self.alloc(count * size + 8)
        if address is not None:
            self.memory[address : address + count * size] = bytes(count * size)
        return address


class AlignedLeaks(Complete):
    """An aligned block has a word more, which is lost."""

    def alloc_aligned(self, align, size):
        return super().alloc_aligned(align, size + 8)


class Endless(FirstFit):
    """Memory has no end; every tenth block is lost."""

    frees = 0
    size = 1 << 50

    def __init__(self):
        self.holes = [(0, self.size)]

    def free(self, address, size):
        self.frees += 1
        if self.frees % 10:
            super().free(address, size)


class EndlessLarge(Endless):
    """Blocks of over 1000 bytes are."""

    def free(self, address, size):
        if size <= 1000:
            FirstFit.free(self, address, size)


class InArena:
    """Blocks of a pool; every fifth is lost."""

    frees = 0

    def __init__(self, arena):
        self.pool = rl.MVFF(arena)

    def alloc(self, size):
        return self.pool.alloc(size)

    def free(self, address, size):
        self.frees += 1
        if self.frees % 5:
            self.pool.free(address, size)

    def destroy(self):
        self.pool.destroy()


class InArenaLarge(InArena):
    """Those of over 1000 bytes are."""

    def free(self, address, size):
        if size <= 1000:
            self.pool.free(address, size)


LEAKING = (
    Second, Seventh, Hundredth, SeventhAccounted, HundredthAccounted, LargeOnly, LargeThird,
    LargeAccounted, SmallOnly, SmallTenth, MiddleOnly, OddOnly, ResizeLeaks, ResizeSometimes,
    GrowLeaks, RefusalLeaks, RefusalTakesHole, ZerosLeak, AlignedLeaks, Endless, EndlessLarge,
    InArena, InArenaLarge,
)  # fmt: skip
