cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.listed cimport Listed
from vm cimport mmu
from vm cimport results as r


cdef class Tagged(Listed):
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', grain=int64_t, around=int64_t, least=int64_t, wanted=int64_t, base=int64_t, e=int64_t, following=int64_t, after=int64_t, block=int64_t)
    cdef int64_t extend(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', around=int64_t, e=int64_t, following=int64_t, previous=int64_t, before=int64_t, after=int64_t)
    cdef int64_t give_back(self, int64_t base, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(grain=int64_t, e=int64_t, size=int64_t)
    cdef int64_t extent_at(self, int64_t base, int64_t neighbour, int64_t field) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', grain=int64_t, total=int64_t)
    cdef int64_t sound(self) except? -1 nogil
    @cython.locals(align=int64_t, before=int64_t, rests=int64_t, block=int64_t, tag=int64_t, size=int64_t, rest=int64_t, told=int64_t)
    cdef _check_extent(self, int64_t base, int64_t limit)
    @cython.final
    @cython.locals(w='int64_t*', previous=int64_t, base=int64_t, e=int64_t, limit=int64_t)
    cdef list _extents(self)
