"""Chunks: the chunks of an arena, and the memory committed in them.

Source: design/arena.md#.sol.chunks
"""

from arena import fields as a
from arena.chunk import Chunk, overhead_tables
from arena.damage import damaged
from land import fields as lf
from land.tree import Tree
from vm import events as ev
from vm import fields as f
from vm import mmu
from vm import results as r
from vm import sparse
from vm.bits import table_size
from vm.boot import BootBlock
from vm.descriptor import VM
from vm.results import AllocationError, DamageError, failure

# The words that `Chunks.verify` holds against bounds: name, what is expected.
BOUNDS = {
    a.RESERVED: ("RESERVED", "at most what the machine has reserved"),
    a.LOST: ("LOST", "from 0 to what is committed"),
    a.COMMITTED: ("COMMITTED", "from 0 to what the machine has mapped"),
    a.SPARE_COMMITTED: ("SPARE_COMMITTED", "whole grains, at most what is committed"),
    a.COMMIT_LIMIT: ("COMMIT_LIMIT", "0 or more"),
    a.SPARE: ("SPARE", "the bits of a double from 0 to 1"),
    a.GRAIN_SIZE: ("GRAIN_SIZE", "the size of what is reserved for the arena descriptor"),
    a.ZONE_SHIFT: ("ZONE_SHIFT", "from 0 to 56"),
    a.ZONED: ("ZONED", "0 or 1"),
    a.EXTEND_BY: ("EXTEND_BY", "more than 0, less than 2**62"),
    a.EXTEND_MIN: ("EXTEND_MIN", "from 0 to EXTEND_BY"),
    a.FILL: ("FILL", "0 or more, less than 2**62"),
    a.POLL_THRESHOLD: ("POLL_THRESHOLD", f"from 0 to FILL + {a.POLL_EVERY}"),
    a.POOL_SERIAL: ("POOL_SERIAL", "more than 0, less than 2**62"),
    a.CHUNK_SERIAL: ("CHUNK_SERIAL", "more than 0, less than 2**62"),
    a.GEN_SERIAL: ("GEN_SERIAL", "more than 0, less than 2**62"),
}


