cimport cython
from libc.stdint cimport int64_t
from land.land cimport Land
from pools cimport fields as p
from pools.grains cimport GrainSource
from pools.point cimport PointedPool
from pools.stock cimport Stock
from vm cimport events as ev
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class MVT(PointedPool):
    cdef readonly Stock stock
    cdef readonly int64_t met_base
    cdef readonly int64_t met_limit

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.locals(grain=int64_t)
    cdef int64_t _in_grains(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', res=int64_t)
    cdef int64_t fill_range(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t _available_limit(self) except? -1 nogil
    cdef int64_t _filled(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(segment=int64_t, base=int64_t, rest=int64_t)
    cdef int64_t _fill_dedicated(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', base=int64_t, limit=int64_t)
    cdef bint _fill_splinter(self, int64_t size) except? -1 nogil
    @cython.locals(segment=int64_t, base=int64_t)
    cdef int64_t _fill_new(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', segment=int64_t, old_base=int64_t, old_limit=int64_t)
    cdef int64_t empty_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(align=int64_t, res=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(size=int64_t, whole=int64_t)
    cdef int64_t _free_dedicated(self, int64_t segment) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    @cython.locals(align=int64_t)
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', left=int64_t, point=int64_t, m=int64_t)
    cdef bint _holds_some(self, int64_t base, int64_t limit) except? -1 nogil
    cdef bint _meets(self, int64_t low, int64_t high, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(limit=int64_t)
    cdef bint is_partly_free(self, int64_t address, int64_t size) except? -1 nogil
    cdef bint _is_free_in(self, Land land, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(largest=int64_t, base=int64_t, limit=int64_t, end=int64_t)
    cdef int64_t largest(self) except? -1 with gil
    @cython.locals(align=int64_t, limit=int64_t, segment=int64_t, own=int64_t)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
