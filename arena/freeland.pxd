cimport cython
from libc.stdint cimport int64_t
from arena cimport fields as a
from arena.chunk cimport Chunk
from arena.chunks cimport Chunks, expect_whole
from arena.pages cimport Pages
from land cimport zones as z
from land.cbs cimport CBSZoned
from pools.mfs cimport MFS
from vm cimport events as ev
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class FreeLand:
    cdef readonly Chunks chunks
    cdef public Pages pages
    cdef readonly MFS blocks
    cdef readonly CBSZoned land

    @cython.locals(res=int64_t, page=int64_t)
    cpdef int64_t insert(self, int64_t base, int64_t limit) except? -1
    cpdef int64_t insert_whatever(self, int64_t base, int64_t limit) except? -1
    @cython.locals(res=int64_t, page=int64_t, base=int64_t, limit=int64_t, used=int64_t, chunk=Chunk)
    cpdef int64_t take(self, int64_t zones, bint high, int64_t size, int64_t pool) except? -1
    @cython.locals(space=AddressSpace, res=int64_t)
    cdef _put_back(self, int64_t base, int64_t limit)
    @cython.locals(res=int64_t)
    cdef int64_t _insert(self, int64_t base, int64_t limit) except? -1
    @cython.locals(page=int64_t)
    cdef int64_t _extend_blocks(self) except? -1
    @cython.locals(res=int64_t, i=int64_t, base=int64_t, chunk=Chunk)
    cdef int64_t _alloc_page(self) except? -1
    @cython.locals(limit=int64_t, res=int64_t)
    cdef _exclude(self, int64_t page)
    @cython.locals(base=int64_t)
    cpdef expect_all(self, Chunk chunk)
    @cython.locals(res=int64_t)
    cpdef int64_t delete(self, int64_t base, int64_t limit) except? -1
