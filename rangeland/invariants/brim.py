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
MOST = 4200
# Blocks that come and go, one at a time.
PAIRS = 20
REPEATS = 3
# Whoever has so many blocks of the largest size has pages; others are filled with few
# blocks only, for what is kept for many may lie anywhere in the memory.
PAGES = 4
FEW = 6
# The bytes of a small block.
SMALL = 16
MEANWHILE = {
    3: ", half of them refused to be larger",
    4: ", half of them made larger",
    5: ", the later half freed, the others made larger",
}
# Which blocks go meanwhile, so that others can grow where they lie, or have to move.
GOING = {5: "len(blocks) // 2:"}
EVERY_SECOND = "1::2"
# The ways in which blocks that are so many bytes smaller come where others went.
RESTS = {7: 8, 8: 16, 9: 24, 10: 32}
MEANWHILE |= {
    way: f", half of them freed, and as many come of {rest} bytes less" for way, rest in RESTS.items()
}
ORDERS = ("[::-1]", "")
ASK = """\
def ask(size):
    try:
        return pool.{alloc}
    except MemoryError:
        return None"""

GROW = """\
grown = {{}}
for block in blocks:
    try:
        moved = pool.{realloc}
    except MemoryError:
        moved = None
    grown[block if moved is None else moved] = {old} if moved is None else {size}"""


