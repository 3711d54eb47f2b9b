"""Wear: what can be had of a fresh allocator after turns that left nothing.

Many policies never make one block of what was freed, and that is no fault.
But one that gives all of its memory after some turns, and less and less the
more turns of another kind there were, has lost some in each.
Source: design/invariants.md#.sol.wear
"""

from rangeland.invariants.finding import Broken
from rangeland.invariants.rounds import Stopped
from rangeland.invariants.worn import Turn, Worn

# After so many turns the largest block is looked for; fewer, if each has MANY.
TURNS = (10, 20, 40, 80)
FEWER = (2, 4, 8, 16)
MANY = 9
# So often all has to repeat itself: chance does not.
REPEATS = 3
# What is had and freed to see if it leaves all as it was.
SMALL = 16


class Wear:
    """Turns of `kind`, each with `count` blocks of `size` bytes, in fresh
    allocators of `make`, which give `whole` bytes, and none below `least`."""

    def __init__(self, make, kind, size, count, whole, least):
        self.make, self.size, self.whole = make, size, whole
        self.least, self.small = least, max(least, SMALL)
        self.turn = Turn(kind, size, count, max(least, size // 3), whole)
        self.turns = FEWER if count >= MANY else TURNS

    def sizes(self):
        """What is asked for in a turn: the first, or the last."""
        return {*self.turn.sizes(0), *self.turn.sizes(self.turns[-1]), self.whole}

    def expect(self):
        """Raises: Broken if the more turns there were, the less can be had,
        though it need not be so."""
        try:
            if self._gives(self.turns[-1], self.whole) or not self._is_kept():
                return
            wanted = self._wanted()
        except Stopped:
            return
        if wanted is not None:
            raise self._broken(*wanted)

    def _wanted(self):
        """(bytes, turns after which as many cannot be had, turns after which
        they can), or None if nothing is wrong. Raises: Stopped."""
        first = self._largest(self.turns[0])
        if self.turn.kind == "refused" and first < self.size:
            return self._repeated(self.size, (0, self.turns[0]))
        if first < self.small or self._gives(self.turns[-1], first):
            return None
        most = first
        for n, later in zip(self.turns, self.turns[1:]):
            # The turns themselves may be refused by then.
            if most >= sum(self.turn.sizes(n)) and self._gives(later, most):
                return None
            most = self._largest(later) if later < self.turns[-1] else 0
        return self._repeated(first, self.turns)

    def _repeated(self, wanted, turns):
        """What `_wanted` gives if all is so again, and no delayed free, nor
        that it never gives again what was freed, is the reason; else None."""
        if not self._gives_again():
            return None
        asked = [(False, wanted, turns[1:])]
        if self.turn.kind != "refused":
            # What settles may itself be refused, and is not free of loss.
            asked.append((True, self._largest(turns[0], True), turns[-1:]))
        for _ in range(REPEATS):
            for settles, most, later in asked:
                if not self._gives(turns[0], most, settles):
                    return None
                if any(self._gives(n, most, settles) for n in later):
                    return None
        return wanted, turns[1], turns[0]

    def _worn(self, turns, **kept):
        worn = Worn(self.make)
        for n in range(turns):
            worn.do(self.turn, n, **kept)
        return worn

    def _gives(self, turns, size, settles=False):
        """True if a fresh allocator gives `size` bytes after so many turns,
        or some time later if it `settles`. Raises: Stopped."""
        worn = self._worn(turns)
        if settles:
            worn.settle(self.whole, self.least)
        return worn.ask(size) is not None

    def _largest(self, turns, settles=False):
        """The bytes of the largest block then, or 0. Raises: Stopped."""
        low, high = self.least - 1, self.whole + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._gives(turns, middle, settles):
                low = middle
            else:
                high = middle
        return low if low >= self.least else 0

    def _is_kept(self):
        """True if all can be had after plain blocks were had and freed, the
        first one first, as often. Raises: Stopped."""
        kind = self.turn.kind
        if kind == "plain" and self.size <= self.small:
            return False
        for size in {self.small} if kind == "plain" else {self.size, max(self.turn.sizes(0))}:
            worn = Worn(self.make)
            worn.queue(size, TURNS[-1])
            if worn.ask(self.whole) is None:
                return False
        if kind not in ("aligned", "refused"):
            return True
        worn = self._worn(self.turns[-1], refusing=False, aligning=False)
        return worn.ask(self.whole) is not None

    def _gives_again(self):
        """True if it gives again what was freed in the turns."""
        if self.turn.kind != "plain":
            return True
        return self._worn(self.turns[-1]).gives_again(self.small)

    def _broken(self, wanted, turns, before):
        worn = self._worn(turns)
        worn.ask(wanted)
        did = {
            "plain": "were had and freed",
            "several": "and of more were had and freed",
            "shrink": f"were had, made {self.turn.less} bytes each, and freed",
            "aligned": "were had, one of them aligned, and freed",
            "refused": f"were had and freed, and {self.whole} bytes refused meanwhile",
        }[self.turn.kind]
        return Broken(
            "leak",
            f"{wanted} bytes can be had after {before} turns in which blocks of {self.size} bytes "
            f"{did}; after {turns} such turns, with nothing alive, they cannot",
            self.turn.text(worn, turns, wanted),
        )
