"""StealingTrial: lands whose nodes are made of what is inserted in them.

Where there is no node, the forms that steal take the first grain of a range
for nodes. A grain is small here, one or a few nodes, so that most edits steal.
Source: design/invariants.md#.sol.stealing
"""

from land.cbs import CBS, CBSFast, CBSZoned
from land.nodes import CappedNodes, StackNodes
from pools.mvff import MVFF
from rangeland.invariants.factory import Factory
from rangeland.invariants.finding import Broken
from rangeland.invariants.programs import Script
from rangeland.invariants.ranges import Ranges
from rangeland.invariants.trial import Trial, described, own_check, play
from vm.results import AllocationError, ProtocolError

KINDS = {kind.__name__: kind for kind in (CBS, CBSFast, CBSZoned)}
GRAINS = (64, 128, 256)
# How many nodes there may be at once, besides one for each grain; None: as many as there are.
CAPS = (None, None, 0, 1, 3)
# Of what is ranged over, in grains.
CELLS = 48
ARENA = 1 << 20
# What the land raises, and by which name a program knows it.
REFUSALS = {ProtocolError: "ValueError", AllocationError: "MemoryError"}


class StealingTrial(Trial):
    """One run of a land of the class `kind`, with no node to begin with.

    Steps: begin (kind, grain, cap), insert_steal, delete_steal, insert, delete;
    ranges count in grains.
    """

    def __init__(self):
        self.land = None
        self.script = Script()

    def choose(self, rng):
        """The next step at random: short ranges, mostly by forms that steal."""
        if self.land is None:
            return "begin", rng.choice(list(KINDS)), rng.choice(GRAINS), rng.choice(CAPS)
        verb = rng.choice(("insert", "insert", "delete")) + rng.choice(("_steal", "_steal", ""))
        ranges = list(self.model)
        if verb.startswith("delete") and ranges and rng.random() < 0.9:
            lo, hi = ((end - self.base) // self.grain for end in rng.choice(ranges))
            lo = rng.randrange(lo, hi)
            return verb, lo, rng.randint(lo + 1, hi)
        lo = rng.randrange(CELLS)
        return verb, lo, min(CELLS, lo + rng.choice((1, 1, 2, 3, 8)))

    # Steps

    def do_begin(self, kind, grain, cap=None):
        """The land, over memory that is mapped; nodes are capped, or not."""
        if self.land is not None or kind not in KINDS or grain not in GRAINS:
            return False
        kind = KINDS[kind]
        self.grain, self.cap = grain, cap
        self.arena = Factory(MVFF).arena()
        space = self.arena.space
        self.base = MVFF(self.arena, align=4096).alloc(CELLS * grain)
        self.nodes = StackNodes(space, kind.NODE_SIZE, self.base, self.base, grain)
        if cap is not None:
            self.nodes = CappedNodes(self.nodes, cap)
        self.land = kind.init(space, self.arena.control_alloc(kind.BYTES), self.nodes, grain)
        self.model, self.taken = Ranges(), Ranges()
        name = kind.__name__
        self.script.add(
            "import rangeland as rl",
            f"from land.cbs import {name}",
            "from land.nodes import CappedNodes, StackNodes",
            "",
            f"arena = rl.Arena({ARENA})",
            f"base = rl.MVFF(arena, align=4096).alloc({CELLS * grain})",
            f"nodes = StackNodes(arena.space, {name}.NODE_SIZE, base, base, {grain})",
            *([f"nodes = CappedNodes(nodes, {cap})"] if cap is not None else []),
            f"room = arena.control_alloc({name}.BYTES)",
            f"land = {name}.init(arena.space, room, nodes, {grain})",
        )
        return True

    def do_insert(self, lo, hi):
        """Insert, stealing nothing."""
        return self._edit("insert", lo, hi)

    def do_insert_steal(self, lo, hi):
        """Insert what may become nodes."""
        return self._edit("insert_steal", lo, hi)

    def do_delete(self, lo, hi):
        """Delete, stealing nothing."""
        return self._edit("delete", lo, hi)

    def do_delete_steal(self, lo, hi):
        """Delete from what may become nodes."""
        return self._edit("delete_steal", lo, hi)

    def _edit(self, verb, lo, hi):
        if self.land is None:
            self.do_begin("CBS", GRAINS[0])
        if not 0 <= lo < hi <= CELLS:
            return False
        base, limit = self.base + lo * self.grain, self.base + hi * self.grain
        if self.taken.overlaps(base, limit):
            # What has become nodes is no one's to insert.
            return False
        expected, stolen = self._foreseen(verb, base, limit)
        self.script.begin(f"answer = land.{verb}(base + {lo * self.grain}, base + {hi * self.grain})")
        try:
            answer = getattr(self.land, verb)(base, limit)
        except (ProtocolError, AllocationError) as error:
            self._expect_refusal(expected, error)
        else:
            self._expect_answer(verb, expected, answer)
        if stolen is not None and self.land.stolen != stolen:
            told = f"{verb} tells that it stole {self.land.stolen} bytes: expected {stolen}"
            raise Broken("stolen", told, f"assert land.stolen == {stolen}")
        self._expect_ranges()
        return True

    def _foreseen(self, verb, base, limit):
        """What `verb` has to answer, or raise, and how many bytes to steal;
        None where that is not told. The model changes along."""
        if verb.startswith("insert"):
            return self._foreseen_insert(base, limit, verb.endswith("steal"))
        return self._foreseen_delete(base, limit, verb.endswith("steal"))

    def _foreseen_insert(self, base, limit, steals):
        if self.model.overlaps(base, limit):
            return ProtocolError, None
        stolen = 0
        if not self.model.touching(base, limit) and self.spare == 0:
            if not steals:
                return AllocationError, None
            stolen = self._steal(base)
        start = base + stolen
        whole = self.model.insert(start, limit) if start < limit else (limit, limit)
        # The stealing form tells what was left to insert, the other the whole.
        return ((start, limit), stolen) if steals else (whole, None)

    def _foreseen_delete(self, base, limit, steals):
        whole = self.model.around(base, limit)
        if whole is None:
            return ProtocolError, None
        stolen = 0
        if whole[0] < base and limit < whole[1] and self.spare == 0:
            if not steals:
                return AllocationError, None
            stolen = self._steal(whole[0])
            self.model.delete(whole[0], whole[0] + stolen)
        self.model.delete(base, limit)
        return (whole[0] + stolen, whole[1]), stolen if steals else None

    @property
    def spare(self):
        """Nodes that were made and are not in use."""
        grains = self.taken.size // self.grain
        made = grains * (self.grain // self.land.NODE_SIZE)
        return (made if self.cap is None else min(made, self.cap + grains)) - len(self.model)

    def _steal(self, base):
        self.taken.insert(base, base + self.grain)
        return self.grain

    # Judgements

    def _expect_refusal(self, expected, error):
        if expected not in REFUSALS or not isinstance(error, expected):
            kind = "node-need" if isinstance(error, AllocationError) else "wrong-range"
            told = REFUSALS.get(expected) or self._text(expected)
            raise Broken(kind, f"refused, {described(error)}: expected {told}")
        self.script.refused(REFUSALS[expected])

    def _expect_answer(self, verb, expected, answer):
        if answer == expected:
            return
        told = f"{verb} gives {self._text(answer)}: expected "
        if expected in REFUSALS:
            told, proof = told + f"a {REFUSALS[expected]}", "assert False, 'it was not refused'"
        else:
            told, proof = told + self._text(expected), f"assert answer == {self._text(expected)}"
        raise Broken(verb.partition("_")[0], told, proof)

    def _expect_ranges(self):
        for base, limit in self.land:
            if self.taken.overlaps(base, limit):
                told = f"[{base:#x}, {limit:#x}) is in the land, and nodes are there"
                raise Broken("stolen", told, f"assert list(land) == {self._text(list(self.model))}")

        found, expected = list(self.land), list(self.model)
        if found != expected:
            raise Broken(
                "membership",
                f"the land holds {self._text(found)}: expected {self._text(expected)}",
                f"assert list(land) == {self._text(expected)}",
            )

    def _text(self, value):
        """Addresses, as a program writes them."""
        if isinstance(value, int):
            return f"base + {value - self.base}"
        if isinstance(value, tuple):
            return f"({', '.join(map(self._text, value))})"
        return f"[{', '.join(map(self._text, value))}]"

    def check(self):
        """The land checks itself; a node is in use for each range."""
        if self.land is None:
            return
        own_check(self.land, "land")
        if self.nodes.used != len(self.model):
            told = f"{self.nodes.used} nodes are in use for {len(self.model)} ranges"
            raise Broken("node-need", told, "assert nodes.used == len(list(land))")

    def end(self):
        """The land ends, and is asked for something."""
        if self.land is None:
            return
        self.land.finish()
        try:
            told = f"a land that was finished has {self.land.size} bytes"
        except ProtocolError:
            return
        raise Broken("wrong-use", told, "land.finish(); assert land.size is None")

    def program(self, steps):
        """The text of a program that does `steps` and fails as they did."""
        self.script.telling = True
        return self.script.text(play(self, steps)[0])
