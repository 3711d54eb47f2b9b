"""Crew: the pools of several threads, as if they were one (design/replay.md#.sol.own)."""

from array import array

from pools.pool import Pool
from rangeland.traces import fields as f
from vm import results as r
from vm.results import NAMES, AllocationError

# Numbers of threads are below this.
MOST_THREADS = 1 << 14


class Crew(Pool):
    """A pool for each thread of a run, which together answer as one pool.

    `first` is that of the thread that allocates first, and `make(arena)` makes
    the one of each other thread when it does. `turn` says before each event whose
    it is. A block goes back to the pool that it came from, whoever frees it.
    `got` is the number of the pool that the block of the last event lies in.
    Cost: that of one pool, an event; in a sample, that of all pools.
    """

    class_name = "Crew"

    def __init__(self, first, make):
        self.bind(first.space, 0, first.grains)
        self.arena = first.arena
        self.make = make
        self.pools = []
        self.number_of = memoryview(array("i", [f.UNSEEN]) * MOST_THREADS)
        self.thread = self.threads = 0
        self.is_first_taken = False
        self.asking = f.NO_POOL
        self.lies = self.got = 0
        self.asked = self.holding = first
        self.refusal = r.OK
        self.room = 0
        none = memoryview(array("q"))
        self.total_of = self.free_of = self.slack_of = self.whole_of = none
        self.changed = self.is_changed = none
        self.changes = 0
        self.total_sum = self.free_sum = self.slack_sum = self.whole_sum = 0
        self._add(first)

    @property
    def align(self):
        """The alignment of the blocks, which is the same in all pools."""
        return self.pools[0].align

    def turn(self, thread, lies):
        """The next event is of `thread`, and of the block, if it lives, that
        lies in the pool numbered `lies`."""
        number = self.number_of[thread]
        if number == f.UNSEEN:
            number = self.number_of[thread] = f.NO_POOL
            self.threads += 1
        if number != self.asking:
            self.asking = number
            if number >= 0:
                self.asked = self.pools[number]
        if lies != self.lies:
            self.lies = lies
            self.holding = self.pools[lies]
        self.thread = thread
        self.got = lies
        return r.OK

    # What a pool class defines

    def alloc_block(self, size):
        """Of the pool of the thread whose turn it is."""
        if self.asking < 0 and self._open() != r.OK:
            return -self.refusal
        return self._given(self.asked.alloc_block(size))

    def alloc_aligned(self, size, align):
        """As `alloc_block`."""
        if self.asking < 0 and self._open() != r.OK:
            return -self.refusal
        return self._given(self.asked.alloc_aligned(size, align))

    def free_block(self, address, size):
        """By the pool that the block lies in."""
        res = self.holding.free_block(address, size)
        self._note(self.lies, self.holding.total())
        return res

    def resize_block(self, address, old, new):
        """By the pool that the block lies in."""
        res = self.holding.resize_block(address, old, new)
        self._note(self.lies, self.holding.total())
        return res

    def total(self):
        """The sum of the pools'."""
        return self.total_sum

    def free_bytes(self):
        """The sum of the pools'."""
        self._settle()
        return self.free_sum

    def slack(self):
        """The sum of the pools'."""
        self._settle()
        return self.slack_sum

    def whole_free(self):
        """The sum of the pools'."""
        self._settle()
        return self.whole_sum

    def largest(self):
        """The most that any of the pools has."""
        most = 0
        for number in range(len(self.pools)):
            pool = self.pools[number]
            most = max(most, pool.largest())
        return most

    def free_ranges(self):
        """The (base, limit) of each free range of each pool, in no order."""
        return [span for pool in self.pools for span in pool.free_ranges()]

    def check(self):
        """Check each of the pools."""
        for pool in self.pools:
            pool.check()

    def _lives(self):
        return self.arena.alive

    def __repr__(self):
        return f"<{len(self.pools)} of {self.pools[0]!r}, one a thread>"

    # The pools, and what each came to when it was last looked at

    def _open(self):
        """Give the thread whose turn it is a pool. OK, or why it gets none."""
        if self.is_first_taken:
            try:
                self._add(self.make(self.arena))
            except AllocationError as error:
                self.refusal = NAMES.index(error.result)
                return self.refusal
        self.is_first_taken = True
        self.asking = len(self.pools) - 1
        self.asked = self.pools[self.asking]
        self.number_of[self.thread] = self.asking
        return r.OK

    def _add(self, pool):
        self.pools.append(pool)
        if len(self.pools) > self.room:
            self._make_room()
        self._note(len(self.pools) - 1, pool.total_size)

    def _make_room(self):
        """Let there be places for twice as many pools; those of no pool are zero."""
        self.room = 2 * len(self.pools)
        self.total_of = _longer(self.total_of, self.room)
        self.free_of = _longer(self.free_of, self.room)
        self.slack_of = _longer(self.slack_of, self.room)
        self.whole_of = _longer(self.whole_of, self.room)
        self.changed = _longer(self.changed, self.room)
        self.is_changed = _longer(self.is_changed, self.room)

    def _given(self, address):
        """The answer of the pool of the thread whose turn it is."""
        if address >= 0:
            self.got = self.asking
        self._note(self.asking, self.asked.total())
        return address

    def _note(self, number, total):
        """The pool has done something, and its total is this now."""
        self.total_sum += total - self.total_of[number]
        self.total_of[number] = total
        if self.is_changed[number] == 0:
            self.is_changed[number] = 1
            self.changed[self.changes] = number
            self.changes += 1
        return r.OK

    def _settle(self):
        """Look at the pools that did something since the last look: so a sample
        costs no more than the events before it, however many pools there are."""
        for at in range(self.changes):
            number = self.changed[at]
            pool = self.pools[number]
            self.free_sum -= self.free_of[number]
            self.slack_sum -= self.slack_of[number]
            self.whole_sum -= self.whole_of[number]
            self.free_of[number] = pool.free_bytes()
            self.slack_of[number] = pool.slack()
            self.whole_of[number] = pool.whole_free()
            self.free_sum += self.free_of[number]
            self.slack_sum += self.slack_of[number]
            self.whole_sum += self.whole_of[number]
            self.is_changed[number] = 0
        self.changes = 0
        return r.OK


def _longer(words, length):
    """`words` with `length` places, new ones being zero."""
    more = memoryview(array("q", bytes(8 * length)))
    more[: len(words)] = words
    return more
