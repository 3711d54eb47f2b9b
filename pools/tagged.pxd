cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.pool cimport Pool
from vm cimport mmu
from vm cimport results as r


cdef class Tagged(Pool):
    @cython.locals(align=int64_t, least=int64_t)
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(align=int64_t)
    cdef int64_t least(self) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', block=int64_t)
    cdef int64_t first_fit(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', whole=int64_t, after=int64_t, rest=int64_t)
    cdef int64_t take(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t count_rest(self, int64_t change) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, rest=int64_t, after=int64_t)
    cdef int64_t cut(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, size=int64_t, before=int64_t, after=int64_t)
    cdef int64_t release(self, int64_t block) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, following=int64_t)
    cdef int64_t push(self, int64_t block) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, following=int64_t, previous=int64_t)
    cdef int64_t unlink(self, int64_t block) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', grain=int64_t, around=int64_t, least=int64_t, wanted=int64_t, base=int64_t, e=int64_t, following=int64_t, block=int64_t)
    cdef int64_t extend(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', around=int64_t, e=int64_t, following=int64_t, previous=int64_t)
    cdef int64_t give_back(self, int64_t base, int64_t size) except? -1 nogil
