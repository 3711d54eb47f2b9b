"""AddressSpace: the machine, one lazily committed region of stdlib `mmap`.

The region holds, from the bottom: one page of zeros (`nil`, the node that
every empty link names, so that no walk asks whether it has fallen off a
tree), the simulated addresses [base, base + size), and the machine's stack.
Source: design/vm.md
"""

import gc
import mmap
import os

from vm import bits, raw, reservations
from vm import fields as f
from vm.faults import MAPPING, NODE, RESERVATION, FaultPlan
from vm.interrupts import interrupts
from vm.reservations import Reservation, Reservations
from vm.results import (
    MEMORY,
    OK,
    RESOURCE,
    AccessError,
    DamageError,
    ParamError,
    ParamTypeError,
    ProtocolError,
    failure,
    integer,
    power_of_two,
    signed,
)
from vm.stack import Stack
from vm.telemetry import stream

DEFAULT_SIZE = 1 << 37
DEFAULT_BASE = 1 << 44
STACK_SIZE = 16 * f.PAGE
# No address and no size is larger, so the sum of two does not wrap.
MOST = 1 << 61

_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)


def _region(size):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    try:
        region = mmap.mmap(-1, size, flags=flags)
    except OSError:
        # Spaces that nobody uses any more may hold the addresses.
        gc.collect()
        region = mmap.mmap(-1, size, flags=flags)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        try:
            # A huge page would make pages resident that nobody mapped.
            region.madvise(mmap.MADV_NOHUGEPAGE)
        except OSError:
            pass
    return region


