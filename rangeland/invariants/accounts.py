"""Accounts: what an allocator says that it has and has free.

Source: design/invariants.md#.sol.accounts
"""

from pools.pool import Pool
from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.offers import offered
from rangeland.invariants.rounding import rounding_of
from rangeland.invariants.trial import described

# So many refusals of the same request may not take memory each.
REFUSALS = 3
NONE_REFUSED = None, 0, 0


def accounts_of(pool, own, memory):
    """The Accounts of `pool`, as exact as what it promises; `own` is the
    allocator itself, which may be seen as `pool`."""
    if isinstance(own, Pool):
        return Exact(pool, own)
    free, total = Told(pool, "free_size"), Told(pool, "total_size")
    if free.at_first is None:
        return Accounts(free.lack)
    if total.at_first is not None:
        return Bounded(free, total.text, total.read)
    size = memory.size
    if size is None:
        return Accounts(total.lack)
    # What was free at first is all there is, and what memory grows by.
    text = memory.within.size_text
    text = text if free.at_first == size else f"{free.at_first} + {text} - {size}"
    return Bounded(free, text, lambda: free.at_first + memory.size - size)


class Told:
    """A number that `pool` tells by the attribute or the method `name`; what
    it is `at_first`, or None. `text` is what a program writes.

    Raises: CannotTry if it raises at first.
    """

    def __init__(self, pool, name):
        self.pool, self.name = pool, name
        first = offered(pool, name)
        self.text = f"pool.{name}()" if callable(first) else f"pool.{name}"
        if callable(first):
            try:
                first = first()
            except (Exception, SystemExit) as error:
                raise CannotTry(f"{name}() of {pool!r} raised {described(error)}") from error
        self.at_first = first if _is_size(first) else None
        self.lack = f"it has no {name}" if first is None else f"its {name} is {first!r}"

    def read(self):
        """The number now. Raises: Broken if it is none any more."""
        try:
            found = getattr(self.pool, self.name)
            if type(found) is not int and callable(found):
                found = found()
        except Exception as error:
            told = f"{self.name} raised {described(error)}"
            raise Broken("accounts", told, self.text) from error
        if not _is_size(found):
            raise Broken(
                "accounts",
                f"{self.name} is {found!r}: expected an int, as it was",
                f"assert isinstance({self.text}, int), {self.text}",
            )
        return found


def _is_size(value):
    return isinstance(value, int) and not isinstance(value, bool)


class Accounts:
    """The accounts of an allocator that tells none, for `lack` of something:
    nothing to judge."""

    used = None
    text = None

    def __init__(self, lack):
        self.lack = lack

    def took(self, size):
        """A block of `size` bytes was made."""

    def gave(self, size):
        """A block of `size` bytes was freed."""

    def mark(self):
        """What may not change when a request is refused."""
        return None

    def expect_unwound(self, mark, request):
        """Judge that the refusal of `request`, as a program writes it, left
        all as it was at `mark`. Raises: Broken."""

    def expect(self):
        """Judge. Raises: Broken."""


class Bounded(Accounts):
    """Accounts that may count what an allocator needs for itself: live
    blocks take at least their size."""

    def __init__(self, free, text, total):
        self.free = free
        self.total = total
        self.text = f"{text} - {free.text}"
        self.owed = 0
        self.lack = None
        # The request that was refused last, the bytes in use before it was
        # the first time, and how often in a row its refusal took some.
        self.refused = NONE_REFUSED

    @property
    def used(self):
        """The bytes that are not free."""
        return self.total() - self.free.read()

    def took(self, size):
        """A block of `size` bytes was made."""
        self.owed += size
        self.refused = NONE_REFUSED

    def gave(self, size):
        """A block of `size` bytes was freed."""
        self.owed -= size
        self.refused = NONE_REFUSED

    def mark(self):
        """The bytes that are not free."""
        return self.used

    def expect_unwound(self, mark, request):
        """Raises: Broken if refusals of the same request take more and more.
        One may take what it needs for itself, once."""
        used = self.used
        if used <= mark:
            self.refused = NONE_REFUSED
            return
        last, first, times = self.refused
        first, times = (first, times + 1) if last == request else (mark, 1)
        self.refused = request, first, times
        if times == REFUSALS:
            raise Broken(
                "unwound",
                f"{times} refusals of {request} took from {first} to {used} bytes in use",
                f"assert {self.text} <= {first}",
            )

    def expect(self):
        """Raises: Broken if less is used than lives, or free is no size."""
        total, free = self.total(), self.free.read()
        if not 0 <= free <= total:
            raise Broken(
                "accounts",
                f"free_size is {free}, of a total of {total}",
                f"assert 0 <= {self.free.text} <= {total}",
            )
        if total - free < self.owed:
            raise Broken(
                "accounts",
                f"{total} bytes in all and {free} free leave {total - free}, "
                f"but {self.owed} bytes live",
                f"assert {self.text} >= {self.owed}",
            )


class Exact(Accounts):
    """The accounts of our own pools: exact, to the byte.
    Source: design/pools.md#.req.sum"""

    text = "pool.total_size - pool.free_size"

    def __init__(self, pool, own):
        self.pool = pool
        self.own = own
        self.rounded = rounding_of(own)
        self.owed = 0
        self.lack = None

    @property
    def used(self):
        """The bytes that blocks take: neither free, slack nor held by points."""
        return self.pool.total_size - self.pool.free_size - self._held()

    def _held(self):
        return getattr(self.pool, "held_size", 0) + self.own.slack_size

    def took(self, size):
        """A block of `size` bytes was made."""
        self.owed += self.rounded(size)

    def gave(self, size):
        """A block of `size` bytes was freed."""
        self.owed -= self.rounded(size)

    def mark(self):
        """What may not change when a request is refused: the total, and what
        is free. A point may give up what it holds first
        (design/pools.md#.sol.point)."""
        return self.pool.total_size, self.pool.free_size + self._held()

    def expect_unwound(self, mark, request):
        """Raises: Broken if total or free have changed."""
        if self.mark() != mark:
            raise Broken(
                "unwound",
                f"the refusal of {request} changed (total, free) from {mark} to {self.mark()}",
                f"assert (pool.total_size, pool.free_size) == {mark}",
            )

    def expect(self):
        """Raises: Broken unless what is used is just what lives."""
        total, free = self.pool.total_size, self.pool.free_size
        owed = self.owed + self._held()
        if total - free != owed:
            raise Broken(
                "accounts",
                f"total less free is {total} - {free} = {total - free}, expected {owed}, which live",
                f"assert {self.text} == {owed}",
            )
