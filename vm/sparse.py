"""Sparse arrays: reserved whole, mapped a page at a time as elements need.

Source: design/vm.md#.sol.sparse, MPS sa.c
"""

from vm import fields as f
from vm import mmu
from vm import results as r
from vm.bittable import BitTable
from vm.descriptor import VM


class SparseArray:
    """The handle of a sparse array, a descriptor of 64 bytes at `address`.

    `mapped` has a bit for each element that is in use, `pages` a bit for
    each page of the array that is mapped: those with an element in use.
    """

    def __init__(self, space, address):
        self.space = space
        self.address = address
        # By way of self, whose type a compiler knows.
        w = self.space.words
        n = mmu.at(self.space, address, f.SPARSE_SIZE)
        self.base = w[n + f.SPARSE_BASE]
        self.element = w[n + f.SPARSE_ELEMENT]
        self.length = w[n + f.SPARSE_LENGTH]
        self._expect_true(w[n + f.SPARSE_PAGE_COUNT], w[n + f.SPARSE_VM])
        self.mapped = BitTable(space, w[n + f.SPARSE_MAPPED], self.length)
        self.pages = BitTable(space, w[n + f.SPARSE_PAGES], w[n + f.SPARSE_PAGE_COUNT])
        self.vm = VM(space, w[n + f.SPARSE_VM])

    def _expect_true(self, pages, vm):
        """Raises: DamageError, unless the words of the descriptor agree, and
        the array lies in the VM that they name."""
        at, base = self.address, self.base
        if self.space.word(at) != f.SPARSE_SIG:
            self.space.damage("sparse array", at, f.SIG, f"the signature {f.SPARSE_SIG:#x}")
        if not 1 <= self.element <= f.PAGE:
            self.space.damage("sparse array", at, f.SPARSE_ELEMENT, f"from 1 to {f.PAGE} bytes")
        if not 1 <= self.length <= self.space.size:
            self.space.damage("sparse array", at, f.SPARSE_LENGTH, "a number of elements")
        whole = (self.length * self.element + f.PAGE - 1) // f.PAGE
        if pages != whole:
            self.space.damage("sparse array", at, f.SPARSE_PAGE_COUNT, f"{whole:#x}")
        held = VM(self.space, vm).held()
        if base % f.PAGE or not held.base <= base <= held.base + held.size - whole * f.PAGE:
            self.space.damage("sparse array", at, f.SPARSE_BASE, f"{whole} pages of its VM")

    def map(self, lo, hi):
        """Bring the elements lo to hi - 1, none in use, into use.

        Returns OK or MEMORY; then nothing has changed. Cost: O(pages).
        """
        first = self._page_of(lo)
        last = self._last_page(hi)
        if self.pages.next_set(first, first + 1) == first:
            first += 1
        if first < last and self.pages.next_set(last - 1, last) == last - 1:
            last -= 1
        if first < last:
            res = self.vm.map(self._page_base(first), self._page_base(last))
            if res != r.OK:
                return res
            self.pages.set_range(first, last)
        self.mapped.set_range(lo, hi)
        return r.OK

    def unmap(self, lo, hi):
        """Take the elements lo to hi - 1, all in use, out of use.

        The pages on which no other element is in use are unmapped.
        """
        self.mapped.reset_range(lo, hi)
        first = self._page_of(lo)
        last = self._last_page(hi)
        if self._in_use(first):
            first += 1
        if first < last and self._in_use(last - 1):
            last -= 1
        if first < last:
            self.pages.reset_range(first, last)
            self.vm.unmap(self._page_base(first), self._page_base(last))
        return r.OK

    def mapped_bytes(self):
        """The bytes of the pages that are mapped. Cost: O(runs of pages)."""
        end = self.pages.length
        count = 0
        i = self.pages.next_set(0, end)
        while i < end:
            j = self.pages.next_reset(i, end)
            count += j - i
            i = self.pages.next_set(j, end)
        return count << f.PAGE_SHIFT

    def _page_of(self, i):
        return i * self.element >> f.PAGE_SHIFT

    def _last_page(self, hi):
        return (hi * self.element - 1 >> f.PAGE_SHIFT) + 1

    def _page_base(self, page):
        return self.base + (page << f.PAGE_SHIFT)

    def _in_use(self, page):
        lo = (page << f.PAGE_SHIFT) // self.element
        hi = (((page + 1) << f.PAGE_SHIFT) - 1) // self.element + 1
        if hi > self.length:
            hi = self.length
        return self.mapped.next_set(lo, hi) < hi

    def check(self):
        """Assert that exactly the pages with an element in use are mapped."""
        n = mmu.at(self.space, self.address, f.SPARSE_SIZE)
        w = self.space.words
        assert w[n + f.SIG] == f.SPARSE_SIG, "a sparse array has its signature"
        assert w[n + f.SPARSE_BASE] == self.base, "the base is the one written"
        assert w[n + f.SPARSE_ELEMENT] == self.element, "the element is the one written"
        assert w[n + f.SPARSE_LENGTH] == self.length, "the length is the one written"
        assert w[n + f.SPARSE_MAPPED] == self.mapped.address, "the table of elements is the one written"
        assert w[n + f.SPARSE_PAGES] == self.pages.address, "the table of pages is the one written"
        assert w[n + f.SPARSE_VM] == self.vm.address, "the VM is the one written"
        assert w[n + f.SPARSE_PAGE_COUNT] == self.pages.length, "the pages are those written"
        mapped = list(runs(self.pages))
        assert mapped == self._pages_in_use(), "a page is mapped if an element on it is in use"
        end = self._page_base(self.pages.length)
        count = self.space.mapped_pages(self.base, end)
        told = sum(last - first for first, last in mapped)
        assert count == told, "pages tells all that are mapped"
        for first, last in mapped:
            stray = self.space.first_unmapped(self._page_base(first), self._page_base(last))
            assert stray == self._page_base(last), "pages tells the truth"

    def _pages_in_use(self):
        """The runs of pages on which the elements in use lie."""
        pages = []
        for lo, hi in runs(self.mapped):
            first, last = self._page_of(lo), self._last_page(hi)
            if pages and first <= pages[-1][1]:
                first = pages.pop()[0]
            pages.append((first, last))
        return pages


def runs(table):
    """The (lo, hi) of each run of set bits of the BitTable `table`."""
    i = table.next_set(0, table.length)
    while i < table.length:
        j = table.next_reset(i, table.length)
        yield i, j
        i = table.next_set(j, table.length)


def init(space, address, base, element, length, mapped, pages, vm):
    """Make a sparse array of `length` elements of `element` bytes at `base`.

    `mapped` and `pages` are the addresses of its bit tables, in mapped memory
    that reads as zeros, and is not touched here, for it may be large; `vm` that
    of the VM descriptor. Returns its handle.
    """
    page_count = (length * element + f.PAGE - 1) // f.PAGE
    n = mmu.at(space, address, f.SPARSE_SIZE)
    w = space.words
    w[n + f.SIG] = f.SPARSE_SIG
    w[n + f.SPARSE_BASE] = base
    w[n + f.SPARSE_ELEMENT] = element
    w[n + f.SPARSE_LENGTH] = length
    w[n + f.SPARSE_MAPPED] = mapped
    w[n + f.SPARSE_PAGES] = pages
    w[n + f.SPARSE_VM] = vm
    w[n + f.SPARSE_PAGE_COUNT] = page_count
    return SparseArray(space, address)
