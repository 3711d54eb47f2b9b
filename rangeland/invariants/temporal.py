"""Trials of MVT, at allocation points, beside a model of what it promises.

Source: design/invariants.md#.sol.points
"""

from rangeland.invariants.finding import Broken
from rangeland.invariants.modelled import ModelTrial
from rangeland.invariants.models.mvt import MVTModel, Point
from rangeland.invariants.points import PointTrial

# The keywords of an MVT pool that trials draw, in the order of steps, with
# their defaults; and what from.
MVT_DEFAULTS = {
    "mean_size": 32,
    "max_size": 8192,
    "reserve_depth": 1024,
    "frag_limit": 0.3,
    "align": 8,
}
KEYWORDS = tuple(MVT_DEFAULTS)
MEANS = (8, 32, 64, 500)
LARGEST = (500, 4096, 8192, 16_384)
DEPTHS = (1, 64, 1024)


def drawn_keywords(rng):
    """A value for each of the KEYWORDS, at random: a tuple."""
    return (
        rng.choice(MEANS),
        rng.choice(LARGEST),
        rng.choice(DEPTHS),
        rng.choice((0, 0.1, 0.3, 1)),
        rng.choice((8, 8, 16, 256)),
    )


class MVTTrial(ModelTrial, PointTrial):
    """A trial of an MVT pool of drawn keywords: `begin` has, after the options
    of the arena, the KEYWORDS. Once a node has been refused, the model is no more
    followed: where free ranges are looked for then, depends on it."""

    DEFAULTS = MVT_DEFAULTS
    # What a pool without `alloc` can be asked.
    WRONG = ("twice", "again", "inside", "foreign", "beside", "resize", "size")
    is_known = True

    def drawn(self, rng):
        """The keywords of the pool."""
        return drawn_keywords(rng)

    def make_model(self):
        """The model of a pool of these keywords, with the points that it has."""
        model = MVTModel(self.arena.grain_size, **self.policy)
        model.points = [Point() for _ in self.pool.points]
        return model

    @property
    def row(self):
        """The bytes that a point gets at a time, if blocks may be as large."""
        return self.model.fill_size if self.allows(self.model.fill_size) else 0

    def _call(self, function, *arguments):
        if function not in (self.calls.alloc, self.pool.reserve):
            return super()._call(function, *arguments)
        verb = "alloc" if function == self.calls.alloc else "reserve"
        return self._at_point(verb, function, *arguments)

    def _at_point(self, verb, function, size):
        idle = self.pool.idle()
        if not idle:
            return PointTrial._call(self, function, size)
        index = self.pool.points.index(idle[self.pool.turn % len(idle)])
        arguments = index, self.pool.rounded(size)
        return self._watched(verb, arguments, lambda: PointTrial._call(self, function, size))

    def _renew(self, index):

        def renew():
            super(MVTTrial, self)._renew(index)
            return True

        self._watched("renew", (index,), renew)

    def _ask_to_resize(self, address, old, new):
        # The pool knows of blocks what was committed, which is rounded.
        rounded = self.pool.rounded
        return super()._ask_to_resize(address, rounded(old), rounded(new))

    def follow(self):
        """As it is for all, as long as all is known."""
        self.is_known = self.is_known and not (self.pending and self.others_refused)
        if self.is_known:
            super().follow()
        self.pending = None

    def follow_by(self, verb, arguments, answer):
        """As `follow`, of one operation."""
        if verb == "renew":
            return self.model.renew(*arguments)
        if verb not in ("alloc", "reserve"):
            return super().follow_by(verb, arguments, answer)
        expected = self.model.reserve(*arguments)
        if verb == "alloc" and expected is not None:
            self.model.commit(arguments[0])
        return self.expect_place(answer, expected)

    def do_commit(self, number):
        """As it is for all points."""
        point = self.pool.waiting.get(self.blocks[number].address) if number in self.reserved else None
        done = super().do_commit(number)
        if done and self.is_known:
            self.model.commit(self.pool.points.index(point))
            self._expect_points()
        return done

    def do_renew(self, index):
        """As it is for all points."""
        done = super().do_renew(index)
        self.follow()
        return done

    def expect_accounts(self):
        """As it is for all, and what the points hold."""
        super().expect_accounts()
        self._expect_points()

    def _expect_points(self):
        for point, expected in zip(self.pool.points, self.model.points):
            found = point.init_address, point.alloc_address, point.limit_address
            if found != (expected.init, expected.alloc, expected.limit):
                told = f"{point!r} has {found} as init, alloc and limit: expected {expected}"
                raise Broken("placement", told)

    def _ranges(self):
        return list(self.own().free_land)

    def _expect_ranges(self, expected):
        if self.is_known:
            super()._expect_ranges(expected)
