"""Pages: from free addresses to allocated memory, and back.

Source: design/arena.md#.sol.pages
"""

from arena import fields as a
from vm import results as r
from vm.results import DamageError


class Pages:
    """Allocates and frees the pages of an arena's chunks."""

    def __init__(self, chunks, spare):
        self.chunks = chunks
        self.spare = spare

    def allocate(self, chunk, lo, hi, pool):
        """Map the pages lo to hi - 1 where they are not, and give them to
        `pool`. Returns a result code; not OK leaves them free.

        While mapping is refused, spare memory is purged and it is tried
        again: the last of it will go before this fails.
        """
        expect_free(chunk, lo, hi)
        res = self._allocate(chunk, lo, hi, pool)
        while res != r.OK and self.spare.purge((hi - lo) * chunk.grain):
            res = self._allocate(chunk, lo, hi, pool)
        return res

    def _allocate(self, chunk, lo, hi, pool):
        mapped = chunk.descriptors.mapped
        cursor = lo
        while cursor < hi:
            j = mapped.next_reset(cursor, hi)
            if cursor < j:
                self.spare.release(chunk, cursor, j)
                chunk.alloc_pages(cursor, j, pool, lo)
            k = mapped.next_set(j, hi)
            if j < k:
                res = self._map(chunk, j, k)
                if res != r.OK:
                    if lo < j:
                        self.free(chunk.address_of(lo), chunk.address_of(j))
                    return res
                chunk.alloc_pages(j, k, pool, lo)
            cursor = k
        return r.OK

    def _map(self, chunk, lo, hi):
        """Map the descriptors of unmapped pages, then the pages."""
        res = self.chunks.map_descriptors(chunk, lo, hi)
        if res != r.OK:
            return res
        res = self.chunks.map(chunk.vm, chunk.address_of(lo), chunk.address_of(hi))
        if res != r.OK:
            self.chunks.unmap_descriptors(chunk, lo, hi)
            return res
        for i in range(lo, hi):
            chunk.init_page(i)
        return r.OK

    def free(self, base, limit):
        """Make the allocated pages of [base, limit) spare memory, and give
        back to the system what is too much of that."""
        chunk = self.chunks.around(base, limit)
        chunk.free_pages(chunk.index_of(base), chunk.index_of(limit))
        self.spare.insert(base, limit)
        self.spare.purge_excess()


def expect_free(chunk, lo, hi):
    """Raise DamageError unless no page of those from lo to hi - 1 is allocated."""
    i = chunk.allocated.next_set(lo, hi)
    if i < hi:
        raise DamageError(
            f"{chunk!r}: the allocation table at {chunk.allocated.address:#x} has page {i}: "
            f"expected a free one, as the free land has it"
        )
