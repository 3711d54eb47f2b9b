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

The story of an allocation is `alloc_block`, that of a free `free_block`.
Source: design/classes.md#.sol.slab; J. Bonwick, "The slab allocator: an
object-caching kernel memory allocator", USENIX Summer 1994; J. Evans, "A
scalable concurrent malloc(3) implementation for FreeBSD", BSDCan 2006.
"""

from pools import fields as p
from pools.heap import Heap
from pools.orders import ceiling_order, floor_order, lowest_bit
from pools.regions import RegionPool
from vm import bits, mmu
from vm import results as r
from vm.lock import walks
from vm.results import ProtocolError, fraction, integer, power_of_two


class Slab(RegionPool):
    """The handle of a Slab pool.

    A slab is as many grains as its units fill exactly. Of the slabs of a class
    that have room the lowest is used, and of that the lowest unit.

    Slab(arena, align=16, spare=0.75, arena_high=False, audit=False, label="")
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
        self.heap = Heap(space)

    def init(self, arena_address, **options):
        """Write the descriptor of a pool without memory. Takes no memory."""
        align = options["align"]
        self.init_regions(arena_address, align, ceiling_order(align), options)
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        # From four grains on every class is whole grains.
        self.space.words[n + p.LARGE_CLASS] = self._class(4 * self.grains.grain)
        self.told_init()

    # Size classes, by their numbers

    def _class(self, size):
        """The number of the least class that holds `size` bytes."""
        least = self._word(p.LEAST_ORDER)
        four = 4
        if size <= four << least:
            return (size - 1) >> least
        k = floor_order(size - 1)
        return (k - least - 1) * 4 + (size - 1 >> k - 2 & 3)

    def _unit(self, number):
        """The bytes of a unit of the class `number`."""
        least = self._word(p.LEAST_ORDER)
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
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        i = m + p.UNIT_TABLE
        while w[i] == 0:
            i += 1
        return self._take(slab, (i - m - p.UNIT_TABLE) * 64 + lowest_bit(w[i]))

    def _take(self, slab, unit):
        """Make the free unit of that number a block. Returns its address."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        bits.reset_range(w, m + p.UNIT_TABLE, unit, unit + 1)
        if w[m + p.SLAB_ROOM] == w[m + p.SLAB_UNITS]:
            self.make_busy(slab)
        w[m + p.SLAB_ROOM] -= 1
        if w[m + p.SLAB_ROOM] == 0:
            self.heap.remove(self._root(w[m + p.SLAB_CLASS]), slab)
        w[n + p.REGION_FREE] -= w[m + p.SLAB_UNIT]
        return w[m + p.REGION_BASE] + unit * w[m + p.SLAB_UNIT]

    def _root(self, number):
        """The address of the word that names the root of a class's heap."""
        return self.address + (p.SLAB_HEAPS + number) * 8

    def _new_slab(self, number, align):
        """A slab of that class, all of it free; or a negative code."""
        unit = self._unit(number)
        size = unit // (unit & -unit) * max(unit & -unit, self.grains.grain)
        units = size // unit
        slab = self.get_region(size, align, p.SLAB_HEAD + (units + 63 >> 6) * 8)
        if slab < 0:
            return slab
        w = self.space.words
        m = mmu.at(self.space, slab, p.SLAB_HEAD)
        w[m + p.SLAB_CLASS] = number
        w[m + p.SLAB_UNIT] = unit
        w[m + p.SLAB_ROOM] = units
        w[m + p.SLAB_UNITS] = units
        bits.set_range(w, m + p.UNIT_TABLE, 0, units)
        w[mmu.at(self.space, self.address, p.SLAB_SIZE) + p.REGION_FREE] += size
        self.heap.insert(self._root(number), slab)
        self.make_idle(slab)
        return slab

    def _alloc_large(self, size, align):
        """A region for one block of `size` bytes, or a negative code."""
        region = self.get_region(size, align, p.REGION_SIZE)
        if region < 0:
            return region
        m = mmu.at(self.space, region, p.REGION_SIZE)
        w = self.space.words
        w[m + p.SOLE_BLOCK] = size
        return w[m + p.REGION_BASE]

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
        slab = w[n + p.SLAB_HEAPS + number]
        while slab:
            m = mmu.at(self.space, slab, p.SLAB_HEAD)
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

        Returns OK, or FAIL if it was free; then nothing changed.
        """
        slab = self.region_of(address)
        if slab == 0:
            return r.FAIL
        m = mmu.at(self.space, slab, p.REGION_SIZE)
        w = self.space.words
        if w[m + p.SOLE_BLOCK]:
            self.put_back(slab)
            return self.reduce()
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        unit = w[m + p.SLAB_UNIT]
        i = (address - w[m + p.REGION_BASE]) // unit
        if w[m + p.UNIT_TABLE + (i >> 6)] >> (i & 63) & 1:
            return r.FAIL
        bits.set_range(w, m + p.UNIT_TABLE, i, i + 1)
        w[n + p.REGION_FREE] += unit
        w[m + p.SLAB_ROOM] += 1
        if w[m + p.SLAB_ROOM] == 1:
            self.heap.insert(self._root(w[m + p.SLAB_CLASS]), slab)
        if w[m + p.SLAB_ROOM] == w[m + p.SLAB_UNITS]:
            self.make_idle(slab)
        return self.reduce()

    def unhook(self, region):
        """Take an empty slab out of its heap. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, region, p.SLAB_HEAD)
        self.heap.remove(self._root(w[m + p.SLAB_CLASS]), region)
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        w[n + p.REGION_FREE] -= w[m + p.REGION_LIMIT] - w[m + p.REGION_BASE]
        return r.OK

    # Accounts

    def block_size(self, size):
        """The bytes of the least class that holds `size`."""
        return self._unit(self._class(size))

    def largest(self):
        """The bytes of the largest class of which a slab has room."""
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        w = self.space.words
        number = w[n + p.LARGE_CLASS] - 1
        while number >= 0 and w[n + p.SLAB_HEAPS + number] == 0:
            number -= 1
        return self._unit(number) if number >= 0 else 0

    def whole_free(self):
        """The bytes of the grains in which no unit is a block's, in part or
        whole. Cost: O(units of the slabs that have room)."""
        n = mmu.at(self.space, self.address, p.SLAB_SIZE)
        w = self.space.words
        found = 0
        for number in range(w[n + p.LARGE_CLASS]):
            slab = w[n + p.SLAB_HEAPS + number]
            while slab:
                found += self._whole_in(mmu.at(self.space, slab, p.SLAB_HEAD))
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
        number = self._class(size)
        unit = self._unit(number)
        w = self._region_words(self.expect_in_region(address, unit))
        found = w[p.SOLE_BLOCK] or w[p.SLAB_UNIT]
        if found != unit:
            raise ProtocolError(
                f"block {address:#x} of {self!r} is freed with size {size}, of the class "
                f"{unit}: expected one of the class {found}"
            )
        offset = address - w[p.REGION_BASE]
        if offset % unit:
            raise ProtocolError(f"no unit of {self!r} begins at {address:#x}")
        i = offset // unit
        if not w[p.SOLE_BLOCK] and w[p.UNIT_TABLE + (i >> 6)] >> (i & 63) & 1:
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
        """Assert the pool's invariants (design/classes.md#.req.check)."""
        self.check_regions()
        free, rooms = 0, {}
        for region in self.regions():
            w = self._region_words(region)
            size = w[p.REGION_LIMIT] - w[p.REGION_BASE]
            if w[p.SOLE_BLOCK]:
                assert w[p.SOLE_BLOCK] == size and not w[p.IS_IDLE], "a large block is its region"
                continue
            number, unit, units = w[p.SLAB_CLASS], w[p.SLAB_UNIT], w[p.SLAB_UNITS]
            assert unit == self._unit(number) and unit * units == size, "units fill the slab"
            room = sum((word & (1 << 64) - 1).bit_count() for word in w[p.UNIT_TABLE :])
            assert w[p.SLAB_ROOM] == room <= units, "room counts the free units"
            assert w[p.IS_IDLE] == (room == units), "what is all free is idle"
            free += room * unit
            if room:
                rooms.setdefault(number, []).append(region)
        assert free == self.free_bytes(), "free counts the free units"
        for number in range(self._word(p.LARGE_CLASS)):
            known = sorted(self.heap.slabs(self._root(number)))
            assert known == sorted(rooms.get(number, [])), "a heap has the slabs with room"

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
