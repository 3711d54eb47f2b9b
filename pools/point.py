"""Allocation points: how a client gets many blocks out of one piece of memory.

A point holds memory of a pool from which blocks are cut one after the other.
`reserve` gives an address, `commit` says that a block is there now. Only when
the memory does not suffice is the pool asked: it takes back what is left
(`empty_range`) and gives another piece (`fill_range`).
Source: design/pools.md#.sol.point, MPS buffer.c
"""

from pools import fields as p
from pools.pool import MOST, Pool
from vm import events as ev
from vm import lock, mmu
from vm import results as r
from vm.lock import operation, walks
from vm.results import ParamError, ProtocolError, failure, integer


class PointedPool(Pool):
    """The handle of a pool that gives out its memory at allocation points.

    `filled_base` and `filled_limit` have what the last `fill_range` gave.
    """

    def bind(self, space, address, grains):
        """Make this the handle of the pool at `address`."""
        Pool.bind(self, space, address, grains)
        self.filled_base = 0
        self.filled_limit = 0

    def fill_range(self, size):
        """Find memory for a point that has to hold a block of `size` bytes at
        once. Returns OK, and the memory in filled; or a result code."""
        return r.UNIMPL

    def empty_range(self, base, limit):
        """Take back what a point has left. Always OK."""
        return r.UNIMPL

    def alloc(self, size):
        """A pool with allocation points gives blocks only there.

        Raises: ProtocolError.
        """
        raise ProtocolError(f"{self!r} has no alloc: expected the reserve of an allocation point")

    def allocation_point(self):
        """A new allocation point of the pool.

        Raises: ProtocolError if the pool is destroyed; AllocationError, and
        then nothing has changed.
        """
        self._expect_alive()
        if self.arena is None:
            raise ProtocolError(f"{self!r} is the arena's own: expected a client's pool")
        with operation(self.space, "allocation_point"):
            address = self.arena.control_block(p.POINT_SIZE)
            point = AllocationPoint(self, address)
            point.init()
            n = mmu.at(self.space, address, p.POINT_SIZE)
            self.space.words[n + p.NEXT_POINT] = 0
            self._link_point(self._last_point(), address)
            return point

    @property
    def points(self):
        """The pool's allocation points, in the order of their making: a list."""
        self._expect_alive()
        return [AllocationPoint(self, address) for address in self._point_addresses()]

    def _point_addresses(self):
        found = []
        # No more can be there than fit into what is mapped.
        left = self.space.mapped // p.POINT_SIZE
        address = self._word(p.FIRST_POINT)
        while address:
            n = self.point_at(address)
            left -= 1
            if left < 0:
                self.space.damage("point", address, p.NEXT_POINT, "an end of the list")
            found.append(address)
            address = self.space.words[n + p.NEXT_POINT]
        return found

    def point_at(self, address):
        """The number of the first word of the point at `address`.
        Raises: DamageError if it is none of the pool's, or not what it can be."""
        if address & 7 or not self.space.base <= address < self.space.limit:
            return self.space.damage("point", address, 0, "the descriptor of a point")
        n = mmu.at(self.space, address, p.POINT_SIZE)
        w = self.space.words
        if w[n] != p.POINT_SIG:
            return self.space.damage("point", address, 0, "the signature POINT")
        if w[n + p.POINT_POOL] != self.address:
            return self.space.damage("point", address, p.POINT_POOL, "the pool that it is of")
        base = w[n + p.POINT_BASE]
        if not base <= w[n + p.POINT_INIT] <= w[n + p.POINT_ALLOC] <= w[n + p.POINT_LIMIT]:
            return self.space.damage("point", address, p.POINT_INIT, "an address in its memory")
        if base or w[n + p.POINT_LIMIT]:
            if not self.space.base <= base < w[n + p.POINT_LIMIT] <= self.space.limit:
                return self.space.damage("point", address, p.POINT_BASE, "an address below its limit")
        if (base | w[n + p.POINT_INIT] | w[n + p.POINT_ALLOC] | w[n + p.POINT_LIMIT]) & 7:
            return self.space.damage("point", address, p.POINT_ALLOC, "aligned addresses")
        return n

    def _last_point(self):
        """The address of the point made last, or 0."""
        return ([0] + self._point_addresses())[-1]

    def _link_point(self, previous, address):
        """Let the point at `previous`, or the pool if that is 0, be followed
        by the one at `address`."""
        where, field = (previous, p.NEXT_POINT) if previous else (self.address, p.FIRST_POINT)
        self.space.words[mmu.at(self.space, where, p.POOL_SIZE) + field] = address

    def drop_point(self, address):
        """Take the point at `address` out of the list."""
        addresses = [0] + self._point_addresses()
        if address not in addresses:
            self.space.damage("pool", self.address, p.FIRST_POINT, "a list with all points")
        n = mmu.at(self.space, address, p.POINT_SIZE)
        previous = addresses[addresses.index(address) - 1]
        self._link_point(previous, self.space.words[n + p.NEXT_POINT])


