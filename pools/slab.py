"""Slab, the size-class pool: small blocks are units of slabs, each of one size
class; large ones are runs of grains.

Vital statistics
    Alignment: `align`, 8 to a sixteenth of the grain. Least block: `align`
    bytes. Size classes: up to four times `align` one each `align`, then four
    for each doubling. Overhead: none per block; a descriptor per slab, of 128
    bytes and a bit per unit, in control memory. Worst case: a fifth of a block
    is rounding from four times `align` on; a slab stays as long as one of its
    units lives. Alloc: O(units of a slab / 64), and O(log slabs) when one gets
    full; free: O(1), and O(log slabs) when one gets empty. Not for several
    threads.
    Told of a wrong free or resize: a size of another class, an address where no
    unit begins, and a unit that is free. Not told: a size of the same class, and
    a block that has been freed and is in use again.

The story of an allocation is `alloc_block`, that of a free `free_block`.
Source: design/classes.md#.sol.slab; J. Bonwick, "The slab allocator: an
object-caching kernel memory allocator", USENIX Summer 1994; J. Evans, "A
scalable concurrent malloc(3) implementation for FreeBSD", BSDCan 2006.
"""

from pools import fields as p
from pools import orders
from pools.heap import Heap
from pools.regions import RegionPool
from vm import bits, mmu
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError, fraction, integer, power_of_two


