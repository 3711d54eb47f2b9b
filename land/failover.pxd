cimport cython
from libc.stdint cimport int64_t
from land cimport fields as f
from land.land cimport Land
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Failover(Land):
    cdef readonly Land primary
    cdef readonly Land secondary

    @cython.locals(w='int64_t*', n=int64_t, base=int64_t, limit=int64_t)
    cdef int64_t flush(self) except? -1 nogil
    cdef int64_t insert_range(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t _overlaps(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t _place(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t _relay(self, Land land, int64_t res) except? -1 nogil
    @cython.locals(res=int64_t, low=int64_t, high=int64_t)
    cdef int64_t delete_range(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t first_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t last_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t largest_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t best_range(self, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t next_range(self, int64_t address, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t next_after(self, int64_t address) except? -1 nogil
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
    cdef int64_t adopt_range(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
