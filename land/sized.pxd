cimport cython
from libc.stdint cimport int64_t
from land cimport fields as f
from land.cbs cimport CBS
from land.sizetree cimport SizeTree
from land.tree cimport Tree
from vm cimport fields as vf
from vm cimport mmu
from vm cimport results as r


cdef class CBSSized(CBS):
    cdef readonly SizeTree sizes

    @cython.final
    cdef int64_t _join(self, int64_t n) except? -1 nogil
    @cython.final
    cdef int64_t _leave(self, int64_t n) except? -1 nogil
    @cython.final
    cdef int64_t _not_in_both(self, int64_t n) except? -1 with gil
    @cython.locals(w='int64_t*', n=int64_t, m=int64_t, address=int64_t)
    cdef int64_t insert_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(w='int64_t*', before=int64_t, low=int64_t, high=int64_t, n=int64_t, address=int64_t)
    cdef int64_t delete_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t)
    cdef int64_t best_range(self, int64_t size, int64_t mode) except? -1 nogil
    @cython.locals(largest=int64_t)
    cdef int64_t largest_range(self, int64_t size, int64_t mode) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', base=int64_t, limit=int64_t)
    cdef int64_t _take_best(self, int64_t n, int64_t size, int64_t mode) except? -1 nogil
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
