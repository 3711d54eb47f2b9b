"""FaceTrial: the public face refuses what it says that it refuses, takes what it
takes at both ends of the bounds, and nothing is done with what is gone.

Source: design/invariants.md#.sol.faces
"""

from arena.arena import Arena
from rangeland.invariants.face_arenas import ArenaFaces
from rangeland.invariants.face_growth import GrowthFaces
from rangeland.invariants.face_lands import LandFaces
from rangeland.invariants.face_machine import MachineFaces
from rangeland.invariants.face_pools import PoolFaces
from rangeland.invariants.finding import Broken
from rangeland.invariants.promises import KINDS, LANDS, PROMISES, values_of
from rangeland.invariants.telling import TellingTrial
from rangeland.invariants.trial import described
from vm.interrupts import interrupts
from vm.results import ProtocolError
from vm.space import AddressSpace

__all__ = ["KINDS", "LANDS", "PARTS", "PROMISES", "FaceTrial", "values_of"]

SPACE = 1 << 30
PARTS = {
    "pools": PoolFaces,
    "lands": LandFaces,
    "arenas": ArenaFaces,
    "growth": GrowthFaces,
    "machine": MachineFaces,
}


class FaceTrial(PoolFaces, LandFaces, ArenaFaces, GrowthFaces, MachineFaces, TellingTrial):
    """One run of what is right or wrong to ask of the public face: of the `parts`
    of it, and of the classes of pools and lands whose names are `kinds`.

    The steps are the cards of all parts, in any order.
    """

    # A space and an arena are made for some of the steps.
    cost = 4

    def __init__(self, parts=tuple(PARTS), kinds=(*KINDS, *LANDS)):
        super().__init__()
        self.parts, self.kinds = parts, kinds
        self.arena = None
        self.deck = []

    def cards(self):
        """All that is tried, each once: a list of steps."""
        return [card for part in self.parts for card in PARTS[part].cards_of(self)]

    def choose(self, rng):
        """The next card of a shuffled deck."""
        if not self.deck:
            self.deck = self.cards()
            rng.shuffle(self.deck)
        return self.deck.pop()

    def fresh(self, size=1 << 20, **keywords):
        """An arena in a space of its own."""
        return Arena(size, space=AddressSpace(SPACE), **keywords)

    def _begin(self):
        if self.arena is None:
            self.arena = self.fresh()
            self.script.add(
                "import rangeland as rl", "",
                f"arena = rl.Arena(1 << 20, space=rl.AddressSpace({SPACE}))",
            )  # fmt: skip

    def do(self, step):
        """Do and judge one step."""
        self._begin()
        done = super().do(step)
        if self.arena.space.operation is not None:
            raise Broken("reentry", f"{self.arena.space.operation} is in course after its end")
        if interrupts.depth:
            depth, interrupts.depth = interrupts.depth, 0
            raise Broken("reentry", f"{depth} operations are in course after their end")
        return done

    def ask(self, text, expected, function, *arguments, **keywords):
        """What `function` answers; None if it is refused with one of `expected`,
        which is none if it must not be refused. Raises: Broken."""
        self.script.begin(text)
        try:
            answer = function(*arguments, **keywords)
        except MemoryError as error:
            self.script.refused()
            if expected:
                raise Broken("wrong-use", f"{text}: {described(error)}") from error
            return None
        except Exception as error:
            if expected and isinstance(error, expected):
                self.script.refused("ValueError")
                return None
            told = f"{text}: {described(error)}"
            raise Broken("wrong-use" if expected else "raises", told) from error
        if expected:
            raise Broken("wrong-use", f"{text} is not refused", "assert False, 'it was not refused'")
        return answer

    def ask_of(self, thing, name, arguments, expected, text=None):
        """As `ask`, of what `thing` calls `name`, a method or not."""

        def asked():
            found = getattr(type(thing), name, None)
            return getattr(thing, name)(*arguments) if callable(found) else getattr(thing, name)

        return self.ask(text or f"{type(thing).__name__}.{name}", expected, asked)

    def expect(self, invariant, found, expected, what):
        """Raises: Broken, unless what was found is what was expected."""
        if found != expected or type(found) is not type(expected):
            raise Broken(invariant, f"{what} is {found!r}: expected {expected!r}")

    def amid(self, space, thing, name, arguments=()):
        """An operation in the middle of another is refused."""
        space.enter("another operation")
        try:
            self.ask_of(thing, name, arguments, ProtocolError, f"{name}, in another operation")
        finally:
            space.leave()

    def check(self):
        """The arena is sound."""
        if self.arena is not None:
            self.arena.check()

    def end(self):
        """All goes."""
        if self.arena is not None:
            self.arena.destroy()

    def abandon(self):
        """Let go of everything."""
        self.arena = None
