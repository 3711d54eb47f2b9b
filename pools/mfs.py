"""MFS, the manual fixed small pool: blocks of one size, last freed first.

Vital statistics
    Alignment: 8. Least unit: 8 bytes. Overhead: none per block, 16 bytes per
    extent and what is left at its end. Worst case: extents never go back to
    the arena before the pool is destroyed. Alloc and free: O(1), but for
    threading a new extent. Not for several threads.

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

    MFS(arena, unit_size, extend_by=65536, extend_self=True, audit=False, label="")
    """

    class_name = "MFSPool"
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
        m = mmu.at(self.space, unit, p.EXTENT_HEADER // 2)
        w[n + p.FREE_UNITS] = crossed(w[m])
        w[m] = 0
        w[n + p.MFS_FREE] -= w[n + p.UNIT_SIZE]
        return unit

    def free_block(self, address, size):
        """Put the unit at `address` at the head of the free list."""
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        m = mmu.at(self.space, address, p.EXTENT_HEADER // 2)
        w = self.space.words
        w[m] = crossed(w[n + p.FREE_UNITS])
        w[n + p.FREE_UNITS] = address
        w[n + p.MFS_FREE] += w[n + p.UNIT_SIZE]
        return r.OK

    def _extend_self(self):
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        w = self.space.words
        if w[n + p.EXTEND_SELF] == 0:
            return r.LIMIT
        size = w[n + p.MFS_EXTEND_BY]
        base = self.grains.alloc_grains(size, False, self.address)
        if base < 0:
            return -base
        return self.extend(base, base + size)

    def extend(self, base, limit):
        """Make [base, limit), which the pool owns, an extent of free units.

        The units come out in ascending order before any older free unit.
        """
        n = mmu.at(self.space, self.address, p.MFS_SIZE)
        e = mmu.at(self.space, base, limit - base)
        w = self.space.words
        w[e + p.EXTENT_NEXT] = 0
        w[e + p.EXTENT_SIZE] = limit - base
        if w[n + p.FIRST_EXTENT] == 0:
            w[n + p.FIRST_EXTENT] = base
        else:
            w[mmu.at(self.space, w[n + p.LAST_EXTENT], p.EXTENT_HEADER) + p.EXTENT_NEXT] = base
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

    def add_extent(self):
        """Give the pool one more extent now. Returns its base.

        Raises: AllocationError; ProtocolError if the pool is destroyed.
        """
        self._expect_alive()
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
            raise ParamError(f"{self!r} has units of {expected} bytes: found size {size}")

    def expect_block(self, address, size):
        """Raise ProtocolError unless a unit that is not free is at `address`."""
        extent = self.grains.extent_of(address, self.address)
        if extent < 0:
            raise ProtocolError(f"address {address:#x} is in no extent of {self!r}")
        offset = address - extent - p.EXTENT_HEADER
        unit = self._word(p.UNIT_SIZE)
        e = mmu.at(self.space, extent, p.EXTENT_HEADER)
        units = (self.space.words[e + p.EXTENT_SIZE] - p.EXTENT_HEADER) // unit
        if offset < 0 or offset % unit or offset // unit >= units:
            raise ProtocolError(f"no unit of {self!r} begins at {address:#x}")
        if self._is_free(address):
            raise ProtocolError(f"the unit at {address:#x} of {self!r} is already free")

    def _is_free(self, address):
        """O(1) but for a free unit, and for one that looks like it."""
        link = crossed(self.space.words[mmu.at(self.space, address, 8)])
        if link and self.grains.extent_of(link, self.address) < 0:
            return False
        unit = self._word(p.FREE_UNITS)
        while unit:
            if unit == address:
                return True
            unit = crossed(self.space.words[mmu.at(self.space, unit, 8)])
        return False

    # End

    def extents(self):
        """The extents, in the order of their making: a list of (base, limit)."""
        self._expect_alive()
        found = []
        base = self._word(p.FIRST_EXTENT)
        while base:
            e = mmu.at(self.space, base, p.EXTENT_HEADER)
            found.append((base, base + self.space.words[e + p.EXTENT_SIZE]))
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
        while unit and self.alive:
            yield unit
            unit = crossed(self.space.words[mmu.at(self.space, unit, 8)])

    def free_ranges(self):
        """As `Pool.free_ranges`: each free unit, the next one first. What is
        left at the end of an extent is none."""
        unit = self._word(p.UNIT_SIZE)
        return ((address, address + unit) for address in self.free_units())

    def _walk_free(self, most):
        """The free units, or one more than `most`: a list that is broken may
        have no end."""
        found, unit = [], self._word(p.FREE_UNITS)
        while unit and len(found) <= most:
            found.append(unit)
            unit = crossed(self.space.words[mmu.at(self.space, unit, 8)])
        return found

    @walks
    def check(self):
        """Assert the pool's invariants (design/pools.md#.req.mfs.check)."""
        self._expect_alive()
        unit = self._word(p.UNIT_SIZE)
        extents = self.extents()
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
