"""Chunk: one contiguous piece of address space and the tables that tell
what becomes of its pages.

Laid out from the base: the descriptor, the allocation table (a bit for each
page), the two bit tables of the sparse array, and on its own pages, mapped
only as needed, the page table. Source: design/arena.md#.sol.chunk
"""

from arena import fields as a
from arena.damage import damaged, verify_words
from vm import fields as f
from vm import mmu
from vm.bits import table_size
from vm.bittable import BitTable
from vm.descriptor import VM
from vm.sparse import SparseArray


class Chunk:
    """The handle of the chunk of the arena at `arena` whose descriptor is at
    `address`, its base.

    Pages are numbered from the base; `alloc_base` is the first that can be
    allocated.
    Raises: DamageError if the descriptor is not what it can be.
    """

    def __init__(self, space, address, arena, grain):
        self.space = space
        self.address = address
        self.arena = arena
        self.grain = grain
        self.shift = grain.bit_length() - 1
        self.verify()
        n = mmu.at(self.space, address, a.CHUNK_SIZE)
        w = self.space.words
        self.base = w[n + a.CHUNK_BASE]
        self.limit = w[n + a.CHUNK_LIMIT]
        self.serial = w[n + a.SERIAL]
        self.pages = w[n + a.PAGES]
        self.alloc_base = w[n + a.ALLOC_BASE]
        self.page_table = w[n + a.PAGE_TABLE]
        self.allocated = BitTable(space, w[n + a.ALLOC_TABLE], self.pages)
        self.descriptors = SparseArray(space, address + a.SPARSE_AT)
        self.vm = VM(space, address + a.CHUNK_VM_AT)

    def verify(self):
        """Compare the descriptor with what the machine has reserved here,
        from which all follows that never changes.

        Raises: DamageError. Source: design/arena.md#.sol.words
        """
        held = self.space.reservations.of(self.address)
        name = f"chunk {self.address:#x}"
        if held is None or held.base != self.address:
            damaged(self.space, "tree of chunks", self.address, 0, "CHUNK", "the base of a chunk")
        verify_words(self.space, name, self.address, layout(held, self.arena, self.grain))
        w = self.space.words
        made = w[mmu.at(self.space, self.arena, a.ARENA_SIZE) + a.CHUNK_SERIAL]
        n = mmu.at(self.space, self.address, a.CHUNK_SIZE)
        if not 0 <= w[n + a.SERIAL] < made:
            damaged(self.space, name, self.address, a.SERIAL, "SERIAL", f"less than {made}")
        mapped = a.CHUNK_VM_AT // f.WORD + f.VM_MAPPED
        if not 0 < w[n + mapped] <= held.size or w[n + mapped] % f.PAGE:
            damaged(self.space, name, self.address, mapped, "VM_MAPPED", f"pages of {held.size}")

    @property
    def alive(self):
        """True while the bytes still describe this very chunk."""
        return self._lives()

    def _lives(self):
        end = self.address + a.CHUNK_SIZE
        if self.space.checked and self.space.first_unmapped(self.address, end) != end:
            return False
        return self._is_same()

    def _is_same(self):
        """`alive`, in memory that may be read."""
        n = mmu.at(self.space, self.address, a.CHUNK_SIZE)
        w = self.space.words
        return (
            w[n + a.CHUNK_SIGNATURE] == a.CHUNK_SIG
            and w[n + a.SERIAL] == self.serial
            and w[n + a.ARENA] == self.arena
        )

    @property
    def reserved(self):
        """The bytes that count as reserved for this chunk."""
        return self.limit - self.base + self.grain - f.PAGE

    @property
    def overhead_limit(self):
        """Where the descriptor and the bit tables end, in whole grains."""
        tables, _ = overhead_tables(self.pages, self.grain)
        return self.base + (tables + self.grain - 1) // self.grain * self.grain

    def index_of(self, address):
        """The number of the page that holds `address`."""
        return (address - self.base) >> self.shift

    def address_of(self, index):
        """The base of page `index`."""
        return self.base + index * self.grain

    def entry(self, index):
        """The address of the descriptor of page `index`."""
        return self.page_table + index * a.PAGE_DESC_SIZE

    def init_page(self, index):
        """Write that page `index` is nobody's; its descriptor is mapped."""
        n = mmu.at(self.space, self.entry(index), a.PAGE_DESC_SIZE)
        w = self.space.words
        w[n + a.PAGE_POOL] = 0
        w[n + a.PAGE_SEG] = 0
        w[n + a.PAGE_BASE] = 0

    def alloc_pages(self, lo, hi, pool, first):
        """Give the pages lo to hi - 1 to `pool`, as part of an allocation
        that begins at page `first`."""
        if lo >= hi:
            return
        base = self.address_of(first)
        w = self.space.words
        for i in range(lo, hi):
            n = mmu.at(self.space, self.entry(i), a.PAGE_DESC_SIZE)
            w[n + a.PAGE_POOL] = pool
            w[n + a.PAGE_BASE] = base
        self.allocated.set_range(lo, hi)

    def free_pages(self, lo, hi):
        """Take the pages lo to hi - 1 from their pool; they stay mapped."""
        for i in range(lo, hi):
            self.init_page(i)
        self.allocated.reset_range(lo, hi)

    def owner(self, index):
        """The address of the pool that owns page `index`, or 0."""
        if not self.alloc_base <= index < self.pages or not self.allocated.get(index):
            return 0
        n = mmu.at(self.space, self.entry(index), a.PAGE_DESC_SIZE)
        return self.space.words[n + a.PAGE_POOL]

    def allocation_base(self, index):
        """The base of the grains allocated together with page `index`."""
        n = mmu.at(self.space, self.entry(index), a.PAGE_DESC_SIZE)
        return self.space.words[n + a.PAGE_BASE]

    def segment(self, index):
        """The address of the segment descriptor that page `index` names, or 0."""
        n = mmu.at(self.space, self.entry(index), a.PAGE_DESC_SIZE)
        return self.space.words[n + a.PAGE_SEG]

    def set_segment(self, index, segment):
        """Let page `index`, which is allocated, name `segment`."""
        n = mmu.at(self.space, self.entry(index), a.PAGE_DESC_SIZE)
        self.space.words[n + a.PAGE_SEG] = segment

    def is_empty(self):
        """True if no page is allocated."""
        return self.allocated.next_set(0, self.pages) == self.pages

    def runs(self):
        """Who has the pages, from the bottom: (lo, hi, owner) for each run of
        pages of one owner, a pool's address, or -1 for spare memory.

        What is not listed is overhead or unmapped.
        """
        mapped = self.descriptors.mapped
        i = mapped.next_set(self.alloc_base, self.pages)
        while i < self.pages:
            owner = self.owner(i)
            limit = mapped.next_reset(i, self.pages)
            if owner:
                j = i + 1
                while j < limit and self.owner(j) == owner:
                    j += 1
            else:
                j = self.allocated.next_set(i + 1, limit)
            yield i, j, owner or -1
            i = mapped.next_set(j, self.pages)

    def __repr__(self):
        return f"<Chunk {self.serial} [{self.base:#x}, {self.limit:#x})>"


