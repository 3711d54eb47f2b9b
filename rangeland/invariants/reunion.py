"""Reunion: what can be had when blocks have been freed does not depend on the
order in which they were.

Many policies never make one free block of two, and that is no fault. One that
does after frees in some order has to after frees in any. So fresh allocators
are compared with each other, and no promise is needed.
Source: design/invariants.md#.sol.reunion
"""

from itertools import permutations

from rangeland.invariants import watch
from rangeland.invariants.calls import Calls
from rangeland.invariants.finding import Broken
from rangeland.invariants.rounds import Round, Stopped, address_of

# The largest block that is asked for to find out how much there is.
MOST = 1 << 24
# The most blocks that memory is filled with.
MANY = 5000
# So often both outcomes have to repeat themselves: chance does not.
REPEATS = 12
# So many blocks are freed and had again, at most, for frees to take effect.
PAIRS = 32


def capacity(make, most):
    """The bytes of the largest block, up to `most`, that a fresh allocator of
    `make` gives; None if it gives all that it is asked for, or ends neither
    with an answer nor with a refusal: that is judged by other steps."""
    try:
        with watch.watched(watch.PATIENCE / 10):
            return _capacity(make, most)
    except (Broken, SystemExit):
        return None


def _capacity(make, most):
    low, high = 0, min(most, MOST) + 1
    if any(_gives(make, size) for size in (MOST, high)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _gives(make, middle) else (low, middle)
    return low or None


def _gives(make, size):
    try:
        answer = Calls(make()).alloc(size)
    except Exception:
        return False
    return answer is not None and address_of(answer) is not None


class Reunion:
    """Blocks of `sizes` in fresh allocators of `make`, freed in each order.

    If `full`, the rest of the memory is taken meanwhile; else `whole` bytes
    are asked for. Then an order that undoes the allocations one by one shows
    nothing: even a pointer that goes up and down survives that.
    """

    def __init__(self, make, sizes, whole, full):
        self.make, self.sizes = make, sizes
        self.whole, self.full = whole, full
        self.wanted = sum(sizes) if full else whole
        # The latest.
        self.round = None
        # True once two orders were compared, one of which united the blocks.
        self.judged = False

    def expect(self):
        """Raises: Broken if as much as all blocks can be had or not, as the
        order of the frees will have it, or if blocks overlap."""
        united, apart = [], []
        for order in permutations(range(len(self.sizes))):
            outcome = self._outcome(order)
            if outcome is None:
                return
            (united if outcome else apart).append(order)
        undone = None if self.full else tuple(reversed(range(len(self.sizes))))
        shown = next((order for order in united if order != undone), None)
        if shown is None:
            return
        self.judged = True
        for order in apart:
            if self._repeats(shown, order):
                raise self._broken(shown, order)

    def _repeats(self, shown, apart):
        """True if both come out as before, as often as they are tried, and
        no delayed free is the reason."""
        return all(
            self._outcome(shown) is True and self._outcome(apart, True) is False
            for _ in range(REPEATS)
        )

    def _broken(self, shown, apart):
        self._outcome(apart)
        # The last that was asked for is what the program asserts.
        self.round.log.pop()
        alloc = self.round.calls.text["alloc"].format(size=self.wanted)
        return Broken(
            "reunion",
            f"when blocks of {list(self.sizes)} bytes are freed in the order {list(shown)}, "
            f"{self.wanted} bytes can be had; in the order {list(apart)} they cannot",
            f"{self.round.text()}\nassert pool.{alloc} is not None",
        )

    def _outcome(self, order, settled=False):
        """True if the `wanted` bytes can be had in the end, or, `settled`,
        some time later; None if it did not get there. Raises: Broken."""
        self.round = Round(self.make)
        try:
            blocks = [self.round.ask(size) for size in self.sizes]
            if None in blocks or (self.full and not self._fill()):
                return None
            for i in order:
                self.round.free(blocks[i])
            self.round.list = "found"
            if self.round.ask(self.wanted) is not None:
                return True
            if settled and not (self._ballast() if self.full else self._pairs()):
                return None
            return settled and self.round.ask(self.wanted) is not None
        except Stopped:
            return None

    def _fill(self):
        """Take a block of the least size, which parts the blocks before it
        from what is free, and then memory until no `wanted` bytes are left.
        False if the first cannot be had, or there is no end of them."""
        self.round.list = "rest"
        if self.round.ask(min(self.sizes)) is None:
            return False
        size = self.whole
        while size:
            while self.round.ask(size) is not None:
                if len(self.round.blocks.live) > MANY:
                    return False
            size = 0 if size == self.wanted else max(size // 2, self.wanted)
        return True

    def _ballast(self):
        """Free the largest block of the rest, and ask for it again, until so
        many bytes as there are were freed since: whatever waited for that is
        free by now. False if that cannot be done."""
        size = max((block.size for block in self.round.blocks), default=0)
        if size < self.wanted:
            return False
        number = next(block.number for block in self.round.blocks if block.size == size)
        for _ in range(min(PAIRS, -(-self.whole // size))):
            self.round.free(number)
            number = self.round.ask(size)
            if number is None:
                return False
        return True

    def _pairs(self):
        """As `_ballast`, by blocks as large as can be had, each of which is
        freed at once."""
        size = self.whole
        halves = [size := size // 2 for _ in range(size.bit_length() - 1)]
        left = self.whole
        for size in sorted({*halves, *self.sizes}, reverse=True):
            while left > 0 and (number := self.round.ask(size)) is not None:
                self.round.free(number)
                left -= max(size, self.whole // PAIRS)
        return left <= 0

    def steps(self):
        """What was done last, as plain steps, however it ended."""
        try:
            with watch.watched(min(watch.PATIENCE, 1.0)):
                self.expect()
        except (Exception, SystemExit):
            # It is done for its steps.
            pass
        return self.round.steps() if self.round else []
