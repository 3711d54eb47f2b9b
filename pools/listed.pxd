cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.pool cimport Pool
from vm cimport mmu
from vm cimport results as r


cdef class Listed(Pool):
    @cython.locals(n=int64_t, align=int64_t, least=int64_t)
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(align=int64_t)
    cdef int64_t least(self) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', whole=int64_t, after=int64_t, rest=int64_t)
    cdef int64_t take(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(after=int64_t)
    cdef int64_t _after(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, size=int64_t)
    cdef int64_t used_at(self, int64_t block) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t set_rest(self, int64_t m, int64_t rest) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', rest=int64_t)
    cdef int64_t drop_rest(self, int64_t m) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', free=int64_t)
    cdef int64_t count_free(self, int64_t change) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', empty=int64_t)
    cdef int64_t count_empty(self, int64_t change) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, rest=int64_t, after=int64_t)
    cdef int64_t cut(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, size=int64_t, before=int64_t, after=int64_t, more=int64_t)
    cdef int64_t release(self, int64_t block) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', level=int64_t, link=int64_t, previous=int64_t, block=int64_t, m=int64_t)
    cdef int64_t first_fit(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, level=int64_t, link=int64_t, head=int64_t, following=int64_t)
    cdef int64_t push(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', level=int64_t, link=int64_t, last=int64_t, previous=int64_t, block=int64_t, m=int64_t, where=int64_t)
    cdef int64_t _make_levels(self, int64_t n) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t unlink(self, int64_t block, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t, link=int64_t, following=int64_t, previous=int64_t, before=int64_t, after=int64_t)
    cdef int64_t leave(self, int64_t n, int64_t block, int64_t level, int64_t least) except? -1 nogil
    @cython.final
    cdef int64_t level_of(self, int64_t n, int64_t size) except? -1 nogil
    @cython.final
    cdef int64_t head(self, int64_t n, int64_t level) except? -1 nogil
    @cython.final
    cdef int64_t _no_block(self, int64_t neighbour) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', m=int64_t, size=int64_t)
    cdef int64_t free_at(self, int64_t block) except? -1 nogil
    @cython.final
    @cython.locals(m=int64_t, link=int64_t)
    cdef int64_t following(self, int64_t block, int64_t previous, int64_t level) except? -1 nogil
    @cython.final
    cdef int64_t bad(self, int64_t field, str expected) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, w='int64_t*', link=int64_t, previous=int64_t, block=int64_t, m=int64_t)
    cdef list listed(self, int64_t level)
