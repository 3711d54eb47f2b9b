"""Lives: turns in which single blocks are had, changed and freed.

Source: design/invariants.md#.sol.lasting
"""

from rangeland.invariants.rounds import ASK, Stopped, address_of
from rangeland.invariants.worn import ALIGN

SMALL = 16
# Sizes climb in so many turns, to that of the block.
CLIMB = 24
PAIRS = 16
DID = {
    "one": "was had and freed",
    "zeros": "of zeros was had and freed",
    "aligned": "was had, aligned, and freed",
    "grow": "was had, made larger, and freed",
    "less": "was had, made smaller, and freed",
    "refused": "was had and freed, and too many were refused meanwhile",
    "zigzag": "and smaller ones were had and freed",
    "climb": "and ever larger ones were had and freed",
}


class Lives:
    """A turn of `kind` with a block of `size` bytes, of an allocator that has
    `whole` bytes, if that is known, and gives blocks of `limits`."""

    def __init__(self, kind, size, whole, limits):
        self.kind, self.size = kind, size
        self.lowest, self.highest = limits
        self.least = max(self.lowest, min(SMALL, self.highest))
        self.top = min(whole or self.highest, self.highest)
        self.resizes = kind in ("grow", "less")
        # From large to small.
        self.widths = [self.top >> 2 * n for n in range(16) if self.top >> 2 * n >= self.least]

    def is_smallest(self):
        """True if it is one of the smallest blocks and nothing else."""
        return self.kind == "one" and self.size <= self.least

    def did(self):
        """What happens to the block in a turn."""
        return DID[self.kind]

    def sizes(self, n):
        """The sizes of the blocks that are had in turn number `n`."""
        if self.kind == "zigzag":
            return [self.size, self.least, max(self.least, self.size // 2)]
        if self.kind == "climb":
            # None fits into what one before was cut from.
            return [self.size, max(self.least, self.size * (n % CLIMB + 1) // (CLIMB + 1) & -8)]
        return [self.size]

    @property
    def then(self):
        """The size that a block gets."""
        if self.kind == "grow":
            return min(2 * self.size, self.highest)
        return max(self.lowest, self.size // 2) if self.kind == "less" else self.size

    def turn(self, worn, n):
        """Do a turn. False if a block was refused. Raises: Stopped."""
        granted = True
        for size in self.sizes(n):
            block = self._had(worn, size)
            if block is None:
                worn.lacks, granted = True, False
                continue
            if self.resizes:
                block, size = self._resized(worn, block, size)
            if self.kind == "refused" and worn.ask(self.top) is not None:
                raise Stopped
            worn.free(block, size)
        return granted

    def _had(self, worn, size):
        if self.kind == "zeros":
            return worn.ask(size, worn.calls.calloc, 1)
        if self.kind == "aligned":
            return worn.ask(size, worn.calls.aligned, ALIGN)
        return worn.ask(size)

    def _resized(self, worn, block, size):
        """(the block, its size) after a resize, which may be refused."""
        try:
            moved = worn.calls.realloc(block, size, self.then)
        except MemoryError:
            moved = None
        except Exception as error:
            raise Stopped from error
        if moved is None:
            worn.lacks = True
            return block, size
        if address_of(moved) is None:
            raise Stopped
        return moved, self.then

    def move(self, worn, n):
        """As a turn, but a block that is resized is had anew before it is
        freed: what does not come back then, is not for its resize."""
        if not self.resizes:
            return self.turn(worn, n)
        block, moved = worn.ask(self.size), worn.ask(self.then)
        worn.free(block, self.size)
        worn.free(moved, self.then)
        return block is not None and moved is not None

    def pair(self, worn, size):
        """Have a block and free it. False if it is refused. Raises: Stopped."""
        block = worn.ask(size)
        worn.free(block, size)
        return block is not None

    def lasts(self, worn, times):
        """True if blocks of one size are had and freed so often. Raises: Stopped."""
        return all(self.pair(worn, self.size) for _ in range(times))

    def stack(self, worn, size, count):
        """Have so many blocks, and free them, the last one first. False if
        there are fewer. Raises: Stopped."""
        blocks = []
        while len(blocks) < count and (block := worn.ask(size)) is not None:
            blocks.append(block)
        for block in reversed(blocks):
            worn.free(block, size)
        return len(blocks) == count

    def settle(self, worn, times):
        """Have and free blocks, so that what was freed before comes back."""
        size = max(self.least, self.top // 64)
        for _ in range(times):
            self.pair(worn, size)

    def churn(self, worn, widths):
        """The same with blocks of these sizes. Returns how many were asked for."""
        asked = 0
        for size in widths:
            for _ in range(PAIRS):
                asked += 1
                if not self.pair(worn, size):
                    break
        return asked

    def text(self, worn, turns, amount, width):
        """The lines of a program that has, and frees, so many bytes, or blocks
        of `width`, and then does so many turns, as `worn` did. Without an
        amount it notes what addresses were taken."""
        alloc, free = (worn.calls.text[name] for name in ("alloc", "free"))
        frees = f"pool.{free}"
        lines = [ASK.format(alloc=alloc.format(size="size"))] if worn.raises else []
        if amount:
            lines += self._first_text(call_text(worn), frees, amount, width)
        elif amount is None:
            lines.append("taken = []")
        lines += [f"for turn in range({turns}):", f"    for size in {self._sizes_text()}:"]
        body = [f"block = {self._had_text(worn)}"]
        if amount is None:
            body.append("taken += [block, block + size]")
        if worn.lacks:
            body += ["if block is None:", "    continue"]
        if self.resizes:
            realloc = worn.calls.text["realloc"]
            moved = realloc.format(address="block", old="size", size=self.then)
            body.append(f"moved = pool.{moved}")
            body.append(f"block, size = (block, size) if moved is None else (moved, {self.then})")
        if self.kind == "refused":
            body.append(f"{call_text(worn).format(size=self.top)}  # is refused")
        body.append(frees.format(address="block", size="size"))
        return "\n".join([*lines, *(f"        {line}" for line in body)])

    def _first_text(self, call, frees, amount, width):
        """The lines that have so much, and free it, the last one first."""
        if width is None:
            return [
                f"block = {call.format(size=amount)}",
                frees.format(address="block", size=amount),
            ]
        return [
            f"blocks = [{call.format(size=width)} for _ in range({amount})]",
            "for block in reversed(blocks):",
            f"    {frees.format(address='block', size=width)}",
        ]

    def _sizes_text(self):
        if self.kind != "climb":
            return str(self.sizes(0))
        climbing = f"{self.size} * (turn % {CLIMB} + 1) // {CLIMB + 1} & -8"
        return f"({self.size}, max({self.least}, {climbing}))"

    def _had_text(self, worn):
        text = worn.calls.text
        if self.kind == "zeros":
            return f"pool.{text['calloc'].format(count=1, size='size')}"
        if self.kind == "aligned":
            return f"pool.{text['aligned'].format(align=ALIGN, size='size')}"
        return call_text(worn).format(size="size")


def call_text(worn):
    """What a program writes to ask for a block of `{size}` bytes as `worn` did."""
    return "ask({size})" if worn.raises else f"pool.{worn.calls.text['alloc']}"


def proof_text(worn, amount, width):
    """What fails if so much cannot be had: bytes, or blocks of `width`."""
    call = call_text(worn)
    if width is None:
        return f"assert {call.format(size=amount)} is not None"
    return f"assert None not in [{call.format(size=width)} for _ in range({amount})]"