def layout(held, arena, grain):
    """What stands in the descriptor of the chunk that the machine reserved
    `held` for, for good: (field, name, word) of each."""
    base, limit = held.base, held.base + held.size
    pages = held.size // grain
    tables, page_table_pages = overhead_tables(pages, grain)
    mapped_at = base + a.CHUNK_SIZE + table_size(pages)
    page_table = base + (tables + grain - 1) // grain * grain
    sparse, vm = a.SPARSE_AT // f.WORD, a.CHUNK_VM_AT // f.WORD
    return (
        (a.CHUNK_SIGNATURE, "SIGNATURE", a.CHUNK_SIG),
        (a.ARENA, "ARENA", arena),
        (a.CHUNK_BASE, "BASE", base),
        (a.CHUNK_LIMIT, "LIMIT", limit),
        (a.PAGES, "PAGES", pages),
        (a.ALLOC_BASE, "ALLOC_BASE", (page_table - base) // grain + page_table_pages),
        (a.ALLOC_TABLE, "ALLOC_TABLE", base + a.CHUNK_SIZE),
        (a.PAGE_TABLE, "PAGE_TABLE", page_table),
        (a.PAGE_TABLE_PAGES, "PAGE_TABLE_PAGES", page_table_pages),
        (a.CHUNK_RESERVED, "RESERVED", held.counted),
        (a.OVERHEAD_LIMIT, "OVERHEAD_LIMIT", page_table),
        (vm + f.SIG, "VM SIG", f.VM_SIG),
        (vm + f.VM_PAGE_SIZE, "VM_PAGE_SIZE", f.PAGE),
        (vm + f.VM_BLOCK, "VM_BLOCK", held.block),
        (vm + f.VM_BASE, "VM_BASE", base),
        (vm + f.VM_LIMIT, "VM_LIMIT", limit),
        (vm + f.VM_RESERVED, "VM_RESERVED", held.counted),
        (sparse + f.SIG, "SPARSE SIG", f.SPARSE_SIG),
        (sparse + f.SPARSE_BASE, "SPARSE_BASE", page_table),
        (sparse + f.SPARSE_ELEMENT, "SPARSE_ELEMENT", a.PAGE_DESC_SIZE),
        (sparse + f.SPARSE_LENGTH, "SPARSE_LENGTH", pages),
        (sparse + f.SPARSE_MAPPED, "SPARSE_MAPPED", mapped_at),
        (sparse + f.SPARSE_PAGES, "SPARSE_PAGES", mapped_at + table_size(pages)),
        (sparse + f.SPARSE_VM, "SPARSE_VM", base + a.CHUNK_VM_AT),
        (
            sparse + f.SPARSE_PAGE_COUNT,
            "SPARSE_PAGE_COUNT",
            (pages * a.PAGE_DESC_SIZE + f.PAGE - 1) // f.PAGE,
        ),
    )


def overhead_tables(pages, grain):
    """The bytes of what is mapped at the base of a chunk of `pages` pages,
    and the pages that its page table takes."""
    page_table_pages = (pages * a.PAGE_DESC_SIZE + grain - 1) // grain
    size = a.CHUNK_SIZE + 2 * table_size(pages) + table_size(page_table_pages * (grain // f.PAGE))
    return size, page_table_pages


def least_chunk(size, grain):
    """The size of the smallest chunk with room for `size` bytes of grains.

    Units: bytes, in whole grains. Cost: a few rounds of a fixed point.
    """
    overhead = 0
    while True:
        chunk = size + overhead
        tables, page_table_pages = overhead_tables(chunk // grain, grain)
        overhead = (tables + grain - 1) // grain * grain + page_table_pages * grain
        if chunk >= size + overhead:
            return chunk
