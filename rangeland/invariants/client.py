"""A random client of an arena: what the steps of its trial are drawn from.

Source: design/stress.md#.sol.client
"""

from rangeland.invariants.draws import Draws
from rangeland.invariants.holdings import FITS
from rangeland.invariants.temporal import drawn_keywords
from rangeland.invariants.regional import BuddyTrial, SegFitTrial, SlabTrial
from rangeland.invariants.verdicts import free_runs

UNITS = (1, 8, 24, 40, 100, 500, 4096, 5000)
EXTENDS = (1, 4096, 8192, 65536)
SIZES = (64, 64, 600, 600, 5000, 40_000, 200_000)
SPARES = (0, 0.1, 0.25, 0.5, 0.75, 1)
FAULTS = ("reservation", "mapping", "node", "node")
MOST_POOLS = 6
MOST_UNITS = 512
MOST_RUNS = 16
# More than a grain of 4096 bytes has nodes.
HOLES = 90
REGIONAL = ("buddy", BuddyTrial), ("segfit", SegFitTrial), ("slab", SlabTrial)
# Steps that a run may do without, and what weight they may have.
OPTIONAL = (
    "mvff", "mfs", "mvt", "fit", "regional", "renew", "destroy", "fill", "drain", "limit", "spare", "collect", "grow",
    "attach", "refuse", "straddle", "brim", "second", "close",
)  # fmt: skip
WEIGHTS = (0, 1, 1, 3)
# What is done while the machine refuses.
REFUSED = (
    "alloc", "alloc", "mvff", "mfs", "mvt", "regional", "renew", "free", "destroy", "collect", "second",
)  # fmt: skip


def drawn_fit(rng):
    """The name of one of the FITS, and the keywords of the pool."""
    aligns = (8, 8, 16, 256, 4096)
    high = rng.random() < 0.5
    return rng.choice(list(FITS)), rng.choice(EXTENDS), rng.choice(aligns), rng.choice(SPARES), high


