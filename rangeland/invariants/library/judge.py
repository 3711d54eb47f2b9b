"""Does the steps on a library, and judges what it gives: overlap, alignment, contents.

Runs in the child. What it knows it has from calls and results alone, and the
bytes it reads are those it wrote. Source: design/library.md#.sol.judge
"""

import ctypes
import resource
from bisect import bisect_right
from ctypes import PYFUNCTYPE, c_size_t, c_void_p

from rangeland.invariants.library import patterns
from rangeland.invariants.library.progress import STEP, USED
from rangeland.invariants.library.rooms import Rooms
from rangeland.invariants.library.steps import IMPOSSIBLE, is_alignment, text

ALIGN = 16
LOWEST = 4096
WHOLE = 65536
WINDOW = 256
EVERY = 8
# Blocks from this size on are asked for if a block of PROBE bytes is not filled.
POSSIBLE = 1 << 30
# What is where an address is to be put.
UNTOUCHED = 0x5A5A5A5A5A5A
PROBE = 1 << 26

_SIZE, _VOID = c_size_t, c_void_p
_SIGNATURES = {
    "malloc": (_VOID, _SIZE),
    "calloc": (_VOID, _SIZE, _SIZE),
    "realloc": (_VOID, _SIZE, _SIZE),
    "reallocarray": (_VOID, _SIZE, _SIZE, _SIZE),
    "aligned_alloc": (_VOID, _SIZE, _SIZE),
    "memalign": (_VOID, _SIZE, _SIZE),
    "valloc": (_VOID, _SIZE),
    "posix_memalign": (ctypes.c_int, _SIZE, _SIZE, _SIZE),
    "malloc_usable_size": (_SIZE, _SIZE),
    "free": (None, _SIZE),
}


class Violated(Exception):
    """An invariant is broken: its name, and what was found and expected; the
    `room` that a block is too many for, as (offset in the library, bytes)."""

    def __init__(self, invariant, message, room=None):
        super().__init__(message)
        self.invariant = invariant
        self.room = room


def callables(addresses, kind=PYFUNCTYPE):
    """Functions of Python for the functions of C at `addresses`: {name: function}."""
    return {name: kind(*_SIGNATURES[name])(at) for name, at in addresses.items()}


def in_use():
    """The bytes of memory that this process has in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def most_in_use():
    """The most bytes of memory that this process ever had in use."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _of_libc(name, *signature):
    address = ctypes.cast(getattr(ctypes.PyDLL(None), name), c_void_p).value
    return PYFUNCTYPE(*signature)(address)


