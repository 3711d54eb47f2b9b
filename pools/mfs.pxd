cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from vm cimport events as ev
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace

cpdef int64_t rounded_unit(int64_t unit_size) except? -1
@cython.locals(key=int64_t)
cdef int64_t crossed(int64_t word) except? -1 nogil
@cython.locals(size=int64_t)
cpdef int64_t rounded_extent(int64_t extend_by, int64_t unit_size, int64_t grain) except? -1


cdef class MFS(Pool):
    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.locals(n=int64_t, w='int64_t*', unit=int64_t)
    cpdef init(self, int64_t arena_address, int64_t unit_size, int64_t extend_by, bint extend_self)
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', unit=int64_t, link=int64_t, res=int64_t)
    cdef int64_t alloc_block(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, m=int64_t, w='int64_t*', free=int64_t, total=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', size=int64_t, base=int64_t)
    cdef int64_t _extend_self(self) except? -1 nogil
    @cython.locals(n=int64_t, e=int64_t, w='int64_t*', last=int64_t, unit=int64_t, first=int64_t, address=int64_t, following=int64_t)
    cdef int64_t extend(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', unit=int64_t, grain=int64_t, most=int64_t)
    cdef int64_t sound(self) except? -1 nogil
    cdef int64_t _bad(self, int64_t field, str expected) except? -1 nogil
    cdef int64_t _bad_link(self, int64_t unit) except? -1 nogil
    @cython.locals(link=int64_t)
    cdef int64_t _next_free(self, int64_t unit) except? -1 nogil
    @cython.locals(e=int64_t, size=int64_t)
    cdef int64_t _extent_at(self, int64_t base, int64_t where, int64_t field) except? -1 nogil
    cdef int64_t alloc_node(self) except? -1 nogil
    cdef int64_t free_node(self, int64_t address) except? -1 nogil
    @cython.locals(size=int64_t)
    cdef int64_t adopt(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    cdef int64_t block_size(self, int64_t size) except? -1 nogil
    cdef int64_t resize_block(self, int64_t address, int64_t old, int64_t new) except? -1 nogil
    cdef int64_t largest(self) except? -1 nogil
    @cython.locals(extent=int64_t, offset=int64_t, unit=int64_t, units=int64_t, e=int64_t)
    cpdef int64_t expect_block(self, int64_t address, int64_t size) except? -1
    @cython.locals(unit=int64_t, link=int64_t, left=int64_t)
    cdef bint _is_free(self, int64_t address) except? -1 nogil
    cdef int64_t _expect_size(self, int64_t size) except? -1
    @cython.locals(base=int64_t, e=int64_t, size=int64_t, left=int64_t, where=int64_t, field=int64_t)
    cpdef list extents(self)
    @cython.locals(n=int64_t, w='int64_t*')
    cpdef list forget_extents(self)
