"""Right allocators of unusual policies: nothing is wrong with any of them."""

import random

SIZE = 8192


def rounded(size, step=8):
    return -(-size // step) * step


class Holes:
    """A list of holes over a bytearray; where a block goes is the policy's."""

    align = 8
    STEP = 8

    def __init__(self):
        self.memory = bytearray(SIZE)
        self.holes = [(0, SIZE)]

    def takes(self, size):
        return rounded(size, self.STEP)

    def place(self, fitting, size):
        return fitting[0], fitting[0][0]

    def alloc(self, size):
        size = self.takes(size)
        fitting = [h for h in self.holes if h[1] - h[0] >= size]
        if not fitting:
            return None
        (base, limit), at = self.place(fitting, size)
        self.holes.remove((base, limit))
        self.holes += [(b, x) for b, x in ((base, at), (at + size, limit)) if b < x]
        self.holes.sort()
        return at

    def free(self, address, size):
        self.give(address, address + self.takes(size))

    def give(self, base, limit):
        for b, x in [h for h in self.holes if h[1] == base or h[0] == limit]:
            self.holes.remove((b, x))
            base, limit = min(base, b), max(limit, x)
        self.holes = sorted([*self.holes, (base, limit)])


class LastHighEnd(Holes):
    """The high end of the last."""

    def place(self, fitting, size):
        return fitting[-1], fitting[-1][1] - size


class BothEnds(Holes):
    """Small blocks from below, large ones from above."""

    def place(self, fitting, size):
        if size <= 64:
            return fitting[0], fitting[0][0]
        return fitting[-1], fitting[-1][1] - size


class InTurns(Holes):
    """The first and the last in turns."""

    turn = 0

    def place(self, fitting, size):
        self.turn ^= 1
        return fitting[-self.turn], fitting[-self.turn][0]


class Middle(Holes):
    """The middle of the largest."""

    def place(self, fitting, size):
        hole = max(fitting, key=lambda h: h[1] - h[0])
        return hole, (hole[0] + (hole[1] - hole[0] - size) // 2) & -8


class AtRandom(Holes):
    """Anywhere, by chance that is the same each time."""

    def __init__(self):
        super().__init__()
        self.rng = random.Random(5)

    def place(self, fitting, size):
        hole = self.rng.choice(fitting)
        return hole, hole[0]


class Skips(Holes):
    """The second that fits, if there are two."""

    def place(self, fitting, size):
        hole = fitting[min(1, len(fitting) - 1)]
        return hole, hole[0]


class Roving(Holes):
    """The next after the last."""

    rover = 0

    def place(self, fitting, size):
        hole = next((h for h in fitting if h[1] > self.rover), fitting[0])
        self.rover = hole[0] + size
        return hole, hole[0]


class Backwards(Holes):
    """The next below the last."""

    rover = SIZE

    def place(self, fitting, size):
        hole = next((h for h in fitting[::-1] if h[0] < self.rover), fitting[-1])
        self.rover = hole[1] - size
        return hole, hole[1] - size


class Steps(Holes):
    """Blocks take multiples of 48 bytes."""

    STEP = 48


class PowersOfTwo(Holes):
    """Blocks take powers of two."""

    def takes(self, size):
        return max(8, 1 << (size - 1).bit_length())


class Padded(Holes):
    """A word before each block and one behind it."""

    def takes(self, size):
        return rounded(size) + 16

    def alloc(self, size):
        at = super().alloc(size)
        return None if at is None else at + 8

    def free(self, address, size):
        super().free(address - 8, size)


class Least(Holes):
    """No block takes less than 64 bytes."""

    def takes(self, size):
        return max(64, rounded(size))


class Whole(Holes):
    """What is left of a hole and small goes with the block."""

    def __init__(self):
        super().__init__()
        self.taken = {}

    def alloc(self, size):
        at = super().alloc(size)
        if at is not None:
            end = at + self.takes(size)
            hole = next((h for h in self.holes if h[0] == end and h[1] - h[0] < 32), None)
            if hole:
                self.holes.remove(hole)
                end = hole[1]
            self.taken[at] = end
        return at

    def free(self, address, size):
        self.give(address, self.taken.pop(address))


class Delayed(Holes):
    """What is freed comes back after so many more frees."""

    COUNT = 3

    def __init__(self):
        super().__init__()
        self.waiting = []

    def free(self, address, size):
        self.waiting.append((address, size))
        if len(self.waiting) > self.COUNT:
            super().free(*self.waiting.pop(0))


class DelayedLong(Delayed):
    """The same, longer."""

    COUNT = 12


class DelayedNewest(Delayed):
    """Of what waits the newest comes back first."""

    def free(self, address, size):
        self.waiting.append((address, size))
        if len(self.waiting) > self.COUNT:
            Holes.free(self, *self.waiting.pop(-2))


class DelayedUntilRefused(Delayed):
    """All that waits comes back when nothing fits."""

    COUNT = 1000

    def alloc(self, size):
        at = super().alloc(size)
        if at is None and self.waiting:
            for address, width in self.waiting:
                Holes.free(self, address, width)
            self.waiting = []
            at = super().alloc(size)
        return at


class LateCoalescing(Holes):
    """Holes are united only when nothing fits."""

    def give(self, base, limit):
        self.holes = sorted([*self.holes, (base, limit)])

    def alloc(self, size):
        at = super().alloc(size)
        if at is None:
            old, self.holes = self.holes, []
            for base, limit in old:
                Holes.give(self, base, limit)
            at = super().alloc(size)
        return at


class Told(Holes):
    """It tells what is free."""

    total_size = SIZE

    @property
    def free_size(self):
        return sum(limit - base for base, limit in self.holes)


class ToldLess(Told):
    """It keeps 64 bytes for itself in its accounts."""

    @property
    def free_size(self):
        return max(0, super().free_size - 64)


class Moves(Told):
    """A realloc always moves."""

    def realloc(self, address, old, new):
        moved = self.alloc(new)
        if moved is not None:
            kept = min(old, new)
            self.memory[moved : moved + kept] = self.memory[address : address + kept]
            self.free(address, old)
        return moved


class Stays(Told):
    """A realloc never moves: it shrinks, or is refused."""

    def realloc(self, address, old, new):
        want, was = self.takes(new), self.takes(old)
        if want > was:
            return None
        if want < was:
            self.give(address + want, address + was)
        return address


class Keeps(Told):
    """A realloc to less leaves the block as large as it was."""

    def __init__(self):
        super().__init__()
        self.taken = {}

    def alloc(self, size):
        at = super().alloc(size)
        if at is not None:
            self.taken[at] = self.takes(size)
        return at

    def free(self, address, size):
        self.give(address, address + self.taken.pop(address))

    def realloc(self, address, old, new):
        if self.takes(new) <= self.taken[address]:
            return address
        moved = self.alloc(new)
        if moved is not None:
            kept = min(old, new)
            self.memory[moved : moved + kept] = self.memory[address : address + kept]
            self.free(address, old)
        return moved


class Cleared(Moves):
    """All memory is cleared when it is freed, so calloc clears nothing."""

    def free(self, address, size):
        width = self.takes(size)
        self.memory[address : address + width] = bytes(width)
        super().free(address, size)

    def calloc(self, count, size):
        return self.alloc(count * size)


class Dirty(Moves):
    """Freed memory is filled with a pattern, and calloc clears."""

    def free(self, address, size):
        width = self.takes(size)
        self.memory[address : address + width] = b"\xdd" * width
        super().free(address, size)

    def calloc(self, count, size):
        at = self.alloc(count * size)
        if at is not None:
            self.memory[at : at + count * size] = bytes(count * size)
        return at


class Aligned(Told):
    """Aligned blocks are cut out of larger ones, what is before stays with them."""

    def __init__(self):
        super().__init__()
        self.begins = {}

    def alloc_aligned(self, align, size):
        base = self.alloc(size + align)
        if base is None:
            return None
        at = rounded(base, align)
        self.begins[at] = base, base + self.takes(size + align)
        return at

    def free(self, address, size):
        if address in self.begins:
            self.give(*self.begins.pop(address))
        else:
            super().free(address, size)


class Classes:
    """Lists of free blocks by size class, never united."""

    align = 16
    LIFO = True

    def __init__(self):
        self.memory = (1 << 20, (1 << 20) + (1 << 18))
        self.top = 1 << 20
        self.lists = {}

    def width(self, size):
        return rounded(size, 16)

    def alloc(self, size):
        width = self.width(size)
        free = self.lists.get(width)
        if free:
            return free.pop() if self.LIFO else free.pop(0)
        if self.top + width > self.memory[1]:
            return None
        self.top += width
        return self.top - width

    def free(self, address, size):
        self.lists.setdefault(self.width(size), []).append(address)


class ClassesOldest(Classes):
    """The oldest comes first."""

    LIFO = False


class ClassesOfTwo(Classes):
    """Powers of two."""

    def width(self, size):
        return max(16, 1 << (size - 1).bit_length())


class ClassesBounded(Classes):
    """At most four wait in a list; the others are lost for ever: a policy of arenas
    that go as a whole."""

    def free(self, address, size):
        if address + self.width(size) == self.top:
            self.top = address
        else:
            super().free(address, size)


class Downwards:
    """A pointer that goes down, and up when all is free."""

    align = 8

    def __init__(self):
        self.memory = bytearray(SIZE)
        self.top, self.live = SIZE, 0

    def alloc(self, size):
        if self.top - rounded(size) < 0:
            return None
        self.top -= rounded(size)
        self.live += 1
        return self.top

    def free(self, address):
        self.live -= 1
        if not self.live:
            self.top = SIZE


class Upwards(Downwards):
    """A pointer that goes up, and back when all is free."""

    def __init__(self):
        super().__init__()
        self.top = 0

    def alloc(self, size):
        if self.top + rounded(size) > SIZE:
            return None
        self.top += rounded(size)
        self.live += 1
        return self.top - rounded(size)

    def free(self, address):
        self.live -= 1
        if not self.live:
            self.top = 0


class Halves:
    """Buddies in a dict of sets."""

    ORDER = 13

    def __init__(self):
        self.memory = bytearray(1 << self.ORDER)
        self.lists = {k: set() for k in range(self.ORDER + 1)}
        self.lists[self.ORDER].add(0)
        self.orders = {}

    def alloc(self, size):
        k = max(3, (size - 1).bit_length())
        j = next((j for j in range(k, self.ORDER + 1) if self.lists[j]), None)
        if j is None:
            return None
        at = self.pick(self.lists[j])
        self.lists[j].remove(at)
        while j > k:
            j -= 1
            self.lists[j].add(at + (1 << j))
        self.orders[at] = k
        return at

    def pick(self, found):
        return min(found)

    def free(self, address):
        k = self.orders.pop(address)
        while k < self.ORDER and address ^ (1 << k) in self.lists[k]:
            self.lists[k].remove(address ^ (1 << k))
            address &= ~(1 << k)
            k += 1
        self.lists[k].add(address)


class HalvesHigh(Halves):
    """The highest of a size."""

    def pick(self, found):
        return max(found)


class Handles:
    """A table of slots of one size."""

    unit_size = 40
    align = 8

    def __init__(self):
        self.memory = bytearray(40 * 100)
        self.free_slots = list(range(100))

    def alloc(self, size):
        return self.free_slots.pop() * 40 if self.free_slots else None

    def free(self, address):
        self.free_slots.append(address // 40)


class HandlesInTurn(Handles):
    """The slot that was freed longest ago."""

    def alloc(self, size):
        return self.free_slots.pop(0) * 40 if self.free_slots else None


class Growing(Told):
    """Memory that doubles when nothing fits, up to a bound."""

    max_size = 4096

    def __init__(self):
        super().__init__()
        self.memory = bytearray(512)
        self.holes = [(0, 512)]

    @property
    def total_size(self):
        return len(self.memory)

    def alloc(self, size):
        at = super().alloc(size)
        while at is None and len(self.memory) < 1 << 14:
            base = len(self.memory)
            self.memory.extend(bytes(base))
            self.give(base, 2 * base)
            at = super().alloc(size)
        return at


class Shrinking(Growing):
    """It gives the end of its memory back when that is free."""

    def free(self, address, size):
        super().free(address, size)
        base, limit = self.holes[-1]
        if limit == len(self.memory) and base <= limit // 2 and limit > 512:
            self.holes[-1] = base, limit // 2
            del self.memory[limit // 2 :]
            if base == limit // 2:
                self.holes.pop()


RIGHT = (
    Holes, LastHighEnd, BothEnds, InTurns, Middle, AtRandom, Skips, Roving, Backwards, Steps,
    PowersOfTwo, Padded, Least, Whole, Delayed, DelayedLong, DelayedNewest, DelayedUntilRefused,
    LateCoalescing, Told, ToldLess, Moves, Stays, Keeps, Cleared, Dirty, Aligned, Classes,
    ClassesOldest, ClassesOfTwo, ClassesBounded, Downwards, Upwards, Halves, HalvesHigh, Handles,
    HandlesInTurn, Growing, Shrinking,
)  # fmt: skip
