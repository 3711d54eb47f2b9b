"""Memory: where an allocator's blocks may lie, and how to write in them.

Source: design/invariants.md#.sol.memory
"""

from rangeland.invariants.blocks import pattern, spans
from rangeland.invariants.finding import Broken
from rangeland.invariants.offers import offered
from rangeland.invariants.trial import described


def memory_of(allocator, arena=None):
    """The Memory of `allocator`, whatever it offers: `read` and `write`,
    `view`, `memory`, or the arena that it was made in.

    Raises: CannotTry if `memory` or `base` raise.
    """
    bounds = Bounds(allocator)
    if _has(allocator, "read") and _has(allocator, "write"):
        return Memory(allocator.read, allocator.write, "pool.write({at}, {data})",
                      "pool.read({at}, {size})", bounds)  # fmt: skip
    if _has(allocator, "view"):
        return _viewed(allocator.view, "pool.view", bounds)
    if bounds.of_bytes:
        return _indexed(allocator, bounds)
    if arena is not None:
        return _viewed(arena.view, "arena.view", bounds)
    return Memory(None, None, None, None, bounds)


def _has(thing, name):
    return callable(offered(thing, name))


def _is_bytes(offer):
    return isinstance(offer, (bytearray, memoryview)) or type(offer).__name__ == "mmap"


class Bounds:
    """What `allocator` tells of where its memory lies, which is read anew at
    each use, for memory may grow. `base_text`, `limit_text` and `size_text`
    are what a program writes."""

    def __init__(self, allocator):
        self.allocator = allocator
        offer = offered(allocator, "memory")
        self.of_bytes = _is_bytes(offer)
        self.based = self.of_bytes and type(offered(allocator, "base")) is int
        self.told = self.read() is not None
        if self.of_bytes:
            self.base_text = "pool.base" if self.based else "0"
            self.size_text = "len(pool.memory)"
            self.limit_text = f"pool.base + {self.size_text}" if self.based else self.size_text
            return
        ends = (".start", ".stop") if isinstance(offer, range) else ("[0]", "[1]")
        self.base_text, self.limit_text = (f"pool.memory{end}" for end in ends)
        self.size_text = f"({self.limit_text} - {self.base_text})"

    @property
    def base(self):
        """Where the bytes of `memory` begin."""
        return self.allocator.base if self.based else 0

    def read(self):
        """(base, limit), or None if the allocator tells no memory."""
        offer = getattr(self.allocator, "memory", None)
        if type(offer) is bytearray or _is_bytes(offer):
            base = self.base
            return base, base + len(offer)
        if isinstance(offer, range):
            return offer.start, offer.stop
        if isinstance(offer, (tuple, list)) and [type(n) for n in offer] == [int, int]:
            return tuple(offer)
        return None


def _viewed(view, name, bounds):
    """Memory that is read and written by way of views."""

    def read(address, size):
        return bytes(view(address, size))

    def write(address, data):
        view(address, len(data))[:] = data

    return Memory(read, write, f"{name}({{at}}, {{size}})[:] = {{data}}",
                  f"bytes({name}({{at}}, {{size}}))", bounds)  # fmt: skip


def _indexed(allocator, bounds):
    """Memory that is read and written in the `memory` of the allocator."""

    def place(address, size):
        at = address - bounds.base if bounds.based else address
        return memoryview(allocator.memory)[at : at + size]

    def read(address, size):
        return bytes(place(address, size))

    def write(address, data):
        # Let go at once: a bytearray that is looked at cannot grow.
        with place(address, len(data)) as view:
            view[:] = data

    at = "{at} - pool.base" if bounds.based else "{at}"
    text = f"pool.memory[{at} : {at} + {{size}}]"
    return Memory(read, write, f"{text} = {{data}}", f"bytes({text})", bounds)


