cimport cython
from libc.stdint cimport int64_t
from pools cimport fields as p
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from vm cimport events as ev
from vm cimport lock, mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class PointedPool(Pool):
    cdef readonly int64_t filled_base
    cdef readonly int64_t filled_limit

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    cdef int64_t fill_range(self, int64_t size) except? -1 nogil
    cdef int64_t empty_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', base=int64_t)
    cdef int64_t point_at(self, int64_t address) except? -1 nogil
    @cython.locals(address=int64_t, n=int64_t, left=int64_t)
    cdef list _point_addresses(self)
    cdef int64_t _last_point(self) except? -1
    @cython.locals(where=int64_t, field=int64_t)
    cdef _link_point(self, int64_t previous, int64_t address)
    @cython.locals(n=int64_t, previous=int64_t)
    cpdef drop_point(self, int64_t address)


@cython.final
cdef class AllocationPoint:
    cdef readonly AddressSpace space
    cdef readonly PointedPool pool
    cdef readonly int64_t address
    cdef readonly int64_t birth

    @cython.locals(n=int64_t, w='int64_t*')
    cpdef init(self)
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t _hold(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', res=int64_t)
    cdef int64_t reserve_block(self, int64_t size) except? -1 nogil
    @cython.locals(base=int64_t, filled=int64_t)
    cdef int64_t _fill(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', init=int64_t, limit=int64_t)
    cdef int64_t empty(self) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t commit_block(self) except? -1 nogil
    cdef int64_t _word(self, int64_t field) except? -1 nogil
    cdef _expect_alive(self)