class Brim:
    """Fresh allocators of `make`, which give `whole` bytes, filled with blocks of
    `size` bytes."""

    def __init__(self, make, size, whole):
        self.make, self.size, self.whole = make, size, whole

    def expect(self):
        """Raises: Broken if blocks overlap, or all that was free is lost."""
        try:
            fresh = self._count(Calls(self.make()), 0)
            if not fresh or not (fresh >= PAGES or self._is_few()):
                return
            if self._after_pairs() != fresh or not self._is_kept_of_two(fresh):
                return
            plain, thinned = self._most(1), self._most(2)
            if plain <= fresh // 2 and thinned <= fresh // 2:
                self._expect_chance(fresh, plain, 1)
            if thinned > fresh // 2:
                can_grow = Calls(self.make()).realloc is not None
                for way in (3, 4, 5, *RESTS) if can_grow else RESTS:
                    left = self._most(way)
                    if left <= fresh // 2 and not (way == 5 and self._is_policy(fresh)):
                        self._expect_chance(fresh, left, way)
        except Stopped:
            return

    def _most(self, way):
        """The most that can be had after a fill, in whatever order all went."""
        return max(self._left(order, way) for order in ORDERS)

    def _expect_chance(self, fresh, most, way):
        """Raises: Broken unless it comes out otherwise when all is done again."""
        for _ in range(REPEATS):
            if self._after_pairs() != fresh or self._most(way) != most:
                return
        meanwhile = MEANWHILE.get(way, "")
        raise Broken(
            "leak",
            f"{fresh} blocks of {self.whole} bytes can be had, {most} after as many of "
            f"{self.size} bytes as there is room for were had{meanwhile}, and all freed",
            self._text(ORDERS[0], way, self._proof(most)),
        )

    def _is_policy(self, fresh):
        """True if as little is left where blocks that become larger are had anew, and
        freed where they were: so no realloc is to blame."""
        return self._most(6) <= fresh // 2

    def _proof(self, most):
        return f"assert len(all_of({self.whole})) > {most}"

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

    def _free(self, calls, address, size=None):
        try:
            calls.free(address, size or self.size)
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

    def _fill(self, calls, blocks, order, way):
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
                    self._text(order, way, None),
                )

    def _left(self, order, way):
        """How many can be had after a fill; in the 2nd way half of the blocks went
        and came again meanwhile; in the 3rd half went, and the others were refused
        to be as large as all of it. In the 5th the later half went, so that the others
        move; in the 6th each of these is another block. In RESTS half went, and smaller
        ones came."""
        calls, blocks = Calls(self.make()), []
        self._fill(calls, blocks, order, way)
        if len(blocks) < 2:
            raise Stopped
        if way > 1:
            going = slice(len(blocks) // 2, None) if way in (5, 6) else slice(1, None, 2)
            for address in blocks[going]:
                self._free(calls, address)
            del blocks[going]
        if way == 2:
            self._fill(calls, blocks, order, way)
        sizes = dict.fromkeys(blocks, self.size)
        if way in RESTS:
            sizes |= self._smaller(calls, self.size - RESTS[way], len(blocks))
        elif way > 2:
            size = self.whole if way == 3 else self.size + 8
            sizes = (self._had_anew if way == 6 else self._grown)(calls, blocks, size)
        for address in [*sizes][::-1] if order else sizes:
            self._free(calls, address, sizes[address])
        return self._count(calls, 2 * len(blocks) + PAIRS)

    def _is_kept_of_two(self, fresh):
        """True if two blocks at once leave all as it was, in some order of frees: who
        takes memory back from the last block alone keeps his promise, full or not."""
        for order in (1, -1):
            calls = Calls(self.make())
            blocks = [self._ask(calls, self.size) for _ in range(2)]
            if None in blocks:
                return True
            for address in blocks[::order]:
                self._free(calls, address)
            if self._count(calls, PAIRS) == fresh:
                return True
        return False

    def _is_few(self):
        """True if a fill has few blocks, and as many small ones leave all as it was:
        so nothing is kept in the memory for their number."""
        calls, count = Calls(self.make()), 0
        while self._ask(calls, self.size) is not None and count <= FEW:
            count += 1
        calls, least = Calls(self.make()), min(SMALL, self.size)
        blocks = [self._ask(calls, least) for _ in range(count)]
        if count > FEW or None in blocks:
            return False
        for address in reversed(blocks):
            self._free(calls, address, least)
        return self._count(calls, 0) > 0

    def _grown(self, calls, blocks, size):
        """The blocks, {address: bytes}, once each was asked to have `size`."""
        found = {}
        for address in blocks:
            try:
                answer = calls.realloc(address, self.size, size)
            except MemoryError:
                answer = None
            except Exception as error:
                raise Stopped from error
            if answer is not None and size == self.whole:
                raise Stopped
            moved = address if answer is None else address_of(answer)
            found[moved] = self.size if answer is None else size
        if len(found) < len(blocks):
            raise Stopped
        return found

    def _smaller(self, calls, size, count):
        """So many blocks of `size` bytes, {address: bytes}."""
        if size < SMALL:
            raise Stopped
        found = (self._ask(calls, size) for _ in range(count))
        return {address: size for address in found if address is not None}

    def _had_anew(self, calls, blocks, size):
        """As `_grown`, without a realloc."""
        found = {}
        for address in blocks:
            answer = self._ask(calls, size)
            if answer is not None:
                self._free(calls, address)
            found[address if answer is None else answer] = self.size if answer is None else size
        return found

    def _text(self, order, way, proof):
        calls = Calls(self.make())
        alloc, free = calls.text["alloc"], calls.text["free"]
        free = f"    pool.{free.format(address='block', size=self.size)}"
        lines = [
            ASK.format(alloc=alloc.format(size="size")), "def all_of(size):",
            "    return list(iter(lambda: ask(size), None))", f"blocks = all_of({self.size})",
        ]  # fmt: skip
        if way > 1:
            going = GOING.get(way, EVERY_SECOND)
            lines += [f"going = blocks[{going}]", "for block in going:", free]
            lines.append(f"del blocks[{going}]")
        if way == 2:
            lines.append(f"blocks += all_of({self.size})")
        if way in RESTS:
            less, any_size = self.size - RESTS[way], calls.text["free"]
            any_size = any_size.format(address="block", size="size")
            lines += [
                f"sizes = dict.fromkeys(blocks, {self.size})",
                f"sizes |= {{block: {less} for _ in blocks if (block := ask({less})) is not None}}",
                f"for block, size in list(sizes.items()){order}:", f"    pool.{any_size}", proof,
            ]  # fmt: skip
            return "\n".join(lines)
        if way > 2:
            size = self.whole if way == 3 else self.size + 8
            realloc = calls.text["realloc"].format(address="block", old=self.size, size=size)
            lines += GROW.format(realloc=realloc, size=size, old=self.size).split("\n")
            free = calls.text["free"].format(address="block", size="size")
            lines += [f"for block, size in list(grown.items()){order}:", f"    pool.{free}", proof]
            return "\n".join(lines)
        if proof is None:
            apart = f"all(b - a >= {self.size} for a, b in zip(places, places[1:]))"
            lines += ["places = sorted(blocks)", f"assert {apart}"]
        else:
            lines += [f"for block in blocks{order}:", free, proof]
        return "\n".join(lines)