class Slab(RegionPool):
    """The handle of a Slab pool.

    A slab is as many grains as its units fill exactly. Of the slabs of a class
    that have room the lowest is used, and of that the lowest unit.

    Slab(arena, align=16, spare=0.75, arena_high=False, audit=False, label='')
    """

    class_name = "SlabPool"
    descriptor_size = p.SLAB_SIZE

    def __init__(
        self, arena, align=16, spare=0.75, arena_high=False, audit=False, label=""
    ):
        """Make a pool in `arena` whose blocks are aligned to `align`, a power of
        two from 8 to a sixteenth of the grain, which is also the least class.

        `spare` is the fraction of the pool's memory that may be free before
        empty slabs go back; `arena_high` says from which end of the arena they
        come.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Units: sizes in bytes. Raises: ParamError; AllocationError.
        """
        grain = getattr(arena, "grain_size", 4096)
        self._create(
            arena,
            audit,
            label,
            extend_by=grain,
            align=power_of_two("align", align, least=8, most=grain // 16),
            spare=fraction("spare", spare),
            arena_high=bool(arena_high),
        )

    def bind(self, space, address, grains):
        """Make this the handle of the Slab pool at `address`."""
        RegionPool.bind(self, space, address, grains)
        self.sig = p.SLAB_SIG
        self.heap = Heap(space, address)

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        align = options["align"]
        self.init_regions(arena_address, align, orders.ceiling_order(align), options)
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        # From four grains on every class is whole grains.
        self.space.words[n + p.LARGE_CLASS] = self._class(4 * self.grains.grain)
        self.told_init()

    # Size classes, by their numbers

    def _class(self, size):
        """The number of the least class that holds `size` bytes."""
        least = self.least
        four = 4
        if size <= four << least:
            return (size - 1) >> least
        k = orders.floor_order(size - 1)
        return (k - least - 1) * 4 + (size - 1 >> k - 2 & 3)

    def _unit(self, number):
        """The bytes of a unit of the class `number`."""
        least = self.least
        if number < 4:
            return number + 1 << least
        return (number & 3) + 5 << (number >> 2) + least - 1

    # Allocation

    def alloc_block(self, size):
        """The address of a block of `size` bytes, or a negative code.

        The lowest free unit of the lowest slab of its class that has one; if
        none has, of a new slab. From four grains on, grains of its own.
        """
        number = self._class(size)
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        w = self.space.words
        if number >= w[n + p.LARGE_CLASS]:
            return self._alloc_large(self._unit(number), self.grains.grain)
        slab = w[n + p.SLAB_HEAPS + number]
        if slab == 0:
            slab = self._new_slab(number, self.grains.grain)
            if slab < 0:
                return slab
        m = self._slab_at(slab, number)
        i = m + p.UNIT_TABLE
        last = i + (w[m + p.SLAB_UNITS] - 1 >> 6)
        while w[i] == 0 and i < last:
            i += 1
        if w[i] == 0:
            return self.space.damage("slab", slab, p.SLAB_ROOM, "0, for no unit is free")
        return self._take(slab, (i - m - p.UNIT_TABLE) * 64 + orders.lowest_bit(w[i]))

    def _slab_at(self, slab, number):
        """The number of the first word of a slab of the class `number` that has
        room, which its heap names. Raises: DamageError."""
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        if w[m + p.SLAB_CLASS] ^ number | self._oddity(m) | slab & 7:
            return self._no_slab(slab, number)
        if w[m + p.SLAB_ROOM] < 1 or w[m + p.SLAB_ROOM] > w[m + p.SLAB_UNITS]:
            return self.space.damage("slab", slab, p.SLAB_ROOM, "from 1 to its units")
        return m

    def _oddity(self, m):
        """0 if the descriptor at the word `m` can be that of a slab of the pool,
        whose units fill it; else another number."""
        w = self.space.words
        unit = w[m + p.SLAB_UNIT]
        units = w[m + p.SLAB_UNITS]
        odd = w[m] ^ p.REGION_SIG | w[m + p.REGION_POOL] ^ self.address | w[m + p.SOLE_BLOCK]
        # The product of two numbers below 2^31 does not wrap.
        odd |= unit >> 31 | units >> 31
        return odd | unit * units ^ w[m + p.REGION_LIMIT] - w[m + p.REGION_BASE]

    def _no_slab(self, slab, number):
        """Raises: DamageError, for what a heap names."""
        m = self._peek(slab)
        if m == 0 or self.space.words[m + p.SLAB_CLASS] != number:
            return self.space.damage(
                "pool", self.address, p.SLAB_HEAPS + number, "a slab of its class"
            )
        self._expect_units(slab, m)
        return self.space.damage("slab", slab, p.SOLE_BLOCK, "0")

    def _expect_units(self, slab, m):
        """Returns OK if the class, the unit and the units of a slab are right for
        its size. Raises: DamageError."""
        w = self.space.words
        number = w[m + p.SLAB_CLASS]
        if number >> 8 or w[m + p.SLAB_UNIT] != self._unit(number & 255):
            return self.space.damage("slab", slab, p.SLAB_UNIT, "the unit of its class")
        size = w[m + p.REGION_LIMIT] - w[m + p.REGION_BASE]
        if w[m + p.SLAB_UNITS] >> 31 or w[m + p.SLAB_UNITS] * w[m + p.SLAB_UNIT] != size:
            return self.space.damage("slab", slab, p.SLAB_UNITS, "as many as fill it")
        return r.OK

    def _take(self, slab, unit):
        """Make the free unit of that number a block. Returns its address."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        if unit >= w[m + p.SLAB_UNITS]:
            return self.space.damage("slab", slab, p.UNIT_TABLE + (unit >> 6), "bits of units")
        free = w[n + p.REGION_FREE]
        if free < w[m + p.SLAB_UNIT] or free >> 60:
            return self.space.damage("pool", self.address, p.REGION_FREE, "what is free")
        i = m + p.UNIT_TABLE + (unit >> 6)
        copy = i + self._words(m)
        if w[i] ^ w[copy] != -1:
            return self._no_copy(slab, unit)
        if w[m + p.SLAB_ROOM] == w[m + p.SLAB_UNITS]:
            self.make_busy(slab)
        if w[m + p.SLAB_ROOM] == 1:
            self.heap.remove(self._root(w[m + p.SLAB_CLASS]), slab)
        bits.reset_range(w, m + p.UNIT_TABLE, unit, unit + 1)
        w[copy] = ~w[i]
        w[m + p.SLAB_ROOM] -= 1
        w[n + p.REGION_FREE] = free - w[m + p.SLAB_UNIT]
        return w[m + p.REGION_BASE] + unit * w[m + p.SLAB_UNIT]

    def _words(self, m):
        """The words of the table of units of the slab at the word `m`; so many more, the
        table's complement, follow (design/classes.md#.sol.slab.copy)."""
        return self.space.words[m + p.SLAB_UNITS] + 63 >> 6

    def _no_copy(self, slab, unit):
        told = "the bits that its complement tells"
        return self.space.damage("slab", slab, p.UNIT_TABLE + (unit >> 6), told)

    def _root(self, number):
        """The address of the word that names the root of a class's heap."""
        return self.address + (p.SLAB_HEAPS + number) * 8

    def _new_slab(self, number, align):
        """A slab of that class, all of it free; or a negative code."""
        self._expect_large()
        unit = self._unit(number)
        size = unit // (unit & -unit) * max(unit & -unit, self.grains.grain)
        units = size // unit
        slab = self.get_region(size, align, p.SLAB_HEAD + (units + 63 >> 6) * 16)
        if slab < 0:
            return slab
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        w[m + p.SLAB_CLASS] = number
        w[m + p.SLAB_UNIT] = unit
        w[m + p.SLAB_ROOM] = units
        w[m + p.SLAB_UNITS] = units
        bits.set_range(w, m + p.UNIT_TABLE, 0, units)
        i = m + p.UNIT_TABLE
        copy = i + self._words(m)
        last = copy
        while i < last:
            w[copy] = ~w[i]
            i += 1
            copy += 1
        self._count(p.REGION_FREE, size)
        self.heap.insert(self._root(number), slab)
        self.make_idle(slab)
        return slab

    def _alloc_large(self, size, align):
        """A region for one block of `size` bytes, or a negative code."""
        self._expect_large()
        region = self.get_region(size, align, p.REGION_SIZE)
        if region < 0:
            return region
        m = mmu.at(self.space, region, p.REGION_SIZE)
        w = self.space.words
        w[m + p.SOLE_BLOCK] = size
        return w[m + p.REGION_BASE]

    def _expect_large(self):
        """Returns OK if the word LARGE_CLASS is what it is made. Raises: DamageError."""
        if self._word(p.LARGE_CLASS) != self._class(4 * self.grains.grain):
            return self.space.damage(
                "pool", self.address, p.LARGE_CLASS, "the class of four grains"
            )
        return r.OK

    def alloc_aligned(self, size, align):
        """As `Pool.alloc_aligned`: the lowest free unit of the class that is
        aligned; a slab has one, its first, if it is. Cost: O(slabs of the class
        that have room)."""
        number = self._class(size)
        unit = self._unit(number)
        if unit & (align - 1) == 0 and align <= self.grains.grain:
            return self.alloc_block(size)
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        w = self.space.words
        least = max(align, self.grains.grain)
        if number >= w[n + p.LARGE_CLASS]:
            return self._alloc_large(unit, least)
        best = -1
        found = 0
        slab = self.heap.first(self._root(number))
        while slab:
            m = self._slab_at(slab, number)
            i = self._aligned_unit(m, align)
            if i >= 0 and (found == 0 or w[m + p.REGION_BASE] + i * unit < found):
                best = slab
                found = w[m + p.REGION_BASE] + i * unit
            slab = self.heap.after(slab)
        if found == 0:
            best = self._new_slab(number, least)
            if best < 0:
                return best
            found = w[mmu.at(self.space, best, p.SLAB_HEAD) + p.REGION_BASE]
        m = mmu.at(self.space, best, p.SLAB_HEAD)
        return self._take(best, (found - w[m + p.REGION_BASE]) // unit)

    def _aligned_unit(self, m, align):
        """The first free unit of a slab at a multiple of `align`, or -FAIL."""
        w = self.space.words
        units = w[m + p.SLAB_UNITS]
        i = bits.next_bit(w, m + p.UNIT_TABLE, 0, units, 0)
        while i < units:
            if w[m + p.REGION_BASE] + i * w[m + p.SLAB_UNIT] & (align - 1) == 0:
                return i
            i = bits.next_bit(w, m + p.UNIT_TABLE, i + 1, units, 0)
        return -r.FAIL

    # Free

    def free_block(self, address, size):
        """Free a block of `size` bytes, then give back what is too much.

        Returns OK, or FAIL if no such block lives; then nothing changed.
        """
        slab = self.grains.segment_of(address, self.address)
        if slab == 0:
            return r.FAIL
        m = mmu.at(self.space, slab, p.REGION_SIZE)
        w = self.space.words
        offset = address - w[m + p.REGION_BASE]
        if w[m + p.SOLE_BLOCK]:
            if offset:
                return r.FAIL
            self.put_back(slab)
            return self.reduce()
        if self._oddity(m) | slab & 7:
            return self._no_slab(slab, w[m + p.SLAB_CLASS])
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        unit = w[m + p.SLAB_UNIT]
        i = offset // unit
        room = w[m + p.SLAB_ROOM]
        if i * unit != offset or i < 0 or i >= w[m + p.SLAB_UNITS] or size > unit:
            return r.FAIL
        at = m + p.UNIT_TABLE + (i >> 6)
        copy = at + self._words(m)
        if w[at] ^ w[copy] != -1:
            return self._no_copy(slab, i)
        if w[at] >> (i & 63) & 1:
            return r.FAIL
        if room < 0 or room >= w[m + p.SLAB_UNITS]:
            return self.space.damage("slab", slab, p.SLAB_ROOM, "less than its units")
        if w[n + p.REGION_FREE] >> 60:
            return self.space.damage("pool", self.address, p.REGION_FREE, "what is free")
        if room == 0:
            self._expect_units(slab, m)
            self.heap.insert(self._root(w[m + p.SLAB_CLASS]), slab)
        bits.set_range(w, m + p.UNIT_TABLE, i, i + 1)
        w[copy] = ~w[at]
        w[n + p.REGION_FREE] += unit
        w[m + p.SLAB_ROOM] = room + 1
        if room + 1 == w[m + p.SLAB_UNITS]:
            self.make_idle(slab)
        return self.reduce() if w[n + p.FIRST_IDLE] else r.OK

    def unhook(self, region):
        """Take an empty slab out of its heap. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, region, p.SLAB_HEAD)
        if w[m + p.SLAB_ROOM] != w[m + p.SLAB_UNITS]:
            return self.space.damage("region", region, p.IS_IDLE, "0, for not all is free")
        self._count(p.REGION_FREE, w[m + p.REGION_BASE] - w[m + p.REGION_LIMIT])
        return self.heap.remove(self._root(w[m + p.SLAB_CLASS]), region)

    def _verify_own(self, region, m):
        """As `RegionPool._verify_own`: units fill the slab."""
        w = self.space.words
        if w[m + p.SOLE_BLOCK]:
            return r.OK
        self._expect_units(region, m)
        if w[m + p.SLAB_CLASS] >= self._class(4 * self.grains.grain):
            return self.space.damage("slab", region, p.SLAB_CLASS, "below four grains")
        if w[m + p.SLAB_ROOM] < 0 or w[m + p.SLAB_ROOM] > w[m + p.SLAB_UNITS]:
            return self.space.damage("slab", region, p.SLAB_ROOM, "from 0 to its units")
        return r.OK

    def _own_bytes(self, m):
        """As `RegionPool._own_bytes`."""
        w = self.space.words
        if w[m + p.SOLE_BLOCK]:
            return p.REGION_SIZE
        return p.SLAB_HEAD + self._words(m) * 16

    def _verify_pool(self):
        """As `RegionPool._verify_pool`."""
        self._expect_large()
        return RegionPool._verify_pool(self)

    # Accounts

    def block_size(self, size):
        """The bytes of the least class that holds `size`."""
        return self._unit(self._class(size))

    def largest(self):
        """The bytes of the largest class of which a slab has room."""
        self._expect_large()
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        w = self.space.words
        number = w[n + p.LARGE_CLASS] - 1
        while number >= 0 and w[n + p.SLAB_HEAPS + number] == 0:
            number -= 1
        return self._unit(number) if number >= 0 else 0

    def whole_free(self):
        """The bytes of the grains in which no unit is a block's, in part or
        whole. Cost: O(units of the slabs that have room)."""
        self._expect_large()
        found = 0
        for number in range(self._word(p.LARGE_CLASS)):
            slab = self.heap.first(self._root(number))
            while slab:
                found += self._whole_in(self._slab_at(slab, number))
                slab = self.heap.after(slab)
        return found

    def _whole_in(self, m):
        """The bytes of whole grains in the runs of free units of one slab."""
        w = self.space.words
        grain = self.grains.grain
        unit = w[m + p.SLAB_UNIT]
        units = w[m + p.SLAB_UNITS]
        found = 0
        i = bits.next_bit(w, m + p.UNIT_TABLE, 0, units, 0)
        while i < units:
            j = bits.next_bit(w, m + p.UNIT_TABLE, i, units, -1)
            found += max(0, (j * unit & -grain) - (i * unit + grain - 1 & -grain))
            i = bits.next_bit(w, m + p.UNIT_TABLE, j, units, 0)
        return found

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no block of `size`
        bytes lies at `address`."""
        unit = self._unit(self._class(size))
        slab = self._expect_in_region(address, 1)
        m = self._named(slab)
        w = self.space.words
        offset = address - w[m + p.REGION_BASE]
        if w[m + p.SOLE_BLOCK]:
            if offset or w[m + p.SOLE_BLOCK] != unit:
                self._refuse_block(address, size, m)
            return r.OK
        self._expect_units(slab, m)
        i = offset // w[m + p.SLAB_UNIT]
        if (
            w[m + p.SLAB_UNIT] != unit
            or i * unit != offset
            or w[m + p.UNIT_TABLE + (i >> 6)] >> (i & 63) & 1
        ):
            self._refuse_block(address, size, m)
        return r.OK

    def _refuse_block(self, address, size, m):
        """Raises: ProtocolError, for a block that does not live so."""
        w = self.space.words
        unit, found = self.block_size(size), w[m + p.SOLE_BLOCK] or w[m + p.SLAB_UNIT]
        if address + unit > w[m + p.REGION_LIMIT]:
            self._refuse(address, unit, 0)
        if found != unit:
            raise ProtocolError(
                f"block {address:#x} of {self!r} is freed with size {size}, of the class "
                f"{unit}: expected one of the class {found}"
            )
        if (address - w[m + p.REGION_BASE]) % unit:
            raise ProtocolError(f"no unit of {self!r} begins at {address:#x}")
        raise ProtocolError(f"the unit at {address:#x} of {self!r} is already free")

    # End

    def free_ranges(self):
        """As `Pool.free_ranges`: the runs of free units of each slab."""
        for region in self.regions():
            w = self._region_words(region)
            if w[p.SOLE_BLOCK]:
                continue
            base, unit, first = w[p.REGION_BASE], w[p.SLAB_UNIT], None
            for i in range(w[p.SLAB_UNITS] + 1):
                is_free = i < w[p.SLAB_UNITS] and w[p.UNIT_TABLE + (i >> 6)] >> (i & 63) & 1
                if is_free and first is None:
                    first = i
                elif not is_free and first is not None:
                    yield base + first * unit, base + i * unit
                    first = None

    def slabs(self):
        """What there is of slabs: a list of (base, unit, units, free units)."""
        words = [self._region_words(region) for region in self.regions()]
        return sorted(
            (w[p.REGION_BASE], w[p.SLAB_UNIT], w[p.SLAB_UNITS], w[p.SLAB_ROOM])
            for w in words
            if not w[p.SOLE_BLOCK]
        )

    @walks
    def check(self):
        """Verify the pool (design/classes.md#.req.check). Raises: DamageError."""
        self.check_regions()
        free, rooms = 0, {}
        for region in self.regions():
            w = self._region_words(region)
            if w[p.SOLE_BLOCK]:
                self._expect_idle(region, False)
                continue
            middle = p.UNIT_TABLE + (len(w) - p.UNIT_TABLE) // 2
            table, copy = w[p.UNIT_TABLE : middle], w[middle:]
            room = sum((word & (1 << 64) - 1).bit_count() for word in table)
            if w[p.SLAB_ROOM] != room:
                self.space.damage("slab", region, p.SLAB_ROOM, f"{room}, of its table")
            rest = w[p.SLAB_UNITS] % 64
            if rest and (table[-1] & (1 << 64) - 1) >> rest:
                self.space.damage("slab", region, middle - 1, f"{rest} bits of units")
            for i, (word, other) in enumerate(zip(table, copy, strict=True)):
                if word ^ other != -1:
                    self._no_copy(region, 64 * i)
            self._expect_idle(region, room == w[p.SLAB_UNITS])
            free += room * w[p.SLAB_UNIT]
            if room:
                rooms.setdefault(w[p.SLAB_CLASS], []).append(region)
        self._expect_free(free)
        for number in range(self._word(p.LARGE_CLASS)):
            root = self._root(number)
            for slab in set(self.heap.slabs(root)) ^ set(rooms.get(number, [])):
                told = "in the heap of its class just if it has room"
                self.space.damage("slab", slab, p.SLAB_ROOM, told)

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        classes = {}
        for _, unit, units, room in self.slabs():
            known = classes.setdefault(unit, [0, 0])
            classes[unit] = [known[0] + units - room, known[1] + units]
        lines = "".join(
            f"  class {unit}: {used} of {units} units used\n"
            for unit, (used, units) in sorted(classes.items())
        )
        return self.described(lines)