class AllocationPoint:
    """The handle of the allocation point of `pool` at `address`.

    Made by `pool.allocation_point()`.
    """

    def __init__(self, pool, address):
        self.space = pool.space
        self.pool = pool
        self.address = address
        n = mmu.at(self.space, address, p.POINT_SIZE)
        self.birth = self.space.words[n + p.POINT_BIRTH]

    def init(self):
        """Write the descriptor of a point that has no memory."""
        n = mmu.at(self.space, self.address, p.POINT_SIZE)
        w = self.space.words
        w[n] = p.POINT_SIG
        w[n + p.POINT_POOL] = self.pool.address
        self.birth = self.space.next_birth()
        w[n + p.POINT_BIRTH] = self.birth
        self._hold(0, 0)
        self.space.telemetry.tell(ev.BUFFER_INIT, self.address, self.pool.address, True)

    def _hold(self, base, limit):
        n = mmu.at(self.space, self.address, p.POINT_SIZE)
        w = self.space.words
        w[n + p.POINT_BASE] = base
        w[n + p.POINT_INIT] = base
        w[n + p.POINT_ALLOC] = base
        w[n + p.POINT_LIMIT] = limit
        return r.OK

    def reserve_block(self, size):
        """The address of `size` bytes at the point, or a negative code; then
        the point has no memory."""
        n = self.pool.point_at(self.address)
        w = self.space.words
        if w[n + p.POINT_LIMIT] - w[n + p.POINT_INIT] < size:
            self.empty()
            res = self.pool.fill_range(size)
            if res != r.OK:
                return -res
            self._fill(size)
        w[n + p.POINT_ALLOC] = w[n + p.POINT_INIT] + size
        return w[n + p.POINT_INIT]

    def _fill(self, size):
        """Hold what the pool found, for a block of `size` bytes."""
        base = self.pool.filled_base
        filled = self.pool.filled_limit - base
        self._hold(base, base + filled)
        self.pool.grains.fill(filled)
        if self.space.telemetry.mask & ev.SEG:
            self.space.telemetry.note(ev.BUFFER_FILL, self.address, size, base, filled, 0)
        return r.OK

    def empty(self):
        """Give what is left to the pool. Returns OK."""
        n = self.pool.point_at(self.address)
        w = self.space.words
        init = w[n + p.POINT_INIT]
        limit = w[n + p.POINT_LIMIT]
        if limit == 0:
            return r.OK
        self._hold(0, 0)
        if init < limit:
            self.pool.empty_range(init, limit)
        if self.space.telemetry.mask & ev.SEG:
            self.space.telemetry.note(ev.BUFFER_EMPTY, self.address, limit - init, 0, 0, 0)
        return r.OK

    def commit_block(self):
        """Make what is reserved a block. Returns OK."""
        n = mmu.at(self.space, self.address, p.POINT_SIZE)
        w = self.space.words
        w[n + p.POINT_INIT] = w[n + p.POINT_ALLOC]
        return r.OK

    # The public face

    def reserve(self, size):
        """The address of `size` bytes, which are the client's until `commit`.

        Units: bytes, a multiple of the pool's alignment.
        Raises: ParamError; ProtocolError if something is reserved already,
        or the point or its pool is destroyed; AllocationError.
        """
        size = integer("size", size, least=1, most=MOST)
        lock.claim(self.space, "reserve")
        try:
            self._expect_alive()
            align = self.pool.align
            if size % align:
                raise ParamError(f"size is {size}: expected a multiple of {align}")
            init, alloc = self.init_address, self.alloc_address
            if init != alloc:
                raise ProtocolError(
                    f"{self!r} has [{init:#x}, {alloc:#x}) reserved: expected its commit first"
                )
            self.pool.grains.poll()
            address = self.reserve_block(size)
            if address < 0:
                raise failure(address, f"{self!r} has no memory for {size} bytes")
            if self.space.telemetry.mask & ev.OBJECT:
                self.space.telemetry.note(ev.BUFFER_RESERVE, self.address, address, size, 0, 0)
            return address
        finally:
            lock.release(self.space)

    def commit(self, address, size):
        """Make the `size` bytes reserved at `address` a block, which
        `pool.free` will free. Returns True: nothing here takes a reservation back.

        Raises: ParamError; ProtocolError if that is not what was reserved.
        """
        address = integer("address", address, least=1, most=MOST)
        size = integer("size", size, least=1, most=MOST)
        lock.claim(self.space, "commit")
        try:
            self._expect_alive()
            init, alloc = self.init_address, self.alloc_address
            if (address, address + size) != (init, alloc) or init == alloc:
                reserved = f"[{init:#x}, {alloc:#x})" if init != alloc else "nothing"
                raise ProtocolError(
                    f"commit of [{address:#x}, {address + size:#x}): {self!r} has {reserved} "
                    f"reserved"
                )
            self.commit_block()
            if self.pool.ledger is not None:
                self.pool.ledger[address] = size
            if self.space.telemetry.mask & ev.OBJECT:
                self.space.telemetry.note(ev.BUFFER_COMMIT, self.address, address, size, 0, 0)
            return True
        finally:
            lock.release(self.space)

    @property
    def init_address(self):
        """Where the next block begins, or 0 if the point has no memory."""
        return self._word(p.POINT_INIT)

    @property
    def alloc_address(self):
        """Where what is reserved ends; `init_address` if nothing is."""
        return self._word(p.POINT_ALLOC)

    @property
    def limit_address(self):
        """Where the memory of the point ends, or 0 if it has none."""
        return self._word(p.POINT_LIMIT)

    def _word(self, field):
        return self.space.words[mmu.at(self.space, self.address, p.POINT_SIZE) + field]

    @property
    def alive(self):
        """False once the point or its pool has been destroyed."""
        return (
            self.pool.alive
            and self._word(0) == p.POINT_SIG
            and self._word(p.POINT_BIRTH) == self.birth
        )

    def _expect_alive(self):
        if not self.alive:
            raise ProtocolError(f"{self!r} has been destroyed")

    def destroy(self):
        """Give back the memory and the descriptor; what is reserved and not
        committed is given up. Raises: ProtocolError if that was done before.
        """
        with operation(self.space, "destroy of an allocation point"):
            self._expect_alive()
            self.empty()
            self.pool.drop_point(self.address)
            self.space.words[mmu.at(self.space, self.address, p.POINT_SIZE)] = 0
            self.space.telemetry.tell(ev.BUFFER_FINISH, self.address)
            self.pool.grains.free_control(self.address, p.POINT_SIZE)

    @walks
    def check(self):
        """Assert that the point's addresses are in order and aligned."""
        self._expect_alive()
        words = [self._word(field) for field in range(p.POINT_BASE, p.POINT_LIMIT + 1)]
        assert words == sorted(words), "base <= init <= alloc <= limit"
        assert all(word % self.pool.align == 0 for word in words), "a point is aligned"
        assert all(words) or not any(words), "a point has memory or nothing"

    def __repr__(self):
        return f"<AllocationPoint at {self.address:#x} of {self.pool!r}>"
