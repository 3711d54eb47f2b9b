"""Worn: a fresh allocator that turns have been done with.

Of what it does nothing is judged: that is done by other steps.
Source: design/invariants.md#.sol.wear
"""

from rangeland.invariants.calls import Calls
from rangeland.invariants.rounds import ASK, Stopped, address_of, told_sizes
from rangeland.invariants.watch import go_on

ALIGN = 64
# Blocks that are freed and had again for frees to take effect: so many of
# each size, by halves.
PAIRS = 16
# So many small blocks look for memory that was freed.
PROBES = 64
# The sizes of several blocks are so many, in turn.
WIDTHS = 3


class Turn:
    """What a turn of `kind` does: `count` blocks of `size` bytes are had and
    freed. `less` is what they shrink to, `whole` what is refused meanwhile."""

    def __init__(self, kind, size, count, less, whole):
        self.kind, self.size, self.count = kind, size, count
        self.less, self.whole = less, whole

    def sizes(self, n):
        """The sizes of the blocks in turn number `n`."""
        if self.kind == "aligned":
            # None fits where one lay before.
            return [self.size + 8 * n, self.size + 8 * n + 8]
        widths = WIDTHS if self.kind == "several" else 1
        return [self.size * (1 + i % widths) for i in range(self.count)]

    @property
    def parts(self):
        """Slices of the blocks, as they are freed: something is refused before
        the second."""
        return (slice(1, None, 2), slice(0, None, 2)) if self.kind == "refused" else (slice(None),)

    def text(self, worn, times, wanted):
        """The lines of a program that does it so many times, as `worn` did,
        and asserts that `wanted` bytes can be had."""
        alloc, free = worn.calls.text["alloc"], worn.calls.text["free"]
        call = "ask({size})" if worn.raises else f"pool.{alloc}"
        size = self.less if self.kind == "shrink" else "size"
        frees = f"pool.{free.format(address='block', size=size)}"
        if worn.lacks:
            frees = f"if block is not None:\n            {frees}"
        lines = [ASK.format(alloc=alloc.format(size="size"))] if worn.raises else []
        if self.kind == "several":
            lines.append(f"sizes = [{self.size} * (1 + i % {WIDTHS}) for i in range({self.count})]")
        elif self.kind != "aligned":
            lines.append(f"sizes = {told_sizes(self.sizes(0))}")
        lines.append(f"for turn in range({times}):")
        lines += [f"    {line}" for line in self._had(worn, call)]
        pairs = "zip(blocks, sizes)" if self.kind != "refused" else "pairs"
        for n, part in enumerate(("[1::2]", "[::2]") if self.kind == "refused" else ("",)):
            if n:
                lines.append(f"    {call.format(size=self.whole)}  # is refused")
            lines += [f"    for block, size in {pairs}{part}:", f"        {frees}"]
        return "\n".join([*lines, f"assert {call.format(size=wanted)} is not None"])

    def _had(self, worn, call):
        """The lines that have the blocks of a turn."""
        if self.kind == "aligned":
            aligned = worn.calls.text["aligned"].format(align=ALIGN, size="sizes[1]")
            first = call.format(size="sizes[0]")
            return [
                f"sizes = [{self.size} + 8 * turn, {self.size + 8} + 8 * turn]",
                f"blocks = [{first}, pool.{aligned}]",
            ]
        lines = [f"blocks = [{call.format(size='size')} for size in sizes]"]
        if self.kind == "refused":
            lines.append("pairs = list(zip(blocks, sizes))")
        if self.kind == "shrink":
            realloc = worn.calls.text["realloc"]
            realloc = realloc.format(address="block", old=self.size, size=self.less)
            lines.append(f"blocks = [pool.{realloc} for block in blocks]")
        return lines


class Worn:
    """A fresh allocator of `make`: if a turn `lacks` a block, and if requests
    that are refused `raises`; `freed` is where blocks lay, and how many bytes each had."""

    def __init__(self, make):
        self.calls = Calls(make())
        self.freed = {}
        self.lacks = self.raises = self.repeats = False

    def ask(self, size, function=None, *arguments):
        """A block of `size` bytes, or None if it is refused. Raises: Stopped."""
        go_on()
        try:
            block = (function or self.calls.alloc)(*arguments, size)
        except MemoryError:
            self.raises = True
            return None
        except Exception as error:
            raise Stopped from error
        if block is not None and address_of(block) is None:
            raise Stopped
        return block

    def free(self, block, size):
        """Free a block, if it was had. Raises: Stopped."""
        if block is None:
            return
        address = address_of(block)
        self.repeats = self.repeats or address in self.freed
        self.freed[address] = size
        try:
            self.calls.free(block, size)
        except Exception as error:
            raise Stopped from error

    def extent(self):
        """From the lowest address of what was freed to the end of the highest."""
        if not self.freed:
            return 0
        return max(base + size for base, size in self.freed.items()) - min(self.freed)

    def do(self, turn, n, refusing=True, aligning=True):
        """Do a turn; the number `n` is its place. Raises: Stopped."""
        sizes = turn.sizes(n)
        blocks = [self.ask(size) for size in sizes[:-1]]
        function, arguments = None, ()
        if turn.kind == "aligned" and aligning:
            function, arguments = self.calls.aligned, (ALIGN,)
        blocks.append(self.ask(sizes[-1], function, *arguments))
        self.lacks = self.lacks or None in blocks
        if turn.kind == "shrink":
            blocks = [self._shrunk(block, turn) for block in blocks]
            sizes = [turn.less] * len(sizes)
        pairs = list(zip(blocks, sizes))
        for i, part in enumerate(turn.parts):
            if i and refusing and self.ask(turn.whole) is not None:
                raise Stopped
            for block, size in pairs[part]:
                self.free(block, size)

    def _shrunk(self, block, turn):
        """The block, of fewer bytes. Raises: Stopped if that is refused."""
        if block is None:
            raise Stopped
        try:
            block = self.calls.realloc(block, turn.size, turn.less)
        except Exception as error:
            raise Stopped from error
        if block is None or address_of(block) is None:
            raise Stopped
        return block

    def queue(self, size, times):
        """Have and free so many blocks, each when there is the next.
        Raises: Stopped."""
        before = None
        for _ in range(times):
            block = self.ask(size)
            self.free(before, size)
            before = block
        self.free(before, size)

    def settle(self, whole, least):
        """Have blocks and free them, large ones of up to `whole` bytes first,
        for as long as it takes to fill whatever keeps freed blocks.
        Raises: Stopped."""
        while (whole := whole // 2) >= least:
            for _ in range(PAIRS):
                block = self.ask(whole)
                if block is None:
                    break
                self.free(block, whole)

    def gives_again(self, size):
        """True if memory that was freed has been given again, or is by
        blocks of `size` bytes. Raises: Stopped."""
        for _ in range(PROBES):
            if self.repeats:
                return True
            block = self.ask(size)
            if block is None:
                return False
            at = address_of(block)
            self.repeats = any(base <= at < base + width for base, width in self.freed.items())
        return self.repeats
