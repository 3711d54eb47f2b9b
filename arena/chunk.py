"""Chunk: one contiguous piece of address space and the tables that tell
what becomes of its pages.

Laid out from the base: the descriptor, the allocation table (a bit for each
page), the two bit tables of the sparse array, and on its own pages, mapped
only as needed, the page table. Source: design/arena.md#.sol.chunk
"""

from arena import fields as a
from vm import fields as f
from vm import mmu
from vm.bits import table_size
from vm.bittable import BitTable
from vm.descriptor import VM
from vm.sparse import SparseArray


class Chunk:
    """The handle of the chunk whose descriptor is at `address`, its base.

    Pages are numbered from the base; `alloc_base` is the first that can be
    allocated.
    """

    def __init__(self, space, address):
        self.space = space
        self.address = address
        n = mmu.at(self.space, address, a.CHUNK_SIZE)
        w = self.space.words
        self.base = w[n + a.CHUNK_BASE]
        self.limit = w[n + a.CHUNK_LIMIT]
        self.serial = w[n + a.SERIAL]
        self.pages = w[n + a.PAGES]
        self.alloc_base = w[n + a.ALLOC_BASE]
        self.grain = (self.limit - self.base) // self.pages
        self.page_table = w[n + a.PAGE_TABLE]
        self.allocated = BitTable(space, w[n + a.ALLOC_TABLE], self.pages)
        self.descriptors = SparseArray(space, address + a.SPARSE_AT)
        self.vm = VM(space, address + a.CHUNK_VM_AT)

    @property
    def alive(self):
        """True while the bytes still describe this very chunk."""
        if self.space.first_unmapped(self.address, self.address + a.CHUNK_SIZE) == self.address:
            return False
        n = mmu.at(self.space, self.address, a.CHUNK_SIZE)
        w = self.space.words
        return w[n + a.CHUNK_SIGNATURE] == a.CHUNK_SIG and w[n + a.SERIAL] == self.serial

    @property
    def reserved(self):
        """The bytes that count as reserved for this chunk."""
        return self.space.words[mmu.at(self.space, self.address, a.CHUNK_SIZE) + a.CHUNK_RESERVED]

    @property
    def overhead_limit(self):
        """Where the descriptor and the bit tables end, in whole grains."""
        return self.space.words[mmu.at(self.space, self.address, a.CHUNK_SIZE) + a.OVERHEAD_LIMIT]

    def index_of(self, address):
        """The number of the page that holds `address`."""
        return (address - self.base) // self.grain

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
