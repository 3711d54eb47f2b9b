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
from pools.queue cimport Queue
from pools.segments cimport Segments
from vm cimport mmu
from vm cimport results as r
from vm.space cimport AddressSpace


@cython.final
cdef class Stock:
    cdef readonly AddressSpace space
    cdef readonly int64_t address
    cdef readonly GrainSource grains
    cdef readonly MFS blocks
    cdef readonly Failover free_land
    cdef readonly Queue queue
    cdef readonly Segments segments
    cdef readonly int64_t base
    cdef readonly int64_t limit

    cpdef attach(self)
    cdef int64_t _word(self, int64_t field) except? -1 nogil
    @cython.locals(n=int64_t, w='int64_t*', fill=int64_t, total=int64_t)
    cdef int64_t sound(self) except? -1 nogil
    cdef int64_t _expect_splinter(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t _bad(self, int64_t field, str expected) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t count(self, int64_t field, int64_t change) except? -1 nogil
    @cython.locals(segment=int64_t)
    cdef int64_t new_segment(self, int64_t size) except? -1 nogil
    @cython.locals(size=int64_t)
    cdef int64_t free_segment(self, int64_t segment) except? -1 nogil
    cdef bint take_queued(self, int64_t size) except? -1 nogil
    @cython.locals(reuse=int64_t, address=int64_t)
    cdef int64_t _refill_from(self, Land land) except? -1 nogil
    @cython.locals(w='int64_t*')
    cdef int64_t _set_overflowed(self, int64_t value) except? -1 nogil
    cdef bint take_first(self, int64_t size) except? -1 nogil
    @cython.locals(address=int64_t)
    cdef bint _take_first_of(self, Land land, int64_t size) except? -1 nogil
    @cython.locals(end=int64_t)
    cdef bint _take_part(self, int64_t base, int64_t limit, int64_t size) except? -1 nogil
    @cython.locals(res=int64_t)
    cdef int64_t insert(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(low=int64_t, high=int64_t, reuse=int64_t)
    cdef int64_t _delete(self, int64_t base, int64_t limit) except? -1 nogil
    cdef int64_t _enqueue(self, int64_t base, int64_t limit) except? -1 nogil
    @cython.locals(any_returned=int64_t, segment=int64_t, first=int64_t, end=int64_t)
    cdef int64_t _return_segments(self, int64_t base, int64_t limit) except? -1 nogil