class Judge:
    """A library under trial: its live blocks, and what each must hold."""

    def __init__(self, functions, progress, row, known=(), rooms=None):
        self.functions = functions
        self.rooms = rooms or Rooms(0, [])
        self.known = known
        self.excused = set()
        self.progress = progress
        self.blocks = {}
        self.bases = []
        self.limits = {}
        self.given = self.refused = 0
        self.filler = None
        self.row = ctypes.cast(row, c_void_p).value
        self.zeros = bytes(patterns.ROW)
        self.zeros_at = ctypes.cast(self.zeros, c_void_p).value
        self.compare = _of_libc("memcmp", ctypes.c_int, _SIZE, _SIZE, _SIZE)
        self.copy = _of_libc("memcpy", None, _SIZE, _SIZE, _SIZE)
        self.actions = {name: getattr(self, "_" + name) for name in (*functions, "check")}
        for name in ("free", "realloc", "reallocarray", "malloc_usable_size"):
            if name in functions:
                self.actions[name + "_null"] = getattr(self, f"_{name}_null")

    def do(self, steps):
        """Do and judge `steps`, telling the progress area of each before it begins.

        Raises: Violated. Cost: O(log n) a step for n live blocks, and the bytes.
        """
        progress, actions = self.progress, self.actions
        for index, step in enumerate(steps):
            progress[STEP] = index
            actions[step[0]](step)

    def _malloc(self, step):
        _, number, size = step
        if POSSIBLE <= size < IMPOSSIBLE and self._is_filler():
            return
        self._got(step, number, self.functions["malloc"](size), size, 1)

    def _is_filler(self):
        """True if the library writes all of each block that it gives, or is
        given back: then huge ones are not asked for, but for what cannot be."""
        if self.filler is None:
            before, peak = in_use(), most_in_use()
            address = self.functions["malloc"](PROBE)
            after = in_use()
            self.functions["free"](address or 0)
            after = max(after, most_in_use() if most_in_use() > peak else 0)
            self.filler = after - before > PROBE // 2
        return self.filler

    def _calloc(self, step):
        _, number, count, size = step
        address = self.functions["calloc"](count, size)
        size *= count
        if self._placed(step, address, size, 1):
            self.progress[USED] = address
            for i, n in ((0, size),) if size <= patterns.ROW else _windows(size):
                if self.compare(address + i, self.zeros_at, n):
                    self._not_zero(step, address + i, n, i)
            self._keep(number, address, size, 0)

    def _not_zero(self, step, address, size, offset):
        found = ctypes.string_at(address, size)
        at = next(i for i, byte in enumerate(found) if byte)
        raise Violated("zeroed", f"byte {offset + at} of {text(step)} is {found[at]}, expected 0")

    def _realloc_null(self, step):
        _, number, size = step
        self._got(step, number, self.functions["realloc"](0, size), size, 1)

    def _reallocarray_null(self, step):
        _, number, count, size = step
        self._got(step, number, self.functions["reallocarray"](0, count, size), count * size, 1)

    def _realloc(self, step):
        self._resized(step, step[2], self.functions["realloc"])

    def _reallocarray(self, step):
        self._resized(step, step[2] * step[3], self.functions["reallocarray"])

    def _resized(self, step, size, function):
        number = step[1]
        block = self.blocks.pop(number, None)
        if block is None:
            return
        old, old_size, extent = block
        self._expect(step, number, old, extent)
        self._remove(old)
        address = function(old, *step[2:])
        if address is None and size:
            self.refused += 1
            self._insert(step, old, extent, old_size)
            self.blocks[number] = block
            self._expect(step, number, old, extent, "prefix")
        # NULL for size 0: freed, as the C library that does so says.
        elif address is not None and self._placed(step, address, size, 1):
            # Of a block larger than the row only the windows were written.
            kept = min(old_size if old_size <= patterns.ROW else WINDOW, size)
            self._expect(step, number, address, kept, "prefix")
            self._keep(number, address, size, kept)

    def _aligned_alloc(self, step):
        name, number, align, size = step
        self._got(step, number, self.functions[name](align, size), size, align)

    _memalign = _aligned_alloc

    def _valloc(self, step):
        _, number, size = step
        self._got(step, number, self.functions["valloc"](size), size, 4096)

    def _posix_memalign(self, step):
        _, number, align, size = step
        out = ctypes.c_void_p(UNTOUCHED)
        failed = self.functions["posix_memalign"](ctypes.addressof(out), align, size)
        if not failed and not is_alignment(align):
            told = f"{text(step)} gave 0, for success, expected EINVAL: {align} is no power of two"
            raise Violated("alignment", f"{told} from 8 on")
        if failed and out.value not in (UNTOUCHED, None):
            told = f"{text(step)} gave {failed}, for a refusal, and the address {out.value:#x}"
            raise Violated("nonsense", f"{told}, expected NULL, or what was there")
        if not failed and out.value == UNTOUCHED:
            raise Violated("nonsense", f"{text(step)} gave 0, for success, and no address")
        if not failed and size and out.value is None:
            raise Violated("nonsense", f"{text(step)} gave 0, for success, and the address NULL")
        self._got(step, number, None if failed else out.value, size, align)

    def _malloc_usable_size(self, step):
        number = step[1]
        block = self.blocks.pop(number, None)
        if block is None:
            return
        address, size, extent = block
        usable = self.functions["malloc_usable_size"](address)
        if usable < size:
            told = f"{text(step)} is {usable} for a block of {size} bytes, expected at least {size}"
            raise Violated("usable-size", told)
        if extent < usable <= patterns.ROW:
            self._extend(step, address, extent, usable, size)
            self._fill(number, address, usable, extent)
            extent = usable
        self.blocks[number] = (address, size, extent)

    def _malloc_usable_size_null(self, step):
        if usable := self.functions["malloc_usable_size"](0):
            raise Violated("usable-size", f"{text(step)} is {usable}, expected 0")

    def _free(self, step):
        block = self.blocks.pop(step[1], None)
        if block is None:
            return
        address, _, extent = block
        if extent:
            self._expect(step, step[1], address, extent)
        self._remove(address)
        self.functions["free"](address)

    def _free_null(self, step):
        self.functions["free"](0)

    def _check(self, step):
        for number, (address, _, extent) in self.blocks.items():
            self._expect(step, number, address, extent)

    def _got(self, step, number, address, size, align):
        if self._placed(step, address, size, align):
            self._keep(number, address, size, 0)

    def _keep(self, number, address, size, start):
        self._fill(number, address, size, start)
        self.blocks[number] = (address, size, size)

    def _placed(self, step, address, size, align):
        """Judge where a new block of `size` bytes lies. False if there is none."""
        if address is None:
            self.refused += 1
            return False
        self.given += 1
        if size >= IMPOSSIBLE:
            told = f"{text(step)} gave {address:#x}: no block has {size} bytes, expected NULL"
            raise Violated("impossible", told)
        if address < LOWEST or address + size > IMPOSSIBLE:
            raise Violated("nonsense", f"{text(step)} gave {address:#x}, which is no address")
        if align < ALIGN and size:
            align = ALIGN if size >= ALIGN else 1 << (size.bit_length() - 1)
        if size and address & (align - 1) and not self._is_excused(align, size, address):
            told = f"{text(step)} gave {address:#x}, expected a multiple of {align}"
            raise Violated("alignment", told)
        self._insert(step, address, size, size)
        if room := self.rooms.left(address, size):
            told = f"{text(step)} gave [{address:#x}, {address + size:#x}), of an object of the "
            told += f"library that lies at [{room[0]:#x}, {room[1]:#x})"
            raise Violated("outside", told, (room[0] - self.rooms.base, room[1] - room[0]))
        return True

    def _is_excused(self, align, size, address):
        excuses = [fault.name for fault in self.known if fault.excuses(align, size, address)]
        self.excused.update(excuses)
        return bool(excuses)

    def _insert(self, step, address, size, asked):
        bases, limits = self.bases, self.limits
        at = bisect_right(bases, address)
        limit = address + (size or 1)
        if at and limits[bases[at - 1]] > address:
            self._overlap(step, address, asked, bases[at - 1])
        if at < len(bases) and bases[at] < limit:
            self._overlap(step, address, asked, bases[at])
        bases.insert(at, address)
        limits[address] = limit

    def _overlap(self, step, address, size, other):
        number, there = next(
            ((n, size) for n, (base, size, _) in list(self.blocks.items()) if base == other),
            ("?", self.limits[other] - other),
        )
        invariant = "overlap" if size and there else "zero-size"
        told = f"{text(step)} gave [{address:#x}, {address + size:#x}), but b{number} lives at "
        raise Violated(invariant, f"{told}[{other:#x}, {self.limits[other]:#x})")

    def _remove(self, address):
        bases = self.bases
        del bases[bisect_right(bases, address) - 1]
        del self.limits[address]

    def _extend(self, step, address, extent, usable, size):
        at = bisect_right(self.bases, address)
        limit = address + usable
        if at < len(self.bases) and self.bases[at] < limit:
            told = f"{text(step)} is {usable} for the block of {size} bytes at {address:#x}, but "
            raise Violated("usable-size", f"{told}another lives at {self.bases[at]:#x}")
        self.limits[address] = limit

    def _fill(self, number, address, size, start):
        """Write the pattern of `number` from byte `start` on to the block's end."""
        self.progress[USED] = address
        begin = self.row + number * 977 % patterns.STARTS
        if size <= patterns.ROW:
            if size > start:
                self.copy(address + start, begin + start, size - start)
        else:
            for i, n in _windows(size):
                self.copy(address + i, begin, n)
        self.progress[USED] = 0

    def _expect(self, step, number, address, size, invariant="contents"):
        """Compare `size` bytes of the block with the pattern of `number`."""
        self.progress[USED] = address
        begin = self.row + number * 977 % patterns.STARTS
        if size <= WHOLE or (size <= patterns.ROW and number % EVERY == 0):
            if self.compare(address, begin, size):
                self._differs(step, number, address, begin, 0, size, invariant)
        else:
            for i, n in _windows(size):
                at = begin + (i if size <= patterns.ROW else 0)
                if self.compare(address + i, at, n):
                    self._differs(step, number, address + i, at, i, n, invariant)
        self.progress[USED] = 0

    def _differs(self, step, number, address, expected, offset, size, invariant):
        found, wanted = (ctypes.string_at(at, size) for at in (address, expected))
        wrong = [i for i in range(size) if found[i] != wanted[i]]
        first = wrong[0]
        when = "after" if invariant == "prefix" else "before"
        told = f"{when} {text(step)}, byte {offset + first} of b{number} is {found[first]}"
        told += f", expected {wanted[first]} ({len(wrong)} of {size} bytes are not as written)"
        raise Violated(invariant, told)


def _windows(size):
    """Which bytes of a large block are looked at: [(offset, size)]."""
    if size <= WHOLE:
        return ((0, size),)
    return ((0, WINDOW), (size // 2, WINDOW), (size - WINDOW, WINDOW))
