cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class Queue:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly int64_t base
    cdef readonly int64_t limit

    @cython.locals(n=int64_t, w='int64_t*')
    cpdef init(self, int64_t ring, int64_t depth)
    @cython.locals(n=int64_t, w='int64_t*', ring=int64_t)
    cdef int64_t sound(self) except? -1 nogil
    cdef int64_t _bad(self, int64_t field, str expected) except? -1 nogil
    cpdef int64_t count(self) except? -1 nogil
    cpdef int64_t depth(self) except? -1 nogil
    cpdef int64_t ring(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', slot=int64_t)
    cdef int64_t _slot(self, int64_t index) except? -1 nogil
    @cython.locals(m=int64_t, w='int64_t*')
    cdef int64_t push(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(m=int64_t, w='int64_t*')
    cdef int64_t at(self, int64_t index) except? -1 nogil
    cdef bint peek(self) except? -1 nogil
    @cython.locals(m=int64_t, w='int64_t*', kept=int64_t, index=int64_t)
    cdef int64_t drop_overlapping(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(index=int64_t)
    cpdef list ranges(self)
