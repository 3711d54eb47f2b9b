"""AllocatorJudge: what judges the answers of an allocator.

Source: design/invariants.md#.sol.allocator
"""

from pools.pool import Pool
from rangeland.invariants.accounts import accounts_of
from rangeland.invariants.blocks import Blocks
from rangeland.invariants.calls import Calls, align_of, limits_of
from rangeland.invariants.finding import Broken
from rangeland.invariants.memory import memory_of
from rangeland.invariants.rounds import address_of
from rangeland.invariants.scope import allocator_scope, done_scope
from rangeland.invariants.subjects import SubjectTrial
from rangeland.invariants.telling import FillingTrial
from rangeland.invariants.trial import described, own_check
from rangeland.invariants.watch import is_watched

# What every answer is judged by, and each block that is given; the first, if
# another one lives.
ASKED = ("nonsense", "raises")
PLACED = ("overlap", "alignment", "outside")


class AllocatorJudge(FillingTrial, SubjectTrial):
    """The part of an AllocatorTrial that judges `pool`: what it offers, and
    each of its answers, by its blocks, memory and accounts."""

    # What the allocator is made with, besides an arena.
    keywords = None
    # Invariants that are judged besides those of any allocator.
    also = ()

    def __init__(self, factory, sizes=None):
        super().__init__(factory)
        self.sizes = sizes
        self.pool = None
        self.seen = {}
        # The invariants that something was judged by.
        self.judged = set()

    @property
    def subject(self):
        """The allocator, as it was made, or as it is seen."""
        return self.pool

    def _see_what_it_offers(self, options):
        self.options = options
        self.script.add(*self.factory.text("pool", options, self.keywords))
        own = self.own()
        self.calls = Calls(self.pool)
        self.memory = memory_of(self.pool, self.arena)
        self.accounts = accounts_of(self.pool, own, self.memory)
        self.limits = self.sizes or limits_of(self.pool, self.memory)
        self.align = align_of(self.pool)
        self.owner = own.serial if self.arena and isinstance(own, Pool) else None
        self.blocks = Blocks()
        # Frees have lowered what is in use.
        self.gives = False
        self.seen = allocator_scope(self)
        if is_watched():
            self.judged.add("hang")

    def scope(self):
        """What was judged of the allocator."""
        whole = {"reunion": None} if self.seen and self.factory.whole else {}
        return done_scope(self.seen | whole, self.judged)

    def own(self):
        """The allocator itself, whatever stands before it."""
        return self.pool

    def allows(self, size):
        """True if the allocator is meant to give blocks of `size` bytes."""
        return self.limits[0] <= size <= self.limits[1]

    def _call(self, function, *arguments):
        """The answer, or None for a refusal. Raises: Broken."""
        self.asked += 1
        self.judged.update(ASKED)
        try:
            return function(*arguments)
        except MemoryError:
            self.script.refused()
            return None
        except Exception as error:
            raise Broken("raises", described(error)) from error

    def _free(self, address, size):
        before = self.accounts.used
        self.judged.update(("free-refused", *self.also))
        try:
            self.calls.free(address, size)
        except MemoryError as error:
            raise Broken("free-refused", described(error)) from error
        except Exception as error:
            raise Broken("raises", described(error)) from error
        if before is not None and self.accounts.used < before:
            self.gives = True

    def _address(self, answer, name):
        """The answer as an address. Raises: Broken if it is none."""
        address = address_of(answer)
        if address is None:
            raise Broken(
                "nonsense",
                f"the answer is {answer!r}: expected an address or None",
                f"assert type({name}) is not bool and 0 <= {name}.__index__() < 1 << 64",
            )
        return address

    def _expect_place(self, address, size, align, name):
        if address % align:
            raise Broken(
                "alignment",
                f"a block lies at {address:#x}: expected a multiple of {align}",
                f"assert {name} % {align} == 0",
            )
        self.judged.update(PLACED if len(self.blocks) else PLACED[1:])
        self.memory.expect_inside(address, size, name)
        other = self.blocks.in_the_way(address, size)
        if other is not None:
            theirs = self.script.names[other.number]
            raise Broken(
                "overlap",
                f"a block of {size} bytes at {address:#x} overlaps the live block of "
                f"{other.size} bytes at {other.address:#x}",
                f"assert {name} + {size} <= {theirs} or {theirs} + {other.size} <= {name}",
            )
        if self.owner is not None:
            self._expect_owned(address, size, name)

    def _expect_owned(self, address, size, name):
        for at, place in ((address, name), (address + size - 1, f"{name} + {size - 1}")):
            pool = self.arena.pool_of(at)
            if pool is None or pool.serial != self.owner:
                raise Broken(
                    "outside",
                    f"{at:#x} of a block of {size} bytes at {address:#x} belongs to {pool!r}",
                    f"assert arena.pool_of({place}).serial == pool.serial",
                )

    def _expect_kept(self, block, name, size=None, invariant="contents"):
        if self.filling:
            self.judged.add(invariant)
            self.memory.expect_kept(block, name, size, invariant)

    def _settle(self, number, address, size, name):
        self.granted += 1
        block = self.blocks.add(number, address, size)
        if self.filling:
            self.memory.fill(block, name)
        self.script.fill(self.memory.write_text, name, block)
        self.accounts.took(size)
        self.accounts.expect()
        self.judged.add("accounts")

    def _refused(self, request, mark):
        """A refusal leaves all as it was."""
        self.judged.add("unwound")
        self.accounts.expect_unwound(mark, request)
        self.accounts.expect()

    def expect_predicted(self, address, name):
        """Raises: Broken if a block lies elsewhere than its policy says. The
        policies of our own pools are known to their trials."""

    def _expect_no_pools(self):
        """A class destroys the pools that it made, if it destroys at all. A
        function may have made some that are none of its allocator's."""
        left = self.arena.pools
        if left and isinstance(self.factory.make, type):
            raise Broken(
                "teardown",
                f"destroy() leaves {', '.join(map(repr, left))} in the arena: expected no pool",
                "assert not arena.pools",
            )

    def freed_block(self, block):
        """A block has been freed and judged."""

    def check(self):
        """Every block's contents, the accounts, and the own checks."""
        if self.pool is None:
            return
        for block in self.blocks:
            self._expect_kept(block, self.script.names[block.number])
        self.accounts.expect()
        own_check(self.pool, "pool")
        self.judged.add("own-check")
        if self.arena is not None:
            limit, committed = self.arena.commit_limit, self.arena.committed
            if limit is not None and committed > limit:
                raise Broken(
                    "commit-limit",
                    f"{committed} bytes are committed, with a limit of {limit}",
                    "assert arena.committed <= arena.commit_limit",
                )
            own_check(self.arena, "arena")
