"""Right allocators of odd policies, and faulty ones that are hard to find."""

import random

from support.faulty import FirstFit, rounded


class Larger(FirstFit):
    """A first fit over more memory, which coalesces as it goes."""

    size = 1 << 14

    def __init__(self):
        self.memory = bytearray(self.size)
        self.holes = [(0, self.size)]


class QuarantineBytes(Larger):
    """What is freed stays away until 4096 bytes came after it."""

    def __init__(self):
        super().__init__()
        self.waiting, self.bytes = [], 0

    def free(self, address, size):
        self.waiting.append((address, size))
        self.bytes += self.round(size)
        while self.bytes > 4096:
            address, size = self.waiting.pop(0)
            self.bytes -= self.round(size)
            super().free(address, size)


class QuarantineTold(QuarantineBytes):
    """It tells what is free, without what waits."""

    total_size = Larger.size

    @property
    def free_size(self):
        return sum(limit - base for base, limit in self.holes)


class RandomPlace(Larger):
    """A block lies anywhere, by a generator that nobody seeds."""

    def __init__(self):
        super().__init__()
        self.rng = random.Random()

    def alloc(self, size):
        size = rounded(size)
        fitting = [hole for hole in self.holes if hole[1] - hole[0] >= size]
        if not fitting:
            return None
        base, limit = self.rng.choice(fitting)
        start = base + 8 * self.rng.randrange((limit - base - size) // 8 + 1)
        at = self.holes.index((base, limit))
        self.holes[at : at + 1] = self.rest(base, start) + self.rest(start + size, limit)
        return start


class RandomQuarantine(RandomPlace):
    """What is freed comes back in any order."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def free(self, address, size):
        self.waiting.append((address, size))
        while len(self.waiting) > 8 and self.rng.random() < 0.7:
            super().free(*self.waiting.pop(self.rng.randrange(len(self.waiting))))


ODD = (QuarantineBytes, QuarantineTold, RandomPlace, RandomQuarantine)


class GivesForEver(Larger):
    """Best fit: the rest of a split keeps its old size, if it is small."""

    def __init__(self):
        super().__init__()
        self.sizes = [(self.size, 0)]

    def alloc(self, size):
        size = rounded(size)
        fitting = [entry for entry in self.sizes if entry[0] >= size]
        if not fitting:
            return None
        width, base = min(fitting)
        self.sizes.remove((width, base))
        rest = width - size
        if rest:
            self.sizes.append((rest if rest >= 32 else width, base + size))
        return base

    def free(self, address, size):
        base, limit = address, address + rounded(size)
        for width, other in list(self.sizes):
            if other == limit or other + width == base:
                self.sizes.remove((width, other))
                base, limit = min(base, other), max(limit, other + width)
        self.sizes.append((limit - base, base))


class FreesTwice(Larger):
    """After a refusal the next free is done twice."""

    refused = False

    def alloc(self, size):
        address = super().alloc(size)
        self.refused |= address is None
        return address

    def free(self, address, size):
        super().free(address, size)
        if self.refused:
            self.refused = False
            self.holes.append((address, address + rounded(size)))
            self.holes.sort()


class Index:
    """An int of another kind."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class IndexedOneWay(Larger):
    """Addresses are no ints; a free unites a block with the one above only."""

    def alloc(self, size):
        address = super().alloc(size)
        return None if address is None else Index(address)

    def free(self, address, size):
        base = address.__index__()
        limit = base + rounded(size)
        for hole in self.holes:
            if hole[0] == limit:
                self.holes.remove(hole)
                limit = hole[1]
                break
        self.holes.append((base, limit))
        self.holes.sort()


class Exits(Larger):
    """It ends the process when memory is full."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None:
            raise SystemExit(1)
        return address


class Forgets(Larger):
    """Its table of sizes loses the first of more than 200 entries."""

    def __init__(self):
        super().__init__()
        self.table = {}

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None:
            self.table[address] = size
            if len(self.table) > 200:
                del self.table[next(iter(self.table))]
        return address

    def free(self, address):
        super().free(address, self.table.pop(address))


class GrowsOver(Larger):
    """It grows in place into a hole that is too short by up to 8 bytes."""

    def realloc(self, address, old, new):
        end, wanted = address + rounded(old), address + rounded(new)
        for base, limit in self.holes:
            if base == end <= wanted <= limit + 8:
                self.holes.remove((base, limit))
                self.holes += self.rest(wanted, limit)
                self.holes.sort()
                return address
        return None


# What each is found by.
HARD = {
    Forgets: {"raises"},
    GrowsOver: {"overlap", "outside"},
    GivesForEver: {"overlap", "outside"},
    FreesTwice: {"overlap", "reunion"},
    IndexedOneWay: {"reunion"},
    Exits: {"raises"},
}
