cimport cython
from libc.stdint cimport int64_t
from land cimport fields as lf
from land.cbs cimport CBSFast
from land.failover cimport Failover
from land.freelist cimport Freelist
from land.land cimport Land
from pools cimport fields as p
from pools.grains cimport GrainSource
from pools.mfs cimport MFS
from pools.point cimport PointedPool
from pools.queue cimport Queue
from pools.segments cimport Segments
from vm cimport events as ev
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


cdef class MVT(PointedPool):
    cdef readonly MFS blocks
    cdef readonly Failover free_land
    cdef readonly Queue queue
    cdef readonly Segments segments

    cpdef bind(self, AddressSpace space, int64_t address, GrainSource grains)
    @cython.locals(grain=int64_t)
    cdef int64_t _in_grains(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', res=int64_t)
    cdef int64_t fill_range(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t _available_limit(self) except? -1 nogil
    cdef int64_t _filled(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t _count(self, int64_t field, int64_t change) except? -1 nogil
    @cython.locals(segment=int64_t, base=int64_t, rest=int64_t)
    cdef int64_t _fill_dedicated(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', base=int64_t, limit=int64_t)
    cdef int64_t _fill_splinter(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*')
    cdef int64_t _fill_queued(self, int64_t size) except? -1 nogil
    @cython.locals(reuse=int64_t, address=int64_t)
    cdef int64_t _refill_from(self, Land land) except? -1 nogil
    cdef int64_t _set_overflowed(self) except? -1 nogil
    @cython.locals(segment=int64_t, end=int64_t)
    cdef int64_t _fill_part(self, int64_t base, int64_t limit, int64_t size) except? -1 nogil
    cdef int64_t _fill_first(self, int64_t size) except? -1 nogil
    @cython.locals(address=int64_t)
    cdef int64_t _fill_first_of(self, Land land, int64_t size) except? -1 nogil
    @cython.locals(segment=int64_t)
    cdef int64_t _fill_new(self) except? -1 nogil
    @cython.locals(segment=int64_t)
    cdef int64_t _new_segment(self, int64_t size) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', old_base=int64_t, old_limit=int64_t)
    cdef int64_t empty_range(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(align=int64_t, segment=int64_t, rest=int64_t, res=int64_t)
    cdef int64_t free_block(self, int64_t address, int64_t size) except? -1 nogil
    @cython.locals(size=int64_t)
    cdef int64_t _free_segment(self, int64_t segment) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t _insert(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(low=int64_t, high=int64_t, reuse=int64_t)
    cdef int64_t _delete(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t _enqueue(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(any_returned=int64_t, segment=int64_t, first=int64_t, end=int64_t)
    cdef int64_t _return_segments(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t total(self) except? -1 nogil
    cdef int64_t free_bytes(self) except? -1 nogil
    @cython.locals(largest=int64_t)
    cdef int64_t largest(self) except? -1 with gil
    @cython.locals(align=int64_t, limit=int64_t, segment=int64_t, own=int64_t)
    cpdef expect_block(self, int64_t address, int64_t size)
