"""Shrinking: fewer steps with smaller numbers that break the same invariant.

Delta debugging (Zeller and Hildebrandt 2002) over the steps, then over the
numbers in them. Source: design/invariants.md#.sol.shrink
"""

import time

from rangeland.invariants import watch
from rangeland.invariants.finding import CannotTry
from rangeland.invariants.trial import play

BUDGET = 100_000
# Checked after every step if they are no more than this.
SHORT = 100
# So many steps are tried in pairs.
FEW = 100
# So many runs that do not end are made, at most.
HANGS = 50
# Rounds without a step less.
IDLE = 3
# Seconds after which what is there is told.
SECONDS = 15.0
SMALL = (0, 1, 2, 8, 16, 24, 32, 64, 128, 256, 1024, 4096)


def shrink(make_trial, steps, invariant, budget=BUDGET, every=16):
    """The fewest steps found that break `invariant`, and the Broken.

    `budget` bounds the steps that are done on the way, and SECONDS the time;
    the first replays are excepted. While a run is long,
    it may come to break another invariant sooner. If `steps` cannot be
    repeated, they come back as they are, with None.
    """
    return _Shrinker(make_trial, invariant, budget, every).shrink(list(steps))


class _Shrinker:
    """A run that breaks, which becomes smaller."""

    def __init__(self, make_trial, invariant, budget, every):
        self.make_trial = make_trial
        self.invariant = invariant
        self.budget = budget // make_trial().cost
        self.hang = self.budget // HANGS
        self.every = every
        self.patience = watch.PATIENCE
        self.steps = None
        self.broken = None
        self.known = set()
        self.ends = time.perf_counter() + SECONDS

    def is_over(self):
        """True if it has been made smaller for long enough."""
        return self.budget <= 0 or time.perf_counter() > self.ends

    def shrink(self, steps):
        """(steps, Broken) as small as they get."""
        if not (self.cuts(steps) or self.tries_as_found(steps)):
            return steps, None
        idle = 0
        while not self.is_over() and idle < IDLE:
            before = self.steps
            self.drop_steps()
            self.unfold()
            self.merge()
            self.lessen_all()
            self.lessen_each()
            if not self.is_over():
                self.cuts(self.steps, self.invariant)
            if self.steps == before:
                break
            # A number may become less by a little, again and again.
            idle = 0 if len(self.steps) < len(before) else idle + 1
        return self.steps, self.broken

    def cuts(self, steps, invariant=None):
        """True if `steps` break `invariant`, or any if it is None; they are
        kept then, up to where that shows first."""
        broken, done = self._play(steps, 1 if len(steps) <= SHORT else self.every)
        if broken is None or invariant not in (None, broken.invariant):
            return False
        self.invariant = broken.invariant
        self.steps, self.broken = list(steps[:done]), broken
        return True

    def tries(self, steps):
        """True if `steps` break the invariant, and are kept then.

        They are checked at their end only: there it has to show, for they
        come of steps that broke it with the last.
        """
        key = tuple(steps)
        if key in self.known or self.is_over():
            return False
        self.known.add(key)
        broken, done = self._play(steps, len(steps) + 1)
        if broken is None or (len(steps) <= SHORT and broken.invariant != self.invariant):
            return False
        self.invariant = broken.invariant
        self.steps, self.broken = list(steps[:done]), broken
        return True

    def tries_as_found(self, steps):
        """As `tries`, with checks no more often than when it was found."""
        broken, done = self._play(steps, self.every)
        if broken is not None:
            self.invariant = broken.invariant
            self.steps, self.broken = list(steps[:done]), broken
        return broken is not None

    def _play(self, steps, every):
        began = time.perf_counter()
        try:
            broken, done = play(self.make_trial(), steps, every, self.patience)
        except CannotTry:
            broken, done = None, len(steps)
        self.budget -= done + 1
        if broken is not None and broken.invariant == "hang":
            self.budget -= self.hang
            # No step before it took longer than all of them.
            took = time.perf_counter() - began - self.patience
            self.patience = min(self.patience, max(1.0, took))
        return broken, done

    def drop_steps(self):
        """Leave out runs of steps: halves, quarters, and so on to single ones."""
        width = len(self.steps)
        while width:
            at = len(self.steps)
            while at > 0:
                at = min(at, len(self.steps))
                low = max(0, at - width)
                self.tries(self.steps[:low] + self.steps[at:])
                at = low
            width //= 2

    def unfold(self):
        """Put plain steps in place of those that do much at once."""
        unfolded = self.make_trial().unfolded
        for at in reversed(range(len(self.steps))):
            plain = unfolded(self.steps[at]) if at < len(self.steps) else []
            if plain and not self.is_over():
                self.tries([*self.steps[:at], *plain, *self.steps[at + 1 :]])

    def merge(self):
        """Put one step in place of two of its kind, with as much in its last
        number as both had: what breaks when memory is full needs few steps."""
        if len(self.steps) > FEW:
            return
        at = 0
        while at < len(self.steps):
            for other in range(len(self.steps) - 1, at, -1):
                if other < len(self.steps) and self._merges(at, other):
                    break
            else:
                at += 1

    def _merges(self, at, other):
        one, two = self.steps[at], self.steps[other]
        if one[0] != two[0] or len(one) != len(two) or len(one) < 3:
            return False
        if not (_is_number(one[-1]) and _is_number(two[-1])):
            return False
        rest = self.steps[:other] + self.steps[other + 1 :]
        return any(
            self.tries([*rest[:at], (*one[:-1], both), *rest[at + 1 :]])
            for both in _sums(one[-1], two[-1])
        )

    def lessen_all(self):
        """Make a number less wherever it is: some things break only if two
        sizes are the same."""
        for value in sorted({n for step in self.steps for n in step if _is_number(n)}):
            for less in _smaller(value):
                if self.tries([tuple(_put(n, value, less) for n in step) for step in self.steps]):
                    break

    def lessen_each(self):
        """Make each number in each step less."""
        at = 0
        while at < len(self.steps):
            for place in range(1, len(self.steps[at])):
                self._lessen(at, place)
                if at >= len(self.steps):
                    return
            at += 1

    def _lessen(self, at, place):
        value = self.steps[at][place]
        for less in _smaller(value) if _is_number(value) else _simpler(value):
            step = self.steps[at]
            changed = (*step[:place], less, *step[place + 1 :])
            if self.tries([*self.steps[:at], changed, *self.steps[at + 1 :]]):
                break


def _is_number(value):
    return type(value) is int and value > 0


def _sums(one, two):
    """What two sizes come to, without and with what rounding up adds."""
    return sorted({one + two, (one + 7 & -8) + (two + 7 & -8), (one + 15 & -16) + (two + 15 & -16)})


def _put(found, value, less):
    return less if type(found) is int and found == value else found


def _smaller(value):
    """Numbers to try in place of `value`, the smallest first."""
    near = (value // 2, value - value % 8, value - 8, value - 1)
    return [*(n for n in SMALL if n < value), *sorted({n for n in near if 0 < n < value})]


def _simpler(value):
    """Values to try in place of one that is no positive int."""
    return [False] if value is True else []
