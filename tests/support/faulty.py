"""Small allocators in Python: some right, and many wrong in one way."""

SIZE = 4096


def rounded(size):
    return size + 7 & -8


class FirstFit:
    """A first fit over a bytearray, by a list of holes: nothing is wrong."""

    align = 8

    def __init__(self):
        self.memory = bytearray(SIZE)
        self.holes = [(0, SIZE)]

    def round(self, size):
        return rounded(size)

    def alloc(self, size):
        size = self.round(size)
        for i, (base, limit) in enumerate(self.holes):
            if limit - base >= size:
                self.holes[i : i + 1] = self.rest(base + size, limit)
                return base
        return None

    def rest(self, base, limit):
        return [(base, limit)] if base < limit else []

    def free(self, address, size):
        self.holes.append((address, address + self.round(size)))
        self.holes.sort()
        self.coalesce()

    def coalesce(self):
        united = []
        for base, limit in self.holes:
            if united and united[-1][1] == base:
                base = united.pop()[0]
            united.append((base, limit))
        self.holes = united


class Accounted(FirstFit):
    """It tells what is free, rightly."""

    total_size = SIZE

    @property
    def free_size(self):
        return sum(limit - base for base, limit in self.holes)


class Full(FirstFit):
    """All operations, all right."""

    def realloc(self, address, old, new):
        moved = self.alloc(new)
        if moved is not None:
            kept = min(old, new)
            self.memory[moved : moved + kept] = self.memory[address : address + kept]
            self.free(address, old)
        return moved

    def calloc(self, count, size):
        address = self.alloc(count * size)
        if address is not None:
            self.memory[address : address + count * size] = bytes(count * size)
        return address

    def alloc_aligned(self, align, size):
        for base, limit in self.holes:
            start = base + align - 1 & -align
            if start + self.round(size) <= limit:
                self.holes.remove((base, limit))
                end = start + self.round(size)
                self.holes += [(b, x) for b, x in ((base, start), (end, limit)) if b < x]
                self.holes.sort()
                return start
        raise MemoryError("nothing fits")


class Bump:
    """Nothing is ever given back, but what was given last."""

    def __init__(self, size=1 << 16):
        self.memory = (0x1000, 0x1000 + size)
        self.top = 0x1000

    def alloc(self, size):
        if self.top + size > self.memory[1]:
            raise MemoryError("the end of memory")
        self.top += size
        return self.top - size

    def free(self, address, size):
        if address + size == self.top:
            self.top = address


class Stack:
    """A pointer that goes up in steps, and down if the last block goes."""

    align = 16
    total_size = 10_000

    def __init__(self):
        self.top = 0

    def alloc(self, size):
        address = self.top + 15 & -16
        if address + size > self.total_size:
            return None
        self.top = address + size
        return address

    def free(self, address, size):
        if address + size == self.top:
            self.top = address

    @property
    def free_size(self):
        return self.total_size - self.top


