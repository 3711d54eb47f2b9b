cimport cython
from libc.stdint cimport int64_t, uint64_t
from land cimport fields as f
from land.tree cimport Tree
from vm cimport mmu


cdef class FastTree(Tree):
    @cython.final
    @cython.locals(w='int64_t*', size=int64_t, top=int64_t)
    cdef int64_t _largest(self, int64_t n) except? -1 nogil
    @cython.locals(w='int64_t*', size=int64_t)
    cdef int64_t refresh(self, int64_t n) except? -1 nogil
    cdef int64_t is_stale(self, int64_t n) except? -1 nogil
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, size=int64_t)
    cdef int64_t grown(self, int64_t i) except? -1 nogil
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, was=int64_t, now=int64_t, size=int64_t, origin=int64_t, reach=uint64_t, m=uint64_t, link=int64_t)
    cdef int64_t shrunk(self, int64_t i) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*')
    cdef int64_t largest(self) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, d=int64_t, before=int64_t, total=int64_t, size=int64_t)
    cdef int64_t whole(self, int64_t grain) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t)
    cdef int64_t seek_fit(self, int64_t size, int64_t side) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', path='int64_t*', n=int64_t, m=int64_t, d=int64_t, side=int64_t)
    cdef int64_t seek_fit_after(self, int64_t address, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', path='int64_t*', m=int64_t, low=int64_t, room=uint64_t, at=uint64_t)
    cdef int64_t _descend(self, int64_t n, int64_t d, int64_t size, int64_t side) except? -1 nogil
    @cython.final
    cdef int64_t _untrue(self, int64_t d, int64_t size) except? -1 nogil
    @cython.final
    cdef int64_t _exceeded(self, int64_t n) except? -1 nogil
