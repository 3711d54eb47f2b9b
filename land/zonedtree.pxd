cimport cython
from libc.stdint cimport int64_t
from land cimport fields as f
from land cimport zones as z
from land.fasttree cimport FastTree
from vm cimport mmu


cdef class ZonedTree(FastTree):
    cdef readonly int64_t zone_shift
    cdef int64_t run

    @cython.locals(w='int64_t*', zones=int64_t)
    cdef int64_t _zones(self, int64_t n) except? -2 nogil
    @cython.locals(w='int64_t*', size=int64_t, zones=int64_t)
    cdef int64_t refresh(self, int64_t n) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t is_stale(self, int64_t n) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, size=int64_t, zones=int64_t)
    cdef int64_t grown(self, int64_t i) except? -1 nogil
    cdef int64_t shrunk(self, int64_t i) except? -1 nogil
    @cython.locals(w='int64_t*', limit=int64_t)
    cdef int64_t _run(self, int64_t n, int64_t size, int64_t zones, int64_t side) except? -2 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t _expect_beside(self, int64_t n, int64_t m, int64_t side) except? -1 nogil
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, d=int64_t, seen=int64_t)
    cdef int64_t seek_run(self, int64_t size, int64_t zones, int64_t side) except? -1 nogil
