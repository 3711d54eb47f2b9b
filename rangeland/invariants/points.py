"""Points: a pool that is used at allocation points, as any other allocator.

Source: design/invariants.md#.sol.points
"""

from pools.point import PointedPool
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import Broken

# The keywords of an MVT pool that trials draw, and what from.
KEYWORDS = ("mean_size", "max_size", "reserve_depth", "frag_limit", "align")
MEANS = (8, 32, 64, 500)
LARGEST = (500, 4096, 8192, 16_384)


def drawn_keywords(rng):
    """A value for each of the KEYWORDS, at random: a tuple."""
    return (
        rng.choice(MEANS),
        rng.choice(LARGEST),
        rng.choice((1, 64, 1024)),
        rng.choice((0, 0.1, 0.3, 1)),
        rng.choice((8, 8, 16, 256)),
    )


class AtPoints:
    """A pool with allocation points, seen as something with `alloc` and
    `free`: allocations take turns at its points, `count` new ones if it has
    none; the next turn is that of the point `turn`.

    Units: bytes. Whatever else is asked is asked of the pool.
    Raises: AllocationError if there is no memory for the points; the pool is
    destroyed then.
    """

    def __init__(self, pool, count=2, turn=0):
        self.pool = pool
        self.points = pool.points
        self.turn = turn
        try:
            for _ in range(0 if self.points else count):
                self.points.append(pool.allocation_point())
        except MemoryError:
            self.destroy()
            raise

    def alloc(self, size):
        """A block of `size` bytes, rounded up to the alignment."""
        size = -(-size // self.pool.align) * self.pool.align
        point = self.points[self.turn % len(self.points)]
        address = point.reserve(size)
        self.turn += 1
        if not point.commit(address, size):
            raise AssertionError(f"{point!r} takes back what it reserved")
        return address

    def free(self, address, size):
        """Free a block."""
        self.pool.free(address, -(-size // self.pool.align) * self.pool.align)

    def renew(self, index):
        """Make a point, and destroy the one of that index.

        Raises: AllocationError, and then nothing has changed.
        """
        self.points.append(self.pool.allocation_point())
        self.points.pop(index % (len(self.points) - 1)).destroy()

    @property
    def held_size(self):
        """The bytes that the points hold for blocks to come."""
        return sum(point.limit_address - point.init_address for point in self.points)

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

    The steps are those of an AllocatorTrial, and `renew`, a point anew.
    """

    def _see_what_it_offers(self, options):
        self.pool = AtPoints(self.pool)
        super()._see_what_it_offers(options)
        self.script.add("from rangeland.invariants.points import AtPoints", "pool = AtPoints(pool)")

    def own(self):
        """The pool of the arena that blocks belong to."""
        return self.pool.pool

    def do_renew(self, index):
        """A point goes, and another comes."""
        before = [point.address for point in self.pool.points]
        self.script.begin(f"pool.renew({index})")
        try:
            self.pool.renew(index)
        except MemoryError:
            self.script.refused()
            if [point.address for point in self.pool.pool.points] != before:
                raise Broken("unwound", "a point that could not be made took others along") from None
        self.accounts.expect()
        return True

    def do_free(self, number):
        """As it is for all: the points keep what they hold."""
        held = self.pool.held_size
        done = super().do_free(number)
        if done and self.pool.held_size != held:
            raise Broken(
                "accounts",
                f"a free changed what points hold from {held} to {self.pool.held_size} bytes",
                f"assert pool.held_size == {held}",
            )
        return done


class MVTTrial(PointTrial):
    """A trial of an MVT pool of drawn keywords: `begin` has, after the options
    of the arena, the KEYWORDS."""

    def drawn(self, rng):
        """The keywords of the pool."""
        return drawn_keywords(rng)

    def do_begin(self, *options):
        """Make the pool with these keywords, or its own defaults."""
        if self.pool is not None:
            return False
        self.keywords = dict(zip(KEYWORDS, options[3:]))
        return super().do_begin(*options[:3])
