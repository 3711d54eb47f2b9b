"""Allocators in Python that are wrong in one way each, by kinds: bitmaps of slabs,
refused reallocs, accounts that drift, rests that are lost, memory that is not fresh,
growth. All are made of the same few right ones (`RIGHT`)."""

from support.faulty import Full, rounded

SIZE = 4096


# Right ones, to be made wrong


class Bitmap:
    """Slabs of units of one size class each, with a bitmap for each slab; a slab
    that is empty goes back to a list of pages."""

    align = 8
    PAGE = 512
    PAGES = 32
    CLASSES = (8, 16, 32, 64, 128, 256, 512)

    def __init__(self):
        self.memory = bytearray(self.PAGE * self.PAGES)
        self.max_size = self.CLASSES[-1]
        self.spare = list(range(self.PAGES))[::-1]
        self.slabs, self.unit_of = {}, {}

    def unit(self, size):
        return next(unit for unit in self.CLASSES if unit >= size)

    def count(self, unit):
        return self.PAGE // unit

    def full(self, unit):
        return (1 << self.count(unit)) - 1

    def candidates(self, unit):
        return [page for page, bits in sorted(self.slabs.items()) if self.unit_of[page] == unit]

    def is_full(self, page):
        return self.slabs[page] == self.full(self.unit_of[page])

    def free_bit(self, page):
        bits = self.slabs[page]
        return (~bits & (bits + 1)).bit_length() - 1

    def alloc(self, size):
        unit = self.unit(size)
        for page in self.candidates(unit):
            if not self.is_full(page):
                return self.take(page, unit)
        page = self.new_page(unit)
        return None if page is None else self.take(page, unit)

    def new_page(self, unit):
        if not self.spare:
            return None
        page = self.spare.pop()
        self.slabs[page], self.unit_of[page] = 0, unit
        return page

    def take(self, page, unit):
        bit = self.free_bit(page)
        self.slabs[page] |= 1 << bit
        return page * self.PAGE + bit * unit

    def free(self, address):
        page = address // self.PAGE
        unit = self.unit_of[page]
        self.clear(page, address % self.PAGE // unit)
        if not self.slabs[page]:
            self.retire(page)

    def clear(self, page, bit):
        self.slabs[page] &= ~(1 << bit)

    def retire(self, page):
        del self.slabs[page]
        self.spare.append(page)


class Told(Full):
    """First fit with accounts, calloc and realloc, in place where it can be."""

    total_size = SIZE

    @property
    def free_size(self):
        return sum(limit - base for base, limit in self.holes)

    def realloc(self, address, old, new):
        was, want = self.round(old), self.round(new)
        if want <= was:
            if want < was:
                self.free(address + want, was - want)
            return address
        hole = next((h for h in self.holes if h[0] == address + was), None)
        if hole and hole[1] - address >= want:
            i = self.holes.index(hole)
            self.holes[i : i + 1] = self.rest(address + want, hole[1])
            return address
        return super().realloc(address, old, new)


class Fresh(Told):
    """As Told; memory above `fresh` was never given, so calloc need not clear it."""

    def __init__(self):
        super().__init__()
        self.fresh = 0

    def alloc(self, size):
        address = super().alloc(size)
        if address is not None:
            self.fresh = max(self.fresh, address + self.round(size))
        return address

    def calloc(self, count, size):
        fresh = self.fresh
        address = self.alloc(count * size)
        if address is not None:
            end = min(address + count * size, fresh)
            if address < end:
                self.memory[address:end] = bytes(end - address)
        return address

    def alloc_aligned(self, align, size):
        address = super().alloc_aligned(align, size)
        self.fresh = max(self.fresh, address + self.round(size))
        return address

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved is not None:
            self.fresh = max(self.fresh, moved + self.round(new))
        return moved


class Growing:
    """Memory that grows by pieces as it is needed, with accounts."""

    align = 8
    PIECE = 256
    MOST = 8192
    max_size = 4000

    def __init__(self):
        self.memory = bytearray(self.PIECE)
        self.holes = [(0, self.PIECE)]
        self.used = 0

    @property
    def total_size(self):
        return len(self.memory)

    @property
    def free_size(self):
        return len(self.memory) - self.used

    def find(self, size):
        return next((h for h in self.holes if h[1] - h[0] >= size), None)

    def alloc(self, size):
        size = rounded(size)
        hole = self.find(size)
        while hole is None:
            if not self.grow():
                return None
            hole = self.find(size)
        self.holes.remove(hole)
        if hole[0] + size < hole[1]:
            self.add(hole[0] + size, hole[1])
        self.used += size
        return hole[0]

    def grow(self):
        if len(self.memory) + self.PIECE > self.MOST:
            return False
        base = len(self.memory)
        self.memory.extend(bytes(self.PIECE))
        self.add(base, base + self.PIECE)
        return True

    def add(self, base, limit):
        for b, x in [h for h in self.holes if h[1] == base or h[0] == limit]:
            self.holes.remove((b, x))
            base, limit = min(base, b), max(limit, x)
        self.holes.append((base, limit))
        self.holes.sort()

    def free(self, address, size):
        self.add(address, address + rounded(size))
        self.used -= rounded(size)


RIGHT = (Bitmap, Told, Fresh, Growing)


# Bitmaps of slabs


class FullOneLate(Bitmap):
    """A unit more than a slab has."""

    def is_full(self, page):
        return self.slabs[page].bit_count() > self.count(self.unit_of[page])


class BitOneTooHigh(Bitmap):
    """The bit of the next unit is cleared."""

    def clear(self, page, bit):
        super().clear(page, bit + 1)


class BitOneTooLow(Bitmap):
    """The bit of the unit before is cleared."""

    def clear(self, page, bit):
        super().clear(page, max(0, bit - 1))


class SkipsAUnit(Bitmap):
    """The eighth unit of a slab is never looked at."""

    def free_bit(self, page):
        bit = super().free_bit(page)
        if bit == 7 and self.count(self.unit_of[page]) > 8:
            self.slabs[page] |= 1 << 7
            bit = super().free_bit(page)
        return bit


class ForgetsAFullPage(Bitmap):
    """A slab that gets full is in no list any more, and what is freed in it is lost."""

    def __init__(self):
        super().__init__()
        self.listed = set()

    def new_page(self, unit):
        page = super().new_page(unit)
        self.listed.add(page)
        return page

    def candidates(self, unit):
        return [page for page in super().candidates(unit) if page in self.listed]

    def take(self, page, unit):
        address = super().take(page, unit)
        if self.is_full(page):
            self.listed.discard(page)
        return address

    def retire(self, page):
        if page in self.listed:
            super().retire(page)


class NeverGivesTheWhole(Bitmap):
    """An empty slab stays with its class for ever."""

    def retire(self, page):
        if len(self.slabs) == 1:
            super().retire(page)


class RetiresWithOneLeft(Bitmap):
    """A slab goes when one unit of it lives."""

    def free(self, address):
        page = address // self.PAGE
        self.clear(page, address % self.PAGE // self.unit_of[page])
        if self.slabs[page].bit_count() == 1 and self.count(self.unit_of[page]) > 4:
            self.retire(page)
        elif not self.slabs[page]:
            self.retire(page)


class WordOfThirtyTwo(Bitmap):
    """Bits from 32 on fall on those below."""

    def clear(self, page, bit):
        super().clear(page, bit & 31)


class LastUnitOfTheSmallest(Bitmap):
    """The last of the smallest units is marked, and not given."""

    def take(self, page, unit):
        address = super().take(page, unit)
        if unit == 8 and address % self.PAGE == self.PAGE - 16:
            self.slabs[page] |= 1 << 63
        return address


class FreesByTheWrongUnit(Bitmap):
    """What is freed in a page that had another class before is taken by that."""

    def retire(self, page):
        self.slabs.pop(page)
        self.spare.append(page)

    def new_page(self, unit):
        known = dict(self.unit_of)
        page = super().new_page(unit)
        if page in known and known[page] * 2 == unit:
            self.unit_of[page] = known[page]
        return page


class KeepsPagesOfOneClass(Bitmap):
    """The pages of the class of 64 bytes come back one short."""

    def retire(self, page):
        if self.unit_of[page] == 64 and len(self.spare) < self.PAGES - 1:
            del self.slabs[page]
            return
        super().retire(page)


# Reallocs that are refused


class RefusedFrees(Told):
    """A realloc that cannot be had frees the block all the same."""

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved is None:
            self.free(address, old)
        return moved


class RefusedCuts(Told):
    """A realloc that cannot be had has given the end of the block back."""

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved is None and self.round(old) > 8:
            self.free(address + self.round(old) - 8, 8)
        return moved


class RefusedTakes(Told):
    """A realloc that cannot be had keeps the hole behind the block."""

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved is None:
            self.holes = [h for h in self.holes if h[0] != address + self.round(old)]
        return moved


class RefusedWrites(Told):
    """A realloc that cannot be had has cleared the block's first bytes."""

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved is None:
            self.memory[address] ^= 0xFF
        return moved


class FreesFirst(Full):
    """A realloc frees the block before it knows that there is another."""

    def realloc(self, address, old, new):
        data = bytes(self.memory[address : address + old])
        self.free(address, old)
        moved = self.alloc(new)
        if moved is not None:
            kept = min(old, new)
            self.memory[moved : moved + kept] = data[:kept]
        return moved


class RefusedUntold(Told):
    """A realloc that cannot be had gives the old address back, as if it had been."""

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        return address if moved is None else moved


# Reallocs that are granted


class MovesTooLittle(Told):
    """The last byte of a block that moves stays behind."""

    def realloc(self, address, old, new):
        before = bytes(self.memory)
        moved = super().realloc(address, old, new)
        if moved not in (None, address) and old > 1:
            self.memory[moved + min(old, new) - 1] = before[moved + min(old, new) - 1]
        return moved


class ShrinksWithoutFreeing(Told):
    """The end of a block that shrinks is nobody's."""

    def realloc(self, address, old, new):
        if self.round(new) < self.round(old):
            return address
        return super().realloc(address, old, new)


class GrowsIntoTheNext(Told):
    """A block grows by a word though nothing is free behind it."""

    def realloc(self, address, old, new):
        if self.round(new) == self.round(old) + 8 and address + self.round(new) <= SIZE:
            return address
        return super().realloc(address, old, new)


class MovesAndForgets(Told):
    """A block that moves does not free where it was."""

    def realloc(self, address, old, new):
        moved = super().realloc(address, old, new)
        if moved not in (None, address):
            self.alloc(0)
            self.holes = [h for h in self.holes if h[0] != address]
        return moved


class ShrinksTooFar(Told):
    """A block that shrinks frees a word that it keeps."""

    def realloc(self, address, old, new):
        if new % 8 and self.round(new) < self.round(old):
            self.free(address + self.round(new) - 8, self.round(old) - self.round(new) + 8)
            return address
        return super().realloc(address, old, new)


# Accounts


class Drifts(Growing):
    """Each time it grows a word is counted as used."""

    def grow(self):
        done = super().grow()
        self.used += 8 * done
        return done


class DriftsDown(Growing):
    """Each time it grows a word that is used is counted off."""

    def grow(self):
        done = super().grow()
        self.used -= 16 * done
        return done


class CountsRefusals(Growing):
    """What is refused is counted all the same."""

    def alloc(self, size):
        address = super().alloc(size)
        if address is None:
            self.used += 8
        return address


class CountsUnrounded(Growing):
    """A free counts off the size that was asked for."""

    def free(self, address, size):
        super().free(address, size)
        self.used += rounded(size) - size


class CountsTheRest(Growing):
    """What is left of a hole is counted as used if it is a word."""

    def alloc(self, size):
        before = set(self.holes)
        address = super().alloc(size)
        left = set(self.holes) - before
        self.used += sum(8 for b, x in left if x - b == 8)
        return address


class TellsTheWholeAsFree(Growing):
    """Grown memory is free in the accounts while it is in use."""

    @property
    def free_size(self):
        return max(0, len(self.memory) - self.used) + (self.PIECE if len(self.memory) > 2048 else 0)


class ForgetsLargeBlocks(Growing):
    """Blocks of more than a piece are counted when they are had, not when they go."""

    def free(self, address, size):
        super().free(address, size)
        if size > self.PIECE:
            self.used += rounded(size)


# Rests


class LosesSmallRests(Told):
    """A rest of a word is in no list."""

    def rest(self, base, limit):
        return super().rest(base, limit) if limit - base > 8 else []


class LosesRestsOfAligned(Full):
    """What lies before an aligned block is lost if it is small."""

    def alloc_aligned(self, align, size):
        address = super().alloc_aligned(align, size)
        if address is not None:
            self.holes = [h for h in self.holes if h[1] != address or h[1] - h[0] > 32]
        return address


class LosesRestsUntold(Full):
    """A rest of a word is lost, and there are no accounts."""

    def rest(self, base, limit):
        return super().rest(base, limit) if limit - base > 8 else []


class LosesTheOddRest(Full):
    """A rest of 24 bytes is lost, and there are no accounts."""

    def rest(self, base, limit):
        return super().rest(base, limit) if limit - base != 24 else []


class LosesSmallHoles(Full):
    """A block of a word that is freed between two that live is forgotten."""

    def coalesce(self):
        super().coalesce()
        self.holes = [h for h in self.holes if h[1] - h[0] > 8]


class CutsTheEnd(Full):
    """The last word of memory is lost when it is reached."""

    def coalesce(self):
        super().coalesce()
        self.holes = [(b, x - 8 if x == SIZE and b < x - 8 else x) for b, x in self.holes]


# Memory that is not fresh


class GrownInPlaceIsFresh(Fresh):
    """What a block grew over in place is believed to be fresh."""

    def realloc(self, address, old, new):
        fresh = self.fresh
        moved = super().realloc(address, old, new)
        if moved == address:
            self.fresh = fresh
        return moved


class MovedIsFresh(Fresh):
    """Where a block moved to is believed to be fresh."""

    def realloc(self, address, old, new):
        fresh = self.fresh
        moved = super().realloc(address, old, new)
        if moved != address:
            self.fresh = fresh
        return moved


class FreedAtTheTopIsFresh(Fresh):
    """What is freed at the top is fresh again."""

    def free(self, address, size):
        super().free(address, size)
        if address + self.round(size) == self.fresh:
            self.fresh = address


class AlignedIsFresh(Fresh):
    """Aligned blocks do not count as given."""

    def alloc_aligned(self, align, size):
        return Told.alloc_aligned(self, align, size)


class ClearsWords(Fresh):
    """Calloc clears whole words, and of the last bytes none."""

    def calloc(self, count, size):
        address = self.alloc(count * size)
        if address is not None:
            whole = count * size // 8 * 8
            self.memory[address : address + whole] = bytes(whole)
        return address


class ClearsOneItem(Fresh):
    """Calloc clears one of its items."""

    def calloc(self, count, size):
        address = self.alloc(count * size)
        if address is not None:
            self.memory[address : address + size] = bytes(size)
        return address


class ClearsSmall(Fresh):
    """Calloc believes that large blocks are fresh."""

    def calloc(self, count, size):
        if count * size > 1024:
            return self.alloc(count * size)
        return super().calloc(count, size)


# Growth


class GrowsTooFar(Growing):
    """The last piece is given twice."""

    def grow(self):
        if len(self.memory) + self.PIECE > self.MOST:
            if not self.used or self.holes:
                return False
            self.add(len(self.memory) - self.PIECE, len(self.memory))
            return True
        return super().grow()


class LosesThePieceBefore(Growing):
    """What was free before it grew is lost."""

    def grow(self):
        if super().grow():
            self.holes = self.holes[-1:]
            return True
        return False


KINDS = {
    "bitmaps": (
        FullOneLate, BitOneTooHigh, BitOneTooLow, SkipsAUnit, ForgetsAFullPage,
        NeverGivesTheWhole, RetiresWithOneLeft, WordOfThirtyTwo, LastUnitOfTheSmallest,
        FreesByTheWrongUnit, KeepsPagesOfOneClass,
    ),
    "refused reallocs": (
        RefusedFrees, RefusedCuts, RefusedTakes, RefusedWrites, FreesFirst, RefusedUntold,
    ),
    "reallocs": (
        MovesTooLittle, ShrinksWithoutFreeing, GrowsIntoTheNext, MovesAndForgets, ShrinksTooFar,
    ),
    "accounts": (
        Drifts, DriftsDown, CountsRefusals, CountsUnrounded, CountsTheRest, TellsTheWholeAsFree,
        ForgetsLargeBlocks,
    ),
    "rests": (
        LosesSmallRests, LosesRestsOfAligned, LosesRestsUntold, LosesTheOddRest, LosesSmallHoles,
    ),
    "not fresh": (
        GrownInPlaceIsFresh, MovedIsFresh, FreedAtTheTopIsFresh, AlignedIsFresh, ClearsWords,
        ClearsOneItem, ClearsSmall,
    ),
    "growth": (GrowsTooFar,),
}  # fmt: skip
WRONG = tuple(kind for kinds in KINDS.values() for kind in kinds)


class FullOneEarly(Bitmap):
    """The last unit of a slab is never given."""

    def is_full(self, page):
        return self.slabs[page].bit_count() >= max(1, self.count(self.unit_of[page]) - 1)


class KeepsAFooter(Bitmap):
    """The last word of a page of units belongs to the slab: as right as can be."""

    def count(self, unit):
        return max(1, (self.PAGE - 8) // unit)


# What is not found (design/invariants.md#.lim.early, .lim.once).
MISSED = (FullOneEarly, CutsTheEnd, LosesThePieceBefore)
