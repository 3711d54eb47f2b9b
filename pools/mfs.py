"""MFS, the manual fixed small pool: blocks of one size, last freed first.

Vital statistics
    Alignment: 8. Least unit: 8 bytes. Overhead: none per block, 16 bytes per
    extent and what is left at its end. Worst case: extents never go back to
    the arena before the pool is destroyed. Alloc and free: O(1), but for
    threading a new extent. Not for several threads.
Misuse
    Told: a wrong size, an address where no unit begins, a second free. What a
    client writes into a free unit is told by the next operation that meets it,
    but for a link to where a free unit could lie.

An MFS pool is also what a CBS gets its nodes from, and one that may not
extend itself is the back door of the bootstrap.
Source: design/pools.md#.sol.mfs, design/bootstrap.md#.sol.mfs, MPS poolmfs.c
"""

from pools import fields as p
from pools.pool import MOST, Pool
from vm import events as ev
from vm import mmu
from vm import results as r
from vm.lock import walks
from vm.results import ParamError, ProtocolError, failure, integer


def rounded_unit(unit_size):
    """The bytes that a unit of `unit_size` bytes takes."""
    return max(unit_size, 8) + 7 & -8


def rounded_extent(extend_by, unit_size, grain):
    """The bytes of an extent: at least one unit, in whole grains."""
    size = max(extend_by, p.EXTENT_HEADER + rounded_unit(unit_size))
    return (size + grain - 1) // grain * grain


def crossed(word):
    """The word that a free unit has for the address of the next, and back."""
    key = p.FREE_KEY
    return word ^ (key << 32)


