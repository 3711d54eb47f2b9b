"""Right allocators that look as if they lost something: what is freed waits, lies
elsewhere, or is kept apart."""

import random

from support.faulty import Full, rounded
from support.odd import Larger, QuarantineBytes


class WaitsByAge(Larger):
    """What is freed stays away for so many calls."""

    age = 200

    def __init__(self):
        super().__init__()
        self.clock, self.waiting = 0, []

    def tick(self):
        self.clock += 1
        while self.waiting and self.waiting[0][0] < self.clock:
            super().free(*self.waiting.pop(0)[1:])

    def alloc(self, size):
        self.tick()
        return super().alloc(size)

    def free(self, address, size):
        self.tick()
        self.waiting.append((self.clock + self.age, address, size))


class WaitsLong(WaitsByAge):
    age = 2000


class WaitsShort(WaitsByAge):
    age = 7


class WaitsByFrees(WaitsByAge):
    """Only frees count, and refused requests."""

    age = 40

    def alloc(self, size):
        address = Larger.alloc(self, size)
        if address is None:
            self.tick()
            address = Larger.alloc(self, size)
        return address


class WaitsByChance(WaitsByAge):
    """Of what waits any may come back."""

    def __init__(self):
        super().__init__()
        self.rng = random.Random(1)

    def tick(self):
        self.rng.shuffle(self.waiting)
        if self.waiting and self.rng.random() < 0.3:
            Larger.free(self, *self.waiting.pop()[1:])


class WaitsByBytes(QuarantineBytes):
    """Up to three quarters of memory wait."""

    def free(self, address, size):
        self.waiting.append((address, size))
        self.bytes += size
        while self.bytes > 12_288:
            address, size = self.waiting.pop(0)
            self.bytes -= size
            Larger.free(self, address, size)


class WaitsForNeed(WaitsByBytes):
    """All of memory waits, until it is needed."""

    def free(self, address, size):
        self.waiting.append((address, size))

    def alloc(self, size):
        address = Larger.alloc(self, size)
        if address is None:
            for block in self.waiting:
                Larger.free(self, *block)
            self.waiting.clear()
            address = Larger.alloc(self, size)
        return address


class WaitsInTwos(WaitsByBytes):
    """Two generations: what the older has comes back when the younger is full."""

    def free(self, address, size):
        self.waiting.append((address, size))
        if len(self.waiting) == 32:
            for block in self.waiting[:16]:
                Larger.free(self, *block)
            del self.waiting[:16]


class Skips(Larger):
    """Each block lies a little beyond the last, as next fit does."""

    at = 0

    def alloc(self, size):
        size = rounded(size)
        for start in (self.at, 0):
            for i, (base, limit) in enumerate(self.holes):
                base, first = max(base, start), base
                if limit - base >= size:
                    self.holes[i : i + 1] = self.rest(first, base) + self.rest(base + size, limit)
                    self.at = base + size
                    return base
        return None


class SkipsOne(Larger):
    """Every other request takes the second hole that fits, if there is one."""

    asked = 0

    def alloc(self, size):
        size = rounded(size)
        self.asked += 1
        fitting = [hole for hole in self.holes if hole[1] - hole[0] >= size]
        if not fitting:
            return None
        base, limit = fitting[self.asked % 2 and len(fitting) > 1]
        at = self.holes.index((base, limit))
        self.holes[at : at + 1] = self.rest(base + size, limit)
        return base


class SkipsGap(Larger):
    """A block lies 64 bytes into its hole, if that is long enough."""

    def alloc(self, size):
        size = rounded(size)
        for gap in (64, 0):
            for i, (base, limit) in enumerate(self.holes):
                if limit - base >= size + gap:
                    start = base + gap
                    rest = self.rest(base, start) + self.rest(start + size, limit)
                    self.holes[i : i + 1] = rest
                    return start
        return None


class SkipsAround(Larger):
    """The place goes round by odd steps."""

    turn = 0

    def alloc(self, size):
        size = rounded(size)
        self.turn += 1
        fitting = [hole for hole in self.holes if hole[1] - hole[0] >= size]
        if not fitting:
            return None
        base, limit = fitting[self.turn * 7 % len(fitting)]
        start = base + self.turn * 104 % (limit - base - size + 8) & -8
        at = self.holes.index((base, limit))
        self.holes[at : at + 1] = self.rest(base, start) + self.rest(start + size, limit)
        return start


class Guards(Larger):
    """16 bytes on either side of each block."""

    def alloc(self, size):
        address = super().alloc(size + 32)
        return None if address is None else address + 16

    def free(self, address, size):
        super().free(address - 16, size + 32)


