cimport cython
from libc.stdint cimport int8_t, int64_t
from pools.grains cimport GrainSource
from pools.pool cimport Pool
from rangeland.traces cimport fields as f
from vm cimport results as r


@cython.final
cdef class Engine:
    cdef readonly Pool pool
    cdef readonly GrainSource grains
    cdef const int8_t[::1] op
    cdef const int64_t[::1] id
    cdef const int64_t[::1] size
    cdef int64_t[::1] address
    cdef int64_t[::1] held
    cdef readonly int64_t live
    cdef readonly int64_t peak_live
    cdef readonly int64_t peak_total
    cdef readonly int64_t peak_committed
    cdef readonly int64_t failures
    cdef readonly int64_t failed_event
    cdef readonly int64_t failed_size
    cdef readonly int64_t failed_code

    @cython.locals(event=int64_t)
    cpdef int64_t run(self, int64_t first, int64_t limit) except? -2 nogil
    @cython.locals(block=int64_t, old=int64_t, new=int64_t, res=int64_t)
    cdef int64_t _do(self, int64_t event) except? -1 nogil
    cdef int64_t _asked(self, int64_t size) except? -1 nogil
    @cython.locals(address=int64_t)
    cdef int64_t _alloc(self, int64_t event, int64_t size) except? -1 nogil
    @cython.locals(total=int64_t, committed=int64_t)
    cdef int64_t _note_peaks(self) except? -1 nogil
    cpdef tuple sizes(self)
