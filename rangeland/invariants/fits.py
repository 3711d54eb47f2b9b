"""Trials of pools that take one range of many: which one, is predicted.

The predictions are made from nothing but results and who owns the grains of
the arena. Source: design/invariants.md#.sol.policies
"""

from pools.bestfit import BestFit
from pools.lifofit import LIFOFit
from pools.mvff import MVFF
from pools.nextfit import NextFit
from pools.worstfit import WorstFit
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import Broken
from rangeland.invariants.rounding import rounding_of

EXTENDS = (1, 4096, 16384, 65536, 65536)
# The keywords of fit pools that trials draw, in the order of steps.
FIT_DEFAULTS = {"extend_by": 65536, "align": 8, "spare": 0.75, "arena_high": False}
MVFF_DEFAULTS = FIT_DEFAULTS | {"slot_high": False, "first_fit": True}


class FitTrial(AllocatorTrial):
    """A trial of a fit pool of drawn keywords, beside a naive `chosen`.

    The steps are those of an AllocatorTrial; `begin` has, after the options
    of the arena, the DEFAULTS.
    """

    DEFAULTS = FIT_DEFAULTS
    # Keywords that follow from those.
    more = {}

    also = ("placement", "give-back")

    def drawn(self, rng):
        """The keywords of the pool."""
        return (
            rng.choice(EXTENDS),
            rng.choice((8, 8, 8, 16, 64, 256, 4096)),
            rng.choice((0, 0.25, 0.5, 0.75, 0.75, 1)),
            rng.random() < 0.5,
        )

    def do_begin(self, *options):
        """Make the pool with these keywords, or its own defaults."""
        if self.pool is not None:
            return False
        given = dict(zip(self.DEFAULTS, options[3:]))
        self.keywords = {k: v for k, v in given.items() if v != self.DEFAULTS[k]} | self.more
        self.policy = self.DEFAULTS | given
        return super().do_begin(*options[:3])

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        self.owned, self.total = None, 0
        # After a refused node free ranges may lie in the list behind the tree.
        self.is_known = True

    def do_refuse(self, kind, nth, count):
        """As it is for all; nodes that are refused make places unknown."""
        self.is_known = False
        return super().do_refuse(kind, nth, count)

    def do_limit(self, grains):
        """As it is for all; a limit can leave no memory for nodes."""
        self.is_known = self.is_known and grains is None
        return super().do_limit(grains)

    def predict(self, size):
        """Where the block must lie, or None if the pool has to grow for it."""
        if not self.is_known:
            return None
        self._learn()
        align = self.policy["align"]
        size = size + align - 1 & -align
        fitting = [(b, x) for b, x in self._holes(align) if x - b >= size]
        return self.chosen(fitting, size) if fitting else None

    def chosen(self, fitting, size):
        """Of the ranges `fitting`, ascending, where in which the block lies."""
        raise NotImplementedError

    def _note(self):
        """See whether the pool has got memory, or given some back."""
        if self.pool.total_size != self.total:
            self.total = self.pool.total_size
            self.owned = None

    def expect_predicted(self, address, expected, name):
        """Raises: Broken if a block lies elsewhere than predicted."""
        self._note()
        super().expect_predicted(address, expected, name)

    def do_cycle(self, size, times):
        """As it is for all; what memory there is then, has to be seen."""
        self.owned = None
        return super().do_cycle(size, times)

    def _learn(self):
        """What memory the pool has, from who owns which grain."""
        if self.owned is None:
            self.owned = []
            for chunk in sorted(self.arena.chunks, key=lambda chunk: chunk.base):
                for lo, hi, owner in chunk.runs():
                    if owner == self.pool.address:
                        self._own(chunk.address_of(lo), chunk.address_of(hi))

    def _own(self, base, limit):
        if self.owned and self.owned[-1][1] == base:
            base = self.owned.pop()[0]
        self.owned.append((base, limit))

    def _holes(self, align):
        """What the pool owns and no block takes, ascending."""
        blocks = iter(self.blocks.ascending())
        block = next(blocks, None)
        for base, limit in self.owned:
            while block is not None and block.address < limit:
                if base < block.address:
                    yield base, block.address
                base = block.address + (block.size + align - 1 & -align)
                block = next(blocks, None)
            if base < limit:
                yield base, limit

    def do_free(self, number):
        """As it is for all; then, what the pool keeps is judged."""
        if number not in self.blocks:
            return False
        self.before = self.pool.total_size
        return super().do_free(number)

    def freed_block(self, block):
        """m4: below the fraction `spare` nothing goes back; at it, all that
        is more than half of it, as far as whole grains are free."""
        self._note()
        total, free = self.pool.total_size, self.pool.free_size
        gone = self.before - total
        limit = int(self.policy["spare"] * self.before)
        held = free + gone
        if gone and (held < limit or gone % self.arena.grain_size):
            raise Broken(
                "give-back",
                f"{gone} bytes go back, though {held} free bytes of {self.before} are fewer "
                f"than {limit}",
                f"assert pool.total_size == {self.before}",
            )
        if self.is_known and held >= limit and free > limit // 2 and self._has_whole_grain():
            raise Broken(
                "give-back",
                f"{free} bytes stay free of {self.before}, though {held} were no fewer than {limit}",
                f"assert pool.free_size <= {limit // 2}",
            )

    def _has_whole_grain(self):
        """True if a largest free range holds a whole aligned grain."""
        self._learn()
        holes = list(self._holes(self.policy["align"]))
        most = max((x - b for b, x in holes), default=0)
        grain = self.arena.grain_size
        # The lowest of equals is the one that is looked at.
        base, limit = next(((b, x) for b, x in holes if x - b == most), (0, 0))
        return (base + grain - 1 & -grain) < (limit & -grain)


