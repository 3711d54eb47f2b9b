cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from arena.chunk cimport Chunk
from arena.chunks cimport Chunks, expect_whole
from land cimport fields as lf
from land.cbs cimport CBS, CBSZoned
from pools.mfs cimport MFS
from vm cimport events as ev
from vm cimport raw
from vm cimport results as r


@cython.final
cdef class SpareLand:
    cdef readonly Chunks chunks
    cdef public CBSZoned free
    cdef readonly MFS blocks
    cdef readonly CBS land

    @cython.locals(chunk=Chunk, top=int64_t, res=int64_t)
    cpdef insert(self, int64_t base, int64_t limit)
    @cython.locals(res=int64_t)
    cdef int64_t _insert(self, int64_t base, int64_t limit) except? -1
    @cython.locals(i=int64_t)
    cdef _adopt(self, Chunk chunk, int64_t base)
    @cython.locals(base=int64_t, limit=int64_t, res=int64_t, whole=int64_t)
    cpdef release(self, Chunk chunk, int64_t lo, int64_t hi)
    @cython.locals(whole=int64_t, end=int64_t)
    cdef _trim(self, Chunk chunk, int64_t base, int64_t limit)
    @cython.locals(res=int64_t)
    cdef int64_t _delete(self, int64_t base, int64_t limit) except? -1
    @cython.locals(unmapped=int64_t, base=int64_t, limit=int64_t, low=int64_t, high=int64_t)
    cpdef int64_t purge(self, int64_t size, Chunk only=*) except? -1
    @cython.locals(spare=int64_t, limit=int64_t)
    cpdef purge_excess(self)
    @cython.locals(n=int64_t)
    cpdef int64_t limit(self) except? -1
