"""Brim: what can be had of an allocator that was filled to the brim, once all is
free again.

A few blocks that come and go leave all as it was; as many as there is room for
have to do so too, in some order of frees at least. And no two of them overlap.
Source: design/invariants.md#.sol.brim
"""

from rangeland.invariants.calls import Calls
from rangeland.invariants.finding import Broken
from rangeland.invariants.rounds import Stopped, address_of

# With more blocks it takes too long.
MOST = 1500
# Blocks that come and go, one at a time.
PAIRS = 20
REPEATS = 3
ORDERS = ("[::-1]", "")
ASK = """\
def ask(size):
    try:
        return pool.{alloc}
    except MemoryError:
        return None"""


class Brim:
    """Fresh allocators of `make`, which give `whole` bytes, filled with blocks of
    `size` bytes."""

    def __init__(self, make, size, whole):
        self.make, self.size, self.whole = make, size, whole

    def expect(self):
        """Raises: Broken if blocks overlap, or all that was free is lost."""
        try:
            fresh = self._count(Calls(self.make()), 0)
            if not fresh or self._after_pairs() != fresh:
                return
            lefts = [self._left(order, every) for order in ORDERS for every in (1, 2)]
            if any(left > fresh // 2 for left in lefts):
                return
            # By chance it does not come out the same, again and again.
            for _ in range(REPEATS):
                if self._after_pairs() != fresh or self._left(ORDERS[0], 1) != lefts[0]:
                    return
        except Stopped:
            return
        raise Broken(
            "leak",
            f"{fresh} blocks of {self.whole} bytes can be had, {lefts[0]} after as many of "
            f"{self.size} bytes as there is room for were had and freed, in whatever order",
            self._text(ORDERS[0], 1, f"assert len(all_of({self.whole})) > {lefts[0]}"),
        )

    def _ask(self, calls, size):
        """The address, or None. Raises: Stopped for what other steps judge."""
        try:
            answer = calls.alloc(size)
        except MemoryError:
            return None
        except Exception as error:
            raise Stopped from error
        if answer is None:
            return None
        address = address_of(answer)
        if address is None:
            raise Stopped
        return address

    def _free(self, calls, address):
        try:
            calls.free(address, self.size)
        except Exception as error:
            raise Stopped from error

    def _count(self, calls, patience):
        """How many blocks of `whole` bytes can be had; it may refuse so many times
        before the first."""
        count = 0
        while count <= MOST:
            if self._ask(calls, self.whole) is not None:
                count += 1
            elif count or patience <= 0:
                return count
            else:
                patience -= 1
        raise Stopped

    def _after_pairs(self):
        calls = Calls(self.make())
        for _ in range(PAIRS):
            address = self._ask(calls, self.size)
            if address is None:
                raise Stopped
            self._free(calls, address)
        return self._count(calls, PAIRS)

    def _fill(self, calls, blocks, order, every):
        while (address := self._ask(calls, self.size)) is not None:
            blocks.append(address)
            if len(blocks) > MOST:
                raise Stopped
        ascending = sorted(blocks)
        for one, other in zip(ascending, ascending[1:]):
            if other - one < self.size:
                raise Broken(
                    "overlap",
                    f"of {len(blocks)} blocks of {self.size} bytes those at {one:#x} and "
                    f"{other:#x} overlap",
                    self._text(order, every, None),
                )

    def _left(self, order, every):
        """How many can be had after a fill; with `every` 2, half of the blocks
        went and came again meanwhile."""
        calls, blocks = Calls(self.make()), []
        self._fill(calls, blocks, order, every)
        if len(blocks) < 2:
            raise Stopped
        if every > 1:
            for address in blocks[1::every]:
                self._free(calls, address)
            del blocks[1::every]
            self._fill(calls, blocks, order, every)
        for address in blocks[::-1] if order else blocks:
            self._free(calls, address)
        return self._count(calls, 2 * len(blocks) + PAIRS)

    def _text(self, order, every, proof):
        calls = Calls(self.make())
        alloc, free = calls.text["alloc"], calls.text["free"]
        free = f"    pool.{free.format(address='block', size=self.size)}"
        lines = [
            ASK.format(alloc=alloc.format(size="size")), "def all_of(size):",
            "    return list(iter(lambda: ask(size), None))", f"blocks = all_of({self.size})",
        ]  # fmt: skip
        if every > 1:
            lines += [f"for block in blocks[1::{every}]:", free, f"del blocks[1::{every}]",
                      f"blocks += all_of({self.size})"]  # fmt: skip
        if proof is None:
            lines += ["places = sorted(blocks)", f"assert all(b - a >= {self.size} for a, b in zip(places, places[1:]))"]
        else:
            lines += [f"for block in blocks{order}:", free, proof]
        return "\n".join(lines)