class Quarantine(FirstFit):
    """What is freed stays away for a while."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def free(self, address, size):
        self.waiting.append((address, size))
        if len(self.waiting) > 4:
            super().free(*self.waiting.pop(0))


class Segregated:
    """A list of free blocks for each power of two, and no coalescing."""

    def __init__(self):
        self.top, self.lists = 0, {}

    def alloc(self, size):
        width = 1 << (size - 1).bit_length()
        free = self.lists.setdefault(width, [])
        if free:
            return free.pop()
        self.top += width
        return self.top - width

    def free(self, address, size):
        self.lists[1 << (size - 1).bit_length()].append(address)


class Headers:
    """Links and sizes in the memory itself: first fit along a list of free
    blocks, each (size, next) in 8 bytes, which are never united."""

    align = 8

    def __init__(self):
        self.memory = bytearray(SIZE)
        self._put(0, 8, SIZE - 8)
        self._put(8, SIZE - 8, 0)

    def _put(self, at, *words):
        for i, word in enumerate(words):
            self.memory[at + 4 * i : at + 4 * i + 4] = word.to_bytes(4, "little")

    def _get(self, at):
        return int.from_bytes(self.memory[at : at + 4], "little")

    def taken(self, size):
        return max(8, rounded(size))

    def alloc(self, size):
        size, link = self.taken(size), 0
        while block := self._get(link + (0 if link == 0 else 4)):
            width, following = self._get(block), self._get(block + 4)
            if width >= size:
                if width > size:
                    self._put(block + size, width - size, following)
                    following = block + size
                self._put(link + (0 if link == 0 else 4), following)
                return block
            link = block
        return None

    def free(self, address, size):
        self._put(address, self.taken(size), self._get(0))
        self._put(0, address)


GOOD = (FirstFit, Accounted, Full, Bump, Stack, Quarantine, Segregated)


class RoundsDown(FirstFit):
    def round(self, size):
        return size // 8 * 8 or 8


class Misaligned(FirstFit):
    def alloc(self, size):
        address = super().alloc(size + 4)
        return address + 4 if address is not None and size == 100 else address

    def free(self, address, size):
        super().free(address & -8, size + 4)


class FreesTooMuch(FirstFit):
    def free(self, address, size):
        super().free(address, size + 1)


class Strings(FirstFit):
    def alloc(self, size):
        address = super().alloc(size)
        return str(address) if address and address > 1000 else address


class Floats(FirstFit):
    def alloc(self, size):
        address = super().alloc(size)
        return None if address is None else address / 1


class Negative(FirstFit):
    def alloc(self, size):
        address = super().alloc(size)
        return -1 if address is None else address


class RaisesInFree(FirstFit):
    def free(self, address, size):
        if len(self.holes) > 2:
            raise KeyError("lost")
        super().free(address, size)


class RefusesToFree(FirstFit):
    def free(self, address, size):
        if len(self.holes) > 1:
            raise MemoryError("no room for the list")
        super().free(address, size)


class RaisesInAlloc(FirstFit):
    def alloc(self, size):
        return [self.holes[0][0], super().alloc(size)][1]


class Clobbers(FirstFit):
    def free(self, address, size):
        super().free(address, size)
        if address + self.round(size) < SIZE:
            self.memory[address + self.round(size)] ^= 1


class Outside(FirstFit):
    def __init__(self):
        super().__init__()
        self.holes = [(0, SIZE + 8)]


class LeaksASize(Accounted):
    def free(self, address, size):
        if size % 10:
            super().free(address, size)


class CoalescesOneWay(FirstFit):
    """A block that is freed is united with the one above, not below."""

    def free(self, address, size):
        self.new = address
        super().free(address, size)

    def coalesce(self):
        for i, (base, limit) in enumerate(self.holes[:-1]):
            if base == self.new and self.holes[i + 1][0] == limit:
                self.holes[i : i + 2] = [(base, self.holes[i + 1][1])]
                return


class CountsTwice(Accounted):
    extra = 0

    def free(self, address, size):
        super().free(address, size)
        self.extra += 8

    @property
    def free_size(self):
        return super().free_size + self.extra


class ForgetsToCount(Accounted):
    """What is given is counted with the size of the request before."""

    def __init__(self):
        super().__init__()
        self.taken = self.last = 0

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None:
            self.taken += self.last
            self.last = size
        return address

    @property
    def free_size(self):
        return SIZE - self.taken


class ReallocLoses(Full):
    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved is not None and new < old:
            self.memory[moved + new - 1] = 0
        return moved


class CallocDirty(Full):
    def calloc(self, count, size):
        address = super().alloc(count * size)
        if address is not None:
            self.memory[address : address + count] = bytes(count)
        return address


class AlignedWrongly(Full):
    def alloc_aligned(self, align, size):
        return super().alloc_aligned(min(align, 256), size)


class FailsItsCheck(FirstFit):
    def check(self):
        assert len(self.holes) < 3, "there are few holes"


# What each is found by.
BAD = {
    RoundsDown: {"overlap", "outside"},
    Misaligned: {"alignment"},
    FreesTooMuch: {"overlap", "reunion"},
    Strings: {"nonsense"},
    Floats: {"nonsense"},
    Negative: {"nonsense"},
    RaisesInFree: {"raises"},
    RefusesToFree: {"free-refused"},
    RaisesInAlloc: {"raises"},
    Clobbers: {"contents"},
    Outside: {"outside"},
    LeaksASize: {"leak", "reunion"},
    CoalescesOneWay: {"reunion"},
    CountsTwice: {"accounts"},
    ForgetsToCount: {"accounts"},
    ReallocLoses: {"prefix"},
    CallocDirty: {"zeroed"},
    AlignedWrongly: {"alignment"},
    FailsItsCheck: {"own-check"},
}