class AddressSpace:
    """A machine with the simulated addresses [base, base + size).

    `placement`, an iterable of bases (or a function of the size in bytes
    that gives one, or None), says where the next reservations go; without
    it, or when it has ended, a reservation goes to the highest gap that
    holds it. In `checked` mode every access to memory is verified, and a
    stray one raises. `faults` is a FaultPlan or None.
    Units: bytes; base and size in whole pages of 4096 bytes.
    Raises: ParamError; ResourceError if the system gives no addresses.
    Cost: O(1); memory is committed as it is touched.

    AddressSpace(size=137438953472, base=17592186044416, placement=None, *,
    checked=False, faults=None)
    """

    def __init__(
        self, size=DEFAULT_SIZE, base=DEFAULT_BASE, placement=None, *, checked=False, faults=None
    ):
        self.size = _pages("size", size)
        self.base = _pages("base", base)
        self.origin = self.base - f.PAGE
        self.nil = self.origin
        self.limit = self.base + self.size
        total = f.PAGE + self.size + STACK_SIZE
        self.extent = total
        states = bits.table_size(self.size // f.PAGE)
        try:
            self._memory = _region(total)
            self._states = _region(states)
        except OSError as error:
            message = f"no room for an address space of {total} bytes: {error}"
            raise failure(RESOURCE, message) from error
        self.bytes = memoryview(self._memory)
        self._words = self.bytes.cast("q")
        self.words = raw.words(self._words)
        self.floats = raw.floats(self.bytes.cast("d"))
        self.states = raw.words(memoryview(self._states).cast("q"))
        self.checked = bool(checked)
        self.operation = None
        self.interrupts = interrupts
        # How far above the origin a structure of a page at most is sure to be in the
        # region, and need not be verified (design/vm.md#.sol.mmu)
        self.reach = 0 if self.checked else total - f.PAGE
        # The same above the base: the nil page is not meant.
        self.room = 0 if self.checked else self.reach - f.PAGE
        self.reserved = 0
        self.mapped = 0
        self.reservations = Reservations(self.base, self.limit)
        self._bases = reservations.placement(placement)
        self.faults = faults
        self.telemetry = stream
        self._arenas = 0
        self._births = 0
        # In checked mode, what the clients of a pool hold, by its address.
        self.ledgers = {}
        self.stack = Stack(self, self.limit, self.limit + STACK_SIZE)

    # The lock (design/vm.md#.sol.lock)

    def enter(self, what):
        """Begin the public operation named `what`: signals wait until `leave`.

        Raises: ProtocolError if one is in course.
        """
        # Between the question and the answer nothing is called, so that Python
        # runs neither another thread nor a handler there.
        if self.operation is not None:
            self.refuse_operation(what)
        self.operation = what
        self.interrupts.depth += 1
        return 0

    def leave(self):
        """End the operation in course. What was held back comes now."""
        self.operation = None
        self.interrupts.depth -= 1
        if self.interrupts.held:
            self.interrupts.deliver()
        return 0

    def refuse_operation(self, what):
        """Raise the ProtocolError of an operation in the middle of another."""
        raise ProtocolError(
            f"{what} is refused: {self.operation} is in course in the same address space; "
            f"expected it to end first, also for a listener, a visitor, a placement, a "
            f"fault plan and another thread"
        )

    @property
    def faults(self):
        """The FaultPlan in force, or None."""
        return self._plan

    @faults.setter
    def faults(self, plan):
        if plan is not None and not isinstance(plan, FaultPlan):
            raise ParamTypeError(f"faults is {plan!r}: expected a FaultPlan or None")
        self._plan = plan
        self.faulty = plan is not None

    @property
    def placement(self):
        """Where the next reservations go: bases, a function, or None."""
        return self._bases

    @placement.setter
    def placement(self, value):
        self._bases = reservations.placement(value)

    def refuses(self, kind):
        """True if the fault plan refuses this attempt of `kind`, or raises."""
        if not self.faulty:
            return False
        try:
            return bool(self._plan.refuses(kind))
        except BaseException as error:
            self.interrupts.hold(error)
            return True

    def refuses_node(self):
        """1 if the fault plan refuses this allocation of a node, else 0."""
        return 1 if self.refuses(NODE) else 0

    def next_arena_serial(self):
        """How many arenas were made here before this one."""
        self._arenas += 1
        return self._arenas - 1

    def next_birth(self):
        """A word that no pool of this space has had (design/pools.md#.sol.birth)."""
        self._births += 1
        return self._births

    # Reservations

    def reserve(self, size, align=f.PAGE):
        """Set `size` bytes aside at a base aligned to `align`.

        Returns the base, or -RESOURCE. What counts as reserved is
        size + align - page (design/vm.md#.sol.reserve).
        Raises: ParamError; ProtocolError while an operation is in course.
        Cost: as `set_aside`.
        """
        self.enter("AddressSpace.reserve")
        try:
            return self.set_aside(size, align)
        finally:
            self.leave()

    def set_aside(self, size, align):
        """As `reserve`, in the course of an operation.

        Raises: ParamError.
        Cost: O(log n) for n reservations.
        """
        size = _pages("size", size)
        align = power_of_two("align", align, least=f.PAGE, most=MOST)
        if self.refuses(RESERVATION):
            return -RESOURCE
        counted = size + align - f.PAGE
        base = self._placed(size)
        if base is not None:
            block, limit = base, base + size
            if base % align or not self._is_vacant(base, limit):
                return -RESOURCE
        else:
            limit = self.reservations.highest_gap(counted)
            if limit is None:
                return -RESOURCE
            block = limit - counted
            base = (block + align - 1) // align * align
        return self._hold(Reservation(block, limit, base, size, counted))

    def reserve_at(self, base, size):
        """Set [base, base + size) aside. Returns base.

        Raises: ParamError; ResourceError if an address is taken or outside.
        """
        base, size = _pages("base", base), _pages("size", size)
        self.enter("AddressSpace.reserve_at")
        try:
            if self.refuses(RESERVATION) or not self._is_vacant(base, base + size):
                raise failure(
                    RESOURCE,
                    f"[{base:#x}, {base + size:#x}) is not vacant in "
                    f"[{self.base:#x}, {self.limit:#x})",
                )
            return self._hold(Reservation(base, base + size, base, size, size))
        finally:
            self.leave()

    def release(self, base):
        """Give back the reservation at `base`; nothing of it may be mapped.

        Raises: ProtocolError.
        """
        self.enter("AddressSpace.release")
        try:
            self.take_back(base)
        finally:
            self.leave()

    def take_back(self, base):
        """As `release`, in the course of an operation."""
        held = self.reservations.of(base)
        if held is None or held.base != base:
            raise ProtocolError(f"no reservation begins at {base:#x}")
        first, last = self._page(held.base), self._page(held.base + held.size)
        if bits.next_bit(self.states, 0, first, last, 0) != last:
            raise ProtocolError(f"the reservation at {base:#x} still has mapped pages")
        self.reservations.drop(held.block)
        self.reserved -= held.counted

    def reservation_block(self, base):
        """Where the machine began the reservation that holds `base`."""
        return self.reservation(base).block

    def _reservation(self, address):
        """The reservation that holds `address`, or None. To ask changes nothing:
        what breaks in, such as a handler of a signal, waits, and it is asked again."""
        for _ in range(9):
            try:
                return self.reservations.of(address)
            except BaseException as error:
                self.interrupts.hold(error)
        return self.reservations.of(address)

    def reservation(self, address):
        """What is known of the reservation that holds `address`.

        Raises: ProtocolError if there is none.
        """
        held = self._reservation(address)
        if held is None:
            raise ProtocolError(f"no reservation holds {address:#x}")
        return held

    def _hold(self, held):
        self.reservations.hold(held)
        self.reserved += held.counted
        return held.base

    def _is_vacant(self, base, limit):
        inside = self.base <= base and limit <= self.limit
        return inside and self.reservations.is_vacant(base, limit)

    def _placed(self, size):
        if self._bases is None:
            return None
        bases = self._bases
        try:
            base = bases(size) if callable(bases) else next(bases, None)
            return base if base is None else integer("a base of placement", base, 0, MOST)
        except BaseException as error:
            # Refused, as if there were no such addresses: all unwinds.
            self.interrupts.hold(error)
            return 0

    # Mapping

    def _page(self, address):
        return (address - self.base) >> f.PAGE_SHIFT

    def map(self, base, limit):
        """Map the pages of [base, limit), which read as zeros.

        Returns 0 (OK) or MEMORY if the fault plan refuses.
        Raises: ProtocolError if a page is not reserved or already mapped.
        """
        self._expect_pages(base, limit, "unmapped")
        if self.refuses(MAPPING):
            return MEMORY
        bits.set_range(self.states, 0, self._page(base), self._page(limit))
        self.mapped += limit - base
        return OK

    def unmap(self, base, limit):
        """Unmap the pages of [base, limit) and return them to the system.

        Raises: ProtocolError if a page is not mapped. Cost: one system call.
        """
        self._expect_pages(base, limit, "mapped")
        bits.reset_range(self.states, 0, self._page(base), self._page(limit))
        self._memory.madvise(mmap.MADV_DONTNEED, base - self.origin, limit - base)
        self.mapped -= limit - base
        return OK

    def _expect_pages(self, base, limit, state):
        held = self._reservation(base)
        if (base | limit) % f.PAGE or base >= limit or held is None or limit > held.limit:
            raise ProtocolError(f"[{base:#x}, {limit:#x}) is not whole pages of one reservation")
        first, last = self._page(base), self._page(limit)
        stray = bits.next_bit(self.states, 0, first, last, 0 if state == "unmapped" else -1)
        if stray != last:
            address = self.base + stray * f.PAGE
            raise ProtocolError(f"page {address:#x} of [{base:#x}, {limit:#x}) is not {state}")

    # Access

    def first_unmapped(self, base, limit):
        """The first address of [base, limit) on no mapped page, or limit.

        The nil page and the stack count as mapped.
        """
        if base >= limit:
            return limit
        if (self.nil <= base and limit <= self.base) or (
            self.limit <= base and limit <= self.limit + STACK_SIZE
        ):
            return limit
        if base < self.base:
            return base
        top = min(limit, self.limit)
        last = (top - self.base + f.PAGE - 1) >> f.PAGE_SHIFT
        page = bits.next_bit(self.states, 0, self._page(base), last, -1) if base < top else last
        if page == last:
            return limit if limit <= self.limit else max(base, self.limit)
        return max(base, self.base + page * f.PAGE)

    def admit(self, address, size):
        """The number of the first word of the `size` bytes at `address`, low tag
        bits dropped: what `mmu.at` asks where it cannot tell by itself.

        Raises: AccessError if a byte of them is outside the region, or in
        checked mode on a page that is not mapped.
        """
        n = address - self.origin
        if n < 0 or size < 0 or size > self.extent - (n & -8):
            return self.outside(address, size)
        if self.checked:
            self.verify(address & -8, size)
        return n >> 3

    def outside(self, address, size):
        """Raises: AccessError, for bytes that the machine does not have."""
        raise AccessError(
            f"access to {signed(address):#x} (of {signed(size)} bytes): outside the machine, which "
            f"has [{self.base:#x}, {self.limit:#x}) and a stack of {STACK_SIZE} bytes above"
        )

    def damage(self, what, address, field, expected):
        """Raises: DamageError, for the word number `field` of a `what` at
        `address`, which is not what is `expected`."""
        found = "no word of the machine"
        n = (address + field * f.WORD - self.origin) >> 3
        if 0 <= n < self.extent >> 3:
            found = f"{self._words[n]:#x}"
        raise DamageError(
            f"{what} at {signed(address):#x}: word {field} is {found}: expected {expected}"
        )

    def verify(self, address, size):
        """Returns 0 if [address, address + size) is mapped.

        Raises: AccessError with the address, its page and the page's owner.
        """
        start, end = address - self.base, address + size
        page = start >> f.PAGE_SHIFT
        # Nearly every access is to one page, and asks for one bit.
        if start >= 0 and end <= self.limit and page == (end - 1 - self.base) >> f.PAGE_SHIFT:
            if (self.states[page >> 6] >> (page & 63)) & 1:
                return 0
        stray = self.first_unmapped(address, address + size)
        if stray == address + size:
            return 0
        held = self.reservations.of(stray)
        owner = "nobody"
        if held:
            owner = f"the reservation [{held.base:#x}, {held.base + held.size:#x})"
        raise AccessError(
            f"access to {stray:#x} (of {size} bytes at {address:#x}): its page "
            f"{stray & -f.PAGE:#x} is not mapped and belongs to {owner}"
        )

    def view(self, address, size):
        """The `size` bytes at `address` as a writable memoryview.

        The nil page is below every address, and shown to nobody.
        Raises: ParamError; AccessError if a byte of them is not mapped.
        """
        address = integer("address", address, least=0, most=MOST)
        size = integer("size", size, least=0, most=MOST)
        if address < self.base:
            raise AccessError(
                f"access to {address:#x} (of {size} bytes): no address is below {self.base:#x}"
            )
        self.verify(address, size)
        start = address - self.origin
        return self.bytes[start : start + size]

    def words_at(self, address, size):
        """The `size` bytes at `address` as a writable memoryview of words.

        Raises: ParamError; AccessError if a byte of them is not mapped.
        """
        return self.view(address, size).cast("q")

    def floats_at(self, address, size):
        """The `size` bytes at `address` as a writable memoryview of doubles.

        Raises: ParamError; AccessError if a byte of them is not mapped.
        """
        return self.view(address, size).cast("d")

    def word(self, address):
        """The signed 64-bit word at `address`. Raises: AccessError."""
        if integer("address", address, least=0, most=MOST) % f.WORD:
            raise ParamError(f"address is {address:#x}: expected a multiple of {f.WORD}")
        self.verify(address, f.WORD)
        return self._words[(address - self.origin) >> 3]

    def check(self):
        """Assert the machine's own invariants (design/vm.md#.req.account)."""
        reserved = pages = previous = 0
        for held in self.reservations.values():
            assert previous <= held.block <= held.base < held.limit, "reservations are disjoint"
            assert held.base + held.size <= held.limit <= self.limit, "a reservation is whole"
            reserved += held.counted
            pages += self.mapped_pages(held.base, held.base + held.size)
            previous = held.limit
        zeros = bytes(f.PAGE)
        assert self.bytes[: f.PAGE] == zeros, "nobody writes to the nil page"
        assert reserved == self.reserved, "reserved is the sum of the reservations"
        assert pages * f.PAGE == self.mapped, "mapped is the sum of the mapped pages"

    def mapped_pages(self, base, limit):
        """How many of the pages of [base, limit) are mapped."""
        base, limit = max(base, self.base), min(limit, self.limit)
        if base >= limit:
            return 0
        page, last = self._page(base), self._page(limit)
        count = 0
        while page < last:
            first = bits.next_bit(self.states, 0, page, last, 0)
            page = bits.next_bit(self.states, 0, first, last, -1)
            count += page - first
        return count

    def resident(self):
        """The bytes of this process that are resident, as the system tells.

        The whole process is counted; differences show what mapping does.
        """
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _pages(name, value):
    value = integer(name, value, least=f.PAGE, most=MOST)
    if value % f.PAGE:
        raise ParamError(f"{name} is {value:#x}: expected a multiple of {f.PAGE}")
    return value
