cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.grains cimport GrainSource
from vm cimport events as ev
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class Segments:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t pool
    cdef readonly GrainSource grains

    @cython.locals(n=int64_t, w='int64_t*', base=int64_t, segment=int64_t)
    cdef int64_t alloc(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t at(self, int64_t segment) except? -1 nogil
    @cython.locals(head=int64_t, n=int64_t, w='int64_t*', last=int64_t, where=int64_t)
    cdef int64_t _append(self, int64_t segment) except? -1 nogil
    @cython.locals(head=int64_t, n=int64_t, w='int64_t*', base=int64_t, size=int64_t, following=int64_t, previous=int64_t, before=int64_t, after=int64_t)
    cdef int64_t free(self, int64_t segment) except? -1 nogil
    @cython.locals(n=int64_t, arena=int64_t)
    cdef int64_t _tell(self, int64_t event, int64_t segment, int64_t base, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', segment=int64_t)
    cpdef int64_t of(self, int64_t address) except? -1 nogil
    cdef int64_t holding(self, int64_t address) except? -1 nogil
    cpdef int64_t base_of(self, int64_t segment) except? -1 nogil
    cpdef int64_t limit_of(self, int64_t segment) except? -1 nogil
    cpdef int64_t block_of(self, int64_t segment) except? -1 nogil
    cdef int64_t dedicate(self, int64_t segment, int64_t size) except? -1 nogil
    cdef int64_t first(self) except? -1 nogil
    @cython.locals(segment=int64_t, previous=int64_t, n=int64_t)
    cpdef list all(self)
