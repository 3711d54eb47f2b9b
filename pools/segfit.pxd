cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.bins cimport Bins
from pools.grains cimport GrainSource
from pools.regions cimport RegionPool
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class SegFit(RegionPool):
    cdef readonly Bins bins

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.final
    cdef int64_t _need(self, int64_t size) except? -1 nogil
    @cython.locals(grain=int64_t)
    cdef int64_t _in_grains(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, need=int64_t, chunk=int64_t, whole=int64_t)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(chunk=int64_t)
    cdef int64_t _find(self, int64_t need) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', c=int64_t, n=int64_t, size=int64_t, free=int64_t)
    cdef int64_t _detach(self, int64_t chunk) except? -1 nogil
    @cython.locals(region=int64_t, m=int64_t, w='int64_t*', base=int64_t)
    cdef int64_t _region_of_all(self, int64_t chunk, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', c=int64_t, tags=int64_t)
    cdef int64_t _cut(self, int64_t chunk, int64_t whole, int64_t need) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', c=int64_t, n=int64_t)
    cdef int64_t _release(self, int64_t chunk, int64_t size) except? -1 nogil
    @cython.locals(w='int64_t*', grain=int64_t, least=int64_t, size=int64_t, region=int64_t, base=int64_t, b=int64_t)
    cdef int64_t _extend(self, int64_t need) except? -1 nogil
    @cython.locals(taken=int64_t, region=int64_t, m=int64_t, w='int64_t*')
    cdef int64_t _alloc_direct(self, int64_t size, int64_t align) except? -1 nogil
    cdef int64_t _expect_direct(self) except? -1 nogil
    @cython.locals(need=int64_t, chunk=int64_t, whole=int64_t, address=int64_t, lead=int64_t, w='int64_t*')
    cdef int64_t alloc_aligned(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(n=int64_t, region=int64_t, whole=int64_t, rest=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(region=int64_t, m=int64_t, w='int64_t*')
    cdef int64_t _sole(self, int64_t address, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', chunk=int64_t, need=int64_t, head=int64_t, rest=int64_t)
    cdef int64_t _used(self, int64_t address, int64_t size) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', n=int64_t, c=int64_t, limit=int64_t, before=int64_t, tags=int64_t, after=int64_t)
    cdef int64_t _unite(self, int64_t chunk, int64_t size) except? -1 nogil
    @cython.locals(w='int64_t*', direct=int64_t, same=bint, chunk=int64_t, whole=int64_t, need=int64_t, rest=int64_t, tags=int64_t, after=int64_t)
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    @cython.locals(w='int64_t*', c=int64_t)
    cdef int64_t _trim(self, int64_t chunk, int64_t whole, int64_t need) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, chunk=int64_t, size=int64_t)
    cdef int64_t unhook(self, int64_t region) except? -1 nogil
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    cdef int64_t largest(self) except? -1 nogil
    cdef int64_t whole_free(self) except? -1 nogil
    @cython.locals(m=int64_t, w='int64_t*', whole=int64_t, known=bint)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
    cdef int64_t _refuse_block(self, int64_t address, int64_t size, int64_t m) except? -1 with gil
    cdef int64_t _verify_pool(self) except? -1 nogil
