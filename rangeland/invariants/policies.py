"""Trials of our own pool classes, which predict where blocks lie.

The predictions are made from nothing but results and who owns the grains of
the arena. Source: design/invariants.md#.sol.policies
"""

from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from pools.point import PointedPool
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import Broken
from rangeland.invariants.points import MVTTrial, PointTrial
from rangeland.invariants.regional import TRIALS as REGIONAL

EXTENDS = (1, 4096, 16384, 65536, 65536)
# The keywords of an MVFF pool that trials draw, in the order of steps.
MVFF_DEFAULTS = {
    "extend_by": 65536,
    "align": 8,
    "spare": 0.75,
    "arena_high": False,
    "slot_high": False,
    "first_fit": True,
}


class MFSTrial(AllocatorTrial):
    """A trial of an MFS pool: the unit freed last is given first."""

    also = ("placement",)
    freed = ()

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        self.freed = []

    def predict(self, size):
        """The unit freed last, if one is known."""
        return self.freed[-1] if self.freed else None

    def expect_predicted(self, address, expected, name):
        """Raises: Broken if a block lies elsewhere than predicted."""
        super().expect_predicted(address, expected, name)
        if expected is not None:
            self.freed.pop()

    def freed_block(self, block):
        """A unit more is known to be free."""
        self.freed.append(block.address)

    def do_cycle(self, size, times):
        """As it is for all; what is free then, nobody knows."""
        done = super().do_cycle(size, times)
        if done is not False:
            self.freed = []
        return done


class MVFFTrial(AllocatorTrial):
    """A trial of an MVFF pool of drawn keywords, beside a naive first fit.

    The steps are those of an AllocatorTrial; `begin` has, after the options
    of the arena, the MVFF_DEFAULTS.
    """

    also = ("placement", "give-back")

    def drawn(self, rng):
        """The keywords of the pool."""
        return (
            rng.choice(EXTENDS),
            rng.choice((8, 8, 8, 16, 64, 256, 4096)),
            rng.choice((0, 0.25, 0.5, 0.75, 0.75, 1)),
            rng.random() < 0.5,
            rng.random() < 0.5,
            rng.random() < 0.6,
        )

    def do_begin(self, *options):
        """Make the pool with these keywords, or its own defaults."""
        if self.pool is not None:
            return False
        given = dict(zip(MVFF_DEFAULTS, options[3:]))
        self.keywords = {k: v for k, v in given.items() if v != MVFF_DEFAULTS[k]}
        if given.get("extend_by", 65536) < 32:
            self.keywords["mean_size"] = 1
        self.policy = MVFF_DEFAULTS | given
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
        if not fitting:
            return None
        base, limit = fitting[0 if self.policy["first_fit"] else -1]
        return limit - size if self.policy["slot_high"] else base

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


def trial_for(make, made):
    """The class of trials for what `make` made."""
    for kind, trial in ((MVFF, MVFFTrial), (MVT, MVTTrial), *REGIONAL):
        if isinstance(make, type) and issubclass(make, kind):
            return trial
    if isinstance(made, PointedPool):
        return PointTrial
    return MFSTrial if isinstance(made, MFS) else AllocatorTrial
