cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from arena.chunk cimport Chunk
from arena.chunks cimport Chunks
from arena.spare cimport SpareLand
from vm cimport results as r
from vm.bittable cimport BitTable


@cython.final
cdef class Pages:
    cdef readonly Chunks chunks
    cdef readonly SpareLand spare

    @cython.locals(res=int64_t)
    cpdef int64_t allocate(self, Chunk chunk, int64_t lo, int64_t hi, int64_t pool) except? -1
    @cython.locals(mapped=BitTable, cursor=int64_t, j=int64_t, k=int64_t, res=int64_t)
    cdef int64_t _allocate(self, Chunk chunk, int64_t lo, int64_t hi, int64_t pool) except? -1
    @cython.locals(res=int64_t, i=int64_t)
    cdef int64_t _map(self, Chunk chunk, int64_t lo, int64_t hi) except? -1
    @cython.locals(chunk=Chunk)
    cpdef free(self, int64_t base, int64_t limit)


@cython.locals(i=int64_t)
cdef expect_free(Chunk chunk, int64_t lo, int64_t hi)