class Memory:
    """What can be asked of memory: its Bounds, and its bytes, if `read` and
    `write` are there. `*_text` is what a program writes."""

    def __init__(self, read, write, write_text, read_text, within):
        self.read, self.write = read, write
        self.write_text, self.read_text = write_text, read_text
        self.within = within

    @property
    def told(self):
        """True if the allocator told at first where its memory is."""
        return self.within.told

    @property
    def bounds(self):
        """(base, limit) as it is now, or None. Raises: Broken if that raises."""
        try:
            return self.within.read()
        except Exception as error:
            raise Broken("raises", f"memory raised {described(error)}", "pool.memory") from error

    @property
    def size(self):
        """The bytes that there are now, or None."""
        bounds = self.bounds
        return None if bounds is None else bounds[1] - bounds[0]

    def expect_inside(self, address, size, name):
        """Raises: Broken if a byte is beside the memory, so far as known."""
        bounds = self.bounds
        if bounds is None:
            return
        base, limit = bounds
        if not (base <= address and address + size <= limit):
            lower, upper = self.within.base_text, self.within.limit_text
            raise Broken(
                "outside",
                f"a block of {size} bytes at {address:#x} is not in the memory "
                f"[{base:#x}, {limit:#x})",
                f"assert {lower} <= {name} and {name} + {size} <= {upper}",
            )

    def fill(self, block, name):
        """Write the block's pattern. Raises: Broken if that cannot be done."""
        if self.write is None:
            return
        for start, size in spans(block.size):
            data = pattern(block.stamp, start, size)
            try:
                self.write(block.address + start, data)
            except Exception as error:
                raise self._unusable(block.address + start, size, name, start, error) from error

    def expect_kept(self, block, name, size=None, invariant="contents"):
        """Raises: Broken unless the first `size` bytes of the block, or all
        of it, are its pattern."""
        if self.read is None:
            return
        kept = block.size if size is None else size
        for start, size in spans(block.size):
            wanted = pattern(block.stamp, start, max(0, min(size, kept - start)))
            if wanted and self._bytes(block.address + start, len(wanted), name, start) != wanted:
                self._tell_changed(block, name, start, wanted, invariant)

    def expect_zeros(self, address, size, name):
        """Raises: Broken unless the `size` bytes at `address` are zeros."""
        if self.read is None:
            return
        for start, length in spans(size):
            found = self._bytes(address + start, length, name, start)
            if any(found):
                at = start + next(i for i, byte in enumerate(found) if byte)
                raise Broken(
                    "zeroed",
                    f"byte {at} of {size} bytes at {address:#x} is not zero",
                    f"assert not any({self.read_text.format(at=name, size=size)})",
                )

    def _bytes(self, address, size, name, start):
        try:
            return bytes(self.read(address, size))
        except Exception as error:
            raise self._unusable(address, size, name, start, error) from error

    def _unusable(self, address, size, name, start, error):
        told = " ".join(str(error).split())
        place = name if start == 0 else f"{name} + {start}"
        return Broken(
            "outside",
            f"{size} bytes at {address:#x} of a block cannot be used: "
            f"{type(error).__name__}: {told}",
            self.write_text.format(at=place, size=size, data=f"bytes({size})"),
        )

    def _tell_changed(self, block, name, start, wanted, invariant):
        found = self._bytes(block.address + start, len(wanted), name, start)
        pairs = list(zip(wanted, found))
        if len(found) != len(wanted):
            at, what = start, f"{len(found)} bytes, expected {len(wanted)}"
        else:
            i = next(i for i, (a, b) in enumerate(pairs) if a != b)
            at, what = start + i, f"{found[i]}, expected {wanted[i]}"
        place = name if start == 0 else f"{name} + {start}"
        text = self.read_text.format(at=place, size=len(wanted))
        data = f"pattern({block.stamp}, {len(wanted)}{f', {start}' if start else ''})"
        raise Broken(
            invariant,
            f"byte {at} of the block of {block.size} bytes at {block.address:#x} is {what}",
            f"assert {text} == {data}",
        )
