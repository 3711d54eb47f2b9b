cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from pools.tagged cimport Tagged
from vm cimport mmu, raw
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class LIFOFit(Tagged):
    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.locals(block=int64_t)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(block=int64_t)
    cdef int64_t _obtain(self, int64_t size) except? -1 nogil
    @cython.locals(least=int64_t, found=int64_t, block=int64_t, w='int64_t*', m=int64_t, whole=int64_t, address=int64_t, gap=int64_t)
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(w='int64_t*', block=int64_t, m=int64_t, whole=int64_t, after=int64_t, more=int64_t)
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    @cython.locals(tag=int64_t)
    cdef bint is_partly_free(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, most=int64_t, limit=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', around=int64_t, base=int64_t, previous=int64_t, e=int64_t, following=int64_t, size=int64_t, free=int64_t, head=int64_t, is_empty=bint)
    cdef int64_t _reduce(self, int64_t target) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    @cython.locals(around=int64_t)
    cdef int64_t slack(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', level=int64_t, largest=int64_t, previous=int64_t, block=int64_t, m=int64_t)
    cdef int64_t largest(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', grain=int64_t, level=int64_t, total=int64_t, previous=int64_t, block=int64_t, m=int64_t, base=int64_t, limit=int64_t)
    cdef int64_t whole_free(self) except? -1 nogil
    @cython.locals(align=int64_t, base=int64_t, w='int64_t*', limit=int64_t, tag=int64_t, whole=int64_t, end=int64_t)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
    cdef bint _is_followed(self, int64_t end) except? -1 nogil
