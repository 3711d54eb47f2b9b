"""Lasting: what can be had where nothing lives can be had again, after any
number of turns in which single blocks came and went.

No promise about order, places or what is united is needed for that: in a turn
nothing else lives. Source: design/invariants.md#.sol.lasting
"""

import time
from functools import partial

from rangeland.invariants.finding import Broken
from rangeland.invariants.lives import Lives, proof_text
from rangeland.invariants.rounds import Stopped
from rangeland.invariants.worn import Worn

# After so few turns it is seen what has to last.
FEW = 16
# So many of the smallest blocks may wait for others to be freed.
WAITING = 64
# So many blocks are had and freed for frees to take effect.
SETTLING = 256
# So often is asked again, or less often where that takes the processor longer,
# and after so many seconds, before it is told.
PATIENCE, PHASES = 8192, 64
LEAST, PATIENT = 1024, 0.5
SECONDS = 1.0
# The most blocks that memory is filled with; a block that nothing has room for.
MANY = 4096
END = 1 << 24
# Each of so many doublings of the turns makes the extent so much larger, and so
# do as many after so many times the turns.
DOUBLINGS, STEEP, LONG = 2, 1.8, 8
# Seconds of the processor after which nothing is told.
EFFORT = 8.0


class Lasting:
    """So many `turns` of `kind`, with a block of `size` bytes, in fresh
    allocators of `make`, which give `whole` bytes, or any number if it is
    None, in blocks of `limits`."""

    def __init__(self, make, kind, size, turns, whole, limits):
        self.make, self.turns, self.whole = make, turns, whole
        self.limits = limits
        self.lives = Lives(kind, size, whole, limits)
        # True once it was seen that something lasts, or does not.
        self.judged = False
        # False: time need not pass before it is told. True in the end if it
        # came back when time passed.
        self.waits, self.delays = True, False
        # A largest block tells nothing if there are more, and none larger is
        # allowed: then how many of that width there are does.
        self.width = None

    def expect(self):
        """Raises: Broken if it does not last."""
        self.effort = time.process_time() + EFFORT
        try:
            if self.whole == self.limits[1] and self._count(2) == 2:
                self.width = self.whole
            if self.whole is None or self.width and self._count(MANY) == MANY:
                self._expect_bound()
            elif self.lives.is_smallest():
                self._expect_granted()
            else:
                self._expect_kept()
        except Stopped:
            return

    # Where memory ends

    def _expect_granted(self):
        """The smallest blocks, one after the other, are never refused."""
        worn, granted, size = Worn(self.make), 0, self.lives.size
        for n in range(self.turns):
            if self._turn(worn, n):
                granted += 1
                continue
            if granted < WAITING:
                return
            if self._comes(partial(self._worn, n + 1), lambda worn: self.lives.pair(worn, size)):
                return
            raise self._broken(
                f"{size} bytes are refused in turn {n + 1} of having and freeing as many, "
                f"with nothing alive",
                n,
                (0, None),
                size,
            )
        # There may be more memory than the turns can use up.
        self._expect_bound()

    def _expect_kept(self):
        """What can be had after a few turns can be had after many."""
        few, most, size = self._few(), self._most(), self.lives.size
        if few >= self.turns:
            return
        if self._gives(self.turns, most):
            self.judged = True
            return
        lost = self._lost(few, most)
        if not lost:
            return
        self.judged = True
        told = f"{lost} bytes" if self.width is None else f"{lost} blocks of {self.width} bytes"
        raise self._broken(
            f"{told} can be had after {few} turns in which a block of {size} bytes "
            f"{self.lives.did()}; after {self.turns} such turns, with nothing alive, they cannot",
            self.turns,
            (lost, self.width),
            lost,
        )

    def _lost(self, few, most):
        """The most that can be had after a `few` turns, if as much cannot be
        had after all of them, however long that takes; else 0."""
        lost = 0
        for settles in (False, True):
            found = self._largest(few, most, settles)
            if not found:
                return 0
            if self._gives(self.turns, found, settles, is_patient=settles):
                self.judged = True
                return 0
            lost = lost or found
        # What is told has to be refused, and not only as much as is left by others.
        if lost != found and self._gives(self.turns, lost, True, is_patient=True):
            return 0
        if self.lives.resizes and not self._gives(self.turns, lost, moves=True):
            return 0
        return 0 if self._is_crowded(lost) else lost

    def _is_crowded(self, first):
        """True if what waits may leave no room: for the turns, after `first` so
        much was had, or else for anything, so that nothing is freed any more."""
        worn = Worn(self.make)
        if self.lives.kind == "climb" and not self.lives.lasts(worn, self.turns):
            return True
        worn = self._worn(0, first)
        if all(self._turn(worn, n) for n in range(self.turns)):
            return False
        worn = self._worn(0)
        if all(self._turn(worn, n) for n in range(self.turns)):
            return True
        self.lives.settle(worn, SETTLING)
        return not all(self.lives.pair(worn, self.lives.least) for _ in range(SETTLING))

    def _few(self):
        """So many turns fill what is kept apart for the sizes of a turn."""
        if self.lives.kind == "climb":
            return 0
        return min(FEW, max(1, self.whole // (8 * self.lives.size)))

    def _most(self):
        """The most that can be had at first: the bytes of a block, or where
        blocks are small, how many of the widest."""
        if self.width is not None:
            return self._count(MANY)
        return self.lives.size if self.lives.kind == "climb" else self.whole

    def _count(self, most):
        """How many of the largest blocks allowed a fresh allocator has, up to
        so many. Raises: Stopped."""
        worn, count = Worn(self.make), 0
        while count < most and worn.ask(self.limits[1]) is not None:
            count += 1
        return count

    def _largest(self, turns, most, settles):
        """The largest part of `most` that is given again then, or 0."""
        if self._gives(turns, most, settles):
            return most
        least = self.limits[0] if self.width is None else 1
        low, high = least - 1, most
        while high - low > 1:
            middle = (low + high) // 2
            if self._gives(turns, middle, settles):
                low = middle
            else:
                high = middle
        return low if low >= least else 0

    def _gives(self, turns, amount, settles=False, is_patient=False, moves=False):
        """True if a fresh allocator that gives so much gives it again after
        so many turns. Raises: Stopped."""
        worn = Worn(self.make)
        if not self._has(worn, amount):
            return False
        for n in range(turns):
            self._turn(worn, n, moves)
        if settles:
            self.lives.settle(worn, SETTLING)
        if self._has(worn, amount):
            return True
        if not is_patient:
            return False

        def made():
            worn = self._worn(turns, amount)
            self.lives.settle(worn, SETTLING)
            return worn

        return self._comes(made, lambda worn: self._has(worn, amount))

    def _has(self, worn, amount):
        """True if so much can be had; it is freed again. Raises: Stopped."""
        if self.width is None:
            return self.lives.pair(worn, amount)
        return self.lives.stack(worn, self.width, amount)

    def _comes(self, made, comes):
        """True if `comes(worn)` is true when others were had and freed, or some
        time later, of any allocator that `made()` gives. Blocks of one size fill
        what waits by number, those of all sizes what waits by bytes; either may
        leave the other no room. Raises: Stopped."""
        middle = max(self.lives.least, self.lives.top // 64)
        for widths in ((self.lives.least,), (middle,), self.lives.widths):
            worn, asked, until = made(), 0, time.process_time() + PATIENT
            while asked < PATIENCE and (asked < LEAST or time.process_time() < until):
                self._hurry()
                asked += self.lives.churn(worn, widths)
                # What waits by number may come back at any of so many.
                for _ in range(PHASES):
                    asked += 1
                    if comes(worn):
                        return True
                    self.lives.pair(worn, widths[-1])
        if self.waits:
            time.sleep(SECONDS)
            self.delays = comes(worn)
        return self.delays

    # Where it does not

    def _expect_bound(self):
        """Blocks that come and go one by one do not need ever more addresses."""
        turns = self.turns >> DOUBLINGS << DOUBLINGS
        extents = self._extents(turns, False)
        self.judged = len(extents) > DOUBLINGS
        if not _is_steep(extents) or not _is_steep(self._extents(LONG * turns, False)):
            return
        if self.lives.resizes and _is_steep(self._extents(turns, True)):
            return
        if self.whole is not None and self._is_had_at_the_end():
            return
        worn = self._worn(turns)
        told = ", ".join(f"{extent:,} bytes after {turns >> DOUBLINGS - n}"
                         for n, extent in enumerate(extents))  # fmt: skip
        raise Broken(
            "leak",
            f"with one block at a time, of {self.lives.size} bytes, which {self.lives.did()}, "
            f"ever more addresses are taken: {told} turns",
            f"{self.lives.text(worn, turns, None, None)}\n"
            f"assert max(taken) - min(taken) <= {extents[-2]}",
        )

    def _is_had_at_the_end(self):
        """True if the turns go on until memory is full, and blocks come back then."""
        worn, n, most = Worn(self.make), 0, LONG * LONG * self.turns
        while n < most and self._turn(worn, n):
            n += 1
        if n == most:
            return False
        again = partial(self.lives.pair, size=self.lives.size)
        return self._comes(partial(self._worn, n + 1), again)

    def _extents(self, turns, moves):
        """From the lowest address to the end of the highest block, after each
        doubling of the turns. Raises: Stopped."""
        worn, told = Worn(self.make), []
        marks = {turns >> n for n in range(DOUBLINGS + 1)}
        for n in range(turns):
            if not self._turn(worn, n, moves):
                return []
            if n + 1 in marks:
                told.append(worn.extent())
        return told

    def _worn(self, turns, first=0):
        """An allocator after so many turns; `first` so much was had and freed."""
        worn = Worn(self.make)
        if first:
            self._has(worn, first)
        for n in range(turns):
            self._turn(worn, n)
        return worn

    def _turn(self, worn, n, moves=False):
        """Do a turn. False if something was refused. Raises: Stopped."""
        self._hurry()
        return (self.lives.move if moves else self.lives.turn)(worn, n)

    def _hurry(self):
        """Raises: Stopped if it takes too long."""
        if time.process_time() > self.effort:
            raise Stopped

    def _broken(self, message, turns, first, wanted):
        """What is told if so much is refused after so many turns; `first`,
        an amount and a width, is had before these."""
        self.judged = True
        worn = self._worn(turns)
        self._has(worn, wanted)
        text = self.lives.text(worn, turns, *first)
        return Broken("leak", message, f"{text}\n{proof_text(worn, wanted, first[1])}")


def largest(make, most):
    """The bytes of the largest block, of up to `most`, that a fresh allocator
    of `make` gives; None if it has no end."""
    if _gives(make, END):
        return None
    low, high = 0, most + 1
    while high - low > 1:
        middle = most if low == 0 and high > most else (low + high) // 2
        low, high = (middle, high) if _gives(make, middle) else (low, middle)
    return low


def _gives(make, size):
    try:
        return Worn(make).ask(size) is not None
    except Stopped:
        return False


def _is_steep(extents):
    """True if each is about twice as far as the one before, to the last."""
    return len(extents) > DOUBLINGS and all(STEEP * one < two for one, two in zip(extents, extents[1:]))