class Chunks:
    """The handle of the chunks of the arena whose descriptor is at `address`,
    with grains of `grain` bytes.

    All mapping in chunks passes here, where it is held against the commit
    limit and counted as committed.
    """

    def __init__(self, space, address, grain):
        self.space = space
        self.address = address
        self.grain = grain
        self.tree = Tree(space, address + a.CHUNK_ROOT * f.WORD, lf.NODE_SIZE)
        self._handles = {}
        # The chunk asked for last, and from where to where it reaches.
        self.last = None
        self._low = self._high = 0

    def descriptor(self):
        """The number of the first word of the arena descriptor."""
        return mmu.at(self.space, self.address, a.ARENA_SIZE)

    def get(self, field):
        """The word `field` of the arena descriptor."""
        return self.space.words[self.descriptor() + field]

    def set(self, field, value):
        """Write the word `field` of the arena descriptor."""
        self.space.words[self.descriptor() + field] = value

    def add(self, field, value):
        """Add `value` to the word `field` of the arena descriptor."""
        self.set(field, self.get(field) + value)

    def verify(self):
        """Hold the counts and settings of the arena descriptor against what
        they can be. Returns OK.

        Asked before every step of the arena, so that none is counted with or
        followed that cannot be. Raises: DamageError. Cost: O(1).
        """
        w = self.space.words
        n = self.descriptor()
        committed = w[n + a.COMMITTED]
        lost = w[n + a.LOST]
        spare = w[n + a.SPARE_COMMITTED]
        if w[n + a.RESERVED] < self.grain or w[n + a.RESERVED] > self.space.reserved:
            self._damaged(a.RESERVED)
        if lost < 0 or lost > committed:
            self._damaged(a.LOST)
        if committed < 0 or committed - lost > self.space.mapped:
            self._damaged(a.COMMITTED)
        if spare < 0 or spare > committed or spare & self.grain - 1:
            self._damaged(a.SPARE_COMMITTED)
        if w[n + a.COMMIT_LIMIT] < 0:
            self._damaged(a.COMMIT_LIMIT)
        if not 0.0 <= self.space.floats[n + a.SPARE] <= 1.0:
            self._damaged(a.SPARE)
        if w[n + a.GRAIN_SIZE] != self.grain:
            self._damaged(a.GRAIN_SIZE)
        if w[n + a.ZONE_SHIFT] < 0 or w[n + a.ZONE_SHIFT] > 56:
            self._damaged(a.ZONE_SHIFT)
        if w[n + a.ZONED] & -2:
            self._damaged(a.ZONED)
        return self._verify_counters(n)

    def _verify_counters(self, n):
        w = self.space.words
        extend_by = w[n + a.EXTEND_BY]
        # The shift is of what has 64 bits, and tells what is negative as well.
        if extend_by == 0 or extend_by >> 62:
            self._damaged(a.EXTEND_BY)
        if w[n + a.EXTEND_MIN] < 0 or w[n + a.EXTEND_MIN] > extend_by:
            self._damaged(a.EXTEND_MIN)
        fill = w[n + a.FILL]
        if fill >> 62:
            self._damaged(a.FILL)
        if w[n + a.POLL_THRESHOLD] < 0 or w[n + a.POLL_THRESHOLD] > fill + a.POLL_EVERY:
            self._damaged(a.POLL_THRESHOLD)
        for i in range(a.POOL_SERIAL, a.GEN_SERIAL + 1):
            if w[n + i] == 0 or w[n + i] >> 62:
                self._damaged(i)
        return r.OK

    def _damaged(self, field):
        name, expected = BOUNDS[field]
        damaged(self.space, f"arena {self.address:#x}", self.address, field, name, expected)

    # Committed memory

    def map(self, vm, base, limit):
        """Map [base, limit) of `vm` and count it as committed.

        Returns OK, COMMIT_LIMIT or MEMORY; nothing changed if not OK.
        """
        committed = self.get(a.COMMITTED) + limit - base
        if committed > self.get(a.COMMIT_LIMIT):
            return r.COMMIT_LIMIT
        res = vm.map(base, limit)
        if res == r.OK:
            self.set(a.COMMITTED, committed)
        return res

    def unmap(self, vm, base, limit):
        """Unmap [base, limit) of `vm`: it is committed no more."""
        vm.unmap(base, limit)
        self.add(a.COMMITTED, base - limit)

    def map_descriptors(self, chunk, lo, hi):
        """Map the descriptors of the pages lo to hi - 1. OK or MEMORY.

        They count as committed, but no limit stops them
        (design/arena.md#.sol.descriptors).
        """
        before = chunk.vm.mapped
        res = chunk.descriptors.map(lo, hi)
        self.add(a.COMMITTED, chunk.vm.mapped - before)
        return res

    def unmap_descriptors(self, chunk, lo, hi):
        """Unmap the descriptors of the pages lo to hi - 1."""
        before = chunk.vm.mapped
        chunk.descriptors.unmap(lo, hi)
        self.add(a.COMMITTED, chunk.vm.mapped - before)

    def unmap_pages(self, chunk, base, limit):
        """Unmap the pages of [base, limit) and then their descriptors."""
        lo, hi = chunk.index_of(base), chunk.index_of(limit)
        for i in range(lo, hi):
            chunk.init_page(i)
        self.unmap(chunk.vm, base, limit)
        self.unmap_descriptors(chunk, lo, hi)

    # Which chunk

    def at(self, address):
        """The handle of the chunk whose descriptor is at `address`."""
        chunk = self._handles.get(address)
        if chunk is None or not chunk._lives():
            chunk = Chunk(self.space, address, self.address, self.grain)
            self._handles[address] = chunk
        return chunk

    def of(self, address):
        """The chunk that holds `address`, or None. Cost: O(log chunks)."""
        return self.last if self._holds(address) else None

    def _holds(self, address):
        """1, and the chunk that holds `address` is `last`, or 0."""
        if self._low <= address < self._high and not self.space.checked:
            if self.last._is_same():
                return 1
        if not self.space.base <= address < self.space.limit:
            return 0
        return self._turn_to(address)

    def _turn_to(self, address):
        found = self.tree.find(address)
        if found == 0:
            return 0
        chunk = self.at(found)
        if not chunk.base <= address < chunk.limit:
            expected = f"{chunk.limit:#x}"
            damaged(self.space, f"chunk {found:#x}", found, a.CHUNK_LIMIT, "LIMIT", expected)
        self.last = chunk
        self._low, self._high = chunk.base, chunk.limit
        return 1

    def entry_of(self, address):
        """The address of the descriptor of the page at `address`, or 0 if
        that is not allocated.

        Asked at every free of some classes, so no handle is made.
        Cost: O(1) if the chunk is the last asked for, else O(log chunks).
        """
        if not self._holds(address):
            return 0
        i = (address - self._low) >> self.last.shift
        if i < self.last.alloc_base or not self.last.allocated.get(i):
            return 0
        return self.last.page_table + i * a.PAGE_DESC_SIZE

    def around(self, base, limit):
        """The chunk of whose pages [base, limit) are some. A range that a land
        or a page descriptor tells of may be none.

        Raises: DamageError. Cost: as `of`.
        """
        chunk = self.of(base)
        if chunk is not None and not (base | limit) & self.grain - 1:
            if chunk.index_of(base) >= chunk.alloc_base and base < limit <= chunk.limit:
                return chunk
        raise DamageError(
            f"arena {self.address:#x}: [{base:#x}, {limit:#x}) are not pages of one of its chunks"
        )

    def damaged_entry(self, entry, address):
        """Raise DamageError: the page descriptor at `entry` names no base of
        grains that the page at `address` can be of."""
        name = f"page {address & -self.grain:#x}"
        damaged(self.space, name, entry, a.PAGE_BASE, "PAGE_BASE", "a grain at or below the page")

    def ascending(self):
        """The chunks in the order of their addresses: a list."""
        found = []
        address = self.tree.first_ending_after(0)
        while address:
            chunk = self.at(address)
            # Each ends above the last, so the walk ends, too.
            if found and chunk.base < found[-1].limit:
                damaged(self.space, "tree of chunks", address, a.CHUNK_BASE, "BASE", "another")
            found.append(chunk)
            address = self.tree.first_ending_after(chunk.limit)
        return found

    @property
    def primary(self):
        """The first chunk, which is the last to go."""
        return self.at(self.get(a.PRIMARY))

    def in_order(self):
        """The primary chunk, then the others in the order of their making."""
        return sorted(self.ascending(), key=lambda chunk: chunk.serial)

    # Coming and going

    def create(self, size, welcome=None):
        """Make a chunk of `size` bytes, rounded up to grains.

        `welcome(base, limit)` is told the addresses that can be allocated,
        before the chunk joins the others, and returns a result code.
        Raises: AllocationError; then all is as before but the chunk serial
        and what design/arena.md#.sol.lost tells.
        """
        stack = self.space.stack
        vm = VM(self.space, stack.push(f.VM_SIZE))
        boot = BootBlock(self.space, stack.push(f.BOOT_SIZE))
        self.space.telemetry.enter("chunk", self.address, size)
        res = r.FAIL
        try:
            chunk = self._reserve(vm, boot, size, welcome)
            res = r.OK
            return chunk
        except AllocationError as error:
            res = r.NAMES.index(error.result)
            raise
        finally:
            self.space.telemetry.leave("chunk", res)
            stack.pop(f.VM_SIZE + f.BOOT_SIZE)

    def _reserve(self, vm, boot, size, welcome):
        """The descriptor lies on the stack: there is no other memory yet."""
        expect(vm.init(size, self.get(a.GRAIN_SIZE)), f"no chunk of {size} bytes")
        try:
            return self._map_descriptor(vm, boot, welcome)
        except AllocationError:
            vm.finish()
            raise

    def _map_descriptor(self, vm, boot, welcome):
        """Map the chunk descriptor and move the VM descriptor into it."""
        grain = self.get(a.GRAIN_SIZE)
        boot.init(vm.base, vm.limit)
        address = boot.alloc(a.CHUNK_SIZE, f.WORD, "chunk descriptor")
        limit = address + (a.CHUNK_SIZE + grain - 1) // grain * grain
        expect(self.map(vm, address, limit), f"no memory for chunk {address:#x}")
        self._write(a.OVERHEAD_LIMIT, address, limit)
        chunk_vm = vm.copy(address + a.CHUNK_VM_AT)
        try:
            chunk = self._init(chunk_vm, boot, address)
            if welcome is not None:
                base = chunk.address_of(chunk.alloc_base)
                expect(welcome(base, chunk.limit), f"no node for chunk {address:#x}")
        except AllocationError:
            self._unwind(vm, chunk_vm)
            raise
        self._join(chunk)
        return chunk

    def _unwind(self, vm, chunk_vm):
        """Unmap a chunk that failed half made; `vm` may finish afterwards."""
        base = chunk_vm.base
        limit = self.space.words[mmu.at(self.space, base, a.CHUNK_SIZE) + a.OVERHEAD_LIMIT]
        chunk_vm.copy(vm.address)
        self.unmap(vm, base, limit)

    def _write(self, field, address, value):
        self.space.words[mmu.at(self.space, address, a.CHUNK_SIZE) + field] = value

    def _init(self, vm, boot, address):
        """Allocate the tables, map those that are needed from the start."""
        grain = self.get(a.GRAIN_SIZE)
        pages = (vm.limit - vm.base) // grain
        tables, page_table_pages = overhead_tables(pages, grain)
        serial = self.get(a.CHUNK_SERIAL)
        self.add(a.CHUNK_SERIAL, 1)
        alloc_table, mapped, page_bits = self._tables(boot, pages, page_table_pages)
        page_table = boot.alloc(page_table_pages * grain, grain, "page table")
        if page_table < 0:
            raise failure(page_table, f"chunk {address:#x} has no room for its page table")
        self._map_tables(vm, address, tables)
        alloc_base = boot.allocated // grain
        if alloc_base >= pages:
            raise failure(r.MEMORY, f"chunk {address:#x} has no page left to allocate")
        for field, value in (
            (a.CHUNK_BASE, vm.base),
            (a.CHUNK_LIMIT, vm.limit),
            (a.SERIAL, serial),
            (a.ARENA, self.address),
            (a.PAGES, pages),
            (a.ALLOC_BASE, alloc_base),
            (a.ALLOC_TABLE, alloc_table),
            (a.PAGE_TABLE, page_table),
            (a.PAGE_TABLE_PAGES, page_table_pages),
            (a.CHUNK_RESERVED, vm.reserved),
            (a.CHUNK_SIGNATURE, a.CHUNK_SIG),
        ):
            self._write(field, address, value)
        sparse.init(
            self.space,
            address + a.SPARSE_AT,
            page_table,
            a.PAGE_DESC_SIZE,
            pages,
            mapped,
            page_bits,
            vm.address,
        )
        return Chunk(self.space, address, self.address, grain)

    def _map_tables(self, vm, address, size):
        """Map what the descriptor's own grains do not hold of `size` bytes."""
        grain = self.get(a.GRAIN_SIZE)
        base = self.space.words[mmu.at(self.space, address, a.CHUNK_SIZE) + a.OVERHEAD_LIMIT]
        limit = address + (size + grain - 1) // grain * grain
        if base >= limit:
            return
        res = self.map(vm, base, limit)
        if res == r.COMMIT_LIMIT:
            # The MPS forgets to uncount the descriptor's grains here, and
            # what it placed later tells (design/arena.md#.sol.lost).
            self.add(a.COMMITTED, base - address)
            self.add(a.LOST, base - address)
        expect(res, f"no memory for the tables of chunk {address:#x}")
        self._write(a.OVERHEAD_LIMIT, address, limit)

    def _tables(self, boot, pages, page_table_pages):
        """Boot-allocate the three bit tables, whose memory may be unmapped."""
        grain_pages = page_table_pages * (self.get(a.GRAIN_SIZE) // f.PAGE)
        tables = (
            ("allocation table", pages),
            ("table of descriptors in use", pages),
            ("table of page table pages", grain_pages),
        )
        found = [boot.alloc(table_size(bits), f.WORD, what) for what, bits in tables]
        if min(found) < 0:
            raise failure(min(found), f"no room for tables of {pages} pages")
        return found

    def _join(self, chunk):
        self.tree.insert_node(chunk.address)
        self.add(a.RESERVED, chunk.reserved)
        if self.get(a.PRIMARY) == 0:
            self.set(a.PRIMARY, chunk.address)
        self._handles[chunk.address] = chunk
        self.space.telemetry.tell(
            ev.CHUNK_INIT,
            self.address,
            chunk.address,
            chunk.serial,
            chunk.base,
            chunk.limit - chunk.base,
            chunk.alloc_base,
            chunk.reserved,
        )

    def destroy(self, chunk):
        """Unmap the overhead of `chunk`, of which nothing else is mapped, and
        release its addresses. The VM descriptor leaves by the stack.

        Raises: DamageError, and then nothing has changed.
        """
        chunk.verify()
        overhead = chunk.overhead_limit - chunk.base
        if chunk.vm.mapped != overhead:
            field, name = a.CHUNK_VM_AT // f.WORD + f.VM_MAPPED, f"chunk {chunk.address:#x}"
            damaged(self.space, name, chunk.address, field, "VM_MAPPED", f"{overhead}")
        stack = self.space.stack
        self.space.telemetry.tell(ev.CHUNK_FINISH, self.address, chunk.address, chunk.serial)
        expect_whole(self.tree.remove_node(chunk.address), f"{chunk!r} is in the tree of chunks")
        self.add(a.RESERVED, -chunk.reserved)
        if self.get(a.PRIMARY) == chunk.address:
            self.set(a.PRIMARY, 0)
        limit = chunk.overhead_limit
        self._write(a.CHUNK_SIGNATURE, chunk.address, 0)
        self._handles.pop(chunk.address, None)
        vm = chunk.vm.copy(stack.push(f.VM_SIZE))
        self.unmap(vm, chunk.base, limit)
        vm.finish()
        stack.pop(f.VM_SIZE)


def expect_whole(res, message):
    """Raise DamageError, denying what `message` says, unless `res` is OK."""
    if res != r.OK:
        raise DamageError(f"it is no longer true that {message} ({r.NAMES[res]})")


def expect(res, message):
    """Raise the exception of `res`, saying `message`, unless it is OK."""
    if res != r.OK:
        raise failure(res, message)
