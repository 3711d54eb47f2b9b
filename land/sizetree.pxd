cimport cython
from libc.stdint cimport int64_t, uint64_t
from land cimport fields as f
from land.tree cimport Tree
from vm cimport mmu
from vm cimport results as r


cdef class SizeTree(Tree):
    @cython.final
    @cython.locals(w='int64_t*', path='int64_t*', turn='int64_t*', n=int64_t, d=int64_t, more=int64_t, side=int64_t, slot=int64_t, low=int64_t, room=uint64_t, m=uint64_t)
    cdef int64_t seek_key(self, int64_t size, int64_t base) except? -1 nogil
    @cython.final
    cdef int64_t best(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t, d=int64_t, size=int64_t)
    cdef int64_t largest(self) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t insert_node(self, int64_t address) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t remove_node(self, int64_t address) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, d=int64_t, seen=int64_t, total=int64_t, size=int64_t)
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', more=int64_t)
    cdef int64_t _is_below(self, int64_t n, int64_t m) except? -1 nogil
    @cython.locals(n=int64_t)
    cpdef check(self)
    @cython.final
    @cython.locals(w='int64_t*', left=int64_t, right=int64_t)
    cdef tuple _check_sizes(self, int64_t n, int64_t level, int64_t low, int64_t high)
