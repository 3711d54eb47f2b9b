cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools cimport orders
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class Bins:
    cdef readonly AddressSpace space
    cdef readonly int64_t address

    @cython.locals(k=int64_t)
    cdef int64_t bin_of(self, int64_t size) except? -1 nogil
    @cython.locals(w='int64_t*', c=int64_t, size=int64_t, e=int64_t, wrong=int64_t)
    cdef int64_t free_chunk(self, int64_t chunk, int64_t address, int64_t field) except? -1 nogil
    @cython.locals(w='int64_t*', c=int64_t)
    cdef int64_t _no_chunk(self, int64_t chunk, int64_t size, int64_t foot) except? -1 nogil
    @cython.locals(outside=int64_t)
    cdef int64_t _at(self, int64_t chunk, int64_t address, int64_t field) except? -1 nogil
    @cython.locals(c=int64_t)
    cdef int64_t _linked(self, int64_t chunk, int64_t address, int64_t field, int64_t back, int64_t expected) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, c=int64_t, i=int64_t, one=int64_t, following=int64_t, f=int64_t)
    cdef int64_t put(self, int64_t chunk, int64_t size) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, c=int64_t, i=int64_t, one=int64_t, size=int64_t, following=int64_t, previous=int64_t, f=int64_t, b=int64_t)
    cdef int64_t take(self, int64_t chunk, int64_t address, int64_t field) except? -1 nogil
    @cython.locals(i=int64_t, chunk=int64_t)
    cdef int64_t find(self, int64_t size) except? -1 nogil
    cdef int64_t _bad_mask(self, int64_t i) except? -1 nogil
    @cython.locals(w='int64_t*', chunk=int64_t, best=int64_t, least=int64_t, c=int64_t, found=int64_t, at=int64_t, field=int64_t, previous=int64_t)
    cdef int64_t _best(self, int64_t i, int64_t size) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, mask=int64_t)
    cdef int64_t _next_bin(self, int64_t i) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, i=int64_t, most=int64_t, chunk=int64_t, c=int64_t, at=int64_t, field=int64_t, previous=int64_t)
    cdef int64_t largest(self) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, found=int64_t, i=int64_t, chunk=int64_t, c=int64_t, base=int64_t, limit=int64_t, at=int64_t, field=int64_t, previous=int64_t)
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
