"""Points: a pool that is used at allocation points, as any other allocator.

Source: design/invariants.md#.sol.points
"""

from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import Broken


class AtPoints:
    """A pool with allocation points, seen as something with `alloc` and
    `free`: allocations take turns at its points, `count` new ones if it has
    none; the next turn is that of the point `turn`.

    Units: bytes. Whatever else is asked is asked of the pool.
    Raises: AllocationError if there is no memory for the points; the pool is
    destroyed then.
    """

    # What a pool has by that name is below its public face.
    alloc_aligned = None

    def __init__(self, pool, count=2, turn=0):
        self.pool = pool
        self.points = pool.points
        self.turn = turn
        # What is reserved and not committed: {address: point}.
        self.waiting = {}
        try:
            for _ in range(0 if self.points else count):
                self.points.append(pool.allocation_point())
        except MemoryError:
            self.destroy()
            raise

    def rounded(self, size):
        """The bytes that a block of `size` bytes takes."""
        return -(-size // self.pool.align) * self.pool.align

    def idle(self):
        """The points at which nothing is reserved."""
        return [point for point in self.points if point not in self.waiting.values()]

    def reserve(self, size):
        """The address of `size` bytes, rounded up to the alignment, that are
        reserved at the point whose turn it is."""
        idle = self.idle()
        point = idle[self.turn % len(idle)]
        address = point.reserve(self.rounded(size))
        self.turn += 1
        self.waiting[address] = point
        return address

    def commit(self, address, size):
        """Make what is reserved at `address` a block."""
        point = self.waiting.pop(address)
        if not point.commit(address, self.rounded(size)):
            raise AssertionError(f"{point!r} takes back what it reserved")

    def alloc(self, size):
        """A block of `size` bytes, rounded up to the alignment."""
        address = self.reserve(size)
        self.commit(address, size)
        return address

    def free(self, address, size):
        """Free a block."""
        self.pool.free(address, self.rounded(size))

    def renew(self, index):
        """Make a point, and destroy that of this index, with what it has
        reserved. Raises: AllocationError, and then nothing has changed."""
        self.points.append(self.pool.allocation_point())
        point = self.points.pop(index % (len(self.points) - 1))
        self.waiting = {at: other for at, other in self.waiting.items() if other is not point}
        point.destroy()

    @property
    def held_size(self):
        """The bytes that the points hold for blocks to come."""
        return sum(point.limit_address - point.init_address for point in self.points)

    def check(self):
        """Assert that the pool and its points are sound."""
        self.pool.check()
        for point in self.points:
            point.check()

    def destroy(self):
        """Destroy the points, then the pool."""
        for point in self.points:
            point.destroy()
        self.points = []
        self.pool.destroy()

    def __repr__(self):
        return repr(self.pool)

    def __getattr__(self, name):
        return getattr(self.pool, name)


class PointTrial(AllocatorTrial):
    """A trial of a pool with allocation points.

    The steps are those of an AllocatorTrial, and: renew, a point anew;
    reserve, and commit later on. What is reserved is like a block, but is
    not freed, and counts as held by its point.
    """

    def _see_what_it_offers(self, options):
        self.pool = AtPoints(self.pool)
        self.reserving, self.reserved = False, set()
        super()._see_what_it_offers(options)
        self.script.add("from rangeland.invariants.points import AtPoints", "pool = AtPoints(pool)")

    def own(self):
        """The pool of the arena that blocks belong to."""
        return self.pool.pool

    def do_alloc(self, number, size):
        """As it is for all, if a point is idle."""
        return bool(self.pool.idle()) and super().do_alloc(number, size)

    def do_cycle(self, size, times):
        """As it is for all, if a point is idle."""
        return bool(self.pool.idle()) and super().do_cycle(size, times)

    def do_reserve(self, number, size):
        """`size` bytes at a point, which will be the block of that number."""
        if number in self.blocks or not self.allows(size) or not self.pool.idle():
            return False
        self.reserving = True
        try:
            text = f"reserve({size})"
            return self._request(number, size, self.align, text, self.pool.reserve, size)
        finally:
            self.reserving = False

    def _settle(self, number, address, size, name):
        if self.reserving:
            self.reserved.add(number)
            # It is counted as held; a block it will be at its commit.
            self.accounts.gave(size)
        super()._settle(number, address, size, name)

    def do_commit(self, number):
        """What was reserved becomes a block, and keeps what was written."""
        if number not in self.reserved:
            return False
        block, name = self.blocks[number], self.script.names[number]
        self.script.begin(f"pool.commit({name}, {block.size})")
        self.reserved.remove(number)
        self.accounts.took(block.size)
        self.pool.commit(block.address, block.size)
        self._expect_kept(block, name)
        self.accounts.expect()
        return True

    def do_renew(self, index):
        """A point goes, and what is reserved there; another comes."""
        before = [point.address for point in self.pool.points]
        self.script.begin(f"pool.renew({index})")
        try:
            self._renew(index)
        except MemoryError:
            self.script.refused()
            if [point.address for point in self.pool.pool.points] != before:
                raise Broken("unwound", "a point that could not be made took others along") from None
        for number in [n for n in self.reserved if self.blocks[n].address not in self.pool.waiting]:
            self.reserved.remove(number)
            self.blocks.remove(number)
        self.accounts.expect()
        return True

    def _renew(self, index):
        self.pool.renew(index)

    def do_free(self, number):
        """As it is for all, if it is committed: the points keep what they hold."""
        if number in self.reserved:
            return False
        held = self.pool.held_size
        done = super().do_free(number)
        if done and self.pool.held_size != held:
            raise Broken(
                "accounts",
                f"a free changed what points hold from {held} to {self.pool.held_size} bytes",
                f"assert pool.held_size == {held}",
            )
        return done

    def end(self):
        """Commit and free everything, judge what is left, and end the pool."""
        if self.pool is not None:
            for number in sorted(self.reserved):
                self.do_commit(number)
        super().end()
