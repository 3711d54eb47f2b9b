"""Allocators that lose something in each turn, which no account tells, and
right ones whose policies look like that."""

from support.faulty import Full, rounded
from support.odd import Larger, QuarantineBytes


class LosesWord(Larger):
    """A block of over 100 bytes takes a word that is not freed."""

    def alloc(self, size):
        return super().alloc(size + 8 if size > 100 else size)


class Complete(Larger, Full):
    """All operations, all right, over more memory."""

    def realloc(self, address, old, new):
        if rounded(new) > rounded(old):
            return super().realloc(address, old, new)
        if rounded(new) < rounded(old):
            self.release(address + rounded(new), rounded(old) - rounded(new))
        return address

    def release(self, address, size):
        self.free(address, size)

    def alloc_aligned(self, align, size):
        address = super().alloc_aligned(align, size)
        self.holes.sort()
        return address


class LosesTail(Complete):
    """What a block leaves when it shrinks is lost."""

    def release(self, address, size):
        pass


class LosesFront(Complete):
    """What lies before an aligned block is lost."""

    def alloc_aligned(self, align, size):
        for base, limit in self.holes:
            start = base + align - 1 & -align
            if start + rounded(size) <= limit:
                self.holes.remove((base, limit))
                self.holes += self.rest(start + rounded(size), limit)
                self.holes.sort()
                return start
        return None


class LosesRest(Larger):
    """What a block of a page or more leaves of a hole is entered a word short."""

    def alloc(self, size):
        address = super().alloc(size)
        end = -1 if address is None or size < 4096 else address + rounded(size)
        for i, (base, limit) in enumerate(self.holes):
            if base == end and limit - base > 8:
                self.holes[i] = base, limit - 8
        return address


class RefusalLoses(Larger):
    """A request that is refused loses the smallest hole."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None and self.holes:
            self.holes.remove(min(self.holes, key=lambda hole: hole[1] - hole[0]))
        return address


class RefusalRaises(RefusalLoses):
    """The same, and a refusal raises."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None:
            raise MemoryError(size)
        return address


class RefusalEnds(Larger):
    """After a refusal all is refused."""

    ended = False

    def alloc(self, size):
        address = None if self.ended else super().alloc(size)
        self.ended |= address is None
        return address


class Waits(Larger):
    """What is freed is given back sixteen at once."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def free(self, address, size):
        self.waiting.append((address, size))
        if len(self.waiting) == 16:
            for block in self.waiting:
                super().free(*block)
            self.waiting.clear()


class RefusalDrops(Waits):
    """What waits when a request is refused is lost."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None:
            self.waiting.clear()
        return address


class Forgets(Larger):
    """Its table of sizes loses the first of 64 entries; what is not there is
    not freed."""

    size = 1 << 16

    def __init__(self):
        super().__init__()
        self.table = {}

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None:
            self.table[address] = size
            if len(self.table) == 64:
                del self.table[next(iter(self.table))]
        return address

    def free(self, address):
        size = self.table.pop(address, None)
        if size is not None:
            super().free(address, size)


LOSING = (
    LosesWord, LosesTail, LosesFront, LosesRest, RefusalLoses, RefusalRaises, RefusalEnds,
    RefusalDrops, Forgets,
)  # fmt: skip


class Quarantine(Larger):
    """The last 100 blocks that were freed stay away."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def free(self, address, size):
        self.waiting.append((address, size))
        if len(self.waiting) > 100:
            super().free(*self.waiting.pop(0))


class LargeWait(QuarantineBytes):
    """Blocks of 256 bytes and more stay away for a while, others do not."""

    def free(self, address, size):
        if size >= 256:
            super().free(address, size)
        else:
            Larger.free(self, address, size)


class LargeStay(Larger):
    """Blocks of over 256 bytes come of a part that nothing goes back to."""

    def __init__(self):
        super().__init__()
        self.holes, self.top = [(0, 2048)], 2048

    def alloc(self, size):
        if size <= 256:
            return super().alloc(size)
        if self.top + rounded(size) > self.size:
            return None
        self.top += rounded(size)
        return self.top - rounded(size)

    def free(self, address, size):
        if size <= 256:
            super().free(address, size)


class Lists(Complete):
    """A list of blocks for each size, and a pointer; it shrinks in place."""

    def __init__(self):
        self.memory, self.top, self.lists = bytearray(self.size), 0, {}

    def alloc(self, size):
        waiting = self.lists.get(rounded(size))
        if waiting:
            return waiting.pop()
        if self.top + rounded(size) > self.size:
            return None
        self.top += rounded(size)
        return self.top - rounded(size)

    def free(self, address, size):
        self.lists.setdefault(rounded(size), []).append(address)

    def alloc_aligned(self, align, size):
        return None


class UnitesLate(Larger):
    """Holes are united when a request would be refused, or at each 50th free."""

    frees = 0

    def coalesce(self):
        self.frees += 1
        if self.frees % 50 == 0:
            super().coalesce()

    def alloc(self, size):
        address = super().alloc(size)
        if address is None and self.frees % 2:
            super().coalesce()
            address = super().alloc(size)
        return address


class Stack(Larger):
    """A pointer that goes up, and down if the last block is freed."""

    def __init__(self):
        self.memory, self.top = bytearray(self.size), 0

    def alloc(self, size):
        if self.top + size > self.size:
            return None
        self.top += size
        return self.top - size

    align = 1

    def free(self, address, size):
        if address + size == self.top:
            self.top = address


class Resets(Stack):
    """The pointer goes back when nothing lives."""

    live = 0

    def alloc(self, size):
        address = super().alloc(size)
        self.live += address is not None
        return address

    def free(self, address, size):
        self.live -= 1
        self.top = self.top if self.live else 0


class Records(Larger):
    """It keeps records in its memory, eight at once, for which it makes room
    before it looks for a block."""

    live = room = 0

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


RIGHT = (
    Complete, Quarantine, LargeWait, Lists, UnitesLate, Waits, Stack, Resets, Records,
)  # fmt: skip