class Buddy:
    """Halves of halves, down to 16 bytes."""

    size = 1 << 14

    def __init__(self):
        self.memory, self.lists = bytearray(self.size), {self.size: [0]}

    def width(self, size):
        return max(16, 1 << (size - 1).bit_length())

    def alloc(self, size):
        width = wanted = self.width(size)
        while not self.lists.get(width):
            width *= 2
            if width > self.size:
                return None
        address = self.lists[width].pop()
        while width > wanted:
            width //= 2
            self.lists.setdefault(width, []).append(address + width)
        return address

    def free(self, address, size):
        width = self.width(size)
        while width < self.size and address ^ width in self.lists.get(width, []):
            self.lists[width].remove(address ^ width)
            address &= ~width
            width *= 2
        self.lists.setdefault(width, []).append(address)


class SizeLists:
    """A list for each size, over a pointer; nothing is united, all is used again."""

    size = 1 << 14

    def __init__(self):
        self.memory, self.top, self.lists = bytearray(self.size), 0, {}

    def width(self, size):
        return rounded(size)

    def alloc(self, size):
        width = self.width(size)
        if self.lists.get(width):
            return self.lists[width].pop()
        if self.top + width > self.size:
            return None
        self.top += width
        return self.top - width

    def free(self, address, size):
        self.lists.setdefault(self.width(size), []).append(address)


class PowerLists(SizeLists):
    """A list for each power of two."""

    def width(self, size):
        return max(8, 1 << (size - 1).bit_length())


class QueueLists(SizeLists):
    """The block that was freed first is used first."""

    def alloc(self, size):
        waiting = self.lists.get(self.width(size))
        return waiting.pop(0) if waiting else super().alloc(size)


class EndlessLists(PowerLists):
    """Memory has no end."""

    size = 1 << 60

    def __init__(self):
        self.top, self.lists = 0, {}


class Arenas(SizeLists):
    """Each power of two has pages of its own, which it keeps."""

    def alloc(self, size):
        width = self.width(size)
        if not self.lists.get(width):
            page = max(1024, width)
            if self.top + page > self.size:
                return None
            places = range(self.top, self.top + page - width + 1, width)
            self.lists.setdefault(width, []).extend(reversed(places))
            self.top += page
        return self.lists[width].pop()

    width = PowerLists.width


class Resets:
    """A pointer, which goes back when nothing lives."""

    def __init__(self):
        self.memory, self.top, self.live = bytearray(1 << 14), 0, 0

    def alloc(self, size):
        if self.top + size > len(self.memory):
            return None
        self.top, self.live = self.top + size, self.live + 1
        return self.top - size

    def free(self, address, size):
        self.live -= 1
        self.top = self.top if self.live else 0


class Halves(Resets):
    """Two halves: the one in which nothing lives begins anew."""

    def __init__(self):
        self.memory = (0, 1 << 14)
        self.tops, self.live, self.now = [0, 1 << 13], [0, 0], 0

    def alloc(self, size):
        for half in (self.now, 1 - self.now):
            if self.live[half] == 0:
                self.tops[half] = half << 13
            if self.tops[half] + size <= half + 1 << 13:
                self.now = half
                self.tops[half] += size
                self.live[half] += 1
                return self.tops[half] - size
        return None

    def free(self, address, size):
        self.live[address >> 13] -= 1


class Latest(Full, Larger):
    """What was freed last is looked at first; neighbours are united."""

    def free(self, address, size):
        base, limit = address, address + rounded(size)
        for hole in list(self.holes):
            if hole[0] == limit or hole[1] == base:
                self.holes.remove(hole)
                base, limit = min(base, hole[0]), max(limit, hole[1])
        self.holes.insert(0, (base, limit))


class Downwards(Larger):
    """The highest place."""

    def alloc(self, size):
        size = rounded(size)
        for i in reversed(range(len(self.holes))):
            base, limit = self.holes[i]
            if limit - base >= size:
                self.holes[i : i + 1] = self.rest(base, limit - size)
                return limit - size
        return None


class Far(Larger):
    """Places by chance in more addresses than there is memory."""

    def __init__(self):
        super().__init__()
        self.holes, self.live, self.rng = [(0, 1 << 40)], 0, random.Random(2)
        del self.memory

    def alloc(self, size):
        base, limit = self.rng.choice(self.holes)
        size = rounded(size)
        if limit - base < size or self.live + size > 1 << 14:
            return None
        start = self.rng.randrange(base, limit - size + 1, 8)
        at = self.holes.index((base, limit))
        self.holes[at : at + 1] = self.rest(base, start) + self.rest(start + size, limit)
        self.live += size
        return start

    def free(self, address, size):
        self.live -= rounded(size)
        super().free(address, size)


PATIENT = (
    WaitsByAge, WaitsLong, WaitsShort, WaitsByFrees, WaitsByChance, WaitsByBytes, WaitsForNeed,
    WaitsInTwos, Skips, SkipsOne, SkipsGap, SkipsAround, Guards, Buddy, SizeLists, PowerLists,
    QueueLists, EndlessLists, Arenas, Resets, Halves, Latest, Downwards, Far,
)  # fmt: skip
