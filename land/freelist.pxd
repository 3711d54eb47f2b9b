cimport cython
from libc.stdint cimport int64_t
from land cimport fields as f
from land.land cimport Land
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Freelist(Land):
    cdef int64_t base
    cdef int64_t limit

    cdef int64_t _first(self) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, base=int64_t, limit=int64_t, least=int64_t)
    cdef int64_t _block(self, int64_t slot) except? -1 nogil
    cdef int64_t _again(self, int64_t slot) except? -1 nogil
    @cython.locals(address=int64_t)
    cdef int64_t _astray(self, int64_t n, int64_t field, str expected) except? -1 with gil
    @cython.locals(w='int64_t*')
    cdef int64_t _aim(self, int64_t slot, int64_t address) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t)
    cdef int64_t _write_block(self, int64_t slot, int64_t base, int64_t limit, int64_t link) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, size=int64_t, count=int64_t)
    cdef int64_t _resize(self, int64_t change, int64_t number) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, before=int64_t, before_limit=int64_t, slot=int64_t, previous=int64_t, joined=int64_t, link=int64_t)
    cdef int64_t insert_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, slot=int64_t)
    cdef int64_t delete_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(link=int64_t, low=int64_t, high=int64_t, number=int64_t)
    cdef int64_t _cut(self, int64_t slot, int64_t n, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, slot=int64_t)
    cdef int64_t first_range(self, int64_t size, int64_t mode) except? -1 nogil
    @cython.locals(n=int64_t, slot=int64_t, found=int64_t)
    cdef int64_t last_range(self, int64_t size, int64_t mode) except? -1 nogil
    @cython.locals(found=int64_t, least=int64_t, wide=int64_t, slot=int64_t, n=int64_t)
    cdef int64_t best_range(self, int64_t size, int64_t mode) except? -1 nogil
    @cython.locals(n=int64_t, slot=int64_t)
    cdef int64_t next_range(self, int64_t address, int64_t size, int64_t mode) except? -1 nogil
    @cython.locals(size=int64_t, base=int64_t, limit=int64_t, n=int64_t)
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
    @cython.locals(n=int64_t, slot=int64_t, found=int64_t)
    cdef int64_t largest_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t _take(self, int64_t slot, int64_t n, int64_t size, int64_t mode) except? -1 nogil
    @cython.locals(n=int64_t)
    cdef int64_t next_after(self, int64_t address) except? -1 nogil