class MVFFTrial(FitTrial):
    """A trial of an MVFF pool: the first range or the last, of it either end."""

    DEFAULTS = MVFF_DEFAULTS

    def drawn(self, rng):
        """The keywords of the pool."""
        return *super().drawn(rng), rng.random() < 0.5, rng.random() < 0.6

    def do_begin(self, *options):
        """As it is for all; a pool that asks for little has a small mean size."""
        if options[3:4] and options[3] < 32:
            self.more = {"mean_size": 1}
        return super().do_begin(*options)

    def chosen(self, fitting, size):
        """The low or the high end of the first or the last."""
        base, limit = fitting[0 if self.policy["first_fit"] else -1]
        return limit - size if self.policy["slot_high"] else base


class BestFitTrial(FitTrial):
    """A trial of a BestFit pool: no range that fits is smaller."""

    def chosen(self, fitting, size):
        """The low end of the smallest, the first of equals."""
        return min(fitting, key=lambda span: span[1] - span[0])[0]


class WorstFitTrial(FitTrial):
    """A trial of a WorstFit pool: no range is larger."""

    def chosen(self, fitting, size):
        """The low end of the largest, the first of equals."""
        return max(fitting, key=lambda span: span[1] - span[0])[0]


class NextFitTrial(FitTrial):
    """A trial of a NextFit pool: the search goes on where the last block ended."""

    rover = 0

    def chosen(self, fitting, size):
        """The low end of the first that ends after the rover, or of the first."""
        if self.rover is None:
            return None
        return next((b for b, x in fitting if x > self.rover), fitting[0][0])

    def _settle(self, number, address, size, name):
        super()._settle(number, address, size, name)
        self.rover = address + rounding_of(self.pool)(size)

    def do_cycle(self, size, times):
        """As it is for all; where the rover is then, nobody knows."""
        done = super().do_cycle(size, times)
        if done is not False:
            self.rover = None
        return done


class LIFOFitTrial(FitTrial):
    """A trial of a LIFOFit pool, beside a naive list of what is free: blocks
    with their headers, `free`, the one freed last first."""

    TAG = 8

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        self.takes = rounding_of(self.pool)
        # As much is around the blocks of an extent as the least block takes.
        self.least = self.takes(1)
        self._look()

    def _look(self):
        """What is free, and the extents, newest first, as the pool tells it."""
        self.had = self.pool.total_size
        self.extents = list(self.pool.extents)
        self.free = [(base - self.TAG, limit) for base, limit in self.pool.free_ranges()]
        self.taken = {}

    def predict(self, size):
        """Where the block must lie, or None if the pool has to grow for it."""
        found = self._first(self.takes(size))
        return found and found[1] + self.TAG

    def _first(self, size):
        """(where in the list, base) of the block of `size` bytes, or None."""
        for i, (base, limit) in enumerate(self.free):
            rest = limit - base - size
            if rest >= 0:
                return i, base + rest if rest >= self.least else base
        return None

    def _settle(self, number, address, size, name):
        super()._settle(number, address, size, name)
        size = self.takes(size)
        grown, self.had = self.pool.total_size - self.had, self.pool.total_size
        if grown:
            # The high end of an extent, but for its last word, or all of it.
            cut = grown - self.least - size >= self.least
            base = address + size - grown if cut else address - self.least
            self.extents.insert(0, (base, base + grown))
            self.free.insert(0, (base + self.least - self.TAG, base + grown - self.TAG))
        i, block = self._first(size)
        low, high = self.free[i]
        self.taken[address] = block, high
        self.free[i : i + 1] = [(low, block)] if low < block else []
        if block + self.TAG != address:
            raise Broken("placement", f"{name} lies at {address:#x}, not {block + self.TAG:#x}")

    def freed_block(self, block):
        """What touches is one block, at the front; then, extents go back as
        far as half of the fraction `spare` stays free."""
        low, high = self.taken.pop(block.address)
        near = [span for span in self.free if span[1] == low or span[0] == high]
        self.free = [span for span in self.free if span not in near]
        self.free.insert(0, (min([low, *(b for b, _ in near)]), max([high, *(x for _, x in near)])))
        gone = self._too_much()
        for base, limit in gone:
            self.extents.remove((base, limit))
            self.free.remove(self._whole(base, limit))
        self.had -= sum(limit - base for base, limit in gone)
        if self.pool.total_size != self.had:
            raise Broken(
                "give-back",
                f"the pool has {self.pool.total_size} bytes, expected {self.had}",
                f"assert pool.total_size == {self.had}",
            )

    def _whole(self, base, limit):
        """The block that an extent is when all of it is free."""
        return base + self.least - self.TAG, limit - self.TAG

    def _too_much(self):
        most = self.had - self.least * len(self.extents)
        limit = int(self.policy["spare"] * most)
        free = sum(high - low for low, high in self.free)
        gone = []
        for extent in self.extents if free >= limit else ():
            low, high = self._whole(*extent)
            if (low, high) in self.free and free - (high - low) >= limit // 2:
                gone.append(extent)
                free -= high - low
        return gone

    def do_cycle(self, size, times):
        """As it is for all; what is free then, has to be seen."""
        done = super().do_cycle(size, times)
        if done is not False:
            self._look()
        return done


TRIALS = {
    MVFF: MVFFTrial,
    BestFit: BestFitTrial,
    WorstFit: WorstFitTrial,
    NextFit: NextFitTrial,
    LIFOFit: LIFOFitTrial,
}
