"""Round: a fresh allocator, and all that it is asked for, written down.

Of what it does only overlap is judged; all else is judged by other steps.
Source: design/invariants.md#.sol.reunion
"""

from rangeland.invariants.blocks import Blocks
from rangeland.invariants.calls import Calls
from rangeland.invariants.finding import Broken

# No address is larger.
TOP = 1 << 64
# Numbers of blocks that nobody drew.
FIRST = 2_000_000
# Runs of as many equal sizes are told as one.
RUN = 4
ASK = """\
def ask(size):
    try:
        return pool.{alloc}
    except MemoryError:
        return None"""


def address_of(answer):
    """An answer to a request as an int, whatever has an `__index__`; None if
    it is no address."""
    index = getattr(answer, "__index__", None)
    address = index() if index and not isinstance(answer, bool) else -1
    return address if 0 <= address < TOP else None


class Stopped(Exception):
    """The allocator did what other steps judge: the round is of no use."""


class Round:
    """What is asked of a fresh allocator of `make`: `log`, as plain steps."""

    def __init__(self, make):
        self.calls = Calls(make())
        self.blocks = Blocks()
        self.log = []
        self.names = {}
        self.lists = {}
        self.list = "blocks"
        self.raises = False

    def ask(self, size):
        """Ask for a block, the next of those in `list`. Returns its number,
        or None if it is refused. Raises: Broken if it overlaps; Stopped."""
        number = FIRST + len(self.log)
        self.log.append(("alloc", number, size))
        self.lists[self.list] = self.lists.get(self.list, -1) + 1
        self.names[number] = f"{self.list}[{self.lists[self.list]}]"
        answer = self._answer(size)
        if answer is None:
            return None
        address = address_of(answer)
        if address is None:
            raise Stopped
        other = self.blocks.in_the_way(address, size)
        if other is not None:
            raise self._overlap(number, address, size, other)
        self.blocks.add(number, address, size)
        return number

    def _answer(self, size):
        try:
            return self.calls.alloc(size)
        except MemoryError:
            self.raises = True
            return None
        except Exception as error:
            raise Stopped from error

    def free(self, number):
        """Free a block. Raises: Stopped."""
        block = self.blocks.remove(number)
        self.log.append(("free", number, block.size))
        try:
            self.calls.free(block.address, block.size)
        except Exception as error:
            raise Stopped from error

    def steps(self):
        """The steps that a trial does in place of it."""
        return [step if step[0] == "alloc" else step[:2] for step in self.log]

    def _overlap(self, number, address, size, other):
        one, two = self.names[number], self.names[other.number]
        return Broken(
            "overlap",
            f"a block of {size} bytes at {address:#x} overlaps the live block of "
            f"{other.size} bytes at {other.address:#x}",
            f"{self.text()}\nassert {one} + {size} <= {two} or {two} + {other.size} <= {one}",
        )

    def text(self):
        """The lines of a program that does the same: requests that follow
        each other are a list, refused ones, too."""
        alloc, free = self.calls.text["alloc"], self.calls.text["free"]
        call = "ask(size)" if self.raises else f"pool.{alloc.format(size='size')}"
        lines = [ASK.format(alloc=alloc.format(size="size"))] if self.raises else []
        told, at = set(), 0
        while at < len(self.log):
            verb, number, size = self.log[at]
            at += 1
            if verb == "free":
                lines.append(f"pool.{free.format(address=self.names[number], size=size)}")
                continue
            name, sizes = self._list(number), [size]
            while at < len(self.log) and self._list(self.log[at][1]) == name and self.log[at][0] == verb:
                sizes.append(self.log[at][2])
                at += 1
            equals = "+=" if name in told else "="
            told.add(name)
            lines.append(f"{name} {equals} [{call} for size in {told_sizes(sizes)}]")
        return "\n".join(lines)

    def _list(self, number):
        return self.names[number].partition("[")[0]


def told_sizes(sizes):
    """A list of sizes as a program writes it, runs of the same as one."""
    parts, at = [], 0
    while at < len(sizes):
        end = at
        while end < len(sizes) and sizes[end] == sizes[at]:
            end += 1
        if end - at < RUN:
            parts += map(str, sizes[at:end])
        else:
            parts.append(f"*[{sizes[at]}] * {end - at}")
        at = end
    return f"[{', '.join(parts)}]"