class Client(Draws):
    """The next step of a run of `trial`, an ArenaTrial."""

    def __init__(self, rng, trial):
        super().__init__(rng, trial)
        self.names = ["alloc", "free", *OPTIONAL]
        self.weights = [10, rng.choice((3, 8)), *(rng.choice(WEIGHTS) for _ in OPTIONAL)]
        # It takes some hundred steps.
        self.names.append("comb")
        self.weights.append(rng.choice((0, 0, 0.3)))
        self.sizes = rng.choices(SIZES, k=rng.randint(1, 4))
        self._begin()
        for _ in range(rng.randint(1, 3)):
            rng.choice((self._mvff, self._fit, self._mfs, self._mvt, self._regional))()

    def _begin(self):
        choice = self.rng.choice
        self._add(
            "begin",
            choice((1, 1 << 19, 1 << 20, 1 << 20)),
            choice((4096, 4096, 4096, 16384, 65536)),
            choice((True, True, False)),
            choice(SPARES),
            choice((True, False)),
        )

    def _mvff(self):
        choice = self.rng.choice
        if len(self.trial.pools) < MOST_POOLS:
            self._add(
                "mvff",
                self._new(),
                choice(EXTENDS),
                choice((8, 8, 16, 256, 4096)),
                choice(SPARES),
                *(choice((False, True)) for _ in range(3)),
            )

    def _fit(self):
        if len(self.trial.pools) < MOST_POOLS:
            self._add("fit", self._new(), *drawn_fit(self.rng))

    def _mfs(self):
        if len(self.trial.pools) < MOST_POOLS:
            unit, by = self.rng.choice(UNITS), self.rng.choice(EXTENDS)
            # Thousands of units in an extent take long to judge, and show no more.
            self._add("mfs", self._new(), unit, min(by, unit * MOST_UNITS))

    def _mvt(self):
        if len(self.trial.pools) < MOST_POOLS:
            self._add("mvt", self._new(), *drawn_keywords(self.rng))

    def _regional(self):
        if len(self.trial.pools) < MOST_POOLS:
            name, kind = self.rng.choice(REGIONAL)
            self._add(name, self._new(), *kind.drawn(self.rng))

    def _renew(self):
        pointed = [number for number, held in self.trial.pools.items() if held.at_points]
        if pointed:
            self._add("renew", self.rng.choice(pointed), self.rng.randrange(2))

    def _destroy(self):
        if self.trial.pools:
            self._add("destroy", self.rng.choice(list(self.trial.pools)))

    def _alloc(self):
        if self.trial.pools:
            number, held = self.rng.choice(list(self.trial.pools.items()))
            size = held.unit or 1 + self.rng.randrange(self.rng.choice(self.sizes))
            self._add("alloc", self._new(), number, size)

    def _fill(self):
        for _ in range(self.rng.randint(2, 20)):
            self._alloc()

    def _free(self):
        blocks = self.trial.blocks.ascending()
        if blocks:
            self._add("free", self.rng.choice(blocks).number)

    def _drain(self):
        blocks = [block.number for block in self.trial.blocks]
        if self.rng.random() < 0.5:
            self.rng.shuffle(blocks)
        for number in blocks[: self.rng.randint(1, max(1, len(blocks)))]:
            self._add("free", number)

    def _limit(self):
        self._add("limit", self.rng.choice((None, None, *range(-24, 40, 4), 0, 1, 2)))

    def _spare(self):
        self._add("spare", self.rng.choice(SPARES))

    def _collect(self):
        self._add("collect")

    def _grow(self):
        by = 1 + self.rng.randrange(512) * 4096
        self._add("grow", by, self.rng.choice((0, 0, by, by // 2, by // 4)))

    def _attach(self):
        self._add("attach")

    # What a random client would hardly ever come to, and a real one does

    def _grainwise(self, high=False):
        """A pool that takes each block from the arena and gives it back: its
        number, or None without an arena. It may take the place of another."""
        if self.trial.arena is None:
            return None
        if len(self.trial.pools) >= MOST_POOLS:
            self._destroy()
        pool = self._new()
        self._add("mvff", pool, 1, self.trial.arena.grain_size, 0, high, False, True)
        return pool

    def _take(self, pool, size):
        block = self._new()
        self._add("alloc", block, pool, size)
        return block

    def _straddle(self):
        """A spare range that begins in other zones than memory is first taken
        from, and then a grain from its middle: spare memory is split. For
        that it may need a node when none is to be had."""
        if pool := self._grainwise():
            self._add("spare", 1)
            self._add("free", self._take(pool, self._most_of_a_chunk()))
            if self.rng.random() < 0.8:
                count = self.rng.choice((1, 1, 3, 40))
                self._add("refuse", "node", self.rng.choice((1, 2, 3)), count)
            self._take(pool, 1)
            self._add("relent")

    def _most_of_a_chunk(self):
        """More bytes than a run of zones in the first chunk has, so that it
        takes another chunk, and begins low in it."""
        chunk = self.trial.arena.chunks[0]
        return (chunk.limit - chunk.base) * 3 // 4

    def _comb(self):
        """More and more holes, each a node, with a split after each: so one
        comes just when the last node is taken."""
        if pool := self._grainwise():
            teeth = [self._take(pool, 1) for _ in range(2 * HOLES)]
            self._add("free", self._take(pool, self._most_of_a_chunk()))
            for tooth in teeth[::2]:
                self._add("free", tooth)
                self._add("free", self._take(pool, 1))

    def _brim(self):
        """All free runs of the zones are filled, the longest first, and then
        a grain more: it is alone in a new chunk, at one of its ends."""
        if pool := self._grainwise(self.rng.random() < 0.8):
            sizes = sorted((limit - base for base, limit in free_runs(self.trial.arena)), reverse=True)
            for size in sizes[:MOST_RUNS]:
                self._take(pool, size)
            block = self._take(pool, 1)
            self._add("collect")
            self._add("free", block)

    def _refuse(self):
        """Faults of the machine, for some steps."""
        nth = self.rng.choice((1, 1, 2, 3, 4, 6))
        self._add("refuse", self.rng.choice(FAULTS), nth, self.rng.choice((1, 1, 3, 40)))
        for _ in range(self.rng.randint(1, 4)):
            getattr(self, "_" + self.rng.choice(REFUSED))()
        self._add("relent")

    def _second(self):
        if len(self.trial.others) < 2:
            self._add("second", self._new(), self.rng.choice((1, 1 << 19, 1 << 20)))

    def _close(self):
        if self.trial.others:
            self._add("close", self.rng.choice(list(self.trial.others)))