class MFS(Pool):
    """The handle of an MFS pool. As a NodeSource its nodes are its units.

    MFS(arena, unit_size, extend_by=65536, extend_self=True, audit=False, label='')
    """

    class_name = "MFSPool"
    has_one_size = True
    descriptor_size = p.MFS_SIZE

    def __init__(
        self, arena, unit_size, extend_by=65536, extend_self=True, audit=False, label=""
    ):
        """Make a pool of blocks of `unit_size` bytes in `arena`.

        `extend_by` is the least size of an extent in bytes. A pool with
        `extend_self` false has the extents that `add_extent` gives it.
        `audit` keeps a table of living blocks beside the pool, by which every
        wrong free and resize is told; `label` is the pool's name.
        Raises: ParamError; AllocationError.
        """
        self._create(
            arena,
            audit,
            label,
            unit_size=integer("unit_size", unit_size, least=1, most=MOST),
            extend_by=integer("extend_by", extend_by, least=1, most=MOST),
            extend_self=bool(extend_self),
        )

    def bind(self, space, address, grains):
        """Make this the handle of the MFS pool at `address`."""
        Pool.bind(self, space, address, grains)
        self.sig = p.MFS_SIG

    def init(self, arena_address, unit_size, extend_by, extend_self):
        """Write the descriptor of a pool with no extent. Takes no memory."""
        self.init_pool(arena_address, 8)
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        w = self.space.words
        unit = rounded_unit(unit_size)
        extend_by = rounded_extent(extend_by, unit_size, self.grains.grain)
        w[n + p.UNIT_SIZE] = unit
        w[n + p.CLIENT_SIZE] = unit_size
        w[n + p.MFS_EXTEND_BY] = extend_by
        w[n + p.EXTEND_SELF] = extend_self
        w[n + p.FREE_UNITS] = 0
        w[n + p.MFS_TOTAL] = 0
        w[n + p.MFS_FREE] = 0
        w[n + p.FIRST_EXTENT] = 0
        w[n + p.LAST_EXTENT] = 0
        self.space.telemetry.tell(
            ev.POOL_INIT_MFS, self.address, extend_by, bool(extend_self), unit
        )
        self.told_init()

    def alloc_block(self, size):
        """The address of a unit for `size` bytes, which must fit.

        Returns -LIMIT if there is none and the pool may not extend itself,
        -PARAM if a unit is too small.
        """
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        w = self.space.words
        if size > w[n + p.CLIENT_SIZE]:
            return -r.PARAM
        unit = w[n + p.FREE_UNITS]
        if unit == 0:
            res = self._extend_self()
            if res != r.OK:
                return -res
            unit = w[n + p.FREE_UNITS]
        if unit & 7 or not self.space.base <= unit < self.space.limit:
            return self._bad(p.FREE_UNITS, "the address of a unit")
        m = mmu.at(self.space, unit, p.EXTENT_HEADER // 2)
        link = crossed(w[m])
        if link and (link & 7 or not self.space.base <= link < self.space.limit):
            return self._bad_link(unit)
        if not 0 < w[n + p.UNIT_SIZE] <= w[n + p.MFS_FREE]:
            return self.sound()
        w[n + p.FREE_UNITS] = link
        w[m] = 0
        w[n + p.MFS_FREE] -= w[n + p.UNIT_SIZE]
        return unit

    def free_block(self, address, size):
        """Put the unit at `address` at the head of the free list."""
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        m = mmu.at(self.space, address, p.EXTENT_HEADER // 2)
        w = self.space.words
        free = w[n + p.MFS_FREE]
        total = w[n + p.MFS_TOTAL]
        if not (0 <= free <= total and 0 < w[n + p.UNIT_SIZE] <= total - free):
            self.sound()
            return self._bad(p.MFS_FREE, "a unit less than the total, for one was in use")
        w[m] = crossed(w[n + p.FREE_UNITS])
        w[n + p.FREE_UNITS] = address
        w[n + p.MFS_FREE] += w[n + p.UNIT_SIZE]
        return r.OK

    def _extend_self(self):
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        w = self.space.words
        if w[n + p.EXTEND_SELF] == 0:
            return r.LIMIT
        self.sound()
        size = w[n + p.MFS_EXTEND_BY]
        base = self.grains.alloc_grains(size, False, self.address)
        if base < 0:
            return -base
        return self.extend(base, base + size)

    def extend(self, base, limit):
        """Make [base, limit), which the pool owns, an extent of free units.

        The units come out in ascending order before any older free unit.
        """
        self.sound()
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        e = mmu.at(self.space, base, limit - base)
        w = self.space.words
        last = 0
        if w[n + p.FIRST_EXTENT]:
            last = self._extent_at(w[n + p.LAST_EXTENT], 0, p.LAST_EXTENT)
        w[e + p.EXTENT_NEXT] = 0
        w[e + p.EXTENT_SIZE] = limit - base
        if last:
            w[last + p.EXTENT_NEXT] = base
        else:
            w[n + p.FIRST_EXTENT] = base
        w[n + p.LAST_EXTENT] = base
        unit = w[n + p.UNIT_SIZE]
        first = base + p.EXTENT_HEADER
        address = first + (limit - first) // unit * unit
        following = w[n + p.FREE_UNITS]
        while address > first:
            address -= unit
            w[e + (address - base >> 3)] = crossed(following)
            following = address
        w[n + p.FREE_UNITS] = following
        w[n + p.MFS_TOTAL] += limit - first
        w[n + p.MFS_FREE] += limit - first
        if self.space.telemetry.mask & ev.STEP:
            self.space.telemetry.note(ev.POOL_EXTEND, self.address, base, limit, 0, 0)
        return r.OK

    # Words that may be damaged

    def sound(self):
        """Returns 0. Raises: DamageError, if a word of the descriptor is not
        what it can be."""
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        w = self.space.words
        unit = w[n + p.UNIT_SIZE]
        grain = self.grains.grain
        most = self.space.mapped
        if unit < 8 or unit & 7 or unit > p.MOST_BYTES:
            return self._bad(p.UNIT_SIZE, "8 or more bytes in words")
        if not unit - 8 < w[n + p.CLIENT_SIZE] <= unit or w[n + p.CLIENT_SIZE] < 1:
            return self._bad(p.CLIENT_SIZE, "what the unit size was rounded from")
        if not unit + p.EXTENT_HEADER <= w[n + p.MFS_EXTEND_BY] <= 2 * p.MOST_BYTES:
            return self._bad(p.MFS_EXTEND_BY, "room for a unit")
        if w[n + p.MFS_EXTEND_BY] & grain - 1:
            return self._bad(p.MFS_EXTEND_BY, "whole grains")
        if not 0 <= w[n + p.MFS_TOTAL] <= most:
            return self._bad(p.MFS_TOTAL, "no more bytes than are mapped")
        if not 0 <= w[n + p.MFS_FREE] <= w[n + p.MFS_TOTAL]:
            return self._bad(p.MFS_FREE, "no more bytes than the total")
        if w[n + p.FREE_UNITS] & 7 or (w[n + p.FREE_UNITS] and w[n + p.MFS_FREE] < unit):
            return self._bad(p.FREE_UNITS, "a unit, and none while none is free")
        return 0

    def _bad(self, field, expected):
        return self.space.damage("MFS pool", self.address, field, expected)

    def _bad_link(self, unit):
        return self.space.damage("free unit", unit, 0, "the crossed address of the next one")

    def _next_free(self, unit):
        """The free unit after `unit`, or 0. Raises: DamageError."""
        if unit & 7 or not self.space.base <= unit < self.space.limit:
            return self._bad(p.FREE_UNITS, "the address of a unit")
        link = crossed(self.space.words[mmu.at(self.space, unit, 8)])
        if link and (link & 7 or not self.space.base <= link < self.space.limit):
            return self._bad_link(unit)
        return link

    def _extent_at(self, base, where, field):
        """The number of the first word of the extent at `base`, which is the word
        `field` of the extent at `where`, or of the pool if that is 0.
        Raises: DamageError if it cannot be one."""
        if base & self.grains.grain - 1 or not self.space.base <= base < self.space.limit:
            if where == 0:
                return self._bad(field, "the address of an extent")
            return self.space.damage("extent", where, field, "the address of an extent")
        e = mmu.at(self.space, base, p.EXTENT_HEADER)
        size = self.space.words[e + p.EXTENT_SIZE]
        if not 0 < size <= self.space.mapped or size & self.grains.grain - 1:
            return self.space.damage("extent", base, p.EXTENT_SIZE, "the size of an extent")
        return e

    def add_extent(self):
        """Give the pool one more extent now. Returns its base.

        Raises: AllocationError; ProtocolError if the pool is destroyed.
        """
        self._expect_alive()
        self.sound()
        size = self._word(p.MFS_EXTEND_BY)
        base = self.grains.alloc_grains(size, False, self.address)
        if base < 0:
            raise failure(base, f"{self!r} has no memory for an extent of {size} bytes")
        self.extend(base, base + size)
        return base

    # A NodeSource

    def alloc_node(self):
        """The address of a unit for a node, or a negative code."""
        return self.alloc_block(1)

    def free_node(self, address):
        """Take a node back. Always OK."""
        return self.free_block(address, 0)

    def adopt(self, base, limit):
        """Make the first grain of [base, limit) an extent. Returns its size."""
        size = self.grains.adopt_grain(base, self.address)
        if size > 0:
            self.extend(base, base + size)
        return size

    # Accounts

    def total(self):
        """The bytes of the extents after their headers."""
        return self._word(p.MFS_TOTAL)

    def free_bytes(self):
        """The bytes of `total` that no allocated unit takes."""
        return self._word(p.MFS_FREE)

    def block_size(self, size):
        """The bytes of a unit, whatever the size."""
        return self._word(p.UNIT_SIZE)

    def resize_block(self, address, old, new):
        """OK if a unit holds `new` bytes."""
        return r.OK if new <= self._word(p.CLIENT_SIZE) else r.FAIL

    def largest(self):
        """The client's unit size if a unit is free, else 0."""
        return self._word(p.CLIENT_SIZE) if self._word(p.FREE_UNITS) else 0

    @property
    def unit_size(self):
        """The bytes of a unit, rounded as the pool rounds."""
        self._expect_alive()
        return self._word(p.UNIT_SIZE)

    @property
    def client_size(self):
        """The bytes of a unit, as the client asked for them."""
        self._expect_alive()
        return self._word(p.CLIENT_SIZE)

    @property
    def extend_by(self):
        """The bytes of an extent, in whole grains."""
        self._expect_alive()
        return self._word(p.MFS_EXTEND_BY)

    def _expect_size(self, size):
        expected = self._word(p.CLIENT_SIZE)
        if size != expected:
            self.sound()
            raise ParamError(f"{self!r} has units of {expected} bytes: found size {size}")

    def expect_block(self, address, size):
        """Raise ProtocolError unless a unit that is not free is at `address`."""
        extent = self.grains.extent_of(address, self.address)
        if extent < 0:
            raise ProtocolError(f"address {address:#x} is in no extent of {self!r}")
        offset = address - extent - p.EXTENT_HEADER
        unit = self._word(p.UNIT_SIZE)
        if unit < 8:
            self.sound()
        e = self._extent_at(extent, 0, p.FIRST_EXTENT)
        units = (self.space.words[e + p.EXTENT_SIZE] - p.EXTENT_HEADER) // unit
        if offset < 0 or offset % unit or offset // unit >= units:
            raise ProtocolError(f"no unit of {self!r} begins at {address:#x}")
        if self._is_free(address):
            raise ProtocolError(f"the unit at {address:#x} of {self!r} is already free")
        return r.OK

    def _is_free(self, address):
        """O(1) but for a free unit, and for one that looks like it."""
        link = crossed(self.space.words[mmu.at(self.space, address, 8)])
        if link and self.grains.extent_of(link, self.address) < 0:
            return 0
        self.sound()
        unit = self._word(p.FREE_UNITS)
        left = self._word(p.MFS_FREE) // self._word(p.UNIT_SIZE)
        while unit and left >= 0:
            if unit == address:
                return 1
            unit = self._next_free(unit)
            left -= 1
        return 0

    # End

    def extents(self):
        """The extents, in the order of their making: a list of (base, limit)."""
        self._expect_alive()
        self.sound()
        found = []
        # None is smaller than a grain, so a list without an end is soon too long.
        left = self._word(p.MFS_TOTAL)
        base = self._word(p.FIRST_EXTENT)
        where, field = 0, p.FIRST_EXTENT
        while base:
            e = self._extent_at(base, where, field)
            size = self.space.words[e + p.EXTENT_SIZE]
            left -= size - p.EXTENT_HEADER
            if left < 0 or self.space.first_unmapped(base, base + size) != base + size:
                self.space.damage("extent", base, p.EXTENT_SIZE, "sizes that sum up to the total")
            found.append((base, base + size))
            where, field = base, p.EXTENT_NEXT
            base = self.space.words[e + p.EXTENT_NEXT]
        return found

    def forget_extents(self):
        """Drop all extents without giving them back: the caller does that.
        Returns what `extents` did."""
        found = self.extents()
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        w = self.space.words
        for field in (p.FREE_UNITS, p.MFS_TOTAL, p.MFS_FREE, p.FIRST_EXTENT, p.LAST_EXTENT):
            w[n + field] = 0
        return found

    def finish(self):
        """Give the extents back to the arena and invalidate the descriptor."""
        for base, limit in self.forget_extents():
            self.grains.free_grains(base, limit - base, self.address)
        self.finish_pool()

    def free_units(self):
        """The addresses of the free units, next one first. Cost: O(units)."""
        unit = self._word(p.FREE_UNITS) if self.alive else 0
        walked = 0
        while unit and self.alive:
            self.sound()
            walked += 1
            if walked > self._word(p.MFS_TOTAL) // self._word(p.UNIT_SIZE):
                self._bad(p.FREE_UNITS, "a list no longer than there are units")
            yield unit
            unit = self._next_free(unit) if self.alive else 0

    def free_ranges(self):
        """As `Pool.free_ranges`: each free unit, the next one first. What is
        left at the end of an extent is none."""
        self.sound()
        unit = self._word(p.UNIT_SIZE)
        return ((address, address + unit) for address in self.free_units())

    def _walk_free(self, most):
        """The free units, or one more than `most`: a list that is broken may
        have no end."""
        found, unit = [], self._word(p.FREE_UNITS)
        while unit and len(found) <= most:
            found.append(unit)
            unit = self._next_free(unit)
        return found

    @walks
    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mfs.check)."""
        self._expect_alive()
        self.alignment()
        assert self._word(p.EXTEND_SELF) in (0, 1), "a pool extends itself or not"
        unit = self._word(p.UNIT_SIZE)
        extents = self.extents()
        last = extents[-1][0] if extents else 0
        assert self._word(p.LAST_EXTENT) == last, "the last extent is the last of the list"
        total = sum(limit - base - p.EXTENT_HEADER for base, limit in extents)
        assert total == self.total(), "total counts the extents after their headers"
        slots = {
            address
            for base, limit in extents
            for address in range(base + p.EXTENT_HEADER, limit - unit + 1, unit)
        }
        free = self._walk_free(len(slots))
        assert len(set(free)) == len(free), "a unit is free once"
        assert slots.issuperset(free), "a free unit lies in an extent"
        used = len(slots) - len(free)
        assert self.total() - self.free_bytes() == used * unit, "free counts all but used units"

    @walks
    def describe(self):
        """What the pool holds, as text."""
        self._expect_alive()
        lines = [
            f"MFS pool {self.serial} at {self.address:#x}",
            f"  unit size {self.unit_size}, extend by {self.extend_by} bytes, "
            f"extends itself: {'yes' if self._word(p.EXTEND_SELF) else 'no'}",
            f"  total {self.total()}, free {self.free_bytes()} bytes",
        ]
        lines += [f"  extent [{base:#x}, {limit:#x})" for base, limit in self.extents()]
        return "\n".join(lines) + "\n"
