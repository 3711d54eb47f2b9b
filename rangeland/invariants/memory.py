"""Memory: where an allocator's blocks may lie, and how to write in them.

Source: design/invariants.md#.sol.memory
"""

from rangeland.invariants.blocks import pattern, spans
from rangeland.invariants.finding import Broken


def memory_of(allocator, arena=None):
    """The Memory of `allocator`, whatever it offers: `read` and `write`,
    `view`, `memory`, or the arena that it was made in."""
    offered = getattr(allocator, "memory", None)
    bounds = _bounds(allocator, offered)
    if _has(allocator, "read") and _has(allocator, "write"):
        return Memory(allocator.read, allocator.write, "pool.write({at}, {data})",
                      "pool.read({at}, {size})", bounds)  # fmt: skip
    if _has(allocator, "view"):
        return _viewed(allocator.view, "pool.view", bounds)
    if _is_bytes(offered):
        base = bounds[0]
        return _viewed(lambda at, size: memoryview(offered)[at - base : at - base + size],
                       None, bounds, base)  # fmt: skip
    if arena is not None:
        return _viewed(arena.view, "arena.view", bounds)
    return Memory(None, None, None, None, bounds)


def _has(thing, name):
    return callable(getattr(thing, name, None))


def _is_bytes(offered):
    return isinstance(offered, (bytearray, memoryview)) or type(offered).__name__ == "mmap"


def _bounds(allocator, offered):
    """(base, limit) of the allocator's memory, if it tells them; or None."""
    if _is_bytes(offered):
        base = getattr(allocator, "base", 0)
        base = base if type(base) is int else 0
        return base, base + len(offered)
    if isinstance(offered, range):
        return offered.start, offered.stop
    if isinstance(offered, (tuple, list)) and [type(n) for n in offered] == [int, int]:
        return tuple(offered)
    return None


def _viewed(view, name, bounds, base=0):
    """Memory that is read and written by way of views."""

    def read(address, size):
        return bytes(view(address, size))

    def write(address, data):
        view(address, len(data))[:] = data

    if name is None:
        at = "{at}" if base == 0 else f"{{at}} - {base:#x}"
        place = f"pool.memory[{at} : {at} + {{size}}]"
        return Memory(read, write, f"{place} = {{data}}", f"bytes({place})", bounds)
    return Memory(read, write, f"{name}({{at}}, {{size}})[:] = {{data}}",
                  f"bytes({name}({{at}}, {{size}}))", bounds)  # fmt: skip


class Memory:
    """What can be asked of memory: `bounds`, if known, and its bytes, if
    `read` and `write` are there. `*_text` is what a program writes."""

    def __init__(self, read, write, write_text, read_text, bounds):
        self.read, self.write = read, write
        self.write_text, self.read_text = write_text, read_text
        self.bounds = bounds

    def expect_inside(self, address, size, name):
        """Raises: Broken if a byte is beside the memory, so far as known."""
        if self.bounds is None:
            return
        base, limit = self.bounds
        if not (base <= address and address + size <= limit):
            raise Broken(
                "outside",
                f"a block of {size} bytes at {address:#x} is not in the memory "
                f"[{base:#x}, {limit:#x})",
                f"assert {base:#x} <= {name} and {name} + {size} <= {limit:#x}",
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
