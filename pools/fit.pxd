cimport cython
from libc.stdint cimport int64_t
from land cimport fields as lf
from land.cbs cimport CBSFast
from land.failover cimport Failover
from land.land cimport Land
from pools cimport fields as p
from pools.mfs cimport MFS
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from vm cimport mmu, raw
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class Fit(Pool):
    cdef readonly MFS blocks
    cdef readonly CBSFast total_land
    cdef readonly Failover free_land

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.locals(align=int64_t, address=int64_t, res=int64_t)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    cdef int64_t find(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', grain=int64_t, least=int64_t, wanted=int64_t, base=int64_t, res=int64_t)
    cdef int64_t _extend(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', align=int64_t, res=int64_t, limit=int64_t, free=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(grain=int64_t, base=int64_t, top=int64_t)
    cdef int64_t _reduce(self, int64_t free, int64_t target) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t _give_back(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(least=int64_t, base=int64_t, address=int64_t, limit=int64_t)
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(align=int64_t)
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    @cython.locals(limit=int64_t)
    cdef bint is_partly_free(self, int64_t address, int64_t size) except? -1 nogil
    cdef bint _holds_some(self, Land land, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t _bad(self, int64_t field, str expected) except? -1 nogil
    cdef int64_t _expect_flag(self, int64_t field) except? -1 nogil
    @cython.locals(align=int64_t)
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    cdef int64_t whole_free(self) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    cdef int64_t largest(self) except? -1 nogil
    cdef int64_t _largest_of(self, Land land) except? -1 nogil
    @cython.locals(align=int64_t, limit=int64_t, total=CBSFast)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
