cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from vm cimport mmu, raw
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class RegionPool(Pool):
    cdef readonly int64_t least

    @cython.locals(n=int64_t, w='int64_t*', field=int64_t)
    cpdef init_regions(self, int64_t arena_address, int64_t align, int64_t least_order, dict options)
    cdef int64_t unhook(self, int64_t region) except? -1 nogil
    @cython.locals(base=int64_t, region=int64_t, m=int64_t, w='int64_t*', i=int64_t)
    cdef int64_t get_region(self, int64_t size, int64_t align, int64_t bytes) except? -1 nogil
    @cython.locals(high=int64_t, base=int64_t, more=int64_t, aligned=int64_t)
    cdef int64_t _aligned_grains(self, int64_t size, int64_t align) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, base=int64_t, size=int64_t)
    cdef int64_t put_back(self, int64_t region) except? -1 nogil
    @cython.locals(w='int64_t*', n=int64_t, m=int64_t, following=int64_t)
    cdef int64_t _push(self, int64_t head, int64_t region) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, n=int64_t, following=int64_t, previous=int64_t, head=int64_t, q=int64_t, f=int64_t)
    cdef int64_t _pull(self, int64_t region) except? -1 nogil
    cdef int64_t make_idle(self, int64_t region) except? -1 nogil
    cdef int64_t make_busy(self, int64_t region) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', region=int64_t)
    cdef int64_t reduce(self) except? -1 nogil
    cdef int64_t region_of(self, int64_t address) except? -1 nogil
    @cython.final
    @cython.locals(w='int64_t*', m=int64_t)
    cdef int64_t _peek(self, int64_t region) except? -1 nogil
    @cython.locals(m=int64_t)
    cdef int64_t _named(self, int64_t region) except? -1 nogil
    @cython.locals(m=int64_t)
    cdef int64_t _at(self, int64_t region, int64_t address, int64_t field) except? -1 nogil
    @cython.locals(m=int64_t)
    cdef int64_t _linked(self, int64_t region, int64_t address, int64_t field, int64_t previous) except? -1 nogil
    @cython.locals(n=int64_t, head=int64_t, region=int64_t)
    cdef int64_t _expect_lists(self) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, least=int64_t, one=int64_t)
    cdef int64_t _least_order(self) except? -1 nogil
    @cython.final
    @cython.locals(n=int64_t, held=int64_t)
    cdef int64_t _count(self, int64_t field, int64_t more) except? -1 nogil
    cdef int64_t _own_bytes(self, int64_t m) except? -1 nogil
    cdef int64_t _verify_own(self, int64_t region, int64_t m) except? -1 nogil
    @cython.locals(w='int64_t*', m=int64_t, base=int64_t, limit=int64_t, grain=int64_t)
    cdef int64_t _verify(self, int64_t region) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', field=int64_t)
    cdef int64_t _verify_pool(self) except? -1 nogil
    @cython.locals(n=int64_t, size=int64_t)
    cdef int64_t _extend_by(self) except? -1 nogil
    cpdef attach(self)
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    cdef int64_t slack(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', region=int64_t, m=int64_t)
    cdef int64_t _expect_in_region(self, int64_t address, int64_t size) except? -1 nogil
    cdef int64_t _refuse(self, int64_t address, int64_t size, bint misaligned) except? -1 with gil
